namespace Memstore.Engine.Keys;

/// <summary>
/// Which keyspace each database number shows: one immutable array with the stamp of the commit that published it. FLUSHDB and
/// SWAPDB publish a new one; open snapshots keep the old.
/// </summary>
internal sealed class DatabaseSet(Keyspace[] keyspaces, long stamp, long position, bool isChanging, DatabaseSet? older)
{
    /// <summary>The keyspaces by database number.</summary>
    public readonly Keyspace[] Keyspaces = keyspaces;

    /// <summary>Stamp of the commit that published it.</summary>
    public readonly long Stamp = stamp;

    /// <summary>Log position of that commit.</summary>
    public readonly long Position = position;

    /// <summary>Whether the commit that published it is still publishing: readers without the shards must wait.</summary>
    public readonly bool IsChanging = isChanging;

    /// <summary>What an older open snapshot sees; null when none is open.</summary>
    public DatabaseSet? Older { get; set; } = older;

    /// <summary>The set that a snapshot sees.</summary>
    public DatabaseSet VisibleAt(long snapshot)
    {
        var set = this;
        while (set.Stamp > snapshot && set.Older is { } older) set = older;
        return set;
    }
}
