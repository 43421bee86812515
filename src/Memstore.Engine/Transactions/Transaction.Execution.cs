using System.Diagnostics;
using Memstore.Engine.Shards;

namespace Memstore.Engine;

// How a transaction gets its shards, runs and leaves. A submitted transaction is a small state machine: whoever grants it the
// shard that it waits for calls Continue, on whatever thread that is.
public sealed partial class Transaction
{
    private const int SpinsMax = 60;
    private const int RoutesMax = 16;

    // A hold with more keys than this is timed.
    private const int DeclaredUntimed = 16;

    private Phase _phase;

    // How many shards were covered when all were routed to.
    private int _covered;

    // The shard that a settling snapshot has queued for, only to leave it again; -1 if none.
    private int _passing = -1;
    private Action<object?>? _ended;
    private object? _endedState;

    private enum Phase : byte
    {
        /// <summary>Not submitted: the caller's thread does it all.</summary>
        Direct,

        /// <summary>A snapshot has been opened; commits that were under way must be waited for.</summary>
        Settling,

        /// <summary>Entering the shards to run the body in them.</summary>
        EnteringToRun,

        /// <summary>Entering the shards to validate and publish.</summary>
        EnteringToCommit,

        /// <summary>Entering two shards to move slots from one to the other.</summary>
        EnteringToMove,
    }

    /// <summary>How a submitted commit ended.</summary>
    public CommitOutcome OpenOutcome { get; private set; }

    /// <summary>What made a submitted commit fail, with nothing visible of it; null if it did not.</summary>
    public Exception? OpenError { get; private set; }

    /// <summary>
    /// Runs a body that reads one declared key, without entering its shard. False if that did not work out (the key is
    /// expired, a commit is under way, the value changes in place): drop what the body produced and call <see cref="TryRun"/>.
    /// </summary>
    public bool TryRead(Worker worker, ITransactionBody body)
    {
        _mode = Mode.Unheld;
        _worker = worker;
        _mustEnter = false;
        _nowUnixMs = 0;
        _seenRecord = 0;
        body.Run(this);
        _mode = Mode.Idle;
        return !_mustEnter;
    }

    /// <summary>
    /// Runs and commits now, on this thread. False, with nothing done, if a shard stays busy: then <see cref="Submit"/>; or if
    /// <see cref="IsLong"/>: then submit it on a thread that nobody waits for.
    /// </summary>
    public bool TryRun(Worker worker, ITransactionBody body)
    {
        _phase = Phase.Direct;
        try
        {
            return _plan == TransactionPlan.Held ? TryRunHeld(worker, body) : TryRunOnSnapshot(worker, body);
        }
        finally
        {
            // Whatever happened, the transactions that were given a shard meanwhile must go on.
            Store.Drain(worker);
        }
    }

    /// <summary>Queues for the shards. <see cref="ITransactionBody.Completed"/> is called when it has committed, maybe before this returns.</summary>
    public void Submit(Worker worker, ITransactionBody body)
    {
        _body = body;
        _ended = null;
        if (_plan == TransactionPlan.Held)
        {
            StartEntering(Phase.EnteringToRun);
        }
        else
        {
            StartSettling();
        }

        Continue(worker);
        Store.Drain(worker);
    }

    /// <summary>Goes on with a transaction that holds the shard it waited for, or that has just been submitted.</summary>
    internal void Continue(Worker worker)
    {
        while (true)
        {
            switch (_phase)
            {
                case Phase.Settling:
                    if (!Settle(worker)) return;
                    if (!RunSettled(worker)) return;
                    break;
                case Phase.EnteringToRun:
                case Phase.EnteringToCommit:
                    if (!EnterRest(worker)) return;
                    if (!OwnersMatch())
                    {
                        LeaveAll(worker);
                        StartEntering(_phase);
                        continue;
                    }

                    if (_phase == Phase.EnteringToRun) RunHeldAndEnd(worker);
                    else CommitSubmitted(worker);
                    return;
                case Phase.EnteringToMove:
                    if (!EnterRest(worker)) return;
                    MoveHeld(worker);
                    End(null);
                    return;
                default:
                    throw new UnreachableException();
            }
        }
    }

    private bool TryRunHeld(Worker worker, ITransactionBody body)
    {
        if ((_store.Faults & CommitFaults.StampEarly) != 0) ReadStampEarly();
        if (!TryEnterAll(worker)) return false;
        try
        {
            RunHeld(worker, body);
        }
        catch (StartAgainException)
        {
            IsLong = true;
            _plan = TransactionPlan.Snapshot;
            return false;
        }
        finally
        {
            LeaveAll(worker);
        }

        return true;
    }

    private bool TryRunOnSnapshot(Worker worker, ITransactionBody body)
    {
        if (!TryOpenSnapshot(worker)) return false;
        RunPrivate(worker, body);
        if (!HasPrivateChanges)
        {
            EndPrivate(worker);
            return true;
        }

        if ((_store.Faults & CommitFaults.EnterOneByOne) != 0 && !HasDatabaseChanges) return PublishOneByOne(worker);
        DeclareCommit();
        if (!TryEnterAll(worker))
        {
            EndPrivate(worker);
            return false;
        }

        CommitOrRunAgain(worker, body);
        return true;
    }

    // ---- Entering ----------------------------------------------------------------------------------------------------

    private void StartSettling()
    {
        OpenSnapshot();
        _phase = Phase.Settling;
        _enteredUpTo = 0;
    }

    private void StartEntering(Phase phase)
    {
        _phase = phase;
        Route();
        _enteredUpTo = 0;
    }

    // The shards that own what was declared, at this moment.
    private void Route()
    {
        _shards.Clear();
        if (_everything is not null)
        {
            CoverAll();
            return;
        }

        var owners = _store.Owners;
        for (var i = 0; i < _declaredCount; i++) _shards.Add(Volatile.Read(ref owners[SlotOf(_declared[i])]));
    }

    // All shards that may have slots. If the number grows before they are held, the new ones may have got slots meanwhile.
    private void CoverAll()
    {
        _covered = _store.ShardCount;
        for (var i = 0; i < _covered; i++) _shards.Add(i);
    }

    private bool OwnersMatch()
    {
        if (_everything is not null) return _covered == _store.ShardCount;
        var owners = _store.Owners;
        for (var i = 0; i < _declaredCount; i++)
        {
            if (!_shards.Contains(Volatile.Read(ref owners[SlotOf(_declared[i])]))) return false;
        }

        return true;
    }

    private bool TryEnterAll(Worker worker)
    {
        for (var route = 0; route < RoutesMax; route++)
        {
            Route();
            if (!TryEnterRouted(worker)) return false;
            if (OwnersMatch()) return true;
            LeaveAll(worker);
        }

        return false;
    }

    // All of them or, if one stays busy, none.
    private bool TryEnterRouted(Worker worker)
    {
        var shard = _shards.Next(0);
        while (shard >= 0 && TryEnter(_store.Shards[shard])) shard = _shards.Next(shard + 1);
        if (shard >= 0) LeaveBelow(shard, worker);
        return shard < 0;
    }

    private bool TryEnter(Shard shard)
    {
        for (var spins = 0; spins < SpinsMax; spins++)
        {
            if (shard.TryEnter(this)) return true;
            Thread.SpinWait(4);
        }

        return false;
    }

    // Enters the shards from _enteredUpTo on; false if it waits in a queue now: then it belongs to whoever leaves that shard.
    private bool EnterRest(Worker worker)
    {
        for (var shard = _shards.Next(_enteredUpTo); shard >= 0; shard = _shards.Next(shard + 1))
        {
            // When it is granted the shard, the next one to enter is the one after. Set before others can see it.
            _enteredUpTo = shard + 1;
            if (_store.Shards[shard].TryEnter(this)) continue;
            // Before others can see it: from there on it may be theirs.
            _hasQueued = true;
            worker.Grant(_store.Shards[shard].Enqueue(this));
            return false;
        }

        return true;
    }

    private void LeaveAll(Worker worker)
    {
        LeaveBelow(int.MaxValue, worker);
        _hasCommitted = false;
        worker.EndHold();
    }

    private void LeaveBelow(int end, Worker worker)
    {
        for (var shard = _shards.Next(0); shard >= 0 && shard < end; shard = _shards.Next(shard + 1))
        {
            var left = _store.Shards[shard];
            if (_hasCommitted) left.CountCommit(_hasQueued);
            worker.Grant(left.Leave());
        }
    }

    // ---- Running held ------------------------------------------------------------------------------------------------

    private void RunHeld(Worker worker, ITransactionBody body)
    {
        try
        {
            StartHeld(worker);
            body.Run(this);
            PublishLast();
        }
        catch
        {
            RollBack();
            throw;
        }

        EndHeld();
    }

    private void StartHeld(Worker worker)
    {
        worker.Holds.Begin(isLong: TimesHolds || _everything is not null || _declaredCount > DeclaredUntimed);
        _mode = Mode.Held;
        _worker = worker;
        _nowUnixMs = 0;
        // In this order, and only now that all shards are held: see SnapshotRegistry.
        _generation = _store.Snapshots.Generation;
        _newestOpen = _store.Snapshots.NewestOpen;
        if (_store.Faults != 0) BreakStamp();
        _view = _store.DatabaseSet;
        _sequence = 0;
        _hasWritten = false;
        _replacesKey = false;
        if (_everything is not null)
        {
            DependOnEverything();
            if (_everything == KeyAccess.Write || _writesDeclared > 0) _view = _store.PublishChanging();
        }
        else if (_writesDeclared > 1)
        {
            MarkDeclared();
        }
    }

    // All has been published: what is left must not fail, for there is no way back. Readers at "always" wait for the log, so what it is not told of
    // has not been shown to them.
    private void EndHeld()
    {
        try
        {
            Close();
            if (_undo.Count > 0 || _pendingState != PendingState.None || _setBefore is not null) CompleteAll();
        }
        catch (Exception error)
        {
            _store.Stop("A transaction could not be finished after it had been published.", error);
            throw;
        }

        _mode = Mode.Idle;
        _hasCommitted = true;
        _worker.Commits++;
        if (_hasQueued) _worker.Combined++;
    }

    // Hands the effects over and lets readers without the shards go on.
    private void Close()
    {
        FinishEffects();
        if (_view.IsChanging) _store.PublishSettled(_view);
        if (_markedCount > 0) Unmark();
    }

    private void RunHeldAndEnd(Worker worker)
    {
        Exception? error = null;
        try
        {
            RunHeld(worker, _body!);
        }
        catch (StartAgainException)
        {
            // On the pool: whoever granted the shards has others to serve.
            LeaveAll(worker);
            _plan = TransactionPlan.Snapshot;
            StartSettling();
            Store.ContinueOnPool(this);
            return;
        }
        catch (Exception e) when (_body is not null)
        {
            error = e;
        }

        LeaveAll(worker);
        End(error);
    }

    private void End(Exception? error)
    {
        _phase = Phase.Direct;
        if (_ended is { } ended)
        {
            _ended = null;
            ended(_endedState);
            return;
        }

        var body = _body!;
        _body = null;
        body.Completed(this, error);
    }
}
