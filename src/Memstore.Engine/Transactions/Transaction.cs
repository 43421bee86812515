using System.Buffers;
using Memstore.Engine.Keys;
using Memstore.Engine.Shards;
using Memstore.Engine.Transactions;

namespace Memstore.Engine;

/// <summary>How a transaction is executed. The result is the same; the cost differs.</summary>
public enum TransactionPlan : byte
{
    /// <summary>Enter the shards, run, leave. Best for short transactions.</summary>
    Held,

    /// <summary>Run on a snapshot with private writes, then enter, validate and publish; run again held if validation fails.</summary>
    Snapshot,

    /// <summary>Run on a snapshot and write nothing.</summary>
    ReadSnapshot,
}

/// <summary>How the commit of an open transaction ended.</summary>
public enum CommitOutcome : byte
{
    /// <summary>Everything became visible at once.</summary>
    Committed,

    /// <summary>Something that was read has changed since; nothing became visible.</summary>
    Conflict,

    /// <summary>A shard is busy; submit the commit instead.</summary>
    Busy,
}

/// <summary>
/// A transaction: the descriptor that enters shards and commits. Reusable; used by one caller at a time, but its work may
/// be continued by whichever thread leaves a shard that it waits for.
/// </summary>
/// <remarks>
/// One use is: <see cref="Begin"/>, <see cref="Declare"/> for every key, then <see cref="TryRead"/> or <see cref="TryRun"/>
/// and, when these answer false because a shard is busy, <see cref="Submit"/>. The data members may be called only from
/// <see cref="ITransactionBody.Run"/> or between the opening and the end of an open transaction.
/// </remarks>
public sealed partial class Transaction
{
    /// <summary>The longest media type of a string, in bytes.</summary>
    public const int MediaTypeMax = 255;

    private const int DeclaredAtFirst = 8;

    // Elements that a body may visit inside its shards: they take about 50 us.
    private const int HeldElementsMax = 1_000;

    private static readonly StartAgainException StartAgain = new();

    private readonly Store _store;
    private readonly Snapshot _snapshot = new();
    private readonly PrivateWrites _writes;
    private readonly ReadSet _reads = new();

    // What was declared.
    private TransactionPlan _plan;
    private int[] _declared = new int[DeclaredAtFirst];
    private int _declaredCount;
    private int _writesDeclared;
    private KeyAccess? _everything;
    private WatchSet? _watches;
    private int _database;

    // The shards to enter, from what was declared and the owners at that moment.
    private ShardSet _shards = new();
    private int _enteredUpTo;

    // The run.
    private Mode _mode;
    private Worker _worker = null!;
    private ITransactionBody? _body;
    private long _generation;
    private long _newestOpen;
    private long _nowUnixMs;
    private long _position;
    private DatabaseSet _view = null!;

    // The databases that the snapshot showed, while what was read there is validated.
    private DatabaseSet _readView = null!;
    private bool _mustEnter;
    private bool _snapshotIsOpen;
    private bool _hasWritten;

    // Whether it committed while it held its shards, and whether it had waited for one: counted when it leaves them.
    private bool _hasCommitted;
    private bool _hasQueued;

    /// <summary>Makes a descriptor for a store.</summary>
    public Transaction(Store store)
    {
        ArgumentNullException.ThrowIfNull(store);
        _store = store;
        _writes = new PrivateWrites();
    }

    private sealed class StartAgainException : Exception;

    private enum Mode : byte
    {
        Idle,

        /// <summary>Reads one key without its shard.</summary>
        Unheld,

        /// <summary>Holds all its shards; reads and writes go straight to the data.</summary>
        Held,

        /// <summary>Reads a snapshot, writes privately.</summary>
        Private,
    }

    /// <summary>The store that it belongs to.</summary>
    public Store Store => _store;

    /// <summary>The database that the data members work on; a body may change it (SELECT inside EXEC).</summary>
    public int Database
    {
        get => _database;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(value, _store.DatabaseCount);
            _database = value;
        }
    }

    /// <summary>The one moment at which this transaction runs, in milliseconds of Unix time.</summary>
    public long NowUnixMs
    {
        get
        {
            if (_nowUnixMs == 0) _nowUnixMs = _store.NowUnixMs;
            return _nowUnixMs;
        }
    }

    /// <summary>Whether one of the declared watches was touched, or has expired: EXEC then answers nil and runs nothing.</summary>
    public bool WatchesBroken => _watches is not null && (_watches.IsBroken || _watches.IsOverdue(this));

    /// <summary>Counts, for the shard of the key, an EXEC that runs nothing because of <see cref="WatchesBroken"/>. Call it inside the body, once.</summary>
    public void CountLostWatch()
    {
        if (_watches is null || _mode != Mode.Held) return;
        _store.Shards[_store.ShardOf(_watches.LostSlot)].CountLostWatch();
    }

    /// <summary>The commit-log position that a reply of this transaction depends on, once it has ended; 0 without a log.</summary>
    public long Position => _position;

    /// <summary>Whether an interactive transaction is open.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Whether writes stay private until a commit: in an open transaction, or on a snapshot.</summary>
    public bool IsPrivate => _mode == Mode.Private;

    /// <summary>Whether its body turned out to be too long for its shards (<see cref="ExpectWork"/>): submitted, it runs on a snapshot.</summary>
    public bool IsLong { get; private set; }

    /// <summary>Told about each key that a write creates, before the write; null tells nobody. A run that is not committed may have told, too.</summary>
    public KeyHandler? KeyCreated { get; set; }

    // Links of the queue that it waits in, and of the list of granted transactions of a worker.
    internal Transaction? NextWaiting { get; set; }

    internal Transaction? NextGranted { get; set; }

    // How many had arrived at the shard, with this one, when it queued.
    internal int ArrivalDepth { get; set; }

    /// <summary>Starts a new use: forgets all that was declared, read and written.</summary>
    public void Begin(int database, TransactionPlan plan = TransactionPlan.Held)
    {
        if (IsOpen) throw new InvalidOperationException("An open transaction must be committed or rolled back first.");
        _plan = plan;
        IsLong = false;
        _replacesKey = false;
        _database = database;
        _declaredCount = 0;
        _writesDeclared = 0;
        _everything = null;
        _watches = null;
        _position = 0;
        _hasQueued = false;
    }

    /// <summary>Declares a key that the body reads or writes (in whatever database).</summary>
    public void Declare(KeyRoute route, KeyAccess access)
    {
        if (_declaredCount == _declared.Length) Array.Resize(ref _declared, _declared.Length * 2);
        _declared[_declaredCount++] = (route.Slot << 1) | (int)access;
        if (access == KeyAccess.Write) _writesDeclared++;
    }

    /// <summary>Declares that the body touches the whole keyspace (FLUSHALL, SWAPDB, DBSIZE, KEYS).</summary>
    public void DeclareEverything(KeyAccess access) =>
        _everything = _everything == KeyAccess.Write ? KeyAccess.Write : access;

    /// <summary>The watches that must be clean for the body to run; its shards are entered too. See <see cref="WatchesBroken"/>.</summary>
    public void DeclareWatches(WatchSet watches)
    {
        ArgumentNullException.ThrowIfNull(watches);
        _watches = watches;
        foreach (var slot in watches.Slots) Declare(new KeyRoute(0, slot), KeyAccess.Read);
    }

    /// <summary>
    /// Has a transaction that was declared as held run on a snapshot first if it is long and mostly reads: its shards are then held for its writes
    /// only, or not at all. For bodies that may run twice and have no effect but through the transaction.
    /// </summary>
    // docs/decisions/0001-engine.md has the figures: with many writes publishing holds the shards as long as running does.
    public void PlanByLength()
    {
        var options = _store.Options;
        if (_plan != TransactionPlan.Held || _everything is not null || _watches is not null) return;
        if (_declaredCount < options.SnapshotKeysMin || (long)_writesDeclared * options.SnapshotKeysPerWrite > _declaredCount) return;
        _plan = TransactionPlan.Snapshot;
    }

    /// <summary>
    /// A body tells that it is about to visit so many elements of a value. If they are many and it holds its shards, it is ended by an
    /// exception that it must let pass, and runs again on a snapshot, where nobody waits for it.
    /// </summary>
    // Not once it has written, and not with watches, which are exact only inside their shards. If its validation fails it runs held to its end.
    public void ExpectWork(long elements)
    {
        if (elements <= HeldElementsMax || _mode != Mode.Held || _plan != TransactionPlan.Held) return;
        if (_hasWritten || _pendingState != PendingState.None || _everything is not null || _watches is not null || _store.IsLoading) return;
        throw StartAgain;
    }

    private static int SlotOf(int declared) => declared >> 1;

    private static bool IsWrite(int declared) => (declared & 1) != 0;
}

/// <summary>Sees the entries that a scan visits.</summary>
public interface IEntryVisitor
{
    /// <summary>Called once for each living entry.</summary>
    void Visit(in Entry entry);
}
