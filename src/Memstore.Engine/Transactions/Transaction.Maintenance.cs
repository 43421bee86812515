using Memstore.Engine.Keys;
using Memstore.Engine.Memory;

namespace Memstore.Engine;

// What the store's own transactions do inside a shard, in slices.
public sealed unsafe partial class Transaction
{
    /// <summary>Whether all holds are timed: those of the store's own work are.</summary>
    internal bool TimesHolds { get; init; }

    // Deletes the keys of a slot that are due, at most so many. False if more may be due.
    internal bool ExpireDue(int slot, int limit)
    {
        Span<ulong> entries = stackalloc ulong[SlotTable.HomeEntriesMax];
        var keyspace = _view.Keyspaces[_database];
        var now = NowUnixMs;
        while (limit > 0 && _store.Expiry.TryPop(keyspace, slot, now, _worker, out var tag))
        {
            limit--;
            var position = tag;
            var count = _store.Table.Step(keyspace.SlotAt(slot)->Table, ref position, entries);
            for (var i = 0; i < count; i++)
            {
                var record = _store.Table.RecordOf(entries[i]);
                if (SlotTable.TagOfEntry(entries[i]) == tag && !Record.IsTombstone(record) && IsDead(record)) ExpireRecord(keyspace, slot, record);
            }
        }

        if (limit > 0) Expiry.FreeIfEmpty(keyspace, slot, _worker);
        return limit > 0;
    }

    // Takes a tombstone that no open snapshot can see out of the index, if it still stands there.
    internal void RemoveTombstone(Keyspace keyspace, KeyRoute route, byte* tombstone, long stamp)
    {
        var slot = keyspace.SlotAt(route.Slot);
        var entry = _store.Table.FindRecord(slot->Table, SlotTable.TagOf(route.Hash), tombstone);
        if (entry == null || !Record.IsTombstone(tombstone) || Record.Stamp(tombstone) != stamp) return;
        _store.Table.Remove(slot->Table, entry);
        keyspace.Cold[route.Slot].Bytes -= (long)_worker.SizeOf(tombstone);
        _worker.Retire(tombstone);
    }

    // Copies the records of a bucket that stand in pages which are being given up. Keys, values and stamps stay. Answers how many it copied.
    internal int EvacuateBucket(int slot, ref uint position)
    {
        Span<nint> entries = stackalloc nint[SlotTable.HomeEntriesMax];
        var keyspace = _view.Keyspaces[_database];
        var count = _store.Table.StepInPlace(keyspace.SlotAt(slot)->Table, ref position, entries);
        var copied = 0;
        for (var i = 0; i < count; i++)
        {
            var entry = (ulong*)entries[i];
            var record = _store.Table.RecordOf(*entry);
            if (!_store.Arena.IsEvacuating(record)) continue;
            var size = _worker.SizeOf(record);
            var copy = _worker.Allocate(size, MemoryKind.Record);
            new ReadOnlySpan<byte>(record, (int)size).CopyTo(new Span<byte>(copy, (int)size));
            _store.Table.Replace(entry, copy);
            if (Record.IsTombstone(copy)) NoteTombstone(keyspace, slot, copy);
            // A snapshot's read set may still point at the old copy.
            if (_newestOpen < 0) _worker.Retire(record);
            else _store.Versions.Add(record, _newestOpen + 1);
            copied++;
        }

        return copied;
    }

    // Who takes a tombstone out of the index knows where it stands.
    private void NoteTombstone(Keyspace keyspace, int slot, byte* tombstone)
    {
        var route = new KeyRoute(_store.HashOf(Record.Key(tombstone)), (ushort)slot);
        _store.Versions.AddTombstone(keyspace, route, tombstone, Record.Stamp(tombstone));
    }

    // Makes a part of a slot's index as small as its keys allow, and moves the position on.
    internal void ShrinkTable(int slot, ref uint position)
    {
        var keyspace = _view.Keyspaces[_database];
        keyspace.Cold[slot].Bytes -= _store.Table.ShrinkStep(&keyspace.SlotAt(slot)->Table, ref position, _worker);
    }

    private void ExpireRecord(Keyspace keyspace, int slot, byte* record)
    {
        var key = Record.Key(record);
        var route = new KeyRoute(_store.HashOf(key), (ushort)slot);
        var entry = LookUp(keyspace, new Key(key, route), out var found);
        if (entry == null || found != record) return;
        Expire(keyspace, _database, route, entry, record);
    }
}
