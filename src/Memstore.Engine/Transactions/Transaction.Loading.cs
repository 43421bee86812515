using Memstore.Engine.Memory;

namespace Memstore.Engine;

// What cuts and loaders need of a transaction: to be driven step by step.
public sealed partial class Transaction
{
    /// <summary>Opens as a read-only transaction while another holds all shards: there is no commit to wait for.</summary>
    internal void OpenHeld()
    {
        Begin(0, TransactionPlan.ReadSnapshot);
        _store.Snapshots.Open(_snapshot, _store.Clock);
        _snapshotIsOpen = true;
        IsOpen = true;
        _view = _store.DatabaseSet.VisibleAt(_snapshot.Generation);
        _nowUnixMs = _snapshot.NowUnixMs;
        _reads.Clear();
    }

    /// <summary>Scans the snapshot of the open transaction.</summary>
    internal ulong ScanOpen<TVisitor>(Worker worker, int database, ulong cursor, int count, ref TVisitor visitor)
        where TVisitor : IEntryVisitor, allows ref struct
    {
        if (!IsOpen) throw new InvalidOperationException("No transaction is open.");
        _worker = worker;
        _mode = Mode.Private;
        Database = database;
        return Scan(cursor, count, ref visitor);
    }

    /// <summary>Enters the shards of what was declared and begins a held run that the caller makes.</summary>
    internal void EnterToLoad(Worker worker)
    {
        _phase = Phase.Direct;
        while (!TryEnterAll(worker))
        {
            Store.Drain(worker);
            Thread.Yield();
        }

        StartHeld(worker);
    }

    /// <summary>Ends the run, with what has been done, and leaves.</summary>
    internal void LeaveLoaded(Worker worker)
    {
        try
        {
            Commit();
        }
        finally
        {
            LeaveAll(worker);
            Store.Drain(worker);
        }
    }

    private void Commit()
    {
        try
        {
            PublishLast();
        }
        catch
        {
            RollBack();
            throw;
        }

        EndHeld();
    }
}
