using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Memstore.Engine.Keys;
using Memstore.Engine.Memory;
using Memstore.Engine.Transactions;

namespace Memstore.Engine;

// Writing keys. A write is prepared first and published when the transaction next touches the store, or else at its end: by then nothing that can
// fail is left, so a command that writes once needs no way back. What is published earlier is noted (Transaction.Undo), under a mark of its slot.
public sealed unsafe partial class Transaction
{
    // What has been prepared but not published: a record, whose value may still be being filled in, or a removal with its tombstone if one is needed.
    private PendingState _pendingState;
    private Change _pending;
    private nint _pendingEntry;

    // A copy is being put where another key may be.
    private bool _replacesKey;

    private int[] _marked = new int[DeclaredAtFirst];
    private int _markedCount;

    private enum PendingState : byte
    {
        /// <summary>There is nothing.</summary>
        None,

        /// <summary>It has been prepared, and goes if the transaction fails.</summary>
        Prepared,

        /// <summary>It has been published as the last change: there is no way back.</summary>
        Published,
    }

    private byte* NewRecord(RecordType type, bool raw, long stamp, ReadOnlySpan<byte> key, int valueLength, long deadline, ulong older)
    {
        var record = _worker.Allocate(Record.SizeOf(key.Length, valueLength, deadline != 0, older != 0), MemoryKind.Record);
        Record.Write(record, type, raw, stamp, key, valueLength, deadline, older);
        return record;
    }

    private Span<byte> PutRecord(in Key key, RecordType type, int valueLength, long deadline, bool raw)
    {
        FinishPending();
        _pendingEffect = PendingEffect.Put;
        if (_mode == Mode.Private)
        {
            RefuseIfReadOnly();
            if (KeyCreated is not null) TellCreated(key);
            var prepared = NewRecord(type, raw, 0, key.Bytes, valueLength, deadline, 0);
            _writes.Put(Content, key, prepared, _worker);
            if (_store.Log is not null)
            {
                // The value is still to be filled in; then its effect is encoded.
                SetPending(ChangeKind.Put, null!, key.Route, null, null, prepared);
            }

            return Record.Value(prepared);
        }

        if (_mode != Mode.Held) throw NotRunning();
        if (KeyCreated is not null) TellCreated(key);
        if (valueLength > ValueUntimed) _worker.Holds.Start();
        var keyspace = _view.Keyspaces[_database];
        var entry = LookUp(keyspace, key, out var old);
        var record = NewRecord(type, raw, _generation, key.Bytes, valueLength, deadline, LinkTo(entry, old));
        SetPending(ChangeKind.Put, keyspace, key.Route, entry, old, record);
        return Record.Value(record);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SetPending(ChangeKind kind, Keyspace keyspace, KeyRoute route, ulong* entry, byte* old, byte* record)
    {
        _pendingState = PendingState.Prepared;
        _pendingEntry = (nint)entry;
        _pending.Kind = kind;
        _pending.Keyspace = keyspace;
        _pending.Database = _database;
        _pending.Route = route;
        _pending.Old = (nint)old;
        _pending.Record = (nint)record;
        _pending.KeepsTree = false;
        _pending.TakesTree = false;
    }

    // COPY and RENAME put a key in the place of another: as in Redis it counts as new though one of that name was there.
    private void TellCreated(in Key key)
    {
        if (_replacesKey || !IsThere(key)) KeyCreated!(_database, key.Bytes);
    }

    // Whether a write would find the key. Not a read: a private transaction does not come to depend on the answer.
    private bool IsThere(in Key key)
    {
        var content = Content;
        var written = _mode == Mode.Private ? _writes.Find(content, key) : null;
        if (written != null) return !Record.IsTombstone(written) && !IsDead(written);
        if (IsNew(content)) return false;
        LookUp(_view.Keyspaces[content], key, out var record);
        if (_mode == Mode.Private) record = VisibleAt(record);
        return record != null && !Record.IsTombstone(record) && !IsDead(record);
    }

    // The unit of the version that an open snapshot may see and that the next one must therefore link to; 0 if none.
    // A record that no snapshot sees hands its own link on. That link may be to freed memory only if nobody follows it: whoever
    // does has a snapshot older than the record, and then the version behind it has been kept.
    private ulong LinkTo(ulong* entry, byte* old)
    {
        if (entry == null || _newestOpen < 0) return 0;
        return Record.Stamp(old) <= _newestOpen ? _store.Arena.ToUnit(old) : Record.Older(old);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FinishPending()
    {
        if (_pendingState != PendingState.None) PublishPending(isLast: false);
    }

    // At the end of a held run: the last thing that may fail.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void PublishLast()
    {
        if (_pendingState == PendingState.None) return;
        PublishPending(isLast: true);
        _pendingState = PendingState.Published;
    }

    private void DropPending()
    {
        if (_pendingState == PendingState.Prepared && _pending.Record != 0) DropPrepared((byte*)_pending.Record);
        _pendingState = PendingState.None;
    }

    private void DropPrepared(byte* record)
    {
        if (Record.Type(record) == RecordType.HashTree && !_pending.KeepsTree && !_pending.TakesTree)
        {
            var root = MemoryMarshal.Read<TreeRoot>(Record.Value(record));
            CountedTree.FreeSlice(ref root, _worker, int.MaxValue);
        }

        _worker.Free(record);
    }

    // What throws leaves it pending, and the transaction rolls back.
    private void PublishPending(bool isLast)
    {
        if (_mode == Mode.Private)
        {
            _pendingState = PendingState.None;
            EffectPending((byte*)_pending.Record);
            return;
        }

        if (_pending.Kind == ChangeKind.Remove)
        {
            Remove(_pending, (ulong*)_pendingEntry, isLast);
        }
        else
        {
            if (_store.Log is not null) EffectPending((byte*)_pending.Record);
            Publish(_pending, (ulong*)_pendingEntry, isLast);
        }

        _pendingState = PendingState.None;
    }

    // Puts a record into the index. All that may fail comes before anything can be seen.
    private void Publish(in Change change, ulong* entry, bool isLast)
    {
        var keyspace = change.Keyspace;
        var slotNumber = change.Route.Slot;
        var slot = keyspace.SlotAt(slotNumber);
        var record = (byte*)change.Record;
        var old = (byte*)change.Old;
        ref var cold = ref keyspace.Cold[slotNumber];
        if (!isLast) NoteNext(slotNumber);
        if (!keyspace.IsWritten) keyspace.IsWritten = true;
        var tag = SlotTable.TagOf(change.Route.Hash);
        var wasAlive = entry != null && !Record.IsTombstone(old);
        var deadline = Record.Deadline(record);
        var oldDeadline = wasAlive ? Record.Deadline(old) : 0;
        if (deadline != oldDeadline && deadline != 0) _store.Expiry.Add(keyspace, slotNumber, tag, deadline, _worker);
        BeforeWrite(slot);
        if (entry == null) _store.Table.Insert(&slot->Table, tag, record, _worker, ref cold.Bytes);
        else _store.Table.Replace(entry, record);

        if (!wasAlive) keyspace.Keys[slotNumber]++;
        if (deadline != oldDeadline) keyspace.CountDeadline(slotNumber, deadline, oldDeadline);
        cold.Bytes += (long)_worker.SizeOf(record);
        if (!isLast) _undo.Add(change);
        if (_store.Faults != 0) Thread.Yield();
    }

    // What has to stand in the index in the place of a record that a snapshot can see; null if none can.
    private byte* NewTombstone(ulong* entry, byte* record)
    {
        var link = LinkTo(entry, record);
        return link == 0 ? null : NewRecord(RecordType.Tombstone, false, _generation, Record.Key(record), 0, 0, link);
    }

    // Takes a living record out of the index, or hides it behind a tombstone if it has been given one.
    private void Remove(in Change change, ulong* entry, bool isLast)
    {
        if (!isLast) NoteNext(change.Route.Slot);
        if (IsLogged) EffectDelete(change.Database, change.Route, (byte*)change.Old);
        BeforeWrite(change.Keyspace.SlotAt(change.Route.Slot));
        TakeOut(change, entry);
        if (!isLast) _undo.Add(change);
    }

    private void TakeOut(in Change change, ulong* entry)
    {
        var (keyspace, slotNumber) = (change.Keyspace, change.Route.Slot);
        var record = (byte*)change.Old;
        var tombstone = (byte*)change.Record;
        var slot = keyspace.SlotAt(slotNumber);
        keyspace.Keys[slotNumber]--;
        if (Record.Has(record, RecordFlags.HasDeadline)) keyspace.CountDeadline(slotNumber, 0, Record.Deadline(record));
        if (tombstone == null)
        {
            _store.Table.Remove(slot->Table, entry);
            return;
        }

        keyspace.Cold[slotNumber].Bytes += (long)_worker.SizeOf(tombstone);
        _store.Table.Replace(entry, tombstone);
    }

    // A key whose time is over is removed for good by whoever sees it, whatever becomes of the transaction.
    private void Expire(Keyspace keyspace, int database, KeyRoute route, ulong* entry, byte* record)
    {
        _undo.Reserve();
        if (IsLogged) EffectDelete(database, route, record);
        var change = new Change { Kind = ChangeKind.Expiry, Keyspace = keyspace, Database = database, Route = route, Old = (nint)record };
        // It is what makes room, so it must work when there is none.
        using (_store.Arena.Runs.Overdraw()) change.Record = (nint)NewTombstone(entry, record);
        BeforeWrite(keyspace.SlotAt(route.Slot));
        TakeOut(change, entry);
        if (_store.Log is not null) _undo.Add(change);
        Complete(change);
        CountExpired(database, Record.Key(record));
    }

    // What the index no longer points to: freed when no reader is on it any more and no snapshot sees it.
    private void Release(Keyspace keyspace, int slot, byte* old, bool keepsTree)
    {
        if (Record.Type(old) == RecordType.HashTree && !keepsTree) ReleaseTree(keyspace, slot, old);
        keyspace.Cold[slot].Bytes -= (long)_worker.SizeOf(old);
        if (Record.Stamp(old) > _newestOpen) _worker.Retire(old);
        else _store.Versions.Add(old, _generation);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void BeforeWrite(Slot* slot)
    {
        slot->LastStamp = _generation;
        _hasWritten = true;
        if (_store.Log is null || (_store.Faults & CommitFaults.ReserveLate) != 0) return;
        if (_sequence == 0) _sequence = _store.Log.Reserve();
        // Whoever sees the record sees a position that covers it.
        Volatile.Write(ref slot->Position, _sequence);
        _position = Math.Max(_position, _sequence);
    }

    // ---- Marks -------------------------------------------------------------------------------------------------------

    private void MarkDeclared()
    {
        for (var i = 0; i < _declaredCount; i++)
        {
            if (IsWrite(_declared[i])) Mark(SlotOf(_declared[i]));
        }
    }

    private void MarkWrites()
    {
        for (var i = 0; i < _writes.Count; i++) Mark(_writes.RouteAt(i).Slot);
    }

    private void Mark(int slot)
    {
        ref var mark = ref _store.Marks[slot];
        if ((mark & 1) != 0 || (_store.Faults & CommitFaults.SkipMarks) != 0) return;
        if (_markedCount == _marked.Length) Array.Resize(ref _marked, _markedCount * 2);
        _marked[_markedCount++] = slot;
        // Stores are published in order, so whoever sees one of the records sees the mark.
        Volatile.Write(ref mark, mark + 1);
    }

    private void Unmark()
    {
        for (var i = 0; i < _markedCount; i++)
        {
            ref var mark = ref _store.Marks[_marked[i]];
            Volatile.Write(ref mark, mark + 1);
        }

        _markedCount = 0;
    }
}
