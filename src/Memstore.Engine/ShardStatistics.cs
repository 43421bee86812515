namespace Memstore.Engine;

/// <summary>Figures of one shard at about one moment. Counts are since the shard was made, unless something else is said.</summary>
public record struct ShardStatistics
{
    /// <summary>Its number.</summary>
    public int Index { get; internal set; }

    /// <summary>Slots that it has.</summary>
    public int Slots { get; internal set; }

    /// <summary>Keys in them, over all databases.</summary>
    public long Keys { get; internal set; }

    /// <summary>Bytes of them.</summary>
    public long Bytes { get; internal set; }

    /// <summary>Commands a second, fading over some seconds.</summary>
    public double Commands { get; internal set; }

    /// <summary>Its part of the whole load, from 0 to 1.</summary>
    public double Load { get; internal set; }

    /// <summary>The slot with the most load.</summary>
    public int HeaviestSlot { get; internal set; }

    /// <summary>The part of the whole load that its heaviest slot has.</summary>
    public double HeaviestSlotLoad { get; internal set; }

    /// <summary>How often it was left or handed on, by whoever held it for whatever: commits, attempts to commit, snapshots that wait for commits.</summary>
    public long Turns { get; internal set; }

    /// <summary>Transactions that committed while they held it; one over several shards counts in each.</summary>
    public long Commits { get; internal set; }

    /// <summary>Those of the commits that had queued: whoever left the shard that they waited for committed them.</summary>
    public long Combined { get; internal set; }

    /// <summary>Transactions on a snapshot that failed validation because of one of its keys, and ran again or answered a conflict.</summary>
    public long Conflicts { get; internal set; }

    /// <summary>EXECs that ran nothing because one of its keys was watched and had been touched.</summary>
    public long LostWatches { get; internal set; }

    /// <summary>Transactions that wait for it now.</summary>
    public int QueueDepth { get; internal set; }

    /// <summary>The most that were seen to wait at once since the start or the last <see cref="Store.ResetHolds"/>.</summary>
    public int LongestQueue { get; internal set; }
}
