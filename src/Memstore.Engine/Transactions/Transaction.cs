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
public sealed class Transaction
{
    /// <summary>Makes a descriptor for a store.</summary>
    public Transaction(Store store) => throw new NotImplementedException();

    // ---- Declaring -------------------------------------------------------------------------------------------------

    /// <summary>Starts a new use: forgets all that was declared, read and written.</summary>
    public void Begin(int database, TransactionPlan plan = TransactionPlan.Held) => throw new NotImplementedException();

    /// <summary>Declares a key that the body reads or writes (in whatever database).</summary>
    public void Declare(KeyRoute route, KeyAccess access) => throw new NotImplementedException();

    /// <summary>Declares that the body touches the whole keyspace (FLUSHALL, SWAPDB, DBSIZE, KEYS).</summary>
    public void DeclareEverything(KeyAccess access) => throw new NotImplementedException();

    /// <summary>The watches that must be clean for the body to run; its shards are entered too. See <see cref="WatchesBroken"/>.</summary>
    public void DeclareWatches(WatchSet watches) => throw new NotImplementedException();

    // ---- Executing -------------------------------------------------------------------------------------------------

    /// <summary>
    /// Runs a body that reads one declared key, without entering its shard. False if that did not work out (the key is
    /// expired, a commit is under way, the value changes in place): drop what the body produced and call <see cref="TryRun"/>.
    /// </summary>
    public bool TryRead(Worker worker, ITransactionBody body) => throw new NotImplementedException();

    /// <summary>Runs and commits now, on this thread. False, with nothing done, if a shard stays busy: then <see cref="Submit"/>.</summary>
    public bool TryRun(Worker worker, ITransactionBody body) => throw new NotImplementedException();

    /// <summary>Queues for the shards. <see cref="ITransactionBody.Completed"/> is called when it has committed, maybe before this returns.</summary>
    public void Submit(Worker worker, ITransactionBody body) => throw new NotImplementedException();

    // ---- Open transactions (BEGIN, COMMIT, ROLLBACK) ---------------------------------------------------------------

    /// <summary>Opens an interactive transaction: takes a snapshot. False if a shard stays busy: then <see cref="SubmitOpen"/>.</summary>
    public bool TryOpen(Worker worker, int database, bool readOnly) => throw new NotImplementedException();

    /// <summary>Opens when the busy shards have been left; then calls back, on any thread.</summary>
    public void SubmitOpen(Worker worker, Action<object?> opened, object? state) => throw new NotImplementedException();

    /// <summary>Runs a body inside the open transaction: it sees the snapshot and its own writes; others see nothing.</summary>
    public void RunOpen(Worker worker, ITransactionBody body) => throw new NotImplementedException();

    /// <summary>Commits the open transaction if nothing that it read has changed. Ends it unless the answer is Busy.</summary>
    public CommitOutcome TryCommitOpen(Worker worker) => throw new NotImplementedException();

    /// <summary>Commits when the busy shards have been left; then calls back, on any thread. The answer is in <see cref="OpenOutcome"/>.</summary>
    public void SubmitCommitOpen(Worker worker, Action<object?> ended, object? state) => throw new NotImplementedException();

    /// <summary>How a submitted commit ended.</summary>
    public CommitOutcome OpenOutcome => throw new NotImplementedException();

    /// <summary>Drops the open transaction and all it wrote.</summary>
    public void Rollback(Worker worker) => throw new NotImplementedException();

    /// <summary>Whether an interactive transaction is open.</summary>
    public bool IsOpen => throw new NotImplementedException();

    // ---- State that a body sees ------------------------------------------------------------------------------------

    /// <summary>The store that it belongs to.</summary>
    public Store Store => throw new NotImplementedException();

    /// <summary>The database that the data members work on; a body may change it (SELECT inside EXEC).</summary>
    public int Database { get => throw new NotImplementedException(); set => throw new NotImplementedException(); }

    /// <summary>The one moment at which this transaction runs, in milliseconds of Unix time.</summary>
    public long NowUnixMs => throw new NotImplementedException();

    /// <summary>Whether one of the declared watches was touched: EXEC then answers nil and runs nothing.</summary>
    public bool WatchesBroken => throw new NotImplementedException();

    /// <summary>The commit-log position that a reply of this transaction depends on; 0 without a log.</summary>
    public long Position => throw new NotImplementedException();

    // ---- Keys ------------------------------------------------------------------------------------------------------

    /// <summary>Looks a key up. False if it is absent or expired.</summary>
    public bool Find(in Key key, out Entry entry) => throw new NotImplementedException();

    /// <summary>Sets a string, whatever the key held before.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The new value.</param>
    /// <param name="deadlineUnixMs">When it expires; 0 for never. One that has passed deletes the key.</param>
    /// <param name="raw">Whether the value counts as built in place (see <see cref="Entry.IsRaw"/>).</param>
    public void PutString(in Key key, ReadOnlySpan<byte> value, long deadlineUnixMs = 0, bool raw = false) => throw new NotImplementedException();

    /// <summary>Sets a string of the given length that the caller fills at once; the deadline is as in <see cref="PutString"/>.</summary>
    /// <returns>Where to write; the entry is published when the transaction next touches the store or ends.</returns>
    public Span<byte> PutStringInPlace(in Key key, int length, long deadlineUnixMs = 0, bool raw = false) => throw new NotImplementedException();

    /// <summary>Deletes a key. False if there was none.</summary>
    public bool Delete(in Key key) => throw new NotImplementedException();

    /// <summary>Changes the deadline of a key; 0 takes it away, one that has passed deletes the key. False if there is no key.</summary>
    public bool SetDeadline(in Key key, long deadlineUnixMs) => throw new NotImplementedException();

    /// <summary>Gives a key the value, type and deadline of another, replacing what it had. The source stays. False if there is no source.</summary>
    public bool CopyValue(in Key source, int sourceDatabase, in Key destination, int destinationDatabase) => throw new NotImplementedException();

    // ---- The whole keyspace ----------------------------------------------------------------------------------------

    /// <summary>Number of keys in a database, those included that have expired and not been removed yet.</summary>
    public long Count(int database) => throw new NotImplementedException();

    /// <summary>Number of keys with a deadline in a database.</summary>
    public long CountWithDeadline(int database) => throw new NotImplementedException();

    /// <summary>A random living key. False if there is none.</summary>
    public bool RandomKey(Random random, out Entry entry) => throw new NotImplementedException();

    /// <summary>
    /// Visits keys from a cursor on (0 starts) until about <paramref name="count"/> were seen. A key that is there during a whole
    /// iteration is visited at least once, however much the keyspace grows, shrinks or moves.
    /// </summary>
    /// <returns>The cursor to go on with; 0 at the end.</returns>
    public ulong Scan<TVisitor>(ulong cursor, int count, ref TVisitor visitor) where TVisitor : IEntryVisitor, allows ref struct
        => throw new NotImplementedException();

    /// <summary>Removes every key of a database in O(1); memory is freed later, in slices.</summary>
    public void Flush(int database) => throw new NotImplementedException();

    /// <summary>Swaps two databases in O(1).</summary>
    public void Swap(int first, int second) => throw new NotImplementedException();
}

/// <summary>Sees the entries that a scan visits.</summary>
public interface IEntryVisitor
{
    /// <summary>Called once for each living entry.</summary>
    void Visit(in Entry entry);
}

/// <summary>The keys that one session watches. Used by one session; touched by committers.</summary>
public sealed class WatchSet
{
    /// <summary>Makes an empty set.</summary>
    public WatchSet(Store store) => throw new NotImplementedException();

    /// <summary>Number of keys watched.</summary>
    public int Count => throw new NotImplementedException();

    /// <summary>Adds a key of the transaction's database; call inside a body that declared the key with write access.</summary>
    public void Add(Transaction transaction, in Key key) => throw new NotImplementedException();

    /// <summary>Forgets all keys. Thread-safe against committers; call it when the session ends, too.</summary>
    public void Clear() => throw new NotImplementedException();
}
