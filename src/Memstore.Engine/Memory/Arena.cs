using System.Runtime.CompilerServices;

namespace Memstore.Engine.Memory;

/// <summary>One reserved range of addresses from which all native memory of a store comes, and what is known of each page of it.</summary>
// Layout of the two reservations: the data, 2 MiB aligned; and apart from it a 64-byte PageInfo for each 16 KiB and a 64-byte ChunkInfo for
// each 2 MiB, so that a free that misses the cache on a block's page finds the description of its neighbours in the same lines.
// Threading: every member may be called by any thread; Dispose when nobody uses a block any more.
internal sealed unsafe partial class Arena : IDisposable
{
    /// <summary>Heaps that an arena may have, the orphans' included.</summary>
    public const int HeapsMax = 256;

    private const long ReserveMin = 64L << 20;
    private const long ReserveMax = 1L << 40;
    private const long ReadyMin = 8L << 20;
    private const long ReadyMax = 64L << 20;
    private const long QuietBytes = 4L << 20;
    private const long QuietGrowth = 128L << 10;
    private const int QuietPeriods = 100;

    // Fixed after construction.
    private readonly byte* _reservation;
    private readonly nuint _reservationBytes;
    private readonly byte* _tables;
    private readonly nuint _tablesBytes;
    private readonly PageInfo* _pages;
    private readonly byte* _chunks;
    private readonly Heap?[] _heaps = new Heap?[HeapsMax];
    private readonly Lock _heapsLock = new();
    private int _heapCount;
    private readonly long _cushionBytes;
    private int _disposed;

    // Maintenance's own.
    private int _quietPeriods = QuietPeriods;
    private long _inUseBefore;
    private long _readyBytes;

    /// <summary>Reserves the range; throws <see cref="InsufficientMemoryException"/> if the system refuses even a small one.</summary>
    public Arena(ArenaOptions? options = null)
    {
        options ??= new ArenaOptions();
        var wanted = Math.Clamp(options.ReserveBytes, ReserveMin, ReserveMax) & -(1L << RunPool.ChunkShift);
        while (!TryReserve(wanted, out _reservation, out _reservationBytes, out _tables, out _tablesBytes))
        {
            wanted = wanted / 2 & -(1L << RunPool.ChunkShift);
            if (wanted < ReserveMin) throw new InsufficientMemoryException("The system refused to reserve address space for the store's memory.");
        }

        ReservedBytes = wanted;
        _cushionBytes = options.CushionBytes;
        ChunkCount = (int)(wanted >> RunPool.ChunkShift);
        Base = (byte*)(((nuint)_reservation + ((1u << RunPool.ChunkShift) - 1)) & ~(((nuint)1 << RunPool.ChunkShift) - 1));
        _pages = (PageInfo*)_tables;
        _chunks = _tables + (nuint)(wanted >> RunPool.PageShift) * (nuint)sizeof(PageInfo);
        HugePages = options.HugePages && NativePages.AskForHugePages(Base, (nuint)wanted);
        Runs = new RunPool(this, options);
        if (!Runs.Open()) throw new InsufficientMemoryException("The system refused the first pages of the store's memory.");
        Orphans = new OrphanPages(this);
    }

    /// <summary>First address of the range; unit 0.</summary>
    public byte* Base { get; }

    /// <summary>Bytes of address space.</summary>
    public long ReservedBytes { get; }

    /// <summary>Did the system agree to back the range with huge pages?</summary>
    public bool HugePages { get; }

    /// <summary>Bytes that are in use or free but perhaps still resident: an upper estimate of the resident size.</summary>
    public long CommittedBytes => Runs.CommittedBytes;

    /// <summary>Bytes of the tables that describe pages and chunks; not part of <see cref="CommittedBytes"/>.</summary>
    public long TableBytes => (long)Runs.ChunksTaken * (RunPool.PagesPerChunk + 1) * sizeof(PageInfo);

    /// <summary>Bytes of live blocks, each counted with the size of its class. Exact when no thread allocates or frees.</summary>
    public long UsedBytes => UsedBytesOf(MemoryKind.Record) + UsedBytesOf(MemoryKind.Table) + UsedBytesOf(MemoryKind.Node) + UsedBytesOf(MemoryKind.Other);

    internal RunPool Runs { get; }

    internal OrphanPages Orphans { get; }

    internal int ChunkCount { get; }

    /// <summary>Not 0 while pages are marked for evacuation.</summary>
    internal volatile int Evacuation;

    /// <summary>Bytes of live blocks of one kind.</summary>
    public long UsedBytesOf(MemoryKind kind)
    {
        var sum = 0L;
        for (var i = 0; i < Volatile.Read(ref _heapCount); i++) sum += _heaps[i]!.AllocatedBytes(kind);
        return sum;
    }

    /// <summary>Makes a heap. Heaps are few and live as long as the arena.</summary>
    /// <param name="keepsAll">The heap never gives pages with free blocks to others.</param>
    public Heap CreateHeap(bool keepsAll = false)
    {
        lock (_heapsLock)
        {
            if (_heapCount == HeapsMax) throw new InvalidOperationException("An arena has at most 256 heaps.");
            var heap = new Heap(this, (ushort)_heapCount, keepsAll);
            _heaps[_heapCount] = heap;
            Volatile.Write(ref _heapCount, _heapCount + 1);
            return heap;
        }
    }

    /// <summary>Address to number: 16-byte units from <see cref="Base"/>, 36 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong ToUnit(byte* block) => (ulong)(block - Base) >> 4;

    /// <summary>Number to address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* FromUnit(ulong unit) => Base + (unit << 4);

    /// <summary>Bytes that the block really has: the size of its class.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public nuint SizeOf(byte* block) => PageOf(block)->BlockSize;

    /// <summary>Gives free memory over the cushion back to the system, about <paramref name="budgetBytes"/> of it; returns the bytes given.</summary>
    /// <param name="budgetBytes">Where to stop; a slice of 16 MiB takes about a millisecond.</param>
    /// <param name="all">Also what was freed a moment ago and may be wanted again, and the cushion.</param>
    public long Purge(long budgetBytes, bool all = false) => Runs.Purge(budgetBytes, _cushionBytes, 0, all);

    /// <summary>Makes free memory resident ahead of its use; returns the bytes made ready. Only where the system can (Linux).</summary>
    public long Prepare(long wantedBytes) => Runs.Prepare(wantedBytes, inWholeChunks: false);

    /// <summary>
    /// What maintenance does every 10 to 100 ms: gives free memory back and makes some ready ahead of its use, more of it while the
    /// store grows. A huge page that is touched first inside a commit costs it 100 us and more; made ready here it costs nothing.
    /// </summary>
    /// <param name="budgetBytes">As for <see cref="Purge"/>.</param>
    public void Maintain(long budgetBytes)
    {
        var inUse = Runs.InUseBytes;
        var grown = inUse - _inUseBefore;
        _inUseBefore = inUse;
        _quietPeriods = grown > QuietGrowth ? 0 : _quietPeriods + 1;
        Runs.CommitAhead();
        if (_quietPeriods > QuietPeriods)
        {
            // It has not grown for a while: what free pages in partly used chunks are good for is enough to begin with.
            _readyBytes = 0;
            Runs.Purge(budgetBytes, QuietBytes, 0, all: false);
            return;
        }

        // Twice what the last interval needed, and enough for the tenth of a second by which this thread may come late on a busy machine.
        // It shrinks slowly, for growth comes in bursts.
        _readyBytes = Math.Clamp(Math.Max(2 * grown, _readyBytes - _readyBytes / 8), ReadyMin, ReadyMax);
        if (HugePages) Runs.Prepare(_readyBytes, inWholeChunks: true);
        // The cushion comes on top, or the rest of a chunk that is being filled would go back.
        Runs.Purge(budgetBytes, _cushionBytes + _readyBytes, (int)(_readyBytes >> RunPool.ChunkShift), all: false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        for (var i = 0; i < _heapCount; i++) _heaps[i]!.ReleaseTables();
        NativePages.Release(_reservation, _reservationBytes);
        NativePages.Release(_tables, _tablesBytes);
    }

    /// <summary>The description of the run that the block is in.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal PageInfo* PageOf(byte* block)
    {
        var page = _pages + ((nuint)(block - Base) >> RunPool.PageShift);
        return page - page->HeadDistance;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal PageInfo* Page(uint index) => _pages + index;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint IndexOf(PageInfo* page) => (uint)(page - _pages);

    /// <summary>First address of a run.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* StartOf(PageInfo* run) => Base + ((nuint)(run - _pages) << RunPool.PageShift);

    internal ref ChunkInfo Chunk(int index) => ref Unsafe.AsRef<ChunkInfo>(_chunks + (nuint)index * (nuint)sizeof(ChunkInfo));

    internal Heap HeapAt(int index) => _heaps[index]!;

    internal int HeapCount => Volatile.Read(ref _heapCount);

    internal bool CommitChunks(int first, int count)
    {
        var pagesOfChunk = (nuint)RunPool.PagesPerChunk * (nuint)sizeof(PageInfo);
        return NativePages.Commit(Base + ((nuint)first << RunPool.ChunkShift), (nuint)count << RunPool.ChunkShift)
            && CommitRounded((byte*)_pages + (nuint)first * pagesOfChunk, (nuint)count * pagesOfChunk)
            && CommitRounded(_chunks + (nuint)first * (nuint)sizeof(ChunkInfo), (nuint)count * (nuint)sizeof(ChunkInfo));
    }

    private static bool CommitRounded(byte* start, nuint size)
    {
        var mask = (nuint)Environment.SystemPageSize - 1;
        var from = (nuint)start & ~mask;
        var to = ((nuint)start + size + mask) & ~mask;
        return NativePages.Commit((byte*)from, to - from);
    }

    private static bool TryReserve(long wanted, out byte* data, out nuint dataBytes, out byte* tables, out nuint tablesBytes)
    {
        dataBytes = (nuint)wanted + (1u << RunPool.ChunkShift); // room to align
        tablesBytes = (nuint)(wanted >> RunPool.PageShift) * (nuint)sizeof(PageInfo)
            + (nuint)(wanted >> RunPool.ChunkShift) * (nuint)sizeof(ChunkInfo) + (64 << 10);
        tables = null;
        data = NativePages.Reserve(dataBytes);
        if (data == null) return false;
        tables = NativePages.Reserve(tablesBytes);
        if (tables != null) return true;
        NativePages.Release(data, dataBytes);
        return false;
    }
}
