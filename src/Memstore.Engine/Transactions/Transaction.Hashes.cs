using System.Runtime.InteropServices;
using Memstore.Engine.Keys;
using Memstore.Engine.Memory;
using Memstore.Engine.Transactions;
using Memstore.Engine.Values;

namespace Memstore.Engine;

/// <summary>What a look at a key for one type of value found.</summary>
public enum Found : byte
{
    /// <summary>No such key.</summary>
    Absent,

    /// <summary>A value of the type asked for.</summary>
    Present,

    /// <summary>A value of another type.</summary>
    WrongType,
}

// Hashes. A packed hash is replaced by a new record like a string. A tree is changed in its nodes: inside the shard, in the
// record itself if no snapshot sees it; in a private transaction, in copies that belong to it until it commits.
public sealed unsafe partial class Transaction
{
    // A hold that changes more fields than this is timed.
    private const int FieldsUntimed = 16;

    /// <summary>Looks a hash up. What is found stays valid until the transaction writes the key or ends.</summary>
    public Found FindHash(in Key key, out HashValue hash)
    {
        hash = default;
        if (!Find(key, out var entry)) return Found.Absent;
        var type = Record.Type(entry.Record);
        if (type is not (RecordType.PackedHash or RecordType.HashTree)) return Found.WrongType;
        hash = new HashValue(type, entry.Value, _worker.Holds);
        return Found.Present;
    }

    /// <summary>Sets fields of a hash; an absent key becomes one. The key holds a hash or nothing.</summary>
    /// <returns>How many fields were created.</returns>
    /// <exception cref="InvalidOperationException">The key holds a value of another type.</exception>
    public long SetFields<TPairs>(in Key key, scoped TPairs pairs)
        where TPairs : IFieldValues, allows ref struct
    {
        if (pairs.Count > FieldsUntimed) _worker.Holds.Start();
        var old = FindForHash(key, out var type, out var payload);
        var limits = new HashLimits(_store.Options.PackedHashEntriesMax, _store.Options.PackedHashValueMax);
        using var edit = HashEdit.Set(type, payload, pairs, limits);
        if (edit.Step == HashStep.Nothing) return 0;
        var target = StartEdit(key, old, edit.Type, edit.Size);
        try
        {
            edit.ApplySet(Record.Value(target.Record), pairs, target.Context!, _store.Seed);
        }
        catch
        {
            AbandonEdit(key, target, edit);
            throw;
        }

        FinishEdit(key, target, edit.BytesAdded);
        // On a snapshot an absent key may be one that is dead and still stands there: the log must not add to it.
        if (old == null && _mode == Mode.Private && IsLogged) Encoder.Delete(EffectsOn(_database), key);
        EffectSetFields(key, pairs);
        return edit.Created;
    }

    /// <summary>Removes fields of a hash; a hash that loses its last one goes.</summary>
    /// <returns>How many fields were removed.</returns>
    /// <exception cref="InvalidOperationException">The key holds a value of another type.</exception>
    public long RemoveFields<TFields>(in Key key, scoped TFields fields)
        where TFields : IFields, allows ref struct
    {
        if (fields.Count > FieldsUntimed) _worker.Holds.Start();
        var old = FindForHash(key, out var type, out var payload);
        if (old == null) return 0;
        using var edit = HashEdit.Remove(type, payload, fields);
        if (edit.Step == HashStep.Nothing) return 0;
        if (edit.Step == HashStep.Delete)
        {
            var removed = edit.Removed;
            Delete(key);
            return removed;
        }

        var target = StartEdit(key, old, edit.Type, edit.Size);
        try
        {
            edit.ApplyRemove(Record.Value(target.Record), fields, target.Context!);
        }
        catch
        {
            AbandonEdit(key, target, edit);
            throw;
        }

        FinishEdit(key, target, edit.BytesAdded);
        EffectRemoveFields(key, fields);
        if (edit.Count == 0) Delete(key);
        return edit.Removed;
    }

    /// <summary>Gives a key the value of another and takes it from there, deadline included. False if there is no source.</summary>
    public bool MoveValue(in Key source, int sourceDatabase, in Key destination, int destinationDatabase)
    {
        // Two records change even if only one key was declared (MOVE), and nothing has been published yet.
        if (_mode == Mode.Held && _everything is null)
        {
            Mark(source.Route.Slot);
            Mark(destination.Route.Slot);
        }

        if (_mode == Mode.Held && TryMoveTree(source, sourceDatabase, destination, destinationDatabase)) return true;
        if (!CopyValue(source, sourceDatabase, destination, destinationDatabase)) return false;
        var database = _database;
        _database = sourceDatabase;
        Delete(source);
        _database = database;
        return true;
    }

    private byte* FindForHash(in Key key, out RecordType type, out ReadOnlySpan<byte> payload)
    {
        type = RecordType.PackedHash;
        payload = default;
        if (!Find(key, out var entry)) return null;
        type = Record.Type(entry.Record);
        if (type is not (RecordType.PackedHash or RecordType.HashTree))
            throw new InvalidOperationException("The key holds a value of another type.");
        payload = entry.Value;
        return entry.Record;
    }

    // Where an edit of a hash writes: the record itself, or a new one that is not published yet.
    private EditTarget StartEdit(in Key key, byte* old, RecordType type, int size)
    {
        var deadline = old == null ? 0 : Record.Deadline(old);
        var edits = old != null && Record.Type(old) == RecordType.HashTree;
        if (_mode == Mode.Private) return StartPrivateEdit(key, old, type, size, deadline, edits);
        if (_mode != Mode.Held) throw NotRunning();
        if (edits) return StartTreeEdit(key, old);
        PutRecord(key, type, size, deadline, raw: false);
        _pendingEffect = PendingEffect.None;
        if (type != RecordType.HashTree) return new EditTarget((byte*)_pending.Record, null, false);
        MemoryMarshal.Write(Record.Value((byte*)_pending.Record), default(TreeRoot));
        return new EditTarget((byte*)_pending.Record, HeldContext(notes: null), false);
    }

    // A tree is changed in its nodes. A record that a snapshot sees is replaced before by one with the same tree, so that changes are always taken
    // back in the record that stands in the index.
    private EditTarget StartTreeEdit(in Key key, byte* old)
    {
        var record = old;
        if (Record.Stamp(old) <= _newestOpen)
        {
            var value = (ReadOnlySpan<byte>)Record.Value(old);
            value.CopyTo(PutRecord(key, RecordType.HashTree, TreeRoot.Size, Record.Deadline(old), raw: false));
            record = (byte*)_pending.Record;
            _pending.KeepsTree = true;
            _pendingEffect = PendingEffect.None;
            FinishPending();
        }

        _undo.Reserve();
        return new EditTarget(record, HeldContext(_treeNotes), true, notes: _treeNotes.Length);
    }

    private EditTarget StartPrivateEdit(in Key key, byte* old, RecordType type, int size, long deadline, bool edits)
    {
        RefuseIfReadOnly();
        var context = _writes.ContextOf(Content, key);
        if (edits && context is not null)
        {
            context.Worker = _worker;
            return new EditTarget(old, context, true);
        }

        if (old == null && KeyCreated is not null) TellCreated(key);
        var record = NewRecord(type, false, 0, key.Bytes, size, deadline, 0);
        return new EditTarget(record, type == RecordType.HashTree ? NewPrivateContext() : null, false, edits);
    }

    private void FinishEdit(in Key key, in EditTarget target, long bytesAdded)
    {
        if (_mode == Mode.Private)
        {
            target.Context?.ReleaseSpares();
            if (!target.IsInPlace) _writes.Put(Content, key, target.Record, _worker, target.Context, target.EditsPublished);
            return;
        }

        if (target.IsInPlace)
        {
            NoteFields(key, target, bytesAdded);
        }
        else if (target.Context is not null)
        {
            FinishPending();
            _view.Keyspaces[_database].Cold[key.Route.Slot].Bytes += bytesAdded;
        }
    }

    // Half of an edit has been made. It is noted, so that it is taken back with the rest, or goes with the record that was prepared.
    private void AbandonEdit(in Key key, in EditTarget target, scoped in HashEdit edit)
    {
        if (_mode != Mode.Private)
        {
            if (target.IsInPlace) NoteFields(key, target, edit.BytesAdded);
            else DropPending();
        }
        else if (!edit.Converts && edit.Type == RecordType.HashTree)
        {
            FinishEdit(key, target, edit.BytesAdded);
        }
        else
        {
            target.Context?.ReleaseSpares();
            _worker.Free(target.Record);
        }
    }

    // A tree was changed in its own record: all that publishing a new one would have done.
    private void NoteFields(in Key key, in EditTarget target, long bytesAdded)
    {
        var keyspace = _view.Keyspaces[_database];
        Record.SetStamp(target.Record, _generation);
        BeforeWrite(keyspace.SlotAt(key.Route.Slot));
        keyspace.Cold[key.Route.Slot].Bytes += bytesAdded;
        _undo.Add(new Change
        {
            Kind = ChangeKind.Fields,
            Keyspace = keyspace,
            Database = _database,
            Route = key.Route,
            Record = (nint)target.Record,
            Notes = target.Notes,
        });
    }

    private TreeContext HeldContext(TreeNotes? notes)
    {
        var context = _worker.TreeContext;
        context.Notes = notes;
        context.Stamp = _generation;
        context.NewestOpenSnapshot = _newestOpen;
        _worker.TreeSink.Versions = _store.Versions;
        _worker.TreeSink.Stamp = _generation;
        return context;
    }

    private TreeContext NewPrivateContext() => new()
    {
        Worker = _worker,
        Owner = _store.NextOwner(),
        Stamp = _snapshot.Generation + 1,
        Sink = _worker.TreeSink,
    };

    // Renaming a tree moves its root: the nodes stay where they are.
    private bool TryMoveTree(in Key source, int sourceDatabase, in Key destination, int destinationDatabase)
    {
        var database = _database;
        _database = sourceDatabase;
        var found = Find(source, out var entry);
        _database = database;
        if (!found || Record.Type(entry.Record) != RecordType.HashTree) return false;
        if (sourceDatabase == destinationDatabase && source.Bytes.SequenceEqual(destination.Bytes)) return true;
        var root = MemoryMarshal.Read<TreeRoot>(entry.Value);
        var deadline = entry.DeadlineUnixMs;
        var from = _view.Keyspaces[sourceDatabase];
        // The source goes last, and what hides it from the index is had before.
        var tombstone = NewTombstone(LookUp(from, source, out var record), record);
        try
        {
            PutMovedTree(destination, destinationDatabase, root, deadline);
            EffectCopy(source, sourceDatabase, destination, destinationDatabase);
            var removal = new Change
            {
                Kind = ChangeKind.Remove,
                Keyspace = from,
                Database = sourceDatabase,
                Route = source.Route,
                Old = (nint)record,
                Record = (nint)tombstone,
                KeepsTree = true,
            };
            Remove(removal, LookUp(from, source, out _), isLast: false);
        }
        catch
        {
            if (tombstone != null) _worker.Free(tombstone);
            throw;
        }

        from.Cold[source.Route.Slot].Bytes -= root.Bytes;
        _database = database;
        return true;
    }

    private void PutMovedTree(in Key destination, int database, in TreeRoot root, long deadline)
    {
        _database = database;
        _replacesKey = true;
        MemoryMarshal.Write(PutRecord(destination, RecordType.HashTree, TreeRoot.Size, deadline, raw: false), root);
        _pending.TakesTree = true;
        _pendingEffect = PendingEffect.None;
        FinishPending();
        _replacesKey = false;
        _view.Keyspaces[database].Cold[destination.Route.Slot].Bytes += root.Bytes;
    }

    private bool SetDeadlineOfPrivateTree(in Key key, in Entry entry, long deadline)
    {
        RefuseIfReadOnly();
        var context = _writes.ContextOf(Content, key);
        var record = NewRecord(RecordType.HashTree, false, 0, key.Bytes, TreeRoot.Size, deadline, 0);
        entry.Value.CopyTo(Record.Value(record));
        if (context is null) _writes.Put(Content, key, record, _worker, NewPrivateContext(), editsPublished: true);
        else _writes.Replace(Content, key, record, _worker);
        if (IsLogged) Encoder.Deadline(EffectsOn(_database), key, deadline);
        return true;
    }

    // A private tree has become the published one: what it replaced may go when no snapshot sees it.
    private void CommitTree(Keyspace keyspace, int slot, TreeContext context, byte* record, byte* old)
    {
        var bytes = MemoryMarshal.Read<TreeRoot>(Record.Value(record)).Bytes;
        if (old != null) bytes -= MemoryMarshal.Read<TreeRoot>(Record.Value(old)).Bytes;
        keyspace.Cold[slot].Bytes += bytes;
        context.Worker = _worker;
        _worker.TreeSink.Versions = _store.Versions;
        _worker.TreeSink.Stamp = _generation;
        context.Sink = _worker.TreeSink;
        context.Committed();
    }

    // COPY of a tree: every node, so it is done on a snapshot where it can be.
    private void CopyTree(in Key destination, scoped in TreeRoot source, long deadline)
    {
        if (_mode == Mode.Private)
        {
            RefuseIfReadOnly();
            if (KeyCreated is not null) TellCreated(destination);
            var context = NewPrivateContext();
            var record = NewRecord(RecordType.HashTree, false, 0, destination.Bytes, TreeRoot.Size, deadline, 0);
            MemoryMarshal.Write(Record.Value(record), default(TreeRoot));
            _writes.Put(Content, destination, record, _worker, context, editsPublished: false);
            MemoryMarshal.Write(Record.Value(record), CountedTree.Copy(source, context));
            return;
        }

        ExpectWork(source.Count);
        _worker.Holds.Start();
        var value = PutRecord(destination, RecordType.HashTree, TreeRoot.Size, deadline, raw: false);
        MemoryMarshal.Write(value, default(TreeRoot));
        _pendingEffect = PendingEffect.None;
        var copy = CountedTree.Copy(source, HeldContext(notes: null));
        MemoryMarshal.Write(value, copy);
        FinishPending();
        _view.Keyspaces[_database].Cold[destination.Route.Slot].Bytes += copy.Bytes;
    }

    // The nodes of a tree that is overwritten or deleted: freed in slices when no snapshot can see any of them.
    private void ReleaseTree(Keyspace keyspace, int slot, byte* record)
    {
        var root = MemoryMarshal.Read<TreeRoot>(Record.Value(record));
        keyspace.Cold[slot].Bytes -= root.Bytes;
        if (root.Count != 0) _store.Versions.AddTree(root, _generation);
    }

    private readonly ref struct EditTarget(byte* record, TreeContext? context, bool isInPlace, bool editsPublished = false, int notes = 0)
    {
        public readonly byte* Record = record;
        public readonly TreeContext? Context = context;
        public readonly bool IsInPlace = isInPlace;
        public readonly bool EditsPublished = editsPublished;
        public readonly int Notes = notes;
    }
}
