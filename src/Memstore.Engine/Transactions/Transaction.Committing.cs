using Memstore.Engine.Keys;
using Memstore.Engine.Memory;
using Memstore.Engine.Transactions;

namespace Memstore.Engine;

// Committing what was prepared on a snapshot: entering, validation, publishing; or running again while the shards are held.
public sealed unsafe partial class Transaction
{
    // Everything read and written, beside what was declared.
    private void DeclareCommit()
    {
        for (var i = 0; i < _reads.Count; i++) Declare(_reads.RouteAt(i), KeyAccess.Read);
        for (var i = 0; i < _writes.Count; i++) Declare(_writes.RouteAt(i), KeyAccess.Read);
        if (HasDatabaseChanges) _everything = KeyAccess.Write;
        else if (_reads.Everything) _everything ??= KeyAccess.Read;
    }

    private void CommitOrRunAgain(Worker worker, ITransactionBody body)
    {
        try
        {
            if (TryCommitPrivate(worker)) return;
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
        try
        {
            if (_body is { } body) CommitOrRunAgain(worker, body);
            else OpenOutcome = CommitOpen(worker);
        }
        catch (Exception e)
        {
            error = e;
        }

        if (_body is null) OpenError = error;
        End(error);
    }

    // Holds all the shards, and leaves them. Ends the open transaction, whatever happens.
    private CommitOutcome CommitOpen(Worker worker)
    {
        try
        {
            return TryCommitPrivate(worker) ? CommitOutcome.Committed : CommitOutcome.Conflict;
        }
        finally
        {
            IsOpen = false;
            LeaveAll(worker);
        }
    }

    // Commits what was prepared, or gives it up: because something that was read has changed (false), or because it failed.
    private bool TryCommitPrivate(Worker worker)
    {
        try
        {
            return TryPublish(worker);
        }
        finally
        {
            EndPrivate(worker);
        }
    }

    // Validates what was read and publishes what was written. Holds all the shards.
    private bool TryPublish(Worker worker)
    {
        try
        {
            StartHeldForPublish(worker);
            if (!Validate(out var failedSlot))
            {
                _store.CountConflict();
                _store.Shards[_store.ShardOf(failedSlot)].CountConflict();
                RollBack();
                return false;
            }

            _isPublishing = true;
            if (HasDatabaseChanges) PublishDatabases();
            else if (_writes.Count > 1) MarkWrites();
            for (var i = 0; i < _writes.Count; i++) PublishWrite(i);
        }
        catch
        {
            RollBack();
            throw;
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

    // What was read must be what a run at this moment would read. Absent and still absent is the same, whatever came between.
    private bool Validate(out int failedSlot)
    {
        failedSlot = 0;
        if ((_store.Faults & CommitFaults.SkipValidation) != 0) return true;
        for (var i = 0; i < _reads.Count; i++)
        {
            var key = new Key(_reads.KeyAt(i), _reads.RouteAt(i));
            failedSlot = key.Route.Slot;
            var entry = LookUp(_view.Keyspaces[_reads.ContentAt(i)], key, out var record);
            var isThere = entry != null && !Record.IsTombstone(record) && !IsDead(record);
            if (isThere != (_reads.RecordAt(i) != null)) return false;
            if (isThere && (Record.Stamp(record) > _snapshot.Generation || IsSwapped(_reads.ContentAt(i)))) return false;
        }

        return !_reads.Everything || NothingChangedSince(_snapshot.Generation, out failedSlot);
    }

    // Another database has the number now: a key of the same name there may be as old as the one that was read, and is another one.
    private bool IsSwapped(int database) => !ReferenceEquals(_view.Keyspaces[database], _readView.Keyspaces[database]);

    private bool NothingChangedSince(long generation, out int changedSlot)
    {
        changedSlot = 0;
        if (_view.Stamp > generation) return false;
        foreach (var keyspace in _view.Keyspaces)
        {
            for (var slot = 0; slot < SlotHash.Slots; slot++)
            {
                changedSlot = slot;
                if (keyspace.SlotAt(slot)->LastStamp > generation) return false;
            }
        }

        return true;
    }

    private void PublishWrite(int index)
    {
        var database = DatabaseOf(_writes.ContentAt(index));
        if (database < 0) return;
        var route = _writes.RouteAt(index);
        var keyspace = _view.Keyspaces[database];
        var (context, editsPublished) = _writes.TreeAt(index);
        var record = _writes.RecordAt(index);
        var entry = LookUp(keyspace, new Key(Record.Key(record), route), out var old);
        if (Record.IsTombstone(record))
        {
            if (entry != null && !Record.IsTombstone(old)) PublishRemoval(keyspace, database, route, entry, old);
            return;
        }

        record = Stamped(index, record, LinkTo(entry, old));
        var change = new Change
        {
            Kind = ChangeKind.Put,
            Keyspace = keyspace,
            Database = database,
            Route = route,
            Old = (nint)old,
            Record = (nint)record,
            Context = context,
            KeepsTree = editsPublished,
        };
        Publish(change, entry, isLast: false);
        _writes.Take(index);
    }

    private void PublishRemoval(Keyspace keyspace, int database, KeyRoute route, ulong* entry, byte* old)
    {
        var tombstone = NewTombstone(entry, old);
        try
        {
            var change = new Change
            {
                Kind = ChangeKind.Remove,
                Keyspace = keyspace,
                Database = database,
                Route = route,
                Old = (nint)old,
                Record = (nint)tombstone,
            };
            Remove(change, entry, isLast: false);
        }
        catch
        {
            if (tombstone != null) _worker.Free(tombstone);
            throw;
        }
    }

    // The prepared record with its stamp; a copy if it must link to an older version.
    private byte* Stamped(int index, byte* record, ulong link)
    {
        if (link == 0)
        {
            Record.SetStamp(record, _generation);
            return record;
        }

        var value = (ReadOnlySpan<byte>)Record.Value(record);
        var linked = NewRecord(Record.Type(record), Record.Has(record, RecordFlags.Raw), _generation,
            Record.Key(record), value.Length, Record.Deadline(record), link);
        value.CopyTo(Record.Value(linked));
        _writes.Exchange(index, linked, _worker);
        return linked;
    }
}
