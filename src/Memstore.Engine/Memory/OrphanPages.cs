namespace Memstore.Engine.Memory;

/// <summary>Pages with free blocks that their heaps have no use for; any heap that needs a page takes one of these before a new one.</summary>
// Two kinds of heaps give pages away: those that nobody has rented for a while, and those that get more blocks back than they hand out,
// which happens when one thread deletes what others wrote. Without the second the heaps' slack grows with every such imbalance: two
// threads that overwrote what a third had written needed 1.5 times the memory (Berger and others, Hoard, 2000, bound it the same way).
//
// They belong to a heap of their own whose renter is whoever holds the lock, so frees into them need no special case.
internal sealed unsafe class OrphanPages(Arena arena)
{
    // A slice under the lock: some microseconds, for a committer may be waiting for a page.
    private const int PagesPerSlice = 64;

    private readonly Lock _lock = new();
    private readonly Heap _heap = arena.CreateHeap(keepsAll: true);

    /// <summary>Takes a page of the bin; null if there is none.</summary>
    public PageInfo* Adopt(Heap heap, int bin)
    {
        if (!_heap.HasQueued(bin) && !_heap.HasNotices && !_heap.MayTakeBack) return null;
        lock (_lock)
        {
            if (!_heap.HasQueued(bin)) _heap.ReadNotices(PagesPerSlice);
            return _heap.HandOver(heap, bin);
        }
    }

    /// <summary>Takes a page, in no list, from the heap that the caller has rented.</summary>
    public void Give(PageInfo* page)
    {
        lock (_lock) _heap.Receive(page);
    }

    /// <summary>Takes pages of a heap that the caller has rented, at most about <paramref name="budget"/>; true when none is left.</summary>
    public bool TakeFrom(Heap heap, int budget)
    {
        for (; budget > 0; budget -= PagesPerSlice)
        {
            lock (_lock)
            {
                if (heap.Abandon(_heap, PagesPerSlice)) return true;
            }
        }

        return false;
    }

    /// <summary>Gives back pages that have become empty, looks at about <paramref name="budget"/>; true when none is left.</summary>
    public bool Tidy(int budget)
    {
        for (; budget > 0 && (_heap.HasNotices || _heap.MayTakeBack); budget -= PagesPerSlice)
        {
            lock (_lock)
            {
                _heap.ReadNotices(PagesPerSlice);
                if (_heap.MayTakeBack) _heap.TakeBackLeaving();
            }
        }

        return budget > 0;
    }
}
