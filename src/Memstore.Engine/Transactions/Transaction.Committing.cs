using System.Diagnostics;
using Memstore.Engine.Shards;

namespace Memstore.Engine;

// Committing what was prepared on a snapshot: entering, validation, publishing; or running again while the shards are held.
public sealed unsafe partial class Transaction
{
    // The shards of everything read and written, and of what was declared.
    private void RouteCommit()
    {
        for (var i = 0; i < _reads.Count; i++) Declare(_reads.RouteAt(i), KeyAccess.Read);
        for (var i = 0; i < _writes.Count; i++) Declare(_writes.RouteAt(i), KeyAccess.Read);
        if (_reads.Everything) _everything ??= KeyAccess.Read;
        Route();
    }

    private void CommitOrRunAgain(Worker worker, ITransactionBody body)
    {
        try
        {
            if (TryPublish(worker))
            {
                EndPrivate(worker);
                return;
            }

            EndPrivate(worker);
            RunHeld(worker, body);
        }
        finally
        {
            LeaveAll(worker);
        }
    }

    private void CommitSubmitted(Worker worker)
    {
        Exception? error = null;
        if (_body is null)
        {
            OpenOutcome = TryPublish(worker) ? CommitOutcome.Committed : CommitOutcome.Conflict;
            EndPrivate(worker);
            IsOpen = false;
            LeaveAll(worker);
            End(null);
            return;
        }

        try
        {
            CommitOrRunAgain(worker, _body);
        }
        catch (Exception e) when (_body is not null)
        {
            error = e;
        }

        End(error);
    }

    // Validates what was read and publishes what was written. Holds all the shards.
    private bool TryPublish(Worker worker)
    {
        StartHeldForPublish(worker);
        if (!Validate(out var failedSlot))
        {
            _store.CountConflict();
            _store.Shards[_store.ShardOf(failedSlot)].CountConflict();
            _mode = Mode.Private;
            return false;
        }

        if (_writes.Count > 1) MarkWrites();
        _isPublishing = true;
        try
        {
            for (var i = 0; i < _writes.Count; i++) PublishWrite(i);
        }
        finally
        {
            _isPublishing = false;
        }

        EndHeld();
        return true;
    }

    private void StartHeldForPublish(Worker worker)
    {
        var declared = _writesDeclared;
        _writesDeclared = 0;
        _readView = _view;
        StartHeld(worker);
        _writesDeclared = declared;
    }
}
