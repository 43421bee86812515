using System.Runtime.InteropServices;
using Memstore.Engine.Memory;

namespace Memstore.Engine.Keys;

/// <summary>
/// The deadlines of one slot, earliest first: a binary heap of eight-byte entries. An entry names its key only by the tag of
/// its hash, and may be stale (the key was deleted or has another deadline now); whoever pops it looks.
/// </summary>
// An entry: bits 0-27 tag, 28-63 deadline since the store's base in steps of 16 ms, rounded up: enough for 34 years; what lies
// beyond stands at the end and is expired when it is next read. Up to a page of entries is one block that doubles; more are pages behind a directory,
// so that growing never copies more than the directory. Pages go back one by one as it empties: freeing thousands at its end took milliseconds.
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct DeadlineHeap
{
    private const int TagBits = 28;
    private const int StepBits = 4;
    private const int PageEntries = 512;
    private const int FirstCapacity = 4;
    private const int PagesKept = 2;
    private const ulong OffsetMax = (1UL << (64 - TagBits)) - 1;

    private ulong* _block;
    private int _count;
    private int _capacity;

    /// <summary>Entries, stale ones included.</summary>
    public readonly int Count => _count;

    /// <summary>Bytes that it occupies.</summary>
    public readonly long Bytes => _capacity <= PageEntries ? _capacity * 8L : (_capacity * 8L) + DirectorySize(_capacity / PageEntries);

    /// <summary>Packs a deadline and a tag.</summary>
    public static ulong Pack(long deadlineOffsetMs, uint tag) =>
        (Math.Min((ulong)Math.Max(0, deadlineOffsetMs + (1 << StepBits) - 1) >> StepBits, OffsetMax) << TagBits) | tag;

    /// <summary>Milliseconds since the base of an entry.</summary>
    public static long OffsetOf(ulong entry) => (long)(entry >> TagBits) << StepBits;

    /// <summary>The tag of an entry.</summary>
    public static uint TagOf(ulong entry) => (uint)entry & ((1u << TagBits) - 1);

    /// <summary>The earliest entry. There must be one.</summary>
    public readonly ulong Peek() => *At(0);

    /// <summary>The entry at a place in the heap's order, for sweeping.</summary>
    public readonly ulong EntryAt(int index) => *At(index);

    /// <summary>Adds an entry.</summary>
    public void Push(ulong entry, Worker worker)
    {
        if (_count == _capacity) Grow(worker);
        SiftUp(_count++, entry);
    }

    /// <summary>Removes the entry at a place.</summary>
    public void RemoveAt(int index, Worker worker)
    {
        var last = *At(--_count);
        if (index != _count)
        {
            if (index > 0 && last < *At((index - 1) / 2)) SiftUp(index, last);
            else SiftDown(index, last);
        }

        if (_capacity - _count > PagesKept * PageEntries && _capacity > 2 * PageEntries) DropPage(worker);
    }

    /// <summary>Gives the blocks back. Nobody reads a heap without its shard, so they are freed at once.</summary>
    public void Free(Worker worker)
    {
        if (_capacity > PageEntries)
        {
            for (var i = 0; i < _capacity / PageEntries; i++) worker.Free(((byte**)_block)[i]);
        }

        if (_capacity > 0) worker.Free((byte*)_block);
        this = default;
    }

    private static long DirectorySize(int pages) => 8L * (long)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(pages, 8));

    private readonly ulong* At(int index) =>
        _capacity <= PageEntries ? _block + index : ((ulong**)_block)[index / PageEntries] + (index % PageEntries);

    private void SiftUp(int index, ulong entry)
    {
        while (index > 0)
        {
            var parent = At((index - 1) / 2);
            if (*parent <= entry) break;
            *At(index) = *parent;
            index = (index - 1) / 2;
        }

        *At(index) = entry;
    }

    private readonly void SiftDown(int index, ulong entry)
    {
        while (true)
        {
            var child = (2 * index) + 1;
            if (child >= _count) break;
            if (child + 1 < _count && *At(child + 1) < *At(child)) child++;
            if (*At(child) >= entry) break;
            *At(index) = *At(child);
            index = child;
        }

        *At(index) = entry;
    }

    private void Grow(Worker worker)
    {
        if (_capacity < PageEntries)
        {
            var capacity = _capacity == 0 ? FirstCapacity : _capacity * 2;
            var block = (ulong*)worker.Allocate((nuint)capacity * 8, MemoryKind.Other);
            if (_capacity > 0)
            {
                new ReadOnlySpan<ulong>(_block, _count).CopyTo(new Span<ulong>(block, capacity));
                worker.Free((byte*)_block);
            }

            _block = block;
            _capacity = capacity;
            return;
        }

        AddPage(worker);
    }

    // At least two pages stay: Free and Bytes tell a directory from a block by the capacity. The directory stays as large as it was.
    private void DropPage(Worker worker)
    {
        _capacity -= PageEntries;
        worker.Free(((byte**)_block)[_capacity / PageEntries]);
    }

    private void AddPage(Worker worker)
    {
        var pages = _capacity / PageEntries;
        var page = (ulong*)worker.Allocate(PageEntries * 8, MemoryKind.Other);
        if (_capacity == PageEntries || DirectorySize(pages + 1) != DirectorySize(pages))
        {
            ulong** directory;
            try
            {
                directory = (ulong**)worker.Allocate((nuint)DirectorySize(pages + 1), MemoryKind.Other);
            }
            catch
            {
                worker.Free((byte*)page);
                throw;
            }

            if (_capacity == PageEntries)
            {
                directory[0] = _block;
            }
            else
            {
                new ReadOnlySpan<nint>(_block, pages).CopyTo(new Span<nint>(directory, pages));
                worker.Free((byte*)_block);
            }

            _block = (ulong*)directory;
        }

        ((ulong**)_block)[pages] = page;
        _capacity += PageEntries;
    }
}
