using System.Numerics;
using System.Runtime.InteropServices;

namespace Memstore.Engine.Memory;

/// <summary>What is known of a chunk of 2 MiB: which of its 128 pages are free, and which of these may still be resident.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct ChunkInfo
{
    public UInt128 Free;
    public UInt128 Dirty;
    public int Next;
    public int Previous;
    public int FreedAt;
    public sbyte Bin;
    public bool IsSplit; // the system was asked not to join its pages to a huge one
}

/// <summary>Runs of 16 KiB pages out of chunks of 2 MiB: best fit by the chunks' longest free runs, whole chunks go back to the pool.</summary>
// Invariants: a chunk is in a bin exactly when it has free pages and also used ones (or ones in transit to the system); a wholly free chunk
// has its bit in exactly one of _resident and _clean; Dirty is part of Free; _committedPages counts used and dirty pages.
// Threading: everything under _lock, held for less than a microsecond, never across a system call except the commit of new chunks when none
// was committed ahead.
internal sealed unsafe class RunPool(Arena arena, ArenaOptions options)
{
    public const int PagesPerChunk = 128;
    public const int PageShift = 14;
    public const int ChunkShift = 21;

    private const int BinCount = 7;
    private const int NoChunk = -1;
    private const int CommitChunks = 8;
    private const int FitAttempts = 8;
    private const int PurgeStepsMax = 512;

    private readonly Lock _lock = new();
    private readonly int[] _bins = [NoChunk, NoChunk, NoChunk, NoChunk, NoChunk, NoChunk, NoChunk];
    private readonly ChunkSet _resident = new(arena.ChunkCount);
    private readonly ChunkSet _clean = new(arena.ChunkCount);
    private readonly long _limitPages = options.LimitBytes >> PageShift;

    private int _chunksTaken;     // chunks below this were handed out at least once
    private int _chunksCommitted; // chunks below this are usable
    private long _committedPages;
    private long _dirtyPages;
    private long _recordPages;
    private int _tick;
    private int _purgeCursor;
    private int _overdrafts;

    /// <summary>Bytes that are in use or free but perhaps still resident.</summary>
    public long CommittedBytes => Volatile.Read(ref _committedPages) << PageShift;

    /// <summary>Bytes that are free but perhaps still resident.</summary>
    public long DirtyBytes => Volatile.Read(ref _dirtyPages) << PageShift;

    /// <summary>Bytes of runs in use.</summary>
    public long InUseBytes => CommittedBytes - DirtyBytes;

    /// <summary>Bytes of the runs that hold records.</summary>
    public long RecordRunBytes => Volatile.Read(ref _recordPages) << PageShift;

    /// <summary>Chunks that were ever handed out.</summary>
    public int ChunksTaken => Volatile.Read(ref _chunksTaken);

    /// <summary>Opens the first chunk, whose first page stays unused: unit 0 means "nothing".</summary>
    public bool Open()
    {
        lock (_lock)
        {
            if (!CommitMore(1)) return false;
            ref var info = ref arena.Chunk(OpenChunk());
            info.Free = UInt128.MaxValue << 1;
            Rebin(0, ref info);
            return true;
        }
    }

    /// <summary>Whether the limit does not hold at present.</summary>
    public bool IsOverdrawn => Volatile.Read(ref _overdrafts) != 0;

    /// <summary>
    /// Until it is disposed the limit does not hold, for anybody: what takes back a transaction that memory was too short for, or makes room by
    /// expiring keys, must not fail for want of a little more. Thread-safe.
    /// </summary>
    public Overdraft Overdraw()
    {
        Interlocked.Increment(ref _overdrafts);
        return new Overdraft(this);
    }

    /// <summary>Takes a run and describes it; null when the limit or the system refuses.</summary>
    public PageInfo* Allocate(uint pages, MemoryKind kind, int sizeClass, uint blockSize, ushort owner)
    {
        lock (_lock)
        {
            var first = TakePages(pages);
            if (first == 0) return null;
            if (kind == MemoryKind.Record) _recordPages += pages;
            return Describe(first, pages, kind, sizeClass, blockSize, owner);
        }
    }

    /// <summary>Takes back a run without live blocks.</summary>
    public void Free(PageInfo* run)
    {
        var first = arena.IndexOf(run);
        lock (_lock)
        {
            if (run->Kind == MemoryKind.Record) _recordPages -= run->RunPages;
            run->State = PageState.None;
            ReturnPages(first, run->RunPages);
        }
    }

    /// <summary>Runs <paramref name="mark"/> for each run that starts in the chunk, while no run can come or go.</summary>
    public void VisitRuns(int chunk, RunVisitor mark)
    {
        lock (_lock)
        {
            var page = arena.Page((uint)chunk << (ChunkShift - PageShift));
            for (var i = 0; i < PagesPerChunk; i++, page++)
            {
                if (page->State != PageState.None) mark(page);
            }
        }
    }

    /// <summary>Gives free memory back to the system, about <paramref name="budgetBytes"/> of it; returns the bytes given.</summary>
    /// <param name="budgetBytes">Where to stop.</param>
    /// <param name="keepBytes">What to keep.</param>
    /// <param name="keepChunks">How many wholly free chunks to keep.</param>
    /// <param name="all">Also what was freed a moment ago and may be wanted again, and what was to be kept.</param>
    public long Purge(long budgetBytes, long keepBytes, int keepChunks, bool all)
    {
        Interlocked.Increment(ref _tick);
        var keepPages = all ? 0 : keepBytes >> PageShift;
        if (all) keepChunks = 0;
        var given = 0L;
        while (given < budgetBytes)
        {
            int chunk;
            UInt128 pages;
            bool isWhole;
            bool wasSplit;
            lock (_lock)
            {
                if (_dirtyPages <= keepPages || !TakeForPurgeLocked(keepChunks, all, out chunk, out pages, out isWhole)) break;
                ref var info = ref arena.Chunk(chunk);
                wasSplit = info.IsSplit;
                info.IsSplit = !isWhole;
            }

            // Else the system fills the gaps again when it next looks for pages to join.
            if (arena.HugePages && isWhole == wasSplit) NativePages.PreferHugePages(ChunkStart(chunk), 1 << ChunkShift, isWhole);
            Discard(chunk, pages);
            given += (long)(int)UInt128.PopCount(pages) << PageShift;
            lock (_lock) ReturnPurgedLocked(chunk, pages);
        }

        return given;
    }

    /// <summary>Makes free memory resident ahead of its use, so that no commit pays for the page faults; returns the bytes made ready.</summary>
    /// <param name="wantedBytes">How much of it there should be.</param>
    /// <param name="inWholeChunks">Only chunks that are wholly free count: what is free in others may lie in pieces.</param>
    public long Prepare(long wantedBytes, bool inWholeChunks)
    {
        var prepared = 0L;
        while (true)
        {
            int chunk;
            lock (_lock)
            {
                var ready = inWholeChunks ? (long)_resident.Count << ChunkShift : _dirtyPages << PageShift;
                if (ready >= wantedBytes || (chunk = TakeChunk(residentToo: false)) == NoChunk) return prepared;
            }

            var populated = NativePages.Populate(ChunkStart(chunk), 1 << ChunkShift);
            lock (_lock)
            {
                ref var info = ref arena.Chunk(chunk);
                if (populated) MarkDirty(ref info, UInt128.MaxValue & ~info.Dirty);
                PutFreeChunk(chunk, ref info);
            }

            if (!populated) return prepared;
            prepared += 1 << ChunkShift;
        }
    }

    /// <summary>
    /// Has the system commit the chunks after those in use, so that no commit waits for it: 400 us for 16 MiB. Committing twice does no harm, so
    /// it is done without the lock.
    /// </summary>
    public void CommitAhead()
    {
        int first;
        lock (_lock)
        {
            if (_chunksCommitted - _chunksTaken >= CommitChunks) return;
            first = _chunksCommitted;
        }

        var count = Math.Min(CommitChunks, arena.ChunkCount - first);
        if (count <= 0 || !arena.CommitChunks(first, count)) return;
        lock (_lock) _chunksCommitted = Math.Max(_chunksCommitted, first + count);
    }

    // Returns the first page's index; page 0 is never handed out.
    private uint TakePages(uint pages)
    {
        if (pages > PagesPerChunk) return TakeSpan(pages);
        if (IsOverLimit(pages)) return 0;

        var chunk = FindChunk((int)pages);
        if (chunk == NoChunk && (chunk = TakeChunk(residentToo: true)) == NoChunk) return 0;

        ref var info = ref arena.Chunk(chunk);
        if (arena.HugePages && info.Bin == NoChunk) MarkDirty(ref info, info.Free & ~info.Dirty); // the first touch makes all of it resident
        var at = BitRuns.Find(info.Free, (int)pages);
        TakeFrom(chunk, ref info, BitRuns.Mask(at, (int)pages));
        return (uint)(chunk << (ChunkShift - PageShift)) + (uint)at;
    }

    private bool IsOverLimit(uint pages) =>
        _limitPages != 0 && _committedPages - _dirtyPages + pages > _limitPages && !IsOverdrawn;

    private int FindChunk(int pages)
    {
        for (var bin = BitOperations.Log2((uint)pages); bin < BinCount; bin++)
        {
            var attempts = FitAttempts;
            for (var chunk = _bins[bin]; chunk != NoChunk && attempts-- > 0; chunk = arena.Chunk(chunk).Next)
            {
                if (BitRuns.Longest(arena.Chunk(chunk).Free) >= pages) return chunk;
            }
        }

        return NoChunk;
    }

    // A wholly free chunk that is in no list, resident ones first.
    private int TakeChunk(bool residentToo)
    {
        var chunk = residentToo ? _resident.TakeLowest() : NoChunk;
        if (chunk == NoChunk) chunk = _clean.TakeLowest();
        if (chunk != NoChunk) return chunk;
        if (_chunksTaken == _chunksCommitted && !CommitMore(1)) return NoChunk;
        return OpenChunk();
    }

    private int OpenChunk()
    {
        var chunk = _chunksTaken++;
        ref var info = ref arena.Chunk(chunk);
        info = default;
        info.Bin = NoChunk;
        info.Free = UInt128.MaxValue;
        return chunk;
    }

    private bool CommitMore(int chunks)
    {
        chunks = Math.Min(Math.Max(chunks, CommitChunks), arena.ChunkCount - _chunksCommitted);
        if (chunks <= 0 || !arena.CommitChunks(_chunksCommitted, chunks)) return false;
        _chunksCommitted += chunks;
        return true;
    }

    // A run of whole chunks and the beginning of a last one.
    private uint TakeSpan(uint pages)
    {
        if (IsOverLimit(pages)) return 0;
        var chunks = (int)((pages + PagesPerChunk - 1) / PagesPerChunk);
        var first = ChunkSet.FindRun(_resident, _clean, chunks, _chunksTaken);
        if (first == NoChunk)
        {
            first = _chunksTaken;
            var missing = first + chunks - _chunksCommitted;
            if (missing > 0 && !CommitMore(missing)) return 0;
            if (_chunksCommitted < first + chunks) return 0;
            for (var i = 0; i < chunks; i++) OpenChunk();
        }

        for (var i = 0; i < chunks; i++)
        {
            var part = Math.Min((int)pages - i * PagesPerChunk, PagesPerChunk);
            TakeFrom(first + i, ref arena.Chunk(first + i), BitRuns.Mask(0, part));
        }

        return (uint)first << (ChunkShift - PageShift);
    }

    private void TakeFrom(int chunk, ref ChunkInfo info, UInt128 pages)
    {
        var wasDirty = (int)UInt128.PopCount(info.Dirty & pages);
        _dirtyPages -= wasDirty;
        _committedPages += (int)UInt128.PopCount(pages) - wasDirty;
        info.Free &= ~pages;
        info.Dirty &= ~pages;
        Rebin(chunk, ref info);
    }

    private void ReturnPages(uint first, uint pages)
    {
        while (pages != 0)
        {
            var chunk = (int)(first >> (ChunkShift - PageShift));
            var at = (int)(first & (PagesPerChunk - 1));
            var part = Math.Min(pages, (uint)(PagesPerChunk - at));
            var mask = BitRuns.Mask(at, (int)part);
            ref var info = ref arena.Chunk(chunk);
            info.Free |= mask;
            info.Dirty |= mask;
            info.FreedAt = _tick;
            _dirtyPages += part;
            PutBack(chunk, ref info);
            first += part;
            pages -= part;
        }
    }

    private void PutBack(int chunk, ref ChunkInfo info)
    {
        if (!IsWhole(chunk, info.Free))
        {
            Rebin(chunk, ref info);
            return;
        }

        Unbin(chunk, ref info);
        PutFreeChunk(chunk, ref info);
    }

    private void PutFreeChunk(int chunk, ref ChunkInfo info) => (info.Dirty == 0 ? _clean : _resident).Add(chunk);

    // Page 0 never becomes free, so chunk 0 never becomes whole.
    private static bool IsWhole(int chunk, UInt128 free) => free == UInt128.MaxValue && chunk != 0;

    private void MarkDirty(ref ChunkInfo info, UInt128 pages)
    {
        var count = (int)UInt128.PopCount(pages);
        info.Dirty |= pages;
        _dirtyPages += count;
        _committedPages += count;
    }

    private void Rebin(int chunk, ref ChunkInfo info)
    {
        var bin = info.Free == 0 ? (sbyte)NoChunk : (sbyte)Math.Min(BitOperations.Log2((uint)BitRuns.Longest(info.Free)), BinCount - 1);
        if (bin == info.Bin) return;
        Unbin(chunk, ref info);
        if (bin == NoChunk) return;

        info.Bin = bin;
        info.Previous = NoChunk;
        info.Next = _bins[bin];
        if (info.Next != NoChunk) arena.Chunk(info.Next).Previous = chunk;
        _bins[bin] = chunk;
    }

    private void Unbin(int chunk, ref ChunkInfo info)
    {
        if (info.Bin == NoChunk) return;
        if (info.Previous == NoChunk) _bins[info.Bin] = info.Next;
        else arena.Chunk(info.Previous).Next = info.Next;
        if (info.Next != NoChunk) arena.Chunk(info.Next).Previous = info.Previous;
        info.Bin = NoChunk;
    }

    // Whole chunks first, from the top of the range; then free pages of chunks from which nothing was freed since the last-but-one purge.
    private bool TakeForPurgeLocked(int keepChunks, bool all, out int chunk, out UInt128 pages, out bool isWhole)
    {
        chunk = _resident.Count > keepChunks ? _resident.TakeHighest() : NoChunk;
        isWhole = chunk != NoChunk;
        if (!isWhole) return TakePartsForPurge(all, out chunk, out pages);
        pages = arena.Chunk(chunk).Dirty;
        _dirtyPages -= (int)UInt128.PopCount(pages);
        arena.Chunk(chunk).Dirty = 0;
        arena.Chunk(chunk).Free &= ~pages;
        return true;
    }

    private bool TakePartsForPurge(bool all, out int chunk, out UInt128 pages)
    {
        for (var steps = all ? _chunksTaken : Math.Min(_chunksTaken, PurgeStepsMax); steps > 0; steps--)
        {
            if (_purgeCursor >= _chunksTaken) _purgeCursor = 0;
            chunk = _purgeCursor++;
            ref var info = ref arena.Chunk(chunk);
            if (info.Bin == NoChunk || info.Dirty == 0 || (!all && _tick - info.FreedAt < 2)) continue;

            pages = info.Dirty;
            _dirtyPages -= (int)UInt128.PopCount(pages);
            info.Dirty = 0;
            info.Free &= ~pages;
            Rebin(chunk, ref info);
            return true;
        }

        chunk = NoChunk;
        pages = 0;
        return false;
    }

    private void Discard(int chunk, UInt128 pages)
    {
        while (pages != 0)
        {
            var at = (int)UInt128.TrailingZeroCount(pages);
            var count = (int)UInt128.TrailingZeroCount(~(pages >> at));
            NativePages.Discard(ChunkStart(chunk) + ((nuint)at << PageShift), (nuint)count << PageShift);
            pages &= ~BitRuns.Mask(at, count);
        }
    }

    private void ReturnPurgedLocked(int chunk, UInt128 pages)
    {
        ref var info = ref arena.Chunk(chunk);
        info.Free |= pages;
        _committedPages -= (int)UInt128.PopCount(pages);
        PutBack(chunk, ref info);
    }

    private PageInfo* Describe(uint first, uint pages, MemoryKind kind, int sizeClass, uint blockSize, ushort owner)
    {
        var page = arena.Page(first);
        var capacity = sizeClass == SizeClasses.Direct ? 1 : (pages << PageShift) / blockSize;
        *page = default;
        page->BlockSize = blockSize;
        page->BumpEnd = capacity * blockSize;
        page->Capacity = (ushort)capacity;
        page->WorthIt = (ushort)Math.Max(1, capacity >> 4);
        page->NotifyAt = PageInfo.Never;
        page->Kind = kind;
        page->Class = (byte)sizeClass;
        page->Owner = owner;
        page->RunPages = pages;
        page->State = sizeClass == SizeClasses.Direct ? PageState.Direct : PageState.Current;
        if (sizeClass == SizeClasses.Direct) return page;
        for (var i = 1u; i < pages; i++)
        {
            page[i].HeadDistance = (byte)i;
            page[i].Evacuating = 0;
        }

        return page;
    }

    private byte* ChunkStart(int chunk) => arena.Base + ((nuint)chunk << ChunkShift);

    /// <summary>A time without the limit.</summary>
    internal readonly ref struct Overdraft(RunPool pool)
    {
        /// <summary>Ends it.</summary>
        public void Dispose() => Interlocked.Decrement(ref pool._overdrafts);
    }
}

/// <summary>Looks at the first page of a run, under the run pool's lock.</summary>
internal unsafe delegate void RunVisitor(PageInfo* run);
