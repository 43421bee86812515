using System.Runtime.InteropServices;
using Memstore.Engine.Memory;
using Memstore.Engine.Values;

namespace Memstore.Engine.Keys;

/// <summary>
/// Finds the keys that occupy most memory, in slices of a background scan. Kept up at commit time the list would cost every write something and could not
/// say who comes next when the biggest key goes; a scan costs writers nothing, and what it costs has a bound.
/// </summary>
// The slots that have grown most since they were looked at go first, so a new big key is found within a second or two. All others come in turn, as long as
// something is written; slots that are smaller as a whole than the least key of the list are skipped. The scan enters no shard and holds no
// snapshot: an epoch keeps what it reads from being freed, and a size that changes meanwhile is a size of that moment. What is
// answered is looked up again, so a key that is gone is never shown.
// Threading: Step by maintenance; Top by anybody. The lists are under the lock, the rest belongs to Step.
internal sealed unsafe class BigKeyScan(Store store)
{
    /// <summary>Keys that are kept of each database.</summary>
    public const int Kept = 128;

    /// <summary>Bytes of a key that are kept.</summary>
    public const int KeySizeMax = 96;

    // Entries that a step visits; an empty slot counts as a part of one. With a step each 10 ms: 50,000 keys a second, 0.5 % of a processor.
    private const int EntriesPerStep = 512;
    private const int SlotsPerEntry = 32;
    private const int StepsPerLook = 100;
    private const long GrowthMin = 1_024;
    private const int GrownPerLook = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<int, List<KeptKey>> _lists = [];
    private readonly Dictionary<int, Seen> _seen = [];

    // The slots that have grown most at the last look, the least first; and in the order in which they are visited.
    private readonly PriorityQueue<(int Database, int Slot), long> _growing = new(GrownPerLook + 1);
    private readonly Stack<(int Database, int Slot)> _grown = new(GrownPerLook);
    private int _steps;
    private long _commitsAtSweep = -1;
    private bool _isSweeping;
    private (int Database, int Slot) _sweep;
    private (int Database, int Slot)? _current;
    private uint _position;

    private readonly record struct KeptKey(ulong Hash, int Slot, byte[] Key, int KeyLength, long Bytes);

    /// <summary>What a database's slots occupied when they were looked at.</summary>
    private sealed class Seen(Keyspace keyspace)
    {
        public Keyspace Keyspace { get; } = keyspace;

        public long[] Bytes { get; } = new long[SlotHash.Slots];
    }

    /// <summary>Bytes that it occupies, about.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock) return (_lists.Count * (long)Kept * (KeySizeMax + 56)) + (_seen.Count * (long)SlotHash.Slots * sizeof(long));
        }
    }

    /// <summary>Visits some entries. The caller has a worker.</summary>
    public void Step()
    {
        if (_steps++ % StepsPerLook == 0) Look();
        for (var left = EntriesPerStep; left > 0;)
        {
            if (_current is null && !TakeSlot(ref left)) return;
            left -= Visit(_current!.Value.Database, _current.Value.Slot, left);
        }
    }

    /// <summary>The biggest keys that are there now, the biggest first. The caller has a worker.</summary>
    public List<BigKey> Top(int count)
    {
        (int Database, KeptKey Key)[] kept;
        lock (_lock) kept = [.. _lists.SelectMany(static pair => pair.Value.Select(key => (pair.Key, key)))];
        var found = new List<BigKey>();
        foreach (var (database, key) in kept.OrderByDescending(static pair => pair.Key.Bytes))
        {
            if (found.Count >= count) break;
            if (Find(database, key) is { } big) found.Add(big);
        }

        found.Sort(static (a, b) => b.Bytes.CompareTo(a.Bytes));
        return found;
    }

    // Once a second: which slots have grown most, by more than the least key of the list, and whether there is anything to sweep.
    private void Look()
    {
        _growing.Clear();
        _grown.Clear();
        var keyspaces = store.DatabaseSet.Keyspaces;
        for (var database = 0; database < keyspaces.Length; database++)
        {
            var keyspace = keyspaces[database];
            if (!keyspace.IsWritten) continue;
            var seen = SeenOf(database, keyspace);
            var enough = Math.Max(GrowthMin, Least(database));
            for (var slot = 0; slot < SlotHash.Slots; slot++)
            {
                var growth = keyspace.Cold[slot].Bytes - seen.Bytes[slot];
                if (growth < enough) continue;
                if (_growing.Count < GrownPerLook) _growing.Enqueue((database, slot), growth);
                else _growing.EnqueueDequeue((database, slot), growth);
            }
        }

        while (_growing.TryDequeue(out var grown, out _)) _grown.Push(grown);

        var commits = store.CountCommits();
        if (_isSweeping || commits == _commitsAtSweep) return;
        _commitsAtSweep = commits;
        _isSweeping = true;
        _sweep = default;
        Clean();
    }

    // Another keyspace has the number after FLUSHDB or SWAPDB: all of it is new.
    private Seen SeenOf(int database, Keyspace keyspace)
    {
        if (_seen.TryGetValue(database, out var seen) && ReferenceEquals(seen.Keyspace, keyspace)) return seen;
        seen = new Seen(keyspace);
        lock (_lock) _seen[database] = seen;
        return seen;
    }

    private bool TakeSlot(ref int left)
    {
        _position = 0;
        if (_grown.TryPop(out var grown))
        {
            _current = grown;
            left--;
            return true;
        }

        var keyspaces = store.DatabaseSet.Keyspaces;
        for (var skipped = 0; _isSweeping; skipped++)
        {
            if (skipped % SlotsPerEntry == 0 && --left <= 0) return false;
            if (_sweep.Database == keyspaces.Length)
            {
                _isSweeping = false;
                return false;
            }

            var (database, slot) = _sweep;
            var keyspace = keyspaces[database];
            _sweep = slot + 1 < SlotHash.Slots && keyspace.IsWritten ? (database, slot + 1) : (database + 1, 0);
            if (!keyspace.IsWritten || keyspace.Keys[slot] == 0 || keyspace.Cold[slot].Bytes <= Least(database)) continue;
            _current = (database, slot);
            return true;
        }

        return false;
    }

    private int Visit(int database, int slot, int budget)
    {
        Span<ulong> entries = stackalloc ulong[SlotTable.HomeEntriesMax];
        var keyspace = store.DatabaseSet.Keyspaces[database];
        var seen = SeenOf(database, keyspace);
        if (_position == 0) seen.Bytes[slot] = keyspace.Cold[slot].Bytes;
        var visited = 0;
        while (_position < SlotTable.TagEnd && visited < budget)
        {
            var word = Volatile.Read(ref keyspace.SlotAt(slot)->Table);
            var count = store.Table.Step(word, ref _position, entries);
            visited += count + 1;
            for (var i = 0; i < count; i++)
            {
                var record = store.Table.RecordOf(entries[i]);
                var bytes = SizeOf(record);
                if (bytes > Least(database) && !Record.IsTombstone(record)) Offer(database, slot, record, bytes);
            }
        }

        if (_position >= SlotTable.TagEnd) _current = null;
        return visited;
    }

    // The least size that is still in a full list; 0 while there is room.
    private long Least(int database) => _lists.TryGetValue(database, out var list) && list.Count >= Kept ? list[^1].Bytes : 0;

    private void Offer(int database, int slot, byte* record, long bytes)
    {
        var key = Record.Key(record);
        var hash = store.HashOf(key);
        lock (_lock)
        {
            ref var list = ref CollectionsMarshal.GetValueRefOrAddDefault(_lists, database, out _);
            list ??= [];
            var known = list.FindIndex(kept => kept.Hash == hash);
            if (known >= 0 && list[known].Bytes == bytes) return;
            if (known >= 0) list.RemoveAt(known);
            else if (list.Count >= Kept) list.RemoveAt(list.Count - 1);
            var at = list.FindIndex(kept => kept.Bytes < bytes);
            list.Insert(at < 0 ? list.Count : at, new KeptKey(hash, slot, key[..Math.Min(KeySizeMax, key.Length)].ToArray(), key.Length, bytes));
        }
    }

    // Before a sweep: keys that are gone make room, and the others show what they occupy now.
    private void Clean()
    {
        lock (_lock)
        {
            foreach (var (database, list) in _lists)
            {
                for (var i = list.Count - 1; i >= 0; i--)
                {
                    if (Find(database, list[i]) is { } big) list[i] = list[i] with { Bytes = big.Bytes };
                    else list.RemoveAt(i);
                }

                list.Sort(static (a, b) => b.Bytes.CompareTo(a.Bytes));
            }
        }
    }

    private BigKey? Find(int database, in KeptKey kept)
    {
        var keyspace = store.DatabaseSet.Keyspaces[database];
        if (!keyspace.IsWritten) return null;
        Span<ulong> entries = stackalloc ulong[SlotTable.HomeEntriesMax];
        var position = SlotTable.TagOf(kept.Hash);
        var count = store.Table.Step(Volatile.Read(ref keyspace.SlotAt(kept.Slot)->Table), ref position, entries);
        for (var i = 0; i < count; i++)
        {
            var record = store.Table.RecordOf(entries[i]);
            if (SlotTable.TagOfEntry(entries[i]) != SlotTable.TagOf(kept.Hash) || Record.IsTombstone(record)) continue;
            if (Record.Key(record).Length != kept.KeyLength || store.HashOf(Record.Key(record)) != kept.Hash) continue;
            if (Record.Deadline(record) is var deadline && deadline != 0 && deadline <= store.NowUnixMs) return null;
            return Describe(database, kept, record);
        }

        return null;
    }

    private static BigKey Describe(int database, in KeptKey kept, byte* record)
    {
        var entry = new Entry(record);
        return new BigKey(database, kept.Key, kept.KeyLength, kept.Slot, entry.Type, SizeOf(record), entry.Type == ValueType.Hash ? entry.Hash.Count : 1);
    }

    private static long SizeOf(byte* record)
    {
        var bytes = new Entry(record).UsedBytes;
        return Record.Type(record) == RecordType.HashTree ? bytes + Math.Max(0, MemoryMarshal.Read<TreeRoot>(Record.Value(record)).Bytes) : bytes;
    }
}
