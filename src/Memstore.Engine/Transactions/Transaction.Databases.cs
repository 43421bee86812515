using Memstore.Engine.Keys;
using Memstore.Engine.Transactions;

namespace Memstore.Engine;

// Flushing and swapping databases in private: the transaction sees it at once, others at its commit, which enters all shards for it and publishes one
// set. What was written before a flush is left behind; a swap takes it along.
public sealed unsafe partial class Transaction
{
    private DatabaseMap? _map;

    private bool HasDatabaseChanges => _map is { HasChanged: true };

    /// <summary>Whether a private run has anything to commit.</summary>
    private bool HasPrivateChanges => _writes.Count > 0 || HasDatabaseChanges;

    // What the current database shows; in private perhaps that of another one, or a new one that nobody else knows.
    private int Content => _mode == Mode.Private && HasDatabaseChanges ? _map![_database] : _database;

    private bool IsNew(int content) => content >= _store.DatabaseCount;

    private DatabaseMap MapToChange()
    {
        RefuseIfReadOnly();
        return _map ??= new DatabaseMap(_store.DatabaseCount);
    }

    // The database that shows a content after the commit; -1 if it is gone.
    private int DatabaseOf(int content) => HasDatabaseChanges ? _map!.Find(content) : content;

    // Holds all shards, and what was read has been validated.
    private void PublishDatabases()
    {
        var before = _view.Keyspaces;
        var after = (Keyspace[])before.Clone();
        _taken ??= [];
        _dropped ??= [];
        _setBefore = _view;
        var unused = new Stack<Keyspace>();
        for (var content = 0; content < before.Length; content++)
        {
            if (_map!.Find(content) >= 0) continue;
            if (before[content].IsWritten) _dropped.Add(before[content]);
            else unused.Push(before[content]);
        }

        for (var database = 0; database < after.Length; database++) after[database] = KeyspaceFor(_map![database], before, unused);
        if (_store.Watches.IsAny) NoteTouched(before, after);
        _view = _store.Publish(after, _generation, ReserveForSet(), isChanging: true);
    }

    private Keyspace KeyspaceFor(int content, Keyspace[] before, Stack<Keyspace> unused)
    {
        if (!IsNew(content)) return before[content];
        if (unused.TryPop(out var keyspace)) return keyspace;
        keyspace = _store.TakeKeyspace();
        _taken!.Add(keyspace);
        return keyspace;
    }

    private void NoteTouched(Keyspace[] before, Keyspace[] after)
    {
        _touched ??= [];
        for (var database = 0; database < after.Length; database++)
        {
            if (ReferenceEquals(before[database], after[database])) continue;
            _store.Watches.NoteTouched(database, before[database], after[database], _store.Table, NowUnixMs, _touched);
        }
    }
}
