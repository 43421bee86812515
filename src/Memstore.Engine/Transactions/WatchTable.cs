using Memstore.Engine.Keys;
using Memstore.Engine.Memory;

namespace Memstore.Engine.Transactions;

/// <summary>Who watches which keys. Committers touch it inside the key's shard; sessions add and clear. Thread-safe.</summary>
internal sealed class WatchTable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, List<Watch>> _byHash = [];
    private int _count;

    /// <summary>Whether anybody watches anything; a look that costs a committer next to nothing.</summary>
    public bool IsAny => Volatile.Read(ref _count) != 0;

    /// <summary>Adds a watch.</summary>
    public void Add(Watch watch)
    {
        lock (_lock)
        {
            if (!_byHash.TryGetValue(watch.Route.Hash, out var watches)) _byHash[watch.Route.Hash] = watches = [];
            watches.Add(watch);
            Volatile.Write(ref _count, _count + 1);
        }
    }

    /// <summary>Takes a watch away.</summary>
    public void Remove(Watch watch)
    {
        lock (_lock)
        {
            var watches = _byHash[watch.Route.Hash];
            watches.Remove(watch);
            if (watches.Count == 0) _byHash.Remove(watch.Route.Hash);
            Volatile.Write(ref _count, _count - 1);
        }
    }

    /// <summary>A key was written, deleted or expired.</summary>
    public void Touch(int database, KeyRoute route, ReadOnlySpan<byte> key)
    {
        lock (_lock)
        {
            if (!_byHash.TryGetValue(route.Hash, out var watches)) return;
            foreach (var watch in watches)
            {
                if (watch.Database == database && key.SequenceEqual(watch.Key)) watch.Owner.Break(watch.Route.Slot);
            }
        }
    }

    /// <summary>
    /// A database is being flushed or swapped: notes the watched keys that it held, and those that it holds from now on. One that has
    /// expired already is absent to everybody, so its coming changes nothing.
    /// </summary>
    public unsafe void NoteTouched(int database, Keyspace before, Keyspace? after, SlotTable table, long nowUnixMs, List<(Watch Watch, bool IsStale)> touched)
    {
        lock (_lock)
        {
            foreach (var watches in _byHash.Values)
            {
                foreach (var watch in watches)
                {
                    if (watch.Database != database) continue;
                    if (Holds(before, watch, table, out _)) touched.Add((watch, false));
                    if (after is null || !Holds(after, watch, table, out var record)) continue;
                    var deadline = Record.Deadline(record);
                    touched.Add((watch, deadline != 0 && deadline <= nowUnixMs));
                }
            }
        }
    }

    /// <summary>Touches what was noted, now that it has happened; but not a set that was cleared meanwhile and may be of other keys now.</summary>
    public void Touch(List<(Watch Watch, bool IsStale)> touched)
    {
        lock (_lock)
        {
            foreach (var (watch, isStale) in touched)
            {
                if (!_byHash.TryGetValue(watch.Route.Hash, out var watches) || !watches.Contains(watch)) continue;
                watch.IsStale = isStale;
                if (!isStale) watch.Owner.Break(watch.Route.Slot);
            }
        }
    }

    private static unsafe bool Holds(Keyspace keyspace, Watch watch, SlotTable table, out byte* record)
    {
        var slot = keyspace.SlotAt(watch.Route.Slot);
        var entry = table.Find(slot->Table, SlotTable.TagOf(watch.Route.Hash), watch.Key, out record);
        return entry != null && !Record.IsTombstone(record);
    }
}

/// <summary>One watched key.</summary>
internal sealed record Watch(WatchSet Owner, int Database, KeyRoute Route, byte[] Key)
{
    /// <summary>The key came with its database when it had expired already: that it will be removed changes nothing.</summary>
    public bool IsStale { get; set; }
}
