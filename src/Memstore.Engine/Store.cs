namespace Memstore.Engine;

/// <summary>
/// An in-memory store of databases over shards. Thread-safe. The data lives outside the garbage collector's view and is
/// given back by <see cref="Dispose"/>.
/// </summary>
public sealed class Store : IDisposable
{
    /// <summary>Makes an empty store.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="InsufficientMemoryException">No address range could be reserved.</exception>
    public Store(StoreOptions options) => throw new NotImplementedException();

    /// <summary>What it was made of.</summary>
    public StoreOptions Options => throw new NotImplementedException();

    /// <summary>Number of databases.</summary>
    public int DatabaseCount => throw new NotImplementedException();

    /// <summary>Number of shards now.</summary>
    public int ShardCount => throw new NotImplementedException();

    /// <summary>The store's clock: Unix time in milliseconds, never stepping back between threads.</summary>
    public long NowUnixMs => throw new NotImplementedException();

    /// <summary>Bytes that the data occupies: records, indexes, deadlines, trees. What maxmemory is compared with.</summary>
    public long UsedBytes => throw new NotImplementedException();

    /// <summary>Rents a worker: the calling thread may touch data until it returns it. Not across an await.</summary>
    public Worker Rent() => throw new NotImplementedException();

    /// <summary>Gives a worker back.</summary>
    public void Return(Worker worker) => throw new NotImplementedException();

    /// <summary>Hash and slot of a key.</summary>
    public KeyRoute RouteOf(ReadOnlySpan<byte> key) => throw new NotImplementedException();

    /// <summary>Hints the processor to fetch what a lookup of the key will touch. <paramref name="depth"/> 0: slot, 1: bucket, 2: record.</summary>
    public void Prefetch(int database, KeyRoute route, int depth) => throw new NotImplementedException();

    /// <summary>The shard that owns a slot now.</summary>
    public int ShardOf(int slot) => throw new NotImplementedException();

    /// <summary>Moves a slot to another shard, as a transaction of its own; false if a shard stays busy.</summary>
    public bool TryMoveSlot(Worker worker, int slot, int shard) => throw new NotImplementedException();

    /// <summary>Expires what is due and frees what nobody sees any more, in slices. Called by the store's own thread, or by tests.</summary>
    public void Maintain(Worker worker) => throw new NotImplementedException();

    /// <summary>Figures for INFO; consistent enough for people, not for decisions.</summary>
    public StoreStatistics Statistics() => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}

/// <summary>Figures of a store at about one moment.</summary>
public sealed record StoreStatistics
{
    /// <summary>Keys that expired and were removed since the start.</summary>
    public long ExpiredKeys { get; init; }

    /// <summary>Transactions that a thread committed for another that had queued.</summary>
    public long CombinedCommits { get; init; }

    /// <summary>Snapshot transactions whose validation failed.</summary>
    public long Conflicts { get; init; }

    /// <summary>Commits since the start.</summary>
    public long Commits { get; init; }

    /// <summary>Open snapshots.</summary>
    public int OpenSnapshots { get; init; }

    /// <summary>Age of the oldest open snapshot.</summary>
    public TimeSpan OldestSnapshotAge { get; init; }

    /// <summary>Bytes used by the data.</summary>
    public long UsedBytes { get; init; }

    /// <summary>Bytes committed by the allocator, an upper bound of what is resident.</summary>
    public long CommittedBytes { get; init; }

    /// <summary>Keys and keys with a deadline, by database.</summary>
    public IReadOnlyList<(long Keys, long WithDeadline)> Databases { get; init; } = [];
}
