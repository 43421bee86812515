namespace Memstore.Engine;

/// <summary>What a <see cref="Store"/> is made of. Fixed after construction, but for what the store lets change.</summary>
public sealed class StoreOptions
{
    /// <summary>Number of shards, 1 to 4,096.</summary>
    public int Shards { get; init; } = 4;

    /// <summary>Number of databases, 1 to 1,024.</summary>
    public int Databases { get; init; } = 16;

    /// <summary>Where time comes from. Deadlines follow it; it may be moved by tests.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Seed of the key hash and of every random choice; null draws one.</summary>
    public ulong? Seed { get; init; }

    /// <summary>Where committed transactions are logged; null keeps no log.</summary>
    public Journaling.ICommitLog? CommitLog { get; init; }

    /// <summary>How effects are written for the log; needed when there is one.</summary>
    public Journaling.IEffectEncoder? EffectEncoder { get; init; }

    /// <summary>
    /// Whether data is loaded first, with <see cref="StoreLoader"/>: until <see cref="Store.EndLoading"/> time stands still, nothing expires and
    /// nothing is logged.
    /// </summary>
    public bool StartsLoading { get; init; }

    /// <summary>Whether a thread of the store's own expires keys and frees memory. Tests turn it off and call <see cref="Store.Maintain"/>.</summary>
    public bool RunMaintenance { get; init; } = true;

    /// <summary>Hashes with more fields than this become trees (hash-max-listpack-entries).</summary>
    public int PackedHashEntriesMax { get; set; } = 512;

    /// <summary>Hashes with a field or value longer than this become trees, in bytes (hash-max-listpack-value).</summary>
    public int PackedHashValueMax { get; set; } = 64;

    /// <summary>Where the data lives. Tests give it a limit.</summary>
    internal Memory.ArenaOptions? Arena { get; init; }

    /// <summary>
    /// From how many keys on a transaction of several commands runs on a snapshot first (<see cref="Transaction.PlanByLength"/>). Tests lower it.
    /// </summary>
    internal int SnapshotKeysMin { get; set; } = 64;

    /// <summary>And how many of its keys must be there for each one that it writes.</summary>
    internal int SnapshotKeysPerWrite { get; set; } = 8;

    /// <summary>From how many unused bytes in pages of records on it pays to empty sparse ones. Tests lower it.</summary>
    internal long EvacuationSlackBytes { get; init; } = 4L << 20;

    /// <summary>Ends the process. Tests look on.</summary>
    internal Action<string, Exception> Stop { get; init; } = Environment.FailFast;

    /// <summary>Rules of the commit protocol to break, so that tests can show that breaking them is noticed.</summary>
    internal CommitFaults Faults { get; init; }
}

/// <summary>Rules of the commit protocol, each of which a test breaks on purpose.</summary>
[Flags]
internal enum CommitFaults
{
    None = 0,

    /// <summary>What was read on a snapshot is not validated.</summary>
    SkipValidation = 1,

    /// <summary>The shards of a commit are entered and left one after the other.</summary>
    EnterOneByOne = 2,

    /// <summary>The stamp is read before the last shard is held.</summary>
    StampEarly = 4,

    /// <summary>Slots are not marked while several records are published.</summary>
    SkipMarks = 8,

    /// <summary>The log position is reserved after the records are published.</summary>
    ReserveLate = 16,
}
