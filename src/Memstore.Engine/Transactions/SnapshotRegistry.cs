using System.Diagnostics;

namespace Memstore.Engine.Transactions;

/// <summary>The generation and the open snapshots. Thread-safe.</summary>
// A commit holds its shards, reads Generation, then NewestOpen. A snapshot publishes NewestOpen >= S before it advances the
// generation past S. So a commit that gets a stamp > S sees that S is open and keeps what S can see; a commit that got a
// stamp <= S belongs to the snapshot, which waits until its shards have been left.
internal sealed class SnapshotRegistry
{
    private readonly Lock _lock = new();
    private Snapshot? _oldest;
    private Snapshot? _newest;
    private long _generation = 1;
    private long _newestOpen = -1;
    private long _oldestOpen = long.MaxValue;
    private int _open;

    /// <summary>The stamp that commits take now.</summary>
    public long Generation => Volatile.Read(ref _generation);

    /// <summary>The newest open snapshot, or -1: a record with a stamp not above it must be kept when it is replaced.</summary>
    public long NewestOpen => Volatile.Read(ref _newestOpen);

    /// <summary>The oldest open snapshot; the largest number if none is open.</summary>
    public long OldestOpen => Volatile.Read(ref _oldestOpen);

    /// <summary>Number of open snapshots.</summary>
    public int Count => Volatile.Read(ref _open);

    /// <summary>When the oldest was opened, as a Stopwatch timestamp; 0 if none is open.</summary>
    public long OldestTimestamp
    {
        get
        {
            lock (_lock) return _oldest?.OpenedTimestamp ?? 0;
        }
    }

    /// <summary>Opens a snapshot at the present generation and advances it. The caller waits for the commits under way.</summary>
    public void Open(Snapshot snapshot, StoreClock clock)
    {
        lock (_lock)
        {
            // The moment is read before the generation advances (docs/concurrency.md, "Expiry").
            snapshot.NowUnixMs = clock.NowUnixMs;
            snapshot.OpenedTimestamp = Stopwatch.GetTimestamp();
            snapshot.Generation = _generation;
            snapshot.Older = _newest;
            snapshot.Newer = null;
            if (_newest is null)
            {
                _oldest = snapshot;
                Volatile.Write(ref _oldestOpen, snapshot.Generation);
            }
            else
            {
                _newest.Newer = snapshot;
            }

            _newest = snapshot;
            _open++;
            Volatile.Write(ref _newestOpen, snapshot.Generation);
            Interlocked.Exchange(ref _generation, snapshot.Generation + 1);
        }
    }

    /// <summary>Closes a snapshot: what only it could see may go.</summary>
    public void Close(Snapshot snapshot)
    {
        lock (_lock)
        {
            if (snapshot.Older is { } older) older.Newer = snapshot.Newer;
            else _oldest = snapshot.Newer;
            if (snapshot.Newer is { } newer) newer.Older = snapshot.Older;
            else _newest = snapshot.Older;
            snapshot.Older = snapshot.Newer = null;
            _open--;
            Volatile.Write(ref _oldestOpen, _oldest?.Generation ?? long.MaxValue);
            Volatile.Write(ref _newestOpen, _newest?.Generation ?? -1);
        }
    }
}

/// <summary>A consistent cut: it sees what was committed with a stamp not above its generation.</summary>
internal sealed class Snapshot
{
    /// <summary>The last generation that it sees.</summary>
    public long Generation { get; set; }

    /// <summary>The moment at which it was taken: a key with a deadline not after it is dead.</summary>
    public long NowUnixMs { get; set; }

    /// <summary>When it was opened, for its age.</summary>
    public long OpenedTimestamp { get; set; }

    internal Snapshot? Older { get; set; }

    internal Snapshot? Newer { get; set; }
}
