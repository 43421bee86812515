using Memstore.Engine.Memory;
using Xunit;

namespace Memstore.Engine.Tests.Values;

/// <summary>An arena with one worker, and the part of a shard that trees need: stamps, open snapshots, the retire queue.</summary>
internal sealed unsafe class TreeBench : ITreeSink, IDisposable
{
    private readonly Arena _arena;
    private readonly WorkerPool _pool;
    private readonly Queue<(nint Block, long Successor)> _retired = new();
    private readonly SortedSet<long> _snapshots = [];
    private long _lastOwner;

    public TreeBench(long limitBytes = 0)
    {
        _arena = new Arena(new ArenaOptions { LimitBytes = limitBytes });
        _pool = new WorkerPool(_arena);
        Worker = _pool.Rent();
        Context = new TreeContext { Worker = Worker, Sink = this, Stamp = Generation, NewestOpenSnapshot = 0 };
    }

    public Worker Worker { get; }

    public Arena Arena => _arena;

    /// <summary>The context of commits of single commands.</summary>
    public TreeContext Context { get; }

    public long Generation { get; private set; } = 1;

    public int RetiredCount => _retired.Count;

    public long UsedBytes => _arena.UsedBytes;

    public long OpenSnapshot()
    {
        var snapshot = Generation++;
        _snapshots.Add(snapshot);
        Refresh();
        return snapshot;
    }

    public void CloseSnapshot(long snapshot)
    {
        _snapshots.Remove(snapshot);
        Refresh();
        var oldest = _snapshots.Count == 0 ? long.MaxValue : _snapshots.Min;
        while (_retired.TryPeek(out var retired) && oldest >= retired.Successor)
        {
            _retired.Dequeue();
            Worker.Free((byte*)retired.Block);
        }
    }

    /// <summary>The context of a private transaction that runs on a snapshot.</summary>
    public TreeContext Private(long snapshot) => new()
    {
        Worker = Worker,
        Sink = this,
        Stamp = snapshot + 1,
        NewestOpenSnapshot = snapshot,
        Owner = ++_lastOwner,
    };

    public void Replaced(byte* block) => _retired.Enqueue(((nint)block, Generation));

    public void Free(ref TreeRoot root)
    {
        while (!CountedTree.FreeSlice(ref root, Worker, 7))
        {
        }
    }

    public void AssertSame(in TreeRoot root, IReadOnlyDictionary<string, string> model, string message, long stampMax = long.MaxValue)
    {
        CountedTree.AssertInvariants(root, _arena, stampMax);
        Assert.True(model.Count == root.Count, message);
        var cursor = new TreeCursor(root, 0);
        var seen = 0;
        while (cursor.MoveNext())
        {
            seen++;
            Assert.True(model.TryGetValue(HashModel.Text(cursor.Field), out var value), message);
            Assert.True(value == HashModel.Text(cursor.Value), message);
        }

        Assert.True(seen == model.Count, message);
    }

    public void Dispose()
    {
        _pool.Return(Worker);
        if (!_pool.TryClose(TimeSpan.Zero)) throw new InvalidOperationException("A worker was not returned.");
        _arena.Dispose();
    }

    private void Refresh()
    {
        Context.Stamp = Generation;
        Context.NewestOpenSnapshot = _snapshots.Count == 0 ? 0 : _snapshots.Max;
    }
}
