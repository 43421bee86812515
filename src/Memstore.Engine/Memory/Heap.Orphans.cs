namespace Memstore.Engine.Memory;

/// <content>Giving pages to other heaps while nobody rents this one.</content>
internal sealed unsafe partial class Heap
{
    private int _abandonCursor;

    /// <summary>Moves pages with free blocks to <paramref name="orphans"/>, empty ones to the run pool; full ones stay until a notice comes.</summary>
    /// <param name="orphans">A heap whose lock the caller holds.</param>
    /// <param name="budget">Pages to look at, about.</param>
    internal void Abandon(Heap orphans, int budget)
    {
        if (_leaving != 0 && _arena.Evacuation == 0) TakeBackLeaving();
        while (_abandonCursor < KindCount * BinsPerKind)
        {
            var bin = _bins + _abandonCursor;
            if (bin->Current != _empty) PutDown(bin);
            while (bin->Queue != 0)
            {
                if (budget-- <= 0) return;
                var page = _arena.Page(bin->Queue);
                Unlink(ref bin->Queue, page);
                CollectRemote(page);
                orphans.Receive(page);
            }

            _abandonCursor++;
        }

        _abandonCursor = 0;
        HasPages = _leaving != 0;
    }

    /// <summary>Gives a page with free blocks of the bin to another heap; null if there is none.</summary>
    internal PageInfo* HandOver(Heap receiver, int bin)
    {
        if (_leaving != 0 && _arena.Evacuation == 0) TakeBackLeaving();
        var page = TakeQueued(_bins + bin);
        if (page != null) Volatile.Write(ref page->Owner, receiver.Index);
        return page;
    }

    /// <summary>Has the bin pages to hand over?</summary>
    internal bool HasQueued(int bin) => Volatile.Read(ref _bins[bin].Queue) != 0;

    private void Receive(PageInfo* page)
    {
        Volatile.Write(ref page->Owner, Index);
        Settle(page, PageState.Queued);
        Link(ref BinOf(page)->Queue, page);
        Resettle(page); // gives it back if it is empty
    }

    // The current page goes where a page with its number of free blocks belongs.
    private void PutDown(Bin* bin)
    {
        var page = bin->Current;
        bin->Current = _empty;
        CollectRemote(page);
        var full = page->LocalFree == null && page->BumpNext == page->BumpEnd;
        Settle(page, full ? PageState.Full : PageState.Queued);
        if (!full) Link(ref BinOf(page)->Queue, page);
    }
}
