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

    /// <summary>Whether a thread of the store's own expires keys and frees memory. Tests turn it off and call <see cref="Store.Maintain"/>.</summary>
    public bool RunMaintenance { get; init; } = true;

    /// <summary>Hashes with more fields than this become trees (hash-max-listpack-entries).</summary>
    public int PackedHashEntriesMax { get; set; } = 512;

    /// <summary>Hashes with a field or value longer than this become trees, in bytes (hash-max-listpack-value).</summary>
    public int PackedHashValueMax { get; set; } = 64;
}
