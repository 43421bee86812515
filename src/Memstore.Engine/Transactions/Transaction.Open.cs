namespace Memstore.Engine;

// Interactive transactions: BEGIN, commands that answer at once, COMMIT or ROLLBACK.
public sealed partial class Transaction
{
    /// <summary>Opens an interactive transaction: takes a snapshot. False if a shard stays busy: then <see cref="SubmitOpen"/>.</summary>
    public bool TryOpen(Worker worker, int database, bool readOnly)
    {
        Begin(database, readOnly ? TransactionPlan.ReadSnapshot : TransactionPlan.Snapshot);
        if (!TryOpenSnapshot(worker)) return false;
        IsOpen = true;
        return true;
    }

    /// <summary>Opens when the busy shards have been left; then calls back, on any thread.</summary>
    public void SubmitOpen(Worker worker, int database, bool readOnly, Action<object?> opened, object? state)
    {
        Begin(database, readOnly ? TransactionPlan.ReadSnapshot : TransactionPlan.Snapshot);
        IsOpen = true;
        _body = null;
        _ended = opened;
        _endedState = state;
        OpenSnapshot();
        _phase = Phase.Settling;
        _enteredUpTo = 0;
        Continue(worker);
        Store.Drain(worker);
    }

    /// <summary>Runs a body inside the open transaction: it sees the snapshot and its own writes; others see nothing.</summary>
    public void RunOpen(Worker worker, ITransactionBody body)
    {
        ArgumentNullException.ThrowIfNull(body);
        if (!IsOpen) throw new InvalidOperationException("No transaction is open.");
        _worker = worker;
        _mode = Mode.Private;
        body.Run(this);
        FinishPending();
    }

    /// <summary>
    /// Commits the open transaction if nothing that it read has changed. Ends it unless the answer is Busy. What it throws (memory was refused) has
    /// ended it too, and nothing became visible.
    /// </summary>
    public CommitOutcome TryCommitOpen(Worker worker)
    {
        if (!IsOpen) throw new InvalidOperationException("No transaction is open.");
        _worker = worker;
        _mode = Mode.Private;
        if (!HasPrivateChanges)
        {
            // What a snapshot showed was true at one moment of the transaction: there is nothing to validate.
            IsOpen = false;
            EndPrivate(worker);
            return CommitOutcome.Committed;
        }

        _phase = Phase.Direct;
        DeclareCommit();
        if (!TryEnterAll(worker))
        {
            Store.Drain(worker);
            return CommitOutcome.Busy;
        }

        try
        {
            return CommitOpen(worker);
        }
        finally
        {
            Store.Drain(worker);
        }
    }

    /// <summary>Commits when the busy shards have been left; then calls back, on any thread. The answer is in <see cref="OpenOutcome"/> and <see cref="OpenError"/>.</summary>
    public void SubmitCommitOpen(Worker worker, Action<object?> ended, object? state)
    {
        if (!IsOpen) throw new InvalidOperationException("No transaction is open.");
        _body = null;
        _ended = ended;
        _endedState = state;
        _mode = Mode.Private;
        DeclareCommit();
        StartEntering(Phase.EnteringToCommit);
        Continue(worker);
        Store.Drain(worker);
    }

    /// <summary>Drops the open transaction and all it wrote.</summary>
    public void Rollback(Worker worker)
    {
        if (!IsOpen) return;
        IsOpen = false;
        _worker = worker;
        EndPrivate(worker);
    }
}
