using System.Diagnostics;
using Memstore.Engine.Shards;

namespace Memstore.Engine;

// Running on a snapshot: opening it, waiting until the commits it may not see half of are over, and the body in private.
public sealed unsafe partial class Transaction
{
    private void OpenSnapshot()
    {
        _store.Snapshots.Open(_snapshot, _store.Clock);
        _snapshotIsOpen = true;
        Route();
        if (_declaredCount == 0)
        {
            CoverAll();
        }
    }

    private void CloseSnapshot()
    {
        if (!_snapshotIsOpen) return;
        _snapshotIsOpen = false;
        _store.Snapshots.Close(_snapshot);
    }

    // Opens a snapshot and waits, briefly, for the commits under way; false with nothing open if they take long.
    private bool TryOpenSnapshot(Worker worker)
    {
        OpenSnapshot();
        for (var shard = _shards.Next(0); shard >= 0; shard = _shards.Next(shard + 1))
        {
            var turn = _store.Shards[shard].Turn;
            for (var spins = 0; _store.Shards[shard].IsHeld && _store.Shards[shard].Turn == turn; spins++)
            {
                if (spins == SpinsMax)
                {
                    CloseSnapshot();
                    return false;
                }

                Thread.SpinWait(4);
            }
        }

        EnterSnapshot(worker);
        return true;
    }

    // Passes once through each covered shard that is held: when it gets its turn, whoever held it has left.
    private bool Settle(Worker worker)
    {
        if (_passing >= 0) Pass(worker);
        for (var shard = _shards.Next(_enteredUpTo); shard >= 0; shard = _shards.Next(shard + 1))
        {
            if (!_store.Shards[shard].IsHeld) continue;
            // Set before others can see that it waits: whoever grants it the shard goes on from here.
            _enteredUpTo = shard + 1;
            _passing = shard;
            if (!_store.Shards[shard].TryEnter(this))
            {
                worker.Grant(_store.Shards[shard].Enqueue(this));
                return false;
            }

            Pass(worker);
        }

        EnterSnapshot(worker);
        return true;
    }

    private void Pass(Worker worker)
    {
        var shard = _passing;
        _passing = -1;
        worker.Grant(_store.Shards[shard].Leave());
    }

    private void EnterSnapshot(Worker worker)
    {
        _mode = Mode.Private;
        _replacesKey = false;
        _worker = worker;
        _nowUnixMs = _snapshot.NowUnixMs;
        _view = _store.DatabaseSet.VisibleAt(_snapshot.Generation);
        _position = Math.Max(_position, _view.Position);
        if (_everything is not null) DependOnEverything();
        _reads.Clear();
    }

    private void RunPrivate(Worker worker, ITransactionBody body)
    {
        try
        {
            body.Run(this);
            FinishPending();
        }
        catch
        {
            EndPrivate(worker);
            throw;
        }
    }

    // Runs a submitted transaction on its settled snapshot. False if it has ended.
    private bool RunSettled(Worker worker)
    {
        if (_body is null)
        {
            End(null);
            return false;
        }

        try
        {
            RunPrivate(worker, _body);
        }
        catch (Exception e) when (_body is not null)
        {
            End(e);
            return false;
        }

        if (!HasPrivateChanges)
        {
            EndPrivate(worker);
            End(null);
            return false;
        }

        DeclareCommit();
        StartEntering(Phase.EnteringToCommit);
        return true;
    }

    private void EndPrivate(Worker worker)
    {
        _pendingState = PendingState.None;
        DropEffects();
        _writes.Free(worker);
        _reads.Clear();
        if (HasDatabaseChanges) _map!.Reset();
        CloseSnapshot();
        _mode = Mode.Idle;
    }
}
