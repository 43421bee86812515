namespace Memstore.Engine;

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

    /// <summary>
    /// The longest time for which a thread worked while a transaction held a shard, since the last <see cref="Store.ResetHolds"/>:
    /// the thread's processor time. Short holds are sampled, those that do more than a few keys' work are all timed.
    /// </summary>
    public TimeSpan LongestHold { get; init; }

    /// <summary>Timed holds of more than 100 us since then.</summary>
    public long LongHolds { get; init; }

    /// <summary>The longest hold of more than 100 us, with what happened in it; null if there was none.</summary>
    public Memory.LongHold? LongestLongHold { get; init; }

    /// <summary>The longest of these in which nothing came between: no collection, page fault, preemption, wait or compilation; null if there was none.</summary>
    public Memory.LongHold? LongestUndisturbedHold { get; init; }

    /// <summary>How many of the long holds were such.</summary>
    public long UndisturbedLongHolds { get; init; }

    /// <summary>Bytes used by the data.</summary>
    public long UsedBytes { get; init; }

    /// <summary>Bytes committed by the allocator, an upper bound of what is resident.</summary>
    public long CommittedBytes { get; init; }

    /// <summary>The same and all else that the store has taken, by what it is for.</summary>
    public StoreMemory Memory { get; init; } = new();

    /// <summary>Keys, keys with a deadline, and the mean time that those have left to live in milliseconds, by database.</summary>
    public IReadOnlyList<(long Keys, long WithDeadline, long MeanTtlMs)> Databases { get; init; } = [];
}

/// <summary>Where the native memory of a store is, in bytes.</summary>
public sealed record StoreMemory
{
    /// <summary>Keys with their strings and small collections, old versions included.</summary>
    public long Records { get; init; }

    /// <summary>From hashes to records.</summary>
    public long Indexes { get; init; }

    /// <summary>Large collections.</summary>
    public long Trees { get; init; }

    /// <summary>Deadlines, by time.</summary>
    public long Deadlines { get; init; }

    /// <summary>Of these: what is unlinked and waits until nobody can be reading it.</summary>
    public long Waiting { get; init; }

    /// <summary>Taken from the system and free: in pages that are partly used, and made ready ahead of use.</summary>
    public long Free { get; init; }

    /// <summary>What each database keeps for each slot, and the slots' marks.</summary>
    public long Databases { get; init; }

    /// <summary>The lists of what waits, for readers or for snapshots.</summary>
    public long Queues { get; init; }

    /// <summary>The allocator's own tables.</summary>
    public long PageTables { get; init; }

    /// <summary>What is known of the biggest keys.</summary>
    public long BigKeys { get; init; }

    /// <summary>All that is not data: databases, queues, tables, what is known of keys.</summary>
    public long Overhead => Databases + Queues + PageTables + BigKeys;
}
