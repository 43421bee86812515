using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Memstore.Engine.Keys;
using Memstore.Engine.Memory;
using Memstore.Engine.Transactions;

namespace Memstore.Engine;

// Taking back what a transaction has published when it cannot be finished: memory is refused, or a command throws. It happens while the shards are
// held and the slots marked, so nobody has seen any of it. What a change replaces is therefore let go only when nothing can fail any more.
// Going back asks for little memory and may exceed the store's limit. If the system refuses even that, or if anything fails after the point from which
// there is no way back, the process stops at once: a restart recovers the state before, because half a transaction is never handed to the log.
public sealed unsafe partial class Transaction
{
    private readonly UndoLog _undo = new();
    private readonly TreeNotes _treeNotes = new();

    // Databases: the set before the first change, keyspaces that have been taken into use, those that go at the end, and the watches that break then.
    private DatabaseSet? _setBefore;
    private List<Keyspace>? _taken;
    private List<Keyspace>? _dropped;
    private List<(Watch Watch, bool IsStale)>? _touched;

    // Room for a note of the next change, and a mark: whoever reads without the shard waits until it is decided whether the change stays.
    private void NoteNext(int slot)
    {
        _undo.Reserve();
        if (!_view.IsChanging) Mark(slot);
    }

    // There is no way back from here: what waited for that is done, in the order of the changes.
    private void CompleteAll()
    {
        for (var i = 0; i < _undo.Count; i++)
        {
            if (_undo[i].Kind != ChangeKind.Expiry) Complete(_undo[i]);
        }

        if (_pendingState == PendingState.Published)
        {
            _pendingState = PendingState.None;
            Complete(_pending);
        }

        if (_setBefore is not null) CompleteDatabases();
        ForgetChanges();
    }

    // A change stays: what it replaced may go, and who watches the key is told.
    private void Complete(in Change change)
    {
        var (keyspace, slot) = (change.Keyspace, change.Route.Slot);
        var record = (byte*)change.Record;
        var old = (byte*)change.Old;
        if (change.Kind is ChangeKind.Remove or ChangeKind.Expiry && record != null)
            _store.Versions.AddTombstone(keyspace, change.Route, record, _generation);
        if (change.Context is { } context) CommitTree(keyspace, slot, context, record, change.KeepsTree ? old : null);
        if (_store.Watches.IsAny) _store.Watches.Touch(change.Database, change.Route, Record.Key(old != null ? old : record));
        if (old != null && change.Kind != ChangeKind.Fields) Release(keyspace, slot, old, change.KeepsTree);
    }

    private void CompleteDatabases()
    {
        if (_touched is { Count: > 0 }) _store.Watches.Touch(_touched);
        foreach (var keyspace in _dropped!) _store.Drop(keyspace, _generation);
    }

    private void ForgetChanges()
    {
        if (_undo.Count > 0) _undo.Clear();
        if (_treeNotes.Length > 0) _treeNotes.Clear();
        if (_setBefore is null) return;
        _setBefore = null;
        _taken!.Clear();
        _dropped!.Clear();
        _touched?.Clear();
    }

    // Ends a held run of which nothing may stay but the removal of keys whose time was over. The caller leaves the shards.
    private void RollBack()
    {
        try
        {
            DropPending();
            DropEffects();
            using (_store.Arena.Runs.Overdraw())
            {
                for (var i = _undo.Count - 1; i >= 0; i--) TakeBack(i);
                _worker.TreeContext.ReleaseSpares();
            }

            if (_setBefore is not null) TakeBackDatabases();
            for (var i = 0; i < _undo.Count; i++)
            {
                if (_undo[i].Kind == ChangeKind.Expiry) EffectDelete(_undo[i].Database, _undo[i].Route, (byte*)_undo[i].Old);
            }

            Close();
            ForgetChanges();
            _mode = Mode.Idle;
        }
        catch (Exception error)
        {
            _store.Stop("A transaction could not be rolled back.", error);
            throw;
        }
    }

    private void TakeBack(int index)
    {
        ref readonly var change = ref _undo[index];
        if (change.Kind == ChangeKind.Put) TakeBackPut(change);
        else if (change.Kind == ChangeKind.Remove) TakeBackRemoval(change, index);
        else if (change.Kind == ChangeKind.Fields) TakeBackFields(change);
    }

    private void TakeBackPut(in Change change)
    {
        var (keyspace, slotNumber) = (change.Keyspace, change.Route.Slot);
        var record = (byte*)change.Record;
        var old = (byte*)change.Old;
        var slot = keyspace.SlotAt(slotNumber);
        ref var cold = ref keyspace.Cold[slotNumber];
        var entry = EntryOf(change);
        var wasAlive = old != null && !Record.IsTombstone(old);
        if (old == null) _store.Table.Remove(slot->Table, entry);
        else _store.Table.Replace(entry, change.KeepsTree && change.Context is null ? WithTreeOf(record, keyspace, slotNumber, old) : old);

        if (!wasAlive) keyspace.Keys[slotNumber]--;
        var oldDeadline = wasAlive ? Record.Deadline(old) : 0;
        keyspace.CountDeadline(slotNumber, oldDeadline, Record.Deadline(record));
        cold.Bytes -= (long)_worker.SizeOf(record);
        if (change.Context is { } context)
        {
            context.Worker = _worker;
            var root = MemoryMarshal.Read<TreeRoot>(Record.Value(record));
            CountedTree.Discard(ref root, context);
        }
        else if (change.TakesTree)
        {
            cold.Bytes -= MemoryMarshal.Read<TreeRoot>(Record.Value(record)).Bytes;
        }
        else if (Record.Type(record) == RecordType.HashTree && !change.KeepsTree)
        {
            ReleaseTree(keyspace, slotNumber, record);
        }

        _worker.Retire(record);
    }

    private void TakeBackRemoval(in Change change, int index)
    {
        var (keyspace, slotNumber) = (change.Keyspace, change.Route.Slot);
        var tombstone = (byte*)change.Record;
        var old = (byte*)change.Old;
        var slot = keyspace.SlotAt(slotNumber);
        ref var cold = ref keyspace.Cold[slotNumber];
        var restored = old;
        if (change.KeepsTree)
        {
            // The tree had been moved to another key by the change before: it comes back as it is now.
            restored = WithTreeOf((byte*)_undo[index - 1].Record, keyspace, slotNumber, old);
            cold.Bytes += MemoryMarshal.Read<TreeRoot>(Record.Value(restored)).Bytes;
        }

        if (tombstone == null)
        {
            _store.Table.Insert(&slot->Table, SlotTable.TagOf(change.Route.Hash), restored, _worker, ref cold.Bytes);
        }
        else
        {
            _store.Table.Replace(EntryOf(change), restored);
            cold.Bytes -= (long)_worker.SizeOf(tombstone);
            _worker.Retire(tombstone);
        }

        keyspace.Keys[slotNumber]++;
        if (Record.Has(old, RecordFlags.HasDeadline)) keyspace.CountDeadline(slotNumber, Record.Deadline(old), 0);
    }

    // An older record of a tree with the tree as it is now: its fields are the same again, but its nodes may be others. A record that a snapshot
    // sees stays as it is, and a new one takes its place.
    private byte* WithTreeOf(byte* record, Keyspace keyspace, int slot, byte* old)
    {
        var root = MemoryMarshal.Read<TreeRoot>(Record.Value(record));
        var restored = old;
        if (Record.Stamp(old) <= _newestOpen)
        {
            restored = NewRecord(RecordType.HashTree, false, _generation, Record.Key(old), TreeRoot.Size, Record.Deadline(old), _store.Arena.ToUnit(old));
            keyspace.Cold[slot].Bytes += (long)_worker.SizeOf(restored);
            Release(keyspace, slot, old, keepsTree: true);
        }

        MemoryMarshal.Write(Record.Value(restored), root);
        return restored;
    }

    private void TakeBackFields(in Change change)
    {
        var value = Record.Value((byte*)change.Record);
        var root = MemoryMarshal.Read<TreeRoot>(value);
        var before = root.Bytes;
        var context = HeldContext(notes: null);
        while (_treeNotes.Length > change.Notes)
        {
            if (_treeNotes.Take(out var field, out var old)) CountedTree.Set(ref root, context, field, old);
            else CountedTree.Remove(ref root, context, field);
        }

        MemoryMarshal.Write(value, root);
        change.Keyspace.Cold[change.Route.Slot].Bytes += root.Bytes - before;
    }

    private ulong* EntryOf(in Change change) => _store.Table.FindRecord(
        change.Keyspace.SlotAt(change.Route.Slot)->Table, SlotTable.TagOf(change.Route.Hash), (byte*)change.Record);

    private void TakeBackDatabases()
    {
        // Another object, though it shows the same: who reads without the shards must notice that something happened.
        var before = _setBefore!;
        _view = _store.Restore(before);
        foreach (var keyspace in _taken!) _store.Drop(keyspace, _generation);
    }
}
