using Memstore.Engine.Keys;
using Memstore.Engine.Memory;
using Memstore.Engine.Transactions;

namespace Memstore.Engine;

/// <summary>What a store does of its own accord: expires keys, frees old versions and dropped databases, gives memory back.</summary>
// One thread, every few milliseconds, in slices: each enters one shard for a few dozen keys at most, as a transaction like others.
internal sealed unsafe class Maintenance : IDisposable
{
    private const int PeriodMs = 10;
    private const int WallClockPeriods = 100;
    private const int ExpiredPerSlice = 16;
    private const int ExpirySlicesPerSlot = 64;
    private const int ExpirySlicesPerRun = 4_000;
    private const int VersionsPerRun = 10_000;
    private const int EntriesPerSlice = 1_000;
    private const long PurgePerRun = 32L << 20;

    private readonly Lock _running = new();
    private readonly Lock _dropping = new();
    private readonly Queue<(Keyspace Keyspace, long Stamp)> _dropped = new();
    private readonly Store _store;
    private readonly WorkerPool _workers;
    private readonly Transaction _transaction;
    private readonly Action<Transaction> _expire;
    private readonly Action<Transaction> _removeTombstone;
    private readonly ManualResetEventSlim _stop = new();
    private readonly SliceBody _slice = new();
    private readonly Compaction _compaction;
    private readonly Action<int, int, Action<Transaction>> _execute;
    private Thread? _thread;
    private int _periods;

    // What the present slice is about; its delegates are made once, for a slice that allocates may have to collect, inside its shard.
    private int _expiringSlot;
    private bool _allExpired;
    private bool _isMoreDue;
    private bool _isShortOfMemory;
    private int _expiryStart;
    private VersionStore.Version _tombstone;

    public Maintenance(Store store, WorkerPool workers)
    {
        _store = store;
        _workers = workers;
        _transaction = new Transaction(store) { TimesHolds = true };
        _compaction = new Compaction(store);
        _execute = Execute;
        _expire = transaction => _allExpired = transaction.ExpireDue(_expiringSlot, ExpiredPerSlice);
        _removeTombstone = RemoveTombstone;
    }

    /// <summary>Starts the thread.</summary>
    public void Start()
    {
        _thread = new Thread(Loop) { IsBackground = true, Name = "memstore maintenance" };
        _thread.Start();
    }

    /// <summary>Frees a keyspace that no database shows any more, once no snapshot opened before the stamp is left.</summary>
    public void Drop(Keyspace keyspace, long stamp)
    {
        lock (_dropping) _dropped.Enqueue((keyspace, stamp));
    }

    /// <summary>One round.</summary>
    public void Run()
    {
        lock (_running)
        {
            if (_periods++ % WallClockPeriods == 0) _store.Clock.FollowWallClock();
            _store.ForgetOlderSets();
            _store.PrepareKeyspaces();
            _isMoreDue = false;
            _isShortOfMemory = false;
            if (_store.ExpiresActively && !_store.IsLoading) Expire();
            FreeVersions();
            FreeDropped();
            _compaction.Run(_execute);
            ScanForBigKeys();
            _workers.Collect();
            _store.Arena.Maintain(PurgePerRun);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Set();
        _thread?.Join();
        _stop.Dispose();
        _slice.Dispose();
    }

    private void Loop()
    {
        while (!_stop.Wait(_isMoreDue && !_isShortOfMemory ? 0 : PeriodMs)) Run();
    }

    private void ScanForBigKeys()
    {
        if (_store.IsLoading) return;
        var worker = _workers.Rent();
        try
        {
            _store.ScanForBigKeys();
        }
        finally
        {
            _workers.Return(worker);
        }
    }

    // Runs something inside the shard of a slot, waiting for it if it is busy.
    private void Execute(int database, int slot, Action<Transaction> action)
    {
        _slice.Action = action;
        _transaction.Begin(database);
        _transaction.Declare(new KeyRoute(0, (ushort)slot), KeyAccess.Write);
        var worker = _workers.Rent();
        try
        {
            if (_transaction.TryRun(worker, _slice)) return;
            _slice.Ended.Reset();
            _transaction.Submit(worker, _slice);
        }
        catch (OutOfMemoryException)
        {
            // The slice has changed nothing; there may be memory in the next round.
            _isShortOfMemory = true;
            return;
        }
        finally
        {
            _workers.Return(worker);
        }

        _slice.Ended.Wait();
        _isShortOfMemory |= _slice.Error is OutOfMemoryException;
    }

    // Slots take turns, so that one with millions of keys that are due keeps no other waiting, and after some slices the rest of maintenance
    // has its turn: memory must be freed and made ready meanwhile.
    private void Expire()
    {
        _isMoreDue = true;
        for (var slices = ExpirySlicesPerRun; _isMoreDue && !_isShortOfMemory && slices > 0;)
        {
            _isMoreDue = false;
            var keyspaces = _store.DatabaseSet.Keyspaces;
            for (var database = 0; database < keyspaces.Length; database++)
            {
                if (keyspaces[database].HasDeadlines) ExpireDatabase(database, keyspaces[database], ref slices);
            }
        }
    }

    private void ExpireDatabase(int database, Keyspace keyspace, ref int slices)
    {
        var now = _store.NowUnixMs;
        for (var i = 0; i < SlotHash.Slots; i++)
        {
            var slot = (_expiryStart + i) & (SlotHash.Slots - 1);
            var due = Volatile.Read(ref keyspace.NextDue[slot]);
            if (due == 0 || due > now) continue;
            if (slices <= 0)
            {
                // From here on the next time.
                _isMoreDue = true;
                _expiryStart = slot;
                return;
            }

            slices -= ExpireSlot(database, slot);
        }
    }

    private int ExpireSlot(int database, int slot)
    {
        _expiringSlot = slot;
        _allExpired = false;
        var slices = 0;
        for (; slices < ExpirySlicesPerSlot && !_allExpired; slices++) Execute(database, slot, _expire);
        _isMoreDue |= !_allExpired;
        return slices;
    }

    private void FreeVersions()
    {
        for (var i = 0; i < VersionsPerRun && _store.Versions.TryTake(_store.Snapshots, out var version); i++)
        {
            if (version.Keyspace is null)
            {
                var worker = _workers.Rent();
                if (version.Tree is { } tree) worker.RetireAction(tree.FreeSlice, null);
                else worker.Retire((byte*)version.Record);
                _workers.Return(worker);
            }
            else if (!version.Keyspace.IsDropped)
            {
                _tombstone = version;
                Execute(0, version.Route.Slot, _removeTombstone);
            }
        }
    }

    private void RemoveTombstone(Transaction transaction) =>
        transaction.RemoveTombstone(_tombstone.Keyspace!, _tombstone.Route, (byte*)_tombstone.Record, _tombstone.ReplacedStamp);

    private void FreeDropped()
    {
        while (true)
        {
            (Keyspace Keyspace, long Stamp) dropped;
            lock (_dropping)
            {
                if (!_dropped.TryPeek(out dropped) || dropped.Stamp > _store.Snapshots.OldestOpen) return;
                _dropped.Dequeue();
            }

            dropped.Keyspace.IsDropped = true;
            var worker = _workers.Rent();
            worker.RetireAction(new Sweeper(_store, dropped.Keyspace).Step, null);
            _workers.Return(worker);
        }
    }

    // Frees the records and tables of a keyspace that nobody can see, a slice at a time.
    private sealed class Sweeper(Store store, Keyspace keyspace)
    {
        private int _slot;
        private uint _position;

        private static void FreeRecord(Worker worker, byte* record)
        {
            if (Record.Type(record) == RecordType.HashTree)
            {
                var tree = new RetiredTree(System.Runtime.InteropServices.MemoryMarshal.Read<TreeRoot>(Record.Value(record)));
                worker.RetireAction(tree.FreeSlice, null);
            }

            worker.Free(record);
        }

        public bool Step(Worker worker, object? state)
        {
            Span<ulong> entries = stackalloc ulong[SlotTable.HomeEntriesMax];
            for (var freed = 0; freed < EntriesPerSlice;)
            {
                var slot = keyspace.SlotAt(_slot);
                while (slot->Table != 0 && _position < SlotTable.TagEnd && freed < EntriesPerSlice)
                {
                    var count = store.Table.Step(slot->Table, ref _position, entries);
                    for (var i = 0; i < count; i++) FreeRecord(worker, store.Table.RecordOf(entries[i]));
                    freed += count + 1;
                }

                if (slot->Table != 0 && _position < SlotTable.TagEnd) return false;
                store.Table.Drop(&slot->Table, worker);
                keyspace.Cold[_slot].Deadlines.Free(worker);
                _position = 0;
                if ((_slot & 63) == 0) freed++;
                if (++_slot < SlotHash.Slots) continue;
                keyspace.Dispose();
                return true;
            }

            return false;
        }
    }

    private sealed class SliceBody : ITransactionBody, IDisposable
    {
        public Action<Transaction> Action { get; set; } = static _ => { };

        public ManualResetEventSlim Ended { get; } = new();

        public void Run(Transaction transaction) => Action(transaction);

        public Exception? Error { get; private set; }

        public void Completed(Transaction transaction, Exception? error)
        {
            Error = error;
            Ended.Set();
        }

        public void Dispose() => Ended.Dispose();
    }
}
