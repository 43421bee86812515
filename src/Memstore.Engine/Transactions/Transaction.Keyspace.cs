using System.Runtime.Intrinsics.X86;
using Memstore.Engine.Keys;
using Memstore.Engine.Memory;

namespace Memstore.Engine;

// The whole keyspace: counting, scanning, flushing and swapping databases.
public sealed unsafe partial class Transaction
{
    // A cursor: the slot above the tag. It names a place in the order of hashes, not in a table.
    private const int CursorTagBits = 28;

    /// <summary>Number of keys in a database, those included that have expired and not been removed yet.</summary>
    public long Count(int database)
    {
        FinishPending();
        if (_mode != Mode.Private) return _view.Keyspaces[database].CountKeys();
        // A snapshot has no counters of its own: its keys are counted.
        var counter = default(CountingVisitor);
        ScanWhole(database, ref counter);
        return counter.Keys;
    }

    /// <summary>Number of keys with a deadline in a database.</summary>
    public long CountWithDeadline(int database)
    {
        FinishPending();
        if (_mode != Mode.Private) return _view.Keyspaces[database].CountWithDeadline();
        var counter = default(CountingVisitor);
        ScanWhole(database, ref counter);
        return counter.WithDeadline;
    }

    /// <summary>A random living key. False if there is none.</summary>
    public bool RandomKey(Random random, out Entry entry)
    {
        ArgumentNullException.ThrowIfNull(random);
        FinishPending();
        var picker = new PickingVisitor(random);
        var content = Content;
        if (!IsNew(content)) PickFrom(_view.Keyspaces[content], random, ref picker);
        if (picker.Record == 0 && _writes.Count > 0) VisitWrites(content, ref picker);
        if (_mode == Mode.Private && !IsNew(content))
        {
            _reads.Everything = true;
            DependOnEverything();
        }

        entry = new Entry((byte*)picker.Record);
        return picker.Record != 0;
    }

    // A slot by the weight of its keys, then a place in it; on from there if what was found is dead or not in the snapshot.
    private void PickFrom(Keyspace keyspace, Random random, ref PickingVisitor picker)
    {
        var start = RandomSlot(keyspace, random);
        for (var i = 0; i < SlotHash.Slots && picker.Record == 0; i++)
        {
            var slot = (start + i) & (SlotHash.Slots - 1);
            if (keyspace.SlotAt(slot)->Table == 0) continue;
            var position = i == 0 ? (uint)random.Next((int)SlotTable.TagEnd) : 0;
            while (position < SlotTable.TagEnd && picker.Record == 0) VisitBucket(keyspace, slot, ref position, ref picker);
            for (position = 0; i == 0 && position < SlotTable.TagEnd && picker.Record == 0;) VisitBucket(keyspace, slot, ref position, ref picker);
        }
    }

    /// <summary>
    /// Visits keys from a cursor on (0 starts) until about <paramref name="count"/> were seen. A key that is there during a whole
    /// iteration is visited at least once, however much the keyspace grows, shrinks or moves.
    /// </summary>
    /// <returns>The cursor to go on with; 0 at the end.</returns>
    public ulong Scan<TVisitor>(ulong cursor, int count, ref TVisitor visitor)
        where TVisitor : IEntryVisitor, allows ref struct
    {
        FinishPending();
        var content = Content;
        if (IsNew(content))
        {
            VisitWrites(content, ref visitor);
            return 0;
        }

        if (_mode == Mode.Private)
        {
            _reads.Everything = true;
            DependOnEverything();
        }

        var keyspace = _view.Keyspaces[content];
        var slot = (int)Math.Min(cursor >> CursorTagBits, SlotHash.Slots);
        var position = (uint)cursor & (SlotTable.TagEnd - 1);
        for (; slot < SlotHash.Slots; slot++, position = 0)
        {
            if (Volatile.Read(ref keyspace.SlotAt(slot)->Table) == 0) continue;
            while (position < SlotTable.TagEnd)
            {
                if (count <= 0) return ((ulong)slot << CursorTagBits) | position;
                count -= VisitBucket(keyspace, slot, ref position, ref visitor);
            }
        }

        if (_writes.Count > 0) VisitWrites(content, ref visitor);
        return 0;
    }

    /// <summary>
    /// Removes every key of a database in O(1); memory is freed later, in slices. In private it is what a blind write is: at the commit all keys
    /// go that are there then.
    /// </summary>
    public void Flush(int database)
    {
        FinishPending();
        if (_mode == Mode.Private)
        {
            MapToChange().Flush(database);
            if (IsLogged) Encoder.Flush(EffectsOn(database));
            return;
        }

        var keyspaces = ChangeSet();
        var old = keyspaces[database];
        if (!old.IsWritten) return;
        var fresh = _store.TakeKeyspace();
        _taken!.Add(fresh);
        keyspaces[database] = fresh;
        var position = ReserveForSet();
        if (_store.Log is not null) Encoder.Flush(EffectsOn(database));
        if (_store.Watches.IsAny) _store.Watches.NoteTouched(database, old, null, _store.Table, NowUnixMs, _touched ??= []);
        _dropped!.Add(old);
        _view = _store.Publish(keyspaces, _generation, position, isChanging: true);
    }

    /// <summary>Swaps two databases in O(1).</summary>
    public void Swap(int first, int second)
    {
        FinishPending();
        if (_mode == Mode.Private)
        {
            MapToChange().Swap(first, second);
            if (IsLogged) Encoder.Swap(EffectsOn(_database), first, second);
            return;
        }

        var keyspaces = ChangeSet();
        if (_store.Watches.IsAny)
        {
            // A watched key is touched if it is there before or after.
            _touched ??= [];
            _store.Watches.NoteTouched(first, keyspaces[first], keyspaces[second], _store.Table, NowUnixMs, _touched);
            _store.Watches.NoteTouched(second, keyspaces[second], keyspaces[first], _store.Table, NowUnixMs, _touched);
        }

        (keyspaces[first], keyspaces[second]) = (keyspaces[second], keyspaces[first]);
        var position = ReserveForSet();
        if (_store.Log is not null) Encoder.Swap(EffectsOn(_database), first, second);
        _view = _store.Publish(keyspaces, _generation, position, isChanging: true);
    }

    // A copy of the keyspaces, to be changed. What was there is remembered, to go back to.
    private Keyspace[] ChangeSet()
    {
        if (_mode != Mode.Held || _everything != KeyAccess.Write)
            throw new InvalidOperationException("Only a transaction that declared to write everything may change databases.");
        var keyspaces = (Keyspace[])_view.Keyspaces.Clone();
        _taken ??= [];
        _dropped ??= [];
        _setBefore ??= _view;
        return keyspaces;
    }

    private void ScanWhole(int database, ref CountingVisitor visitor)
    {
        var current = _database;
        _database = database;
        Scan(0, int.MaxValue, ref visitor);
        _database = current;
    }

    private static int RandomSlot(Keyspace keyspace, Random random)
    {
        var total = keyspace.CountKeys();
        if (total <= 0) return 0;
        var rank = random.NextInt64(total);
        for (var slot = 0; slot < SlotHash.Slots; slot++)
        {
            rank -= keyspace.Keys[slot];
            if (rank < 0) return slot;
        }

        return 0;
    }

    // Visits the living entries of one bucket; the answer counts all that were looked at, so that a scan over the dead ends.
    private int VisitBucket<TVisitor>(Keyspace keyspace, int slot, ref uint position, ref TVisitor visitor)
        where TVisitor : IEntryVisitor, allows ref struct
    {
        Span<ulong> entries = stackalloc ulong[SlotTable.HomeEntriesMax];
        var count = _store.Table.Step(Volatile.Read(ref keyspace.SlotAt(slot)->Table), ref position, entries);
        // Asked for together the records arrive together: saves 10 ns of 57 a key (DBSIZE inside BEGIN, 1.3 M keys).
        for (var i = 0; Sse.IsSupported && i < count; i++) Sse.Prefetch0(_store.Table.RecordOf(entries[i]));
        for (var i = 0; i < count; i++)
        {
            var record = _store.Table.RecordOf(entries[i]);
            if (_mode == Mode.Private)
            {
                record = VisibleAt(record);
                if (record != null && IsOverwritten(slot, record)) record = null;
            }

            if (record != null && !Record.IsTombstone(record) && !IsDead(record)) visitor.Visit(new Entry(record));
        }

        return count;
    }

    private bool IsOverwritten(int slot, byte* record)
    {
        if (_writes.Count == 0) return false;
        var key = Record.Key(record);
        return _writes.Find(Content, new Key(key, new KeyRoute(_store.HashOf(key), (ushort)slot))) != null;
    }

    private void VisitWrites<TVisitor>(int content, ref TVisitor visitor)
        where TVisitor : IEntryVisitor, allows ref struct
    {
        for (var i = 0; i < _writes.Count; i++)
        {
            if (_writes.ContentAt(i) != content) continue;
            var record = _writes.RecordAt(i);
            if (!Record.IsTombstone(record) && !IsDead(record)) visitor.Visit(new Entry(record));
        }
    }

    private struct CountingVisitor : IEntryVisitor
    {
        public long Keys;
        public long WithDeadline;

        public void Visit(in Entry entry)
        {
            Keys++;
            if (entry.DeadlineUnixMs != 0) WithDeadline++;
        }
    }

    // Reservoir of one over the entries of a bucket.
    private struct PickingVisitor(Random random) : IEntryVisitor
    {
        private int _seen;

        public nint Record;

        public void Visit(in Entry entry)
        {
            if (random.Next(++_seen) == 0) Record = (nint)entry.Record;
        }
    }
}
