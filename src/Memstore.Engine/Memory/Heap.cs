using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Memstore.Engine.Memory;

/// <summary>Blocks of memory for one renter at a time, out of pages that hold one size and one kind each.</summary>
// The design follows mimalloc (Leijen, Zorn, de Moura 2019): a free list per page, so that blocks handed out together lie together, and
// a second one for the frees of others. Lists of blocks never mix pages, so a page goes back as soon as it is empty.
//
// Invariants: a page is the current one of its bin, or in the bin's queue, or full (in no list, remembered only by its blocks), or leaving.
// Threading: one renter at a time allocates, frees and collects; renters hand over by release and acquire (WorkerPool). Notify is for all.
internal sealed unsafe partial class Heap
{
    /// <summary>The largest block, in bytes.</summary>
    public const long SizeMax = 1L << 30;

    private const int BinsPerKind = 64;
    private const int KindCount = 4;
    private const byte Poison = 0xDD;

    // Fixed after construction. Tables: four counters on a line of their own, then the bins.
    private readonly Arena _arena;
    private readonly bool _keepsAll;
    private readonly long* _allocated;
    private readonly Bin* _bins;
    private readonly PageInfo* _empty;
    private readonly Notices* _notices;

    internal Heap(Arena arena, ushort index, bool keepsAll)
    {
        _arena = arena;
        Index = index;
        _keepsAll = keepsAll;
        const int BinBytes = KindCount * BinsPerKind * 16;
        var tables = (byte*)NativeMemory.AlignedAlloc(BinBytes + 512, 128);
        NativeMemory.Clear(tables, BinBytes + 512);
        _notices = (Notices*)tables;               // written by others
        _allocated = (long*)(tables + 128);
        _empty = (PageInfo*)(tables + 256);
        _bins = (Bin*)(tables + 512);
        for (var i = 0; i < KindCount * BinsPerKind; i++) _bins[i].Current = _empty;
    }

    /// <summary>The heap's number in its arena.</summary>
    public ushort Index { get; }

    /// <summary>Told when an allocation may take long; null tells nobody.</summary>
    internal HoldClock? Holds { get; set; }

    /// <summary>Blocks allocated through this heap less blocks freed through it, in bytes; negative when it frees what others allocated.</summary>
    public long AllocatedBytes(MemoryKind kind) => Volatile.Read(ref _allocated[(int)kind]);

    /// <summary>A block of at least <paramref name="size"/> bytes, 16-byte aligned (tables: 64), contents undefined.</summary>
    /// <exception cref="InsufficientMemoryException">The limit or the system refuses; nothing has changed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Allocate(nuint size, MemoryKind kind)
    {
        var block = AllocateOrNull(size, kind);
        if (block == null) ThrowRefused(size);
        return block;
    }

    /// <summary>As <see cref="Allocate"/>, but null when the limit or the system refuses.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* AllocateOrNull(nuint size, MemoryKind kind)
    {
        if (size > SizeClasses.SizeMax) return AllocateDirect(size, kind);
        if (kind == MemoryKind.Table) size = (size + 63) & ~(nuint)63;

        var bin = _bins + (int)kind * BinsPerKind + SizeClasses.Of(size);
        var page = bin->Current;
        var block = page->LocalFree;
        if (block == null) return AllocateSlow(bin, kind);
        var next = *(byte**)block;
        page->LocalFree = next;
        // The next block was freed long ago: fetched now, its link does not stall the next allocation.
        if (Sse.IsSupported) Sse.Prefetch0(next);
        page->Used++;
        _allocated[(int)kind] += page->BlockSize;
        return block;
    }

    /// <summary>Takes a block back. Any renter of any heap of the arena may free any block.</summary>
    /// <param name="arena">The block's arena.</param>
    /// <param name="current">The caller's heap.</param>
    /// <param name="block">A live block that no thread can reach any more.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Free(Arena arena, Heap current, byte* block)
    {
        var page = arena.PageOf(block);
        CheckFree(arena, page, block);
        current._allocated[(int)page->Kind] -= page->BlockSize;
        if (page->Owner == current.Index)
        {
            *(byte**)block = page->LocalFree;
            page->LocalFree = block;
            if (--page->Used == page->Trigger) current.FreeSlow(page);
        }
        else
        {
            FreeForeign(arena, page, block);
        }
    }

    internal void ReleaseTables() => NativeMemory.AlignedFree(_notices);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FreeForeign(Arena arena, PageInfo* page, byte* block)
    {
        if (page->Owner == PageInfo.NoOwner) arena.Runs.Free(page);
        else if (RemoteFrees.Push(arena, page, block)) arena.HeapAt(Volatile.Read(ref page->Owner)).Notify(page);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private byte* AllocateDirect(nuint size, MemoryKind kind)
    {
        if (size > SizeMax) return null;
        Holds?.Start();
        var pages = (uint)((size + ((1u << RunPool.PageShift) - 1)) >> RunPool.PageShift);
        var run = _arena.Runs.Allocate(pages, kind, SizeClasses.Direct, pages << RunPool.PageShift, PageInfo.NoOwner);
        if (run == null) return null;
        _allocated[(int)kind] += run->BlockSize;
        return _arena.StartOf(run);
    }

    private static void ThrowRefused(nuint size) => throw new InsufficientMemoryException(
        $"No memory for a block of {size} bytes: the store's limit is reached, or the system refuses more.");

    [Conditional("DEBUG")]
    private static void CheckFree(Arena arena, PageInfo* page, byte* block)
    {
        if (page->State == PageState.None) throw new InvalidOperationException("Freed a block of a page that is not in use.");
        var offset = (ulong)(block - arena.StartOf(page));
        if (offset % page->BlockSize != 0) throw new InvalidOperationException("Freed an address inside a block.");
        if (page->State == PageState.Direct) return;

        // A block full of poison is free already, or the user wrote poison: look at the list before judging.
        var bytes = new Span<byte>(block + 8, (int)page->BlockSize - 8);
        if (bytes.IndexOfAnyExcept(Poison) < 0 && IsInList(page->LocalFree, block, page->Capacity))
        {
            throw new InvalidOperationException("Freed a block twice.");
        }

        bytes.Fill(Poison);
    }

    private static bool IsInList(byte* first, byte* wanted, int steps)
    {
        for (; first != null && steps-- > 0; first = *(byte**)first)
        {
            if (first == wanted) return true;
        }

        return false;
    }

    [StructLayout(LayoutKind.Sequential, Size = 16)]
    private struct Bin
    {
        public PageInfo* Current;
        public uint Queue;       // first page with free blocks; 0 for none
        public uint QueuedBytes; // of these pages
    }

    private struct Notices
    {
        public uint First;   // pages with news from other heaps, linked by NoticeNext; 0 for none
        public uint Pending; // the renter's own: taken from First, not looked at yet
    }
}
