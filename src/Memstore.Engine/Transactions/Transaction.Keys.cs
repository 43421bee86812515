using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Memstore.Engine.Keys;
using Memstore.Engine.Memory;

namespace Memstore.Engine;

// Single keys: looking up and changing them in each of the three modes.
public sealed unsafe partial class Transaction
{
    private const int UnheldTriesMax = 4;

    // A hold that writes a value of more bytes than this is timed.
    private const int ValueUntimed = 16 << 10;

    // Unheld: the record that the one key showed, so that a body that looks twice sees the same.
    private nint _seenRecord;

    // A record that has been prepared but not published: its value is still being filled in.
    private nint _pending;
    private nint _pendingEntry;
    private nint _pendingOld;
    private Keyspace _pendingKeyspace = null!;
    private KeyRoute _pendingRoute;
    private int _pendingDatabase;
    private bool _pendingKeepsTree;

    // A copy is being put where another key may be.
    private bool _replacesKey;

    /// <summary>Looks a key up. False if it is absent or expired.</summary>
    public bool Find(in Key key, out Entry entry)
    {
        FinishPending();
        var record = _mode switch
        {
            Mode.Held => FindHeld(key),
            Mode.Unheld => FindUnheld(key),
            Mode.Private => FindPrivate(key),
            _ => throw NotRunning(),
        };
        entry = new Entry(record);
        return record != null;
    }

    /// <summary>Sets a string, whatever the key held before.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The new value.</param>
    /// <param name="deadlineUnixMs">When it expires; 0 for never. One that has passed deletes the key.</param>
    /// <param name="raw">Whether the value counts as built in place (see <see cref="Entry.IsRaw"/>).</param>
    public void PutString(in Key key, ReadOnlySpan<byte> value, long deadlineUnixMs = 0, bool raw = false)
    {
        if (deadlineUnixMs != 0 && deadlineUnixMs <= NowUnixMs)
        {
            Delete(key);
            return;
        }

        value.CopyTo(PutRecord(key, RecordType.String, value.Length, deadlineUnixMs, raw));
        FinishPending();
    }

    /// <summary>Sets a string of the given length that the caller fills at once; the deadline is as in <see cref="PutString"/>.</summary>
    /// <returns>Where to write; the entry is published when the transaction next touches the store or ends.</returns>
    public Span<byte> PutStringInPlace(in Key key, int length, long deadlineUnixMs = 0, bool raw = false) =>
        PutRecord(key, RecordType.String, length, deadlineUnixMs, raw);

    /// <summary>Deletes a key. False if there was none.</summary>
    public bool Delete(in Key key)
    {
        FinishPending();
        if (_mode == Mode.Private)
        {
            if (FindPrivate(key) == null) return false;
            RefuseIfReadOnly();
            var tombstone = NewRecord(RecordType.Tombstone, false, 0, key.Bytes, 0, 0, 0);
            _writes.Put(_database, key, tombstone, _worker);
            if (IsLogged) Encoder.Delete(EffectsOn(_database), key);
            return true;
        }

        if (_mode != Mode.Held) throw NotRunning();
        var keyspace = _view.Keyspaces[_database];
        var entry = LookUp(keyspace, key, out var record);
        if (entry == null || Record.IsTombstone(record)) return false;
        var isAlive = !IsDead(record);
        Remove(keyspace, _database, key.Route, entry, record);
        if (!isAlive) CountExpired(key.Bytes);
        return isAlive;
    }

    /// <summary>Changes the deadline of a key; 0 takes it away, one that has passed deletes the key. False if there is no key.</summary>
    public bool SetDeadline(in Key key, long deadlineUnixMs)
    {
        if (!Find(key, out var entry)) return false;
        if (deadlineUnixMs != 0 && deadlineUnixMs <= NowUnixMs) return Delete(key);
        if (entry.DeadlineUnixMs == deadlineUnixMs) return true;
        var type = Record.Type(entry.Record);
        var value = (ReadOnlySpan<byte>)Record.Value(entry.Record);
        if (_mode == Mode.Private && type == RecordType.HashTree) return SetDeadlineOfPrivateTree(key, entry, deadlineUnixMs);
        value.CopyTo(PutRecord(key, type, value.Length, deadlineUnixMs, entry.IsRaw));
        _pendingKeepsTree = type == RecordType.HashTree;
        _pendingEffect = PendingEffect.Deadline;
        FinishPending();
        return true;
    }

    /// <summary>Gives a key the value, type and deadline of another, replacing what it had. The source stays. False if there is no source.</summary>
    public bool CopyValue(in Key source, int sourceDatabase, in Key destination, int destinationDatabase)
    {
        var database = _database;
        _database = sourceDatabase;
        var found = Find(source, out var entry);
        _database = destinationDatabase;
        _replacesKey = true;
        if (found)
        {
            var value = (ReadOnlySpan<byte>)Record.Value(entry.Record);
            if (Record.Type(entry.Record) == RecordType.HashTree)
            {
                CopyTree(destination, MemoryMarshal.Read<TreeRoot>(value), entry.DeadlineUnixMs);
                EffectCopy(source, sourceDatabase, destination, destinationDatabase);
            }
            else
            {
                var type = Record.Type(entry.Record);
                value.CopyTo(PutRecord(destination, type, value.Length, entry.DeadlineUnixMs, entry.IsRaw));
                if (type != RecordType.String)
                {
                    EffectCopy(source, sourceDatabase, destination, destinationDatabase);
                    _pendingEffect = PendingEffect.None;
                }

                FinishPending();
            }
        }

        _replacesKey = false;
        _database = database;
        return found;
    }

    private void CountExpired(ReadOnlySpan<byte> key)
    {
        _worker.Expired++;
        _store.KeyExpired?.Invoke(_database, key);
    }

    private void RefuseIfReadOnly()
    {
        if (_plan == TransactionPlan.ReadSnapshot) throw new InvalidOperationException("The transaction is read-only.");
    }

    private static InvalidOperationException NotRunning() => new("The data of a transaction is there only while its body runs.");

    // ---- Looking up --------------------------------------------------------------------------------------------------

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong* LookUp(Keyspace keyspace, in Key key, out byte* record)
    {
        var slot = keyspace.SlotAt(key.Route.Slot);
        if (slot->Position > _position) _position = slot->Position;
        return _store.Table.Find(Volatile.Read(ref slot->Table), SlotTable.TagOf(key.Route.Hash), key.Bytes, out record);
    }

    private byte* FindHeld(in Key key)
    {
        var keyspace = _view.Keyspaces[_database];
        if (_view.Position > _position) _position = _view.Position;
        var entry = LookUp(keyspace, key, out var record);
        if (entry == null || Record.IsTombstone(record)) return null;
        if (!IsDead(record)) return record;
        // Whoever sees inside the shard that a key is dead deletes it, in the same commit.
        Remove(keyspace, _database, key.Route, entry, record);
        CountExpired(key.Bytes);
        return null;
    }

    // Without the shard: the record, or null and _mustEnter when the answer would not be safe.
    private byte* FindUnheld(in Key key)
    {
        if (_seenRecord != 0) return (byte*)_seenRecord;
        for (var tries = 0; tries < UnheldTriesMax; tries++)
        {
            var set = _store.DatabaseSet;
            var slot = set.Keyspaces[_database].SlotAt(key.Route.Slot);
            ref var marks = ref _store.Marks[key.Route.Slot];
            var mark = Volatile.Read(ref marks);
            if ((mark & 1) != 0 || set.IsChanging) continue;
            var word = Volatile.Read(ref slot->Table);
            _store.Table.Find(word, SlotTable.TagOf(key.Route.Hash), key.Bytes, out var record);
            if (Volatile.Read(ref marks) != mark || !ReferenceEquals(_store.DatabaseSet, set)) continue;
            _position = Math.Max(set.Position, Volatile.Read(ref slot->Position));
            if (record == null || Record.IsTombstone(record)) return null;
            // The record was current before the clock is read, so "alive" is true of that moment. "Dead" is for the shard to say.
            if (Record.Type(record) == RecordType.HashTree || IsDead(record)) break;
            _seenRecord = (nint)record;
            return record;
        }

        _mustEnter = true;
        return null;
    }

    private byte* FindPrivate(in Key key)
    {
        var written = _writes.Find(_database, key);
        if (written != null) return Record.IsTombstone(written) || IsDead(written) ? null : written;
        LookUp(_view.Keyspaces[_database], key, out var record);
        record = VisibleAt(record);
        if (record != null && IsDead(record)) record = null;
        if (_plan != TransactionPlan.ReadSnapshot) _reads.Add(_database, key, record);
        return record;
    }

    // The version that the snapshot sees; null if the key was absent.
    private byte* VisibleAt(byte* record)
    {
        while (record != null && Record.Stamp(record) > _snapshot.Generation)
        {
            var older = Record.Older(record);
            record = older == 0 ? null : _store.Arena.FromUnit(older);
        }

        return record == null || Record.IsTombstone(record) ? null : record;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsDead(byte* record)
    {
        if (!Record.Has(record, RecordFlags.HasDeadline)) return false;
        // Without the shard the clock is read anew: the moment must come after the record was loaded.
        return Record.Deadline(record) <= (_mode == Mode.Unheld ? _store.NowUnixMs : NowUnixMs);
    }

    // ---- Writing -----------------------------------------------------------------------------------------------------

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
            _writes.Put(_database, key, prepared, _worker);
            if (_store.Log is not null)
            {
                // The value is still to be filled in; then its effect is encoded.
                _pending = (nint)prepared;
                _pendingRoute = key.Route;
                _pendingDatabase = _database;
            }

            return Record.Value(prepared);
        }

        if (_mode != Mode.Held) throw NotRunning();
        if (KeyCreated is not null) TellCreated(key);
        if (valueLength > ValueUntimed) _worker.Holds.Start();
        var keyspace = _view.Keyspaces[_database];
        var entry = LookUp(keyspace, key, out var old);
        var record = NewRecord(type, raw, _generation, key.Bytes, valueLength, deadline, LinkTo(entry, old));
        _pending = (nint)record;
        _pendingEntry = (nint)entry;
        _pendingOld = (nint)old;
        _pendingKeyspace = keyspace;
        _pendingRoute = key.Route;
        _pendingDatabase = _database;
        _pendingKeepsTree = false;
        return Record.Value(record);
    }

    // COPY and RENAME put a key in the place of another: as in Redis it counts as new though one of that name was there.
    private void TellCreated(in Key key)
    {
        if (_replacesKey || !IsThere(key)) KeyCreated!(_database, key.Bytes);
    }

    // Whether a write would find the key. Not a read: a private transaction does not come to depend on the answer.
    private bool IsThere(in Key key)
    {
        var written = _mode == Mode.Private ? _writes.Find(_database, key) : null;
        if (written != null) return !Record.IsTombstone(written) && !IsDead(written);
        LookUp(_view.Keyspaces[_database], key, out var record);
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
        if (_pending != 0) PublishPending();
    }

    private void DropPending()
    {
        if (_pending != 0) _worker.Free((byte*)_pending);
        _pending = 0;
    }

    private void PublishPending()
    {
        var record = (byte*)_pending;
        _pending = 0;
        if (_store.Log is null)
        {
            if (_mode != Mode.Private) PublishPending(record);
            return;
        }

        var mark = new EffectsMark(this);
        EffectPending(record);
        if (_mode == Mode.Private) return;
        try
        {
            PublishPending(record);
        }
        catch
        {
            // Memory ran out before the record was in the index: nobody has seen it, so the log must not tell of it.
            mark.Restore(this);
            throw;
        }
    }

    private void PublishPending(byte* record) =>
        Publish(_pendingKeyspace, _pendingDatabase, _pendingRoute, (ulong*)_pendingEntry, (byte*)_pendingOld, record, _pendingKeepsTree);

    // keepsTree: the new record goes on with the tree of the old one, so only the old record is released.
    private void Publish(Keyspace keyspace, int database, KeyRoute route, ulong* entry, byte* old, byte* record, bool keepsTree)
    {
        var slot = keyspace.SlotAt(route.Slot);
        var tag = SlotTable.TagOf(route.Hash);
        if (!keyspace.IsWritten) keyspace.IsWritten = true;
        BeforeWrite(slot);
        var wasAlive = entry != null && !Record.IsTombstone(old);
        var bytes = (long)_worker.SizeOf(record);
        if (entry == null)
        {
            bytes += _store.Table.Insert(&slot->Table, tag, record, _worker);
            keyspace.Keys[route.Slot]++;
        }
        else
        {
            _store.Table.Replace(entry, record);
            if (!wasAlive) keyspace.Keys[route.Slot]++;
        }

        var deadline = Record.Deadline(record);
        var oldDeadline = wasAlive ? Record.Deadline(old) : 0;
        if (deadline != oldDeadline) bytes += ChangeDeadline(keyspace, route.Slot, tag, oldDeadline, deadline);
        keyspace.Cold[route.Slot].Bytes += bytes;
        if (entry != null) Release(keyspace, route.Slot, old, keepsTree);
        if (_store.Watches.IsAny) _store.Watches.Touch(database, route, Record.Key(record));
        if (_store.Faults != 0) Thread.Yield();
    }

    // Takes a living record out of the index, or hides it behind a tombstone while a snapshot can see it.
    private void Remove(Keyspace keyspace, int database, KeyRoute route, ulong* entry, byte* record, bool keepsTree = false)
    {
        // All that may fail for want of memory comes first.
        var tombstone = NewTombstone(entry, record);
        Remove(keyspace, database, route, entry, record, tombstone, keepsTree);
    }

    // What has to stand in the index in the place of a record that a snapshot can see; null if none can.
    private byte* NewTombstone(ulong* entry, byte* record)
    {
        var link = LinkTo(entry, record);
        return link == 0 ? null : NewRecord(RecordType.Tombstone, false, _generation, Record.Key(record), 0, 0, link);
    }

    private void Remove(Keyspace keyspace, int database, KeyRoute route, ulong* entry, byte* record, byte* tombstone, bool keepsTree)
    {
        var slot = keyspace.SlotAt(route.Slot);
        BeforeWrite(slot);
        if (IsLogged) EffectDelete(database, route, record);
        if (_store.Watches.IsAny) _store.Watches.Touch(database, route, Record.Key(record));
        keyspace.Keys[route.Slot]--;
        if (Record.Has(record, RecordFlags.HasDeadline)) slot->WithDeadline--;
        if (tombstone == null)
        {
            _store.Table.Remove(slot->Table, entry);
        }
        else
        {
            keyspace.Cold[route.Slot].Bytes += (long)_worker.SizeOf(tombstone);
            _store.Table.Replace(entry, tombstone);
            _store.Versions.AddTombstone(keyspace, route, tombstone, _generation);
        }

        Release(keyspace, route.Slot, record, keepsTree);
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

    private long ChangeDeadline(Keyspace keyspace, int slot, uint tag, long old, long deadline)
    {
        keyspace.SlotAt(slot)->WithDeadline += (deadline != 0 ? 1 : 0) - (old != 0 ? 1 : 0);
        return deadline == 0 ? 0 : _store.Expiry.Add(keyspace, slot, tag, deadline, _worker);
    }

    // ---- Marks -------------------------------------------------------------------------------------------------------

    private int[] _marked = new int[DeclaredAtFirst];
    private int _markedCount;

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

    // ---- Validation and publishing of private writes -----------------------------------------------------------------

    // What was read must be what a run at this moment would read. Absent and still absent is the same, whatever came between.
    private bool Validate(out int failedSlot)
    {
        failedSlot = 0;
        if ((_store.Faults & CommitFaults.SkipValidation) != 0) return true;
        for (var i = 0; i < _reads.Count; i++)
        {
            var key = new Key(_reads.KeyAt(i), _reads.RouteAt(i));
            failedSlot = key.Route.Slot;
            var entry = LookUp(_view.Keyspaces[_reads.DatabaseAt(i)], key, out var record);
            var isThere = entry != null && !Record.IsTombstone(record) && !IsDead(record);
            if (isThere != (_reads.RecordAt(i) != null)) return false;
            if (isThere && (Record.Stamp(record) > _snapshot.Generation || IsSwapped(_reads.DatabaseAt(i)))) return false;
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
        var database = _writes.DatabaseAt(index);
        var route = _writes.RouteAt(index);
        var keyspace = _view.Keyspaces[database];
        var (context, editsPublished) = _writes.TreeAt(index);
        var record = _writes.Take(index);
        var entry = LookUp(keyspace, new Key(Record.Key(record), route), out var old);
        if (Record.IsTombstone(record))
        {
            if (entry != null && !Record.IsTombstone(old)) Remove(keyspace, database, route, entry, old);
            _worker.Free(record);
            return;
        }

        record = Stamped(record, LinkTo(entry, old));
        Publish(keyspace, database, route, entry, old, record, editsPublished);
        if (context is not null) CommitTree(keyspace, route.Slot, context, record, editsPublished ? old : null);
    }

    // The prepared record with its stamp; a copy if it must link to an older version.
    private byte* Stamped(byte* record, ulong link)
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
        _worker.Free(record);
        return linked;
    }
}
