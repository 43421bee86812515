using Memstore.Engine.Keys;
using Memstore.Engine.Memory;

namespace Memstore.Engine.Transactions;

/// <summary>Records that the index no longer shows but an open snapshot may still see. Thread-safe.</summary>
// Each waits with the stamp of what replaced it: no snapshot sees it once the oldest open one is not older than that. The order
// is nearly that of stamps; an item behind a later one waits a little longer than it must, which costs only memory.
// Versions are added inside a shard and may be millions, so adding one never copies others: plain records wait in native segments, which
// the collector does not look at, tombstones and trees in managed ones.
internal sealed unsafe class VersionStore : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SegmentedQueue<Version> _others = new();
    private NativeQueue _records;
    private int _count;

    /// <summary>Versions that wait.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Bytes of the queue itself.</summary>
    public long QueueBytes
    {
        get
        {
            lock (_lock) return _records.Bytes + _others.Bytes;
        }
    }

    /// <summary>Keeps a record that was replaced by a commit with this stamp.</summary>
    public void Add(byte* record, long replacedStamp)
    {
        lock (_lock)
        {
            _records.Enqueue(new WaitingRecord((nint)record, replacedStamp));
            Volatile.Write(ref _count, _count + 1);
        }
    }

    /// <summary>Keeps the nodes of a tree whose key was overwritten or deleted by a commit with this stamp.</summary>
    public void AddTree(in TreeRoot root, long stamp) => Enqueue(new Version(0, stamp, null, default, new RetiredTree(root)));

    /// <summary>Notes a tombstone, to be taken out of the index when nobody needs it.</summary>
    public void AddTombstone(Keyspace keyspace, KeyRoute route, byte* tombstone, long stamp) =>
        Enqueue(new Version((nint)tombstone, stamp, keyspace, route, null));

    /// <summary>Takes the next version that no open snapshot sees.</summary>
    // The version first, then the oldest snapshot: whoever sees a version opened before the commit that replaced it, so
    // before it came here. A look at the snapshots from before would miss one that opened since and needs a version added since.
    public bool TryTake(SnapshotRegistry snapshots, out Version version)
    {
        version = default;
        if (Count == 0) return false;
        lock (_lock)
        {
            if (_records.TryPeek(out var record) && record.ReplacedStamp <= snapshots.OldestOpen)
            {
                version = new Version(record.Record, record.ReplacedStamp, null, default, null);
                _records.Dequeue();
            }
            else if (_others.TryPeek(out version) && version.ReplacedStamp <= snapshots.OldestOpen)
            {
                _others.Dequeue();
            }
            else
            {
                return false;
            }

            Volatile.Write(ref _count, _count - 1);
            return true;
        }
    }

    /// <summary>Lets go of the queue, not of the versions: their arena goes too.</summary>
    public void Dispose() => _records.Release();

    private void Enqueue(in Version version)
    {
        lock (_lock)
        {
            _others.Enqueue(version);
            Volatile.Write(ref _count, _count + 1);
        }
    }

    /// <summary>One of them; a tombstone if it names a keyspace.</summary>
    internal readonly record struct Version(nint Record, long ReplacedStamp, Keyspace? Keyspace, KeyRoute Route, RetiredTree? Tree);
}

/// <summary>A tree that no key has any more. Freed in slices.</summary>
internal sealed class RetiredTree(TreeRoot root)
{
    private const int NodesPerSlice = 256;

    private TreeRoot _root = root;

    /// <summary>Frees some nodes; true when all are gone.</summary>
    public bool FreeSlice(Worker worker, object? state) => CountedTree.FreeSlice(ref _root, worker, NodesPerSlice);
}

/// <summary>Takes tree nodes that a commit has replaced but an open snapshot may still read.</summary>
internal sealed unsafe class TreeSink : ITreeSink
{
    /// <summary>Where they wait.</summary>
    public VersionStore Versions { get; set; } = null!;

    /// <summary>The stamp of the commit.</summary>
    public long Stamp { get; set; }

    /// <inheritdoc/>
    public void Replaced(byte* block) => Versions.Add(block, Stamp);
}
