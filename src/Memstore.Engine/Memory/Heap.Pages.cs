using System.Runtime.CompilerServices;

namespace Memstore.Engine.Memory;

/// <content>What happens when a page runs dry, fills up, empties, or has news from other heaps.</content>
internal sealed unsafe partial class Heap
{
    private const int NoticesPerVisit = 16;
    private const int LeavingPerVisit = 16;
    private const int ReturningPerVisit = 8;
    private const uint QueuedBytesMax = 512 << 10; // in a bin; more pages with free blocks go to the orphans

    private uint _leaving; // pages taken out of their queues by an evacuation

    /// <summary>Are there frees by others that the renter should look at?</summary>
    internal bool HasNotices => Volatile.Read(ref _notices->First) != 0 || _notices->Pending != 0;

    /// <summary>Has the heap any page that others could use?</summary>
    internal bool HasPages { get; private set; }

    /// <summary>Has it pages that an evacuation, now over, had taken out?</summary>
    internal bool MayTakeBack => Volatile.Read(ref _leaving) != 0 && _arena.Evacuation == 0;

    /// <summary>Puts the page on the heap's notice list; called by any thread that set the page's notified bit.</summary>
    internal void Notify(PageInfo* page)
    {
        var index = _arena.IndexOf(page);
        ref var first = ref _notices->First;
        var seen = Volatile.Read(ref first);
        while (true)
        {
            page->NoticeNext = seen;
            var found = Interlocked.CompareExchange(ref first, index, seen);
            if (found == seen) return;
            seen = found;
        }
    }

    /// <summary>Looks at pages with news, at most about <paramref name="budget"/> of them; true when none is left.</summary>
    internal bool ReadNotices(int budget)
    {
        while (budget-- > 0)
        {
            if (_notices->Pending == 0) _notices->Pending = Interlocked.Exchange(ref _notices->First, 0);
            if (_notices->Pending == 0) return true;

            var page = _arena.Page(_notices->Pending);
            _notices->Pending = page->NoticeNext;
            var owner = Volatile.Read(ref page->Owner);
            if (owner != Index)
            {
                _arena.HeapAt(owner).Notify(page); // the page has moved house
                continue;
            }

            RemoteFrees.Acknowledge(page);
            if (CollectRemote(page) || page->Used == 0) Resettle(page);
        }

        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private byte* AllocateSlow(Bin* bin, MemoryKind kind)
    {
        while (true)
        {
            var page = bin->Current;
            var block = TakeFrom(page);
            if (block != null)
            {
                _allocated[(int)kind] += page->BlockSize;
                return block;
            }

            if (page != _empty)
            {
                if (CollectRemote(page)) continue;
                bin->Current = _empty;
                Settle(page, PageState.Full);
            }

            if (HasNotices) ReadNotices(NoticesPerVisit);
            if (MayTakeBack) TakeBackLeaving();
            var next = NextPage(bin, kind);
            if (next == null) return null;
            Settle(next, PageState.Current);
            bin->Current = next;
        }
    }

    // A block used before, or else the next one that never was: memory is touched as late as possible.
    private byte* TakeFrom(PageInfo* page)
    {
        var block = page->LocalFree;
        if (block != null)
        {
            page->LocalFree = *(byte**)block;
        }
        else
        {
            if (page->BumpNext == page->BumpEnd) return null;
            block = _arena.StartOf(page) + page->BumpNext;
            page->BumpNext += page->BlockSize;
        }

        page->Used++;
        return block;
    }

    private PageInfo* NextPage(Bin* bin, MemoryKind kind)
    {
        HasPages = true;
        var page = TakeQueued(bin);
        if (page != null) return page;
        var sizeClass = (int)(bin - _bins) % BinsPerKind;
        page = _arena.Orphans.Adopt(this, (int)(bin - _bins));
        if (page != null) return page;
        page = _arena.Runs.Allocate((uint)SizeClasses.PagesOf(sizeClass), kind, sizeClass, (uint)SizeClasses.SizeOf(sizeClass), Index);
        // The first page of a chunk may be the first touch of 2 MiB.
        if (page != null && _arena.IndexOf(page) % RunPool.PagesPerChunk == 0) Holds?.Start();
        return page;
    }

    private PageInfo* TakeQueued(Bin* bin)
    {
        for (var attempts = LeavingPerVisit; attempts > 0 && bin->Queue != 0; attempts--)
        {
            var page = _arena.Page(bin->Queue);
            Dequeue(bin, page);
            if (page->Evacuating == 0) return page;
            Settle(page, PageState.Leaving);
            Link(ref _leaving, page);
        }

        return null;
    }

    // Used has fallen to the trigger: a full page has become worth a visit, or a page is empty.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeSlow(PageInfo* page) => Resettle(page);

    // Puts a page where its number of free blocks says.
    private void Resettle(PageInfo* page)
    {
        switch (page->State)
        {
            case PageState.Full when page->Capacity - page->Used >= page->WorthIt:
                if (!_keepsAll && BinOf(page)->QueuedBytes >= QueuedBytesMax)
                {
                    _arena.Orphans.Give(page);
                    break;
                }

                Enqueue(page);
                HasPages = true;
                if (page->Used == 0) Resettle(page);
                break;
            case PageState.Queued when page->Used == 0:
                if (IsNoticed(page)) break;
                Dequeue(BinOf(page), page);
                _arena.Runs.Free(page);
                break;
            case PageState.Leaving when page->Used == 0:
                if (IsNoticed(page)) break;
                Unlink(ref _leaving, page);
                _arena.Runs.Free(page);
                break;
        }
    }

    // A page on its way to a notice list must stay until the notice is read; then it comes by again.
    private static bool IsNoticed(PageInfo* page) => RemoteFrees.IsNotified(Volatile.Read(ref page->Remote));

    private static void Settle(PageInfo* page, PageState state)
    {
        page->State = state;
        page->Trigger = state switch
        {
            PageState.Current => PageInfo.Never,
            PageState.Full => (ushort)(page->Capacity - page->WorthIt),
            _ => 0,
        };
        Volatile.Write(ref page->NotifyAt, state == PageState.Full ? page->WorthIt : PageInfo.Never);
    }

    // Moves the blocks that others freed to the local list; false if there are none.
    private bool CollectRemote(PageInfo* page)
    {
        var localCount = (int)(page->BumpNext / page->BlockSize) - page->Used;
        var first = RemoteFrees.Take(_arena, page, out var remoteCount);
        if (first == null) return false;

        page->Used -= (ushort)remoteCount;
        if (page->LocalFree == null)
        {
            page->LocalFree = first;
        }
        else if (localCount <= remoteCount)
        {
            *(byte**)LastOf(page->LocalFree) = first;
        }
        else
        {
            *(byte**)LastOf(first) = page->LocalFree;
            page->LocalFree = first;
        }

        return true;
    }

    private static byte* LastOf(byte* block)
    {
        while (*(byte**)block != null) block = *(byte**)block;
        return block;
    }

    // The evacuation is over: what did not become empty is allocated from again.
    internal void TakeBackLeaving()
    {
        for (var i = 0; i < ReturningPerVisit && _leaving != 0; i++)
        {
            var page = _arena.Page(_leaving);
            Unlink(ref _leaving, page);
            Enqueue(page);
        }
    }

    private Bin* BinOf(PageInfo* page) => _bins + (int)page->Kind * BinsPerKind + page->Class;

    private void Enqueue(PageInfo* page)
    {
        var bin = BinOf(page);
        Settle(page, PageState.Queued);
        Link(ref bin->Queue, page);
        bin->QueuedBytes += page->RunPages << RunPool.PageShift;
    }

    private void Dequeue(Bin* bin, PageInfo* page)
    {
        Unlink(ref bin->Queue, page);
        bin->QueuedBytes -= page->RunPages << RunPool.PageShift;
    }

    private void Link(ref uint list, PageInfo* page)
    {
        page->Previous = 0;
        page->Next = list;
        if (list != 0) _arena.Page(list)->Previous = _arena.IndexOf(page);
        list = _arena.IndexOf(page);
    }

    private void Unlink(ref uint list, PageInfo* page)
    {
        if (page->Previous == 0) list = page->Next;
        else _arena.Page(page->Previous)->Next = page->Next;
        if (page->Next != 0) _arena.Page(page->Next)->Previous = page->Previous;
    }
}
