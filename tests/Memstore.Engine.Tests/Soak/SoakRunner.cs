namespace Memstore.Engine.Tests.Soak;

/// <summary>Runs the transactions of one thread to their ends: directly or queued, as chance has it.</summary>
internal sealed class SoakRunner(Store store, Random random) : ITransactionBody, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Transaction _transaction = new(store);
    private readonly SemaphoreSlim _ended = new(0);
    private Action<Transaction> _run = static _ => { };
    private Exception? _error;

    public void Dispose() => _ended.Dispose();

    void ITransactionBody.Run(Transaction transaction) => _run(transaction);

    void ITransactionBody.Completed(Transaction transaction, Exception? error)
    {
        _error = error;
        _ended.Release();
    }

    /// <summary>Held or on a snapshot: the result must be the same.</summary>
    public TransactionPlan AnyPlan() => random.Next(2) == 0 ? TransactionPlan.Held : TransactionPlan.Snapshot;

    /// <summary>Runs a body over some keys.</summary>
    public void Run(TransactionPlan plan, int database, IEnumerable<byte[]> keys, KeyAccess access, Action<Transaction> run)
    {
        _transaction.Begin(database, plan);
        foreach (var key in keys) _transaction.Declare(store.RouteOf(key), access);
        Finish(run);
    }

    /// <summary>Runs a body over the whole keyspace, held.</summary>
    public void RunOnEverything(Action<Transaction> run)
    {
        _transaction.Begin(0);
        _transaction.DeclareEverything(KeyAccess.Write);
        Finish(run);
    }

    /// <summary>Reads one key without its shard; false if that did not work out.</summary>
    public bool TryReadAlone(int database, byte[] key, Action<Transaction> run)
    {
        _run = run;
        _transaction.Begin(database);
        _transaction.Declare(store.RouteOf(key), KeyAccess.Read);
        var worker = store.Rent();
        try
        {
            return _transaction.TryRead(worker, this);
        }
        finally
        {
            store.Return(worker);
        }
    }

    /// <summary>Opens an interactive transaction; only one at a time.</summary>
    public void Open(int database, bool readOnly)
    {
        var worker = store.Rent();
        var opened = random.Next(4) != 0 && _transaction.TryOpen(worker, database, readOnly);
        if (!opened) _transaction.SubmitOpen(worker, database, readOnly, static state => ((SoakRunner)state!)._ended.Release(), this);
        store.Return(worker);
        if (!opened) Wait();
    }

    /// <summary>Runs a body inside the open transaction.</summary>
    public void RunOpen(Action<Transaction> run)
    {
        _run = run;
        var worker = store.Rent();
        try
        {
            _transaction.RunOpen(worker, this);
        }
        finally
        {
            store.Return(worker);
        }
    }

    /// <summary>Commits the open transaction; false if it lost.</summary>
    public bool Commit()
    {
        var worker = store.Rent();
        var outcome = _transaction.TryCommitOpen(worker);
        if (outcome == CommitOutcome.Busy) _transaction.SubmitCommitOpen(worker, static state => ((SoakRunner)state!)._ended.Release(), this);
        store.Return(worker);
        if (outcome != CommitOutcome.Busy) return outcome == CommitOutcome.Committed;
        Wait();
        return _transaction.OpenOutcome == CommitOutcome.Committed;
    }

    /// <summary>Drops the open transaction, if there is one.</summary>
    public void Rollback()
    {
        var worker = store.Rent();
        _transaction.Rollback(worker);
        store.Return(worker);
    }

    private void Finish(Action<Transaction> run)
    {
        _run = run;
        _error = null;
        var worker = store.Rent();
        var ran = false;
        try
        {
            // Submitting at once now and then exercises the queues.
            ran = random.Next(16) != 0 && _transaction.TryRun(worker, this);
            if (!ran) _transaction.Submit(worker, this);
        }
        finally
        {
            store.Return(worker);
        }

        if (!ran) Wait();
    }

    private void Wait()
    {
        if (!_ended.Wait(Patience)) throw new SoakViolationException("A submitted transaction was never continued.");
        if (_error is SoakViolationException violation) throw violation;
        if (_error is not null) throw new InvalidOperationException("A body threw.", _error);
    }
}
