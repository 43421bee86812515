using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Memstore.Engine.Journaling;
using Memstore.Engine.Keys;
using Memstore.Engine.Memory;
using Memstore.Engine.Shards;
using Memstore.Engine.Transactions;

namespace Memstore.Engine;

/// <summary>
/// An in-memory store of databases over shards. Thread-safe. The data lives outside the garbage collector's view and is
/// given back by <see cref="Dispose"/>.
/// </summary>
public sealed unsafe partial class Store : IDisposable
{
    private const int DatabasesMax = 1_024;
    private const int GrantsAtOnce = 64;
    private const long GrantsTimeUs = 50;
    private const int SpareKeyspacesMax = 16;

    private static readonly TimeSpan LeavingTimeout = TimeSpan.FromSeconds(10);

    // Fixed after construction.
    private readonly WorkerPool _workers;
    private readonly Maintenance _maintenance;
    private readonly BigKeyScan _bigKeys;
    private readonly int* _marks;
    private readonly ulong _seed;

    // Replaced as a whole by a transaction that holds all shards.
    private DatabaseSet _databaseSet;

    private readonly ConcurrentQueue<Keyspace> _spareKeyspaces = new();
    private long _conflicts;
    private long _owners;
    private bool _isDisposed;

    /// <summary>Makes an empty store.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="InsufficientMemoryException">No address range could be reserved.</exception>
    public Store(StoreOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Shards, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Shards, ShardsMax);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Databases, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Databases, DatabasesMax);
        if (options.CommitLog is not null) ArgumentNullException.ThrowIfNull(options.EffectEncoder);
        Options = options;
        Log = options.CommitLog;
        Faults = options.Faults;
        _seed = options.Seed ?? (ulong)Random.Shared.NextInt64();
        Clock = new StoreClock(options.TimeProvider);
        Arena = new Arena(options.Arena);
        _workers = new WorkerPool(Arena);
        Table = new SlotTable(Arena.Base);
        Expiry = new Expiry(Table, Clock.NowUnixMs);
        Clock.IsStopped = options.StartsLoading;
        _shards = [.. Enumerable.Range(0, options.Shards).Select(static index => new Shard(index))];
        _shardCount = _filled = options.Shards;
        Owners = ShardPlanner.Assign(new HashRing(options.Shards), SlotHash.Slots);
        _marks = (int*)NativeMemory.AllocZeroed(SlotHash.Slots, sizeof(int));
        _databaseSet = new DatabaseSet([.. Enumerable.Range(0, options.Databases).Select(_ => NewKeyspace())], 0, 0, false, null);
        _bigKeys = new BigKeyScan(this);
        _maintenance = new Maintenance(this, _workers);
        if (options.RunMaintenance) _maintenance.Start();
    }

    /// <summary>What it was made of.</summary>
    public StoreOptions Options { get; }

    /// <summary>Where commits are logged; null without a log.</summary>
    public ICommitLog? Log { get; private set; }

    /// <summary>Number of databases.</summary>
    public int DatabaseCount => _databaseSet.Keyspaces.Length;

    /// <summary>The store's clock: Unix time in milliseconds, never stepping back between threads.</summary>
    public long NowUnixMs => Clock.NowUnixMs;

    /// <summary>Bytes that the data occupies: records, indexes, deadlines, trees. What maxmemory is compared with.</summary>
    public long UsedBytes => Arena.UsedBytes;

    /// <summary>
    /// Told about every key whose time was over when it is removed, on any thread, while its shard is held: it must be quick and must not
    /// touch the store. Null tells nobody.
    /// </summary>
    public KeyHandler? KeyExpired { get; set; }

    /// <summary>Whether keys that are due are deleted before anybody reads them. On unless a test turns it off.</summary>
    public bool ExpiresActively { get; set; } = true;

    internal Arena Arena { get; }

    internal SlotTable Table { get; }

    internal StoreClock Clock { get; }

    internal Expiry Expiry { get; }

    /// <summary>The shard of each slot. Changed only while both shards are held.</summary>
    internal ushort[] Owners { get; }

    /// <summary>One for each slot: odd while a commit of several records is publishing in it.</summary>
    internal int* Marks => _marks;

    internal SnapshotRegistry Snapshots { get; } = new();

    internal VersionStore Versions { get; } = new();

    internal WatchTable Watches { get; } = new();

    internal CommitFaults Faults { get; }

    internal bool IsLoading => Clock.IsStopped;

    internal DatabaseSet DatabaseSet
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Volatile.Read(ref _databaseSet);
    }

    /// <summary>Rents a worker: the calling thread may touch data until it returns it. Not across an await.</summary>
    public Worker Rent() => _workers.Rent();

    /// <summary>Gives a worker back.</summary>
    public void Return(Worker worker)
    {
        ArgumentNullException.ThrowIfNull(worker);
        _workers.Return(worker);
    }

    /// <summary>Hash and slot of a key.</summary>
    public KeyRoute RouteOf(ReadOnlySpan<byte> key) => new(HashOf(key), SlotHash.Of(key));

    /// <summary>Hints the processor to fetch what a lookup of the key will touch. <paramref name="depth"/> 0: slot, 1: bucket, 2: record.</summary>
    public void Prefetch(int database, KeyRoute route, int depth)
    {
        var slot = DatabaseSet.Keyspaces[database].SlotAt(route.Slot);
        if (depth > 0) Table.Prefetch(Volatile.Read(ref slot->Table), SlotTable.TagOf(route.Hash), record: depth > 1);
        else if (Sse.IsSupported) Sse.Prefetch0(slot);
    }

    /// <summary>The shard that owns a slot now.</summary>
    public int ShardOf(int slot) => Volatile.Read(ref Owners[slot]);

    /// <summary>Expires what is due and frees what nobody sees any more, in slices. Called by the store's own thread, or by tests.</summary>
    public void Maintain() => _maintenance.Run();

    /// <summary>
    /// The keys that occupy most memory, of all databases, the biggest first; at most 128 of each database are known. A key that has grown
    /// by a lot is found within seconds, others when the background scan comes by: it visits about 50,000 keys a second.
    /// </summary>
    /// <param name="count">How many at most.</param>
    public IReadOnlyList<BigKey> BigKeys(int count)
    {
        var worker = Rent();
        try
        {
            return _bigKeys.Top(count);
        }
        finally
        {
            Return(worker);
        }
    }

    /// <summary>
    /// Opens a snapshot of everything at an exact place in the log: it holds what the commits up to <see cref="StoreCut.Sequence"/> did and nothing
    /// of later ones. All shards are held for that moment; waits for those that are busy.
    /// </summary>
    /// <param name="atCut">Called with the sequence while all shards are held, so before any later commit: it must be quick. May be null.</param>
    public StoreCut TakeCut(Action<long>? atCut = null) => StoreCut.Take(this, atCut);

    /// <summary>Figures for INFO; consistent enough for people, not for decisions.</summary>
    public StoreStatistics Statistics()
    {
        var set = DatabaseSet;
        var (commits, combined, expired, longestHoldNs, longHolds) = (0L, 0L, 0L, 0L, 0L);
        foreach (var worker in _workers.Workers)
        {
            commits += worker.Commits;
            combined += worker.Combined;
            expired += worker.Expired;
            longHolds += worker.Holds.LongHolds;
            longestHoldNs = Math.Max(longestHoldNs, worker.Holds.LongestNs);
        }

        var opened = Snapshots.OldestTimestamp;
        return new StoreStatistics
        {
            ExpiredKeys = expired,
            Commits = commits,
            Conflicts = Volatile.Read(ref _conflicts),
            CombinedCommits = combined,
            OpenSnapshots = Snapshots.Count,
            OldestSnapshotAge = opened == 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(opened),
            LongestHold = TimeSpan.FromMicroseconds(longestHoldNs / 1e3),
            LongHolds = longHolds,
            LongestLongHold = Longest(_workers.Workers.Select(static worker => worker.Holds.Longest)),
            LongestUndisturbedHold = Longest(_workers.Workers.Select(static worker => worker.Holds.LongestUndisturbed)),
            UndisturbedLongHolds = _workers.Workers.Sum(static worker => worker.Holds.Undisturbed),
            UsedBytes = Arena.UsedBytes,
            CommittedBytes = Arena.CommittedBytes,
            Memory = MemoryByOwner(set),
            Databases = [.. set.Keyspaces.Select(keyspace => (keyspace.CountKeys(), keyspace.CountWithDeadline(), MeanTtlMs(keyspace)))],
        };
    }

    private long MeanTtlMs(Keyspace keyspace) => Math.Max(0, (long)keyspace.MeanDeadline() - Clock.NowUnixMs);

    private static LongHold? Longest(IEnumerable<LongHold?> holds) => holds.MaxBy(static hold => hold?.Time ?? TimeSpan.Zero);

    internal long CountCommits() => _workers.Workers.Sum(static worker => worker.Commits);

    internal void ScanForBigKeys() => _bigKeys.Step();

    private StoreMemory MemoryByOwner(DatabaseSet set) => new()
    {
        Records = Arena.UsedBytesOf(MemoryKind.Record),
        Indexes = Arena.UsedBytesOf(MemoryKind.Table),
        Trees = Arena.UsedBytesOf(MemoryKind.Node),
        Deadlines = Arena.UsedBytesOf(MemoryKind.Other),
        Waiting = _workers.LimboBytes,
        Free = Arena.CommittedBytes - Arena.UsedBytes,
        Databases = set.Keyspaces.Sum(static keyspace => keyspace.ArrayBytes) + (SlotHash.Slots * sizeof(int)),
        Queues = _workers.Workers.Sum(static worker => worker.LimboQueueBytes) + Versions.QueueBytes,
        PageTables = Arena.TableBytes,
        BigKeys = _bigKeys.Bytes,
    };

    /// <summary>Ends the loading that <see cref="StoreOptions.StartsLoading"/> began: time goes on, and commits are logged from here on.</summary>
    /// <param name="log">The log; null for none.</param>
    /// <exception cref="InvalidOperationException">The store is not loading.</exception>
    public void EndLoading(ICommitLog? log)
    {
        if (!IsLoading) throw new InvalidOperationException("The store is not loading.");
        if (log is not null) ArgumentNullException.ThrowIfNull(Options.EffectEncoder);
        Log = log;
        Clock.IsStopped = false;
    }

    /// <summary>Forgets the long holds and the longest queues (CONFIG RESETSTAT).</summary>
    public void ResetHolds()
    {
        foreach (var shard in Shards) shard.ResetLongestQueue();
        foreach (var worker in _workers.Workers) worker.Holds.Reset();
    }

    /// <summary>
    /// Stops maintenance and gives all memory back. Nobody may begin anything in the store any more; threads that are about to leave are waited
    /// for, and if one does not leave, the memory stays until the process ends.
    /// </summary>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _maintenance.Dispose();
        if (!_workers.TryClose(LeavingTimeout)) return;
        foreach (var keyspace in _spareKeyspaces) keyspace.Dispose();
        Versions.Dispose();
        foreach (var keyspace in _databaseSet.Keyspaces) keyspace.Dispose();
        Arena.Dispose();
        NativeMemory.Free(_marks);
    }

    internal ulong HashOf(ReadOnlySpan<byte> key) => XxHash3.HashToUInt64(key, (long)_seed);

    /// <summary>Seed of hashes inside values, so that nobody can choose fields that collide.</summary>
    internal ulong Seed => _seed;

    /// <summary>An id for the private nodes of one transaction's tree; never 0.</summary>
    internal long NextOwner() => Interlocked.Increment(ref _owners);

    internal void CountConflict() => Interlocked.Increment(ref _conflicts);

    /// <summary>Continues the transactions that were given their shards while this worker left some, within a budget.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Drain(Worker worker)
    {
        if (worker.HasGranted) DrainGranted(worker);
    }

    // A committer works for others at most so long; then the pool goes on with what is left.
    private static void DrainGranted(Worker worker)
    {
        var start = Stopwatch.GetTimestamp();
        var limit = GrantsTimeUs * Stopwatch.Frequency / 1_000_000;
        for (var done = 1; worker.TakeGranted() is { } granted; done++)
        {
            if (done > GrantsAtOnce || Stopwatch.GetTimestamp() - start > limit)
                ContinueOnPool(granted);
            else
                granted.Continue(worker);
        }
    }

    /// <summary>Continues a transaction on a thread of the pool.</summary>
    internal static void ContinueOnPool(Transaction transaction) =>
        ThreadPool.UnsafeQueueUserWorkItem(static state => state.Store.ContinueElsewhere(state), transaction, preferLocal: false);

    private void ContinueElsewhere(Transaction transaction)
    {
        var worker = Rent();
        try
        {
            transaction.Continue(worker);
            Drain(worker);
        }
        finally
        {
            Return(worker);
        }
    }

    // ---- Databases: called by a transaction that holds all shards ------------------------------------------------------

    internal static Keyspace NewKeyspace() => new();

    /// <summary>An empty keyspace, made before if there is one: mapping its memory takes longer than all else that FLUSHALL does inside the shards.</summary>
    internal Keyspace TakeKeyspace() => _spareKeyspaces.TryDequeue(out var keyspace) ? keyspace : NewKeyspace();

    /// <summary>Makes the databases in use resident, and keyspaces for the next FLUSHALL, which occupy address space and no memory.</summary>
    internal void PrepareKeyspaces()
    {
        foreach (var keyspace in DatabaseSet.Keyspaces) keyspace.Populate();
        while (_spareKeyspaces.Count < Math.Min(DatabaseCount, SpareKeyspacesMax)) _spareKeyspaces.Enqueue(NewKeyspace());
    }

    /// <summary>Makes readers without shards wait while the holder of all shards publishes several things.</summary>
    internal DatabaseSet PublishChanging()
    {
        var set = _databaseSet;
        return Install(new DatabaseSet(set.Keyspaces, set.Stamp, set.Position, isChanging: true, set.Older));
    }

    /// <summary>Lets readers go on with what the set shows.</summary>
    internal void PublishSettled(DatabaseSet set) =>
        Install(new DatabaseSet(set.Keyspaces, set.Stamp, set.Position, isChanging: false, set.Older));

    /// <summary>Shows again what an earlier set showed, which no snapshot has stopped seeing.</summary>
    internal DatabaseSet Restore(DatabaseSet set) =>
        Install(new DatabaseSet(set.Keyspaces, set.Stamp, set.Position, isChanging: true, set.Older));

    /// <summary>Ends the process: a half-finished transaction could be read or logged otherwise.</summary>
    internal void Stop(string reason, Exception error) => Options.Stop(reason, error);

    /// <summary>Publishes other keyspaces.</summary>
    internal DatabaseSet Publish(Keyspace[] keyspaces, long stamp, long position, bool isChanging)
    {
        // A set that no snapshot sees hands its link on, as records do: one commit may publish several sets (FLUSHALL).
        var older = Snapshots.NewestOpen >= _databaseSet.Stamp ? _databaseSet : _databaseSet.Older;
        return Install(new DatabaseSet(keyspaces, stamp, position, isChanging, older));
    }

    /// <summary>A keyspace that no database shows any more, as of this stamp.</summary>
    internal void Drop(Keyspace keyspace, long stamp) => _maintenance.Drop(keyspace, stamp);

    /// <summary>Forgets sets that no open snapshot sees.</summary>
    internal void ForgetOlderSets()
    {
        var set = DatabaseSet;
        if (set.Older is not null && Snapshots.OldestOpen >= set.Stamp) set.Older = null;
    }

    private DatabaseSet Install(DatabaseSet set)
    {
        Volatile.Write(ref _databaseSet, set);
        return set;
    }
}

/// <summary>Told about a key that has expired or is created; the key's bytes are good during the call.</summary>
public delegate void KeyHandler(int database, ReadOnlySpan<byte> key);
