using System.Runtime.CompilerServices;

namespace Memstore.Engine.Memory;

/// <summary>The lock-free list of blocks of a page that other heaps have freed, and the notice that tells its owner.</summary>
// The word: bits 0-35 first block (16-byte unit), 36-51 count, 52 notified.
// Pushers add one block at a time; the owner takes all at once, so the list has no ABA problem.
// Whoever sets the notified bit then puts the page on the owner's notice list. While the bit is set the owner keeps the run, so the
// pusher may still touch its PageInfo. Pages change owner without a look at the bit: a notice that reaches the old owner is sent on.
internal static unsafe class RemoteFrees
{
    private const long UnitMask = (1L << 36) - 1;
    private const long CountOne = 1L << 36;
    private const long Notified = 1L << 52;

    /// <summary>Number of blocks in the list.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CountOf(long word) => (int)(word >> 36) & 0xFFFF;

    /// <summary>Is the page on a notice list, or about to be?</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsNotified(long word) => (word & Notified) != 0;

    /// <summary>Adds a block; true when the caller must now notify the owner.</summary>
    public static bool Push(Arena arena, PageInfo* page, byte* block)
    {
        var unit = (long)arena.ToUnit(block);
        var seen = Volatile.Read(ref page->Remote);
        while (true)
        {
            var first = seen & UnitMask;
            *(byte**)block = first == 0 ? null : arena.FromUnit((ulong)first);
            var wanted = (seen & ~UnitMask) + CountOne + unit;
            // Used is the owner's and may be out of date here. What this comparison misses then is an empty page in the owner's queue:
            // the owner uses it next, or gives it up when nobody rents it (Heap.Abandon).
            var count = CountOf(wanted);
            var notify = (seen & Notified) == 0 && (count >= Volatile.Read(ref page->NotifyAt) || count >= Volatile.Read(ref page->Used));
            if (notify) wanted |= Notified;

            var found = Interlocked.CompareExchange(ref page->Remote, wanted, seen);
            if (found == seen) return notify;
            seen = found;
        }
    }

    /// <summary>Takes all blocks (owner only); null if there are none.</summary>
    public static byte* Take(Arena arena, PageInfo* page, out int count)
    {
        var seen = Volatile.Read(ref page->Remote);
        while (true)
        {
            count = CountOf(seen);
            if (count == 0) return null;
            var found = Interlocked.CompareExchange(ref page->Remote, seen & Notified, seen);
            if (found == seen) return arena.FromUnit((ulong)(seen & UnitMask));
            seen = found;
        }
    }

    /// <summary>The owner has read the notice; later pushes notify again.</summary>
    public static void Acknowledge(PageInfo* page) => Interlocked.And(ref page->Remote, ~Notified);
}
