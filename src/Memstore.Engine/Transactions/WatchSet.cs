using Memstore.Engine.Transactions;

namespace Memstore.Engine;

/// <summary>
/// The keys that one session watches (WATCH). Used by one session; broken by whoever commits a change to one of the keys.
/// A key that is absent can be watched too: creating it breaks the set, even if it is deleted again.
/// </summary>
public sealed class WatchSet
{
    private readonly Store _store;
    private readonly List<Watch> _watches = [];
    private readonly KeyIndex _index = new();
    private volatile bool _isBroken;
    private int _brokenSlot = -1;

    // The first deadline of a watched key that was alive when it was added. A change of a deadline breaks the set, so it holds till then.
    private long _deadlineUnixMs = long.MaxValue;
    private int _deadlineSlot;

    /// <summary>Makes an empty set.</summary>
    public WatchSet(Store store)
    {
        ArgumentNullException.ThrowIfNull(store);
        _store = store;
    }

    /// <summary>Number of keys watched.</summary>
    public int Count => _watches.Count;

    /// <summary>Whether a watched key has been touched.</summary>
    public bool IsBroken => _isBroken;

    internal IEnumerable<ushort> Slots => _watches.Select(static watch => watch.Route.Slot);

    /// <summary>Adds a key of the transaction's database; call inside a body that declared the key with write access.</summary>
    public void Add(Transaction transaction, in Key key)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        for (var at = _index.First(key.Route.Hash); at >= 0; at = _index.Next(key.Route.Hash))
        {
            if (_watches[at].Database == transaction.Database && key.Bytes.SequenceEqual(_watches[at].Key)) return;
        }

        // A key that has expired is removed now, so that its removal does not break the watch.
        if (transaction.Find(key, out var entry) && entry.DeadlineUnixMs != 0 && entry.DeadlineUnixMs < _deadlineUnixMs)
            (_deadlineUnixMs, _deadlineSlot) = (entry.DeadlineUnixMs, key.Route.Slot);
        var watch = new Watch(this, transaction.Database, key.Route, key.Bytes.ToArray());
        _index.Add(key.Route.Hash, _watches.Count);
        _watches.Add(watch);
        _store.Watches.Add(watch);
    }

    /// <summary>Breaks the set if a watched key has expired and nobody has noticed yet. Call it inside a body that declared the set.</summary>
    public void Look(Transaction transaction)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        var database = transaction.Database;
        foreach (var watch in _watches)
        {
            if (watch.IsStale) continue;
            transaction.Database = watch.Database;
            transaction.Find(new Key(watch.Key, watch.Route), out _);
        }

        transaction.Database = database;
    }

    /// <summary>Forgets all keys. Thread-safe against committers; call it when the session ends, too.</summary>
    public void Clear()
    {
        foreach (var watch in _watches) _store.Watches.Remove(watch);
        _watches.Clear();
        _index.Clear();
        _isBroken = false;
        _brokenSlot = -1;
        _deadlineUnixMs = long.MaxValue;
    }

    /// <summary>Whether a key that was alive is dead at the transaction's now, although nobody may have removed it yet.</summary>
    internal bool IsOverdue(Transaction transaction) => _deadlineUnixMs != long.MaxValue && transaction.NowUnixMs >= _deadlineUnixMs;

    /// <summary>The slot of the key that broke the set first, or that is overdue.</summary>
    internal int LostSlot => _isBroken && _brokenSlot >= 0 ? _brokenSlot : _deadlineSlot;

    internal void Break(int slot)
    {
        if (_brokenSlot < 0) _brokenSlot = slot;
        _isBroken = true;
    }
}
