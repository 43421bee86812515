namespace Memstore.Engine.Memory;

/// <summary>Pages of heaps that nobody has rented for a while; any heap that needs a page takes one of these before a new one.</summary>
// They belong to a heap of their own whose renter is whoever holds the lock, so frees into them need no special case.
internal sealed unsafe class OrphanPages(Arena arena)
{
    private const int NoticesPerVisit = 64;

    private readonly Lock _lock = new();
    private readonly Heap _heap = arena.CreateHeap();

    /// <summary>Takes a page of the bin; null if there is none.</summary>
    public PageInfo* Adopt(Heap heap, int bin)
    {
        if (!_heap.HasQueued(bin)) return null;
        lock (_lock) return _heap.HandOver(heap, bin);
    }

    /// <summary>Takes pages of a heap that the caller has rented.</summary>
    public void TakeFrom(Heap heap, int budget)
    {
        lock (_lock) heap.Abandon(_heap, budget);
    }

    /// <summary>Gives back pages that have become empty.</summary>
    public void Tidy()
    {
        if (!_heap.HasNotices) return;
        lock (_lock) _heap.ReadNotices(NoticesPerVisit);
    }
}
