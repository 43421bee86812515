using Memstore.Engine.Memory;
using Memstore.Engine.Transactions;

namespace Memstore.Engine;

// What transactions keep in the worker that runs them.
public sealed unsafe partial class Worker
{
    private TreeContext? _treeContext;
    private Transaction? _firstGranted;
    private Transaction? _lastGranted;

    /// <summary>Commits that ran on this worker.</summary>
    internal long Commits { get; set; }

    /// <summary>Those of them that had queued for a shard: whoever left it committed them.</summary>
    internal long Combined { get; set; }

    /// <summary>Keys that expired in those commits.</summary>
    internal long Expired { get; set; }

    /// <summary>For changing trees inside their shards.</summary>
    internal TreeContext TreeContext => _treeContext ??= new TreeContext { Worker = this, Sink = TreeSink };

    /// <summary>Where that context puts what snapshots may still read.</summary>
    internal TreeSink TreeSink { get; } = new();

    /// <summary>Whether transactions wait for this worker to continue them.</summary>
    internal bool HasGranted => _firstGranted is not null;

    /// <summary>Notes a transaction that has been given the shard it waited for; null is ignored.</summary>
    internal void Grant(Transaction? transaction)
    {
        if (transaction is null) return;
        if (_lastGranted is null) _firstGranted = transaction;
        else _lastGranted.NextGranted = transaction;
        _lastGranted = transaction;
    }

    /// <summary>The next transaction to continue.</summary>
    internal Transaction? TakeGranted()
    {
        var first = _firstGranted;
        if (first is null) return null;
        _firstGranted = first.NextGranted;
        if (_firstGranted is null) _lastGranted = null;
        first.NextGranted = null;
        return first;
    }

    /// <summary>Bytes that a block occupies.</summary>
    internal nuint SizeOf(byte* block) => Arena.SizeOf(block);
}
