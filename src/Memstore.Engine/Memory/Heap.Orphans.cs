namespace Memstore.Engine.Memory;

/// <content>Giving pages to other heaps while nobody rents this one.</content>
internal sealed unsafe partial class Heap
{
    private int _abandonCursor;

    /// <summary>Moves pages with free blocks to <paramref name="orphans"/>, empty ones to the run pool; full ones stay until a notice comes.</summary>
    /// <param name="orphans">A heap whose lock the caller holds.</param>
    /// <param name="budget">Pages to look at, about.</param>
    /// <returns>True when none is left.</returns>
    internal bool Abandon(Heap orphans, int budget)
    {
        if (MayTakeBack) TakeBackLeaving();
        while (_abandonCursor < KindCount * BinsPerKind)
        {
            var bin = _bins + _abandonCursor;
            if (bin->Current != _empty) PutDown(bin);
            while (bin->Queue != 0)
            {
                if (budget-- <= 0) return false;
                var page = _arena.Page(bin->Queue);
                Dequeue(bin, page);
                CollectRemote(page);
                orphans.Receive(page);
            }

            _abandonCursor++;
        }

        _abandonCursor = 0;
        HasPages = _leaving != 0;
        return true;
    }

    /// <summary>Gives a page with free blocks of the bin to another heap; null if there is none.</summary>
    internal PageInfo* HandOver(Heap receiver, int bin)
    {
        if (MayTakeBack) TakeBackLeaving();
        var page = TakeQueued(_bins + bin);
        if (page != null) Volatile.Write(ref page->Owner, receiver.Index);
        return page;
    }

    /// <summary>Takes a page, in no list, from another heap.</summary>
    internal void Receive(PageInfo* page)
    {
        Volatile.Write(ref page->Owner, Index);
        Enqueue(page);
        Resettle(page); // gives it back if it is empty
    }

    /// <summary>Has the bin pages to hand over?</summary>
    internal bool HasQueued(int bin) => Volatile.Read(ref _bins[bin].Queue) != 0;

    // The current page goes where a page with its number of free blocks belongs.
    private void PutDown(Bin* bin)
    {
        var page = bin->Current;
        bin->Current = _empty;
        CollectRemote(page);
        var full = page->LocalFree == null && page->BumpNext == page->BumpEnd;
        if (full) Settle(page, PageState.Full);
        else Enqueue(page);
    }
}
