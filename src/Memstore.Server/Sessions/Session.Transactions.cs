using System.Diagnostics;
using System.Globalization;
using Memstore.Engine;
using Memstore.Protocol;
using Memstore.Server.Commands;
using Memstore.Server.Metrics;
using Memstore.Server.PubSub;

namespace Memstore.Server.Sessions;

/// <summary>What a command wants the session to do after its handler has returned.</summary>
internal enum Wish : byte
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Run the queued commands.</summary>
    Execute,

    /// <summary>Open an interactive transaction.</summary>
    Open,

    /// <summary>Commit the interactive transaction.</summary>
    Commit,

    /// <summary>Go on later: <see cref="Session.SleepFor"/>.</summary>
    Sleep,

    /// <summary>Go on when work is done that others do: <see cref="Session.WaitFor"/>.</summary>
    Wait,
}

// MULTI, EXEC and WATCH; BEGIN, COMMIT and ROLLBACK; and waiting for either.
internal sealed partial class Session
{
    private CommandQueue? _queue;

    // Whether the queued commands have run, not counting a run that came to nothing.
    private bool _queueHasRun;
    private WatchSet? _watches;
    private Transaction? _open;
    private int _databaseAtOpen;
    private long _openedAt;
    private ParkedFor _parkedFor;

    // Of a timed command: how long it ran before it parked, when it did, and its whole time once it goes on; 0 if it did not park.
    private long _ticksBefore;
    private long _parkedAt;
    private long _partedTicks;
    private TimeSpan _sleep;
    private List<Message>? _outbox;

    private enum ParkedFor : byte
    {
        Transaction,
        Opening,
        Committing,
        OpenCommand,
        Sleep,
        Work,
    }

    /// <summary>Asks for something once the handler has returned. Only outside a transaction of several commands.</summary>
    public void Ask(Wish wish) => _wish = wish;

    /// <summary>Whether the running command is one of those between MULTI and EXEC.</summary>
    public bool IsExecuting { get; private set; }

    /// <summary>How many commands are queued; -1 outside MULTI.</summary>
    public int QueuedCount => Is(SessionState.Queueing) ? _queue?.Count ?? 0 : -1;

    /// <summary>Bytes of the queued commands.</summary>
    public long QueuedSize => _queue?.Size ?? 0;

    /// <summary>The flags of all queued commands together.</summary>
    public CommandFlags QueuedFlags => _queue?.Flags ?? CommandFlags.None;

    /// <summary>The command that ran last, for lists.</summary>
    public Command? LastCommand { get; private set; }

    // ---- MULTI -----------------------------------------------------------------------------------------------------

    /// <summary>Starts to queue commands.</summary>
    public void StartQueue()
    {
        _queue ??= new CommandQueue();
        _queue.Clear();
        Set(SessionState.Queueing, true);
    }

    /// <summary>Forgets queued commands and watches.</summary>
    public void DiscardQueue()
    {
        _queue?.Clear();
        _watches?.Clear();
        Set(SessionState.Queueing | SessionState.QueueBroken, false);
    }

    /// <summary>Whether it watches keys.</summary>
    public bool IsWatching => _watches is { Count: > 0 };

    /// <summary>Forgets watches.</summary>
    public void Unwatch() => _watches?.Clear();

    private void Enqueue(Command row, in Request request)
    {
        if (_queue!.TryAdd(row, request, RoutesOf(_next - 1), _server.Settings.RequestLimits.QueryBufferMax))
        {
            _reply.SimpleString("QUEUED"u8);
            return;
        }
        Set(SessionState.QueueBroken, true);
        _reply.Error(SessionErrors.QueueFull);
    }

    private bool Execute(Worker worker)
    {
        var queue = _queue!;
        _bodyKind = BodyKind.Exec;
        _databaseBefore = _database;
        if (!queue.TouchesData && _watches is not { Count: > 0 })
        {
            ExecuteWithoutData();
            return true;
        }
        _transaction.Begin(_database);
        for (var i = 0; i < queue.Count; i++) Declare(_transaction, queue.RowOf(i), queue.RequestOf(i), queue.RoutesOf(i), null);
        if (_watches is { Count: > 0 }) _transaction.DeclareWatches(_watches);
        // Not while somebody monitors, who would see what runs again twice.
        if (queue.OnlyTouchesData && !_server.Monitors.Any) _transaction.PlanByLength();
        if (!RunOrSubmit(worker, _transaction)) return false;
        EndQueue();
        return true;
    }

    private void ExecuteWithoutData()
    {
        try
        {
            RunQueue(null);
            if (_outbox is not null) SendOutbox();
        }
        catch (Exception error)
        {
            AnswerFault(error);
        }
        EndQueue();
    }

    private void RunQueue(Transaction? transaction)
    {
        _queueHasRun = false;
        if (transaction is not null && IsWatching) _watches!.Look(transaction);
        if (transaction is { WatchesBroken: true })
        {
            transaction.CountLostWatch();
            _reply.NullArray();
            return;
        }
        var queue = _queue!;
        IsExecuting = true;
        try
        {
            _reply.ArrayHeader(queue.Count);
            var isTimedAlone = _timeAll || queue.ArgumentBytes > RequestsTimedTogether;
            var begun = Stopwatch.GetTimestamp();
            var first = 0;
            for (var i = 0; i < queue.Count; i++)
            {
                queue.Begin(i, _reply.Length, _database);
                RunQueued(queue, i, transaction);
                if (i + 1 < queue.Count && !isTimedAlone && queue.RowOf(i).SharesTime && queue.RowOf(i + 1).SharesTime) continue;
                var now = Stopwatch.GetTimestamp();
                queue.End(first, i, (now - begun) / (i + 1 - first));
                (begun, first) = (now, i + 1);
            }

            _queueHasRun = true;
        }
        finally
        {
            IsExecuting = false;
        }
    }

    // What has run counts once it has committed: until then it may run again.
    private void EndQueue()
    {
        if (_queueHasRun) CountQueue(_queue!, _server.Metrics.OfThisThread);
        _queueHasRun = false;
        DiscardQueue();
    }

    private void CountQueue(CommandQueue queue, ThreadCounters counters)
    {
        // From this time on a command may be of interest to somebody else.
        var threshold = (ulong)Math.Min((ulong)_server.Settings.SlowLogThresholdUs, HotKeySampler.SlowNs / 1_000);
        if (_server.Settings.LatencyThresholdMs > 0) threshold = Math.Min(threshold, 1_000);
        var slowTicks = (long)threshold * Stopwatch.Frequency / 1_000_000;
        for (var i = 0; i < queue.Count; i++)
        {
            var row = queue.RowOf(i);
            ref readonly var run = ref queue.RunOf(i);
            var replyEnd = i + 1 < queue.Count ? queue.RunOf(i + 1).ReplyStart : _reply.Length;
            counters.Of(row).Calls++;
            if (replyEnd > run.ReplyStart && _reply.WrittenSpan[run.ReplyStart] == (byte)'-') CountFailure(counters, row, run.ReplyStart);
            if (counters.IsKeyDue() || run.Ticks >= slowTicks) CountNoted(queue, i, replyEnd - run.ReplyStart, counters);
            else counters.Count(row, run.Ticks);
        }
    }

    private void CountNoted(CommandQueue queue, int index, int replySize, ThreadCounters counters)
    {
        var row = queue.RowOf(index);
        var request = queue.RequestOf(index);
        var routes = queue.RoutesOf(index);
        var run = queue.RunOf(index);
        var isTaken = counters.IsKeyDueNow && TakeKey(counters, row, request, routes, replySize, run.Database, isTimed: true);
        var us = counters.Count(row, run.Ticks);
        if (us >= HotKeySampler.SlowNs / 1_000 && !isTaken) TakeSlowKey(counters, row, request, routes, replySize, run.Database, us);
        NoteSlow(row, request, us);
    }

    private void RunQueued(CommandQueue queue, int index, Transaction? transaction)
    {
        var row = queue.RowOf(index);
        var request = queue.RequestOf(index);
        var call = new CommandCall
        {
            Command = row,
            Session = this,
            Server = _server,
            Transaction = transaction!,
            Args = new ArgReader(request, queue.RoutesOf(index), row),
            Reply = _reply,
            Events = _events,
            Lookups = _lookups,
        };
        row.Handler!(ref call);
        ShowToMonitors(row, request);
    }

    private void AddWatches(Transaction transaction)
    {
        var request = _batch[_next - 1];
        var routes = RoutesOf(_next - 1);
        _watches ??= new WatchSet(_server.Store);
        for (var i = 1; i < request.ArgumentCount; i++) _watches.Add(transaction, new Engine.Key(request[i], routes[i]));
        _reply.SimpleString("OK"u8);
    }

    // ---- BEGIN -----------------------------------------------------------------------------------------------------

    /// <summary>Asks for an interactive transaction.</summary>
    public void AskToOpen(bool readOnly)
    {
        Set(SessionState.OpenReadOnly, readOnly);
        Ask(Wish.Open);
    }

    /// <summary>Drops the open transaction, if there is one, and what SELECT did inside it.</summary>
    public void AbandonOpen()
    {
        if (_open is { IsOpen: true } open)
        {
            var worker = _server.Store.Rent();
            open.Rollback(worker);
            _server.Store.Return(worker);
        }
        if (Is(SessionState.Open | SessionState.OpenExpired)) _database = _databaseAtOpen;
        _outbox?.Clear();
        _events?.Clear();
        Set(SessionState.Open | SessionState.OpenExpired | SessionState.OpenReadOnly, false);
    }

    /// <summary>Rolls the open transaction back if its time is over. On the owner.</summary>
    internal void ExpireOpen()
    {
        if (!Is(SessionState.Open) || _isParked) return;
        if (_server.Time.GetElapsedTime(_openedAt).TotalMilliseconds < _server.Settings.TransactionTimeoutMs) return;
        EndOpen(string.Create(
            CultureInfo.InvariantCulture,
            $"TXTIMEOUT the transaction was open for more than {_server.Settings.TransactionTimeoutMs} ms and was rolled back"));
    }

    // Rolls it back; until the client acknowledges that, nothing that it sends may run outside of a transaction.
    private void EndOpen(string reason)
    {
        AbandonOpen();
        OpenEndedText = reason;
        Set(SessionState.OpenExpired, true);
    }

    private bool Open(Worker worker)
    {
        _open ??= new Transaction(_server.Store);
        _open.KeyCreated = _transaction.KeyCreated;
        _databaseAtOpen = _database;
        if (_open.TryOpen(worker, _database, Is(SessionState.OpenReadOnly)))
        {
            Opened();
            return true;
        }
        Park(ParkedFor.Opening);
        _open.SubmitOpen(worker, _database, Is(SessionState.OpenReadOnly), static state => ((Session)state!).Resume(), this);
        return false;
    }

    private void Opened()
    {
        _openedAt = _server.Time.GetTimestamp();
        Set(SessionState.Open, true);
        _reply.SimpleString("OK"u8);
    }

    private bool RunInOpen(Worker worker, Command row)
    {
        _bodyKind = BodyKind.Command;
        _databaseBefore = _database;
        _open!.Database = _database;
        if ((row.Flags & CommandFlags.Unbounded) != 0)
        {
            // It looks at the transaction's own snapshot, so it holds nobody up but this session.
            Park(ParkedFor.OpenCommand);
            ThreadPool.UnsafeQueueUserWorkItem(static session => session.RunInOpenElsewhere(), this, preferLocal: false);
            return false;
        }
        FinishInOpen(RunOpenBody(worker));
        return true;
    }

    private void RunInOpenElsewhere()
    {
        var worker = _server.Store.Rent();
        try
        {
            _bodyError = RunOpenBody(worker);
        }
        finally
        {
            _server.Store.Return(worker);
        }
        Resume();
    }

    private Exception? RunOpenBody(Worker worker)
    {
        try
        {
            _open!.RunOpen(worker, this);
            return null;
        }
        catch (Exception error)
        {
            return error;
        }
    }

    private void FinishInOpen(Exception? error)
    {
        if (error is null)
        {
            if (_open!.Position != 0) HoldReply(_open.Position);
            return;
        }
        // Half of the command may be among the private writes.
        AnswerFault(error);
        EndOpen("TXABORT a command failed inside the server, and the transaction was rolled back");
    }

    private bool Commit(Worker worker)
    {
        CommitOutcome outcome;
        try
        {
            outcome = _open!.TryCommitOpen(worker);
        }
        catch (Exception error)
        {
            CommitFailed(error);
            return true;
        }
        if (outcome != CommitOutcome.Busy)
        {
            Closed(outcome);
            return true;
        }
        Park(ParkedFor.Committing);
        _open.SubmitCommitOpen(worker, static state => ((Session)state!).Resume(), this);
        return false;
    }

    private void Closed(CommitOutcome outcome)
    {
        Set(SessionState.Open | SessionState.OpenReadOnly, false);
        if (outcome == CommitOutcome.Committed)
        {
            _reply.SimpleString("OK"u8);
            Committed(_open!);
            return;
        }
        _database = _databaseAtOpen;
        _outbox?.Clear();
        _events?.Clear();
        _reply.Error(SessionErrors.Conflict);
    }

    // Nothing of it was visible, ever; the client need not acknowledge what it has just been told.
    private void CommitFailed(Exception error)
    {
        AnswerFault(error);
        AbandonOpen();
    }

    /// <summary>Why the open transaction was rolled back, as an error says it.</summary>
    internal string OpenEndedText { get; private set; } = "";

    // ---- Messages that leave after the commit -----------------------------------------------------------------------

    /// <summary>Sends a message to a channel once the running transaction has committed, or now if there is none.</summary>
    /// <returns>How many subscribers there are.</returns>
    public int Publish(ReadOnlySpan<byte> channel, ReadOnlySpan<byte> payload, bool isShardChannel)
    {
        if (!IsExecuting && !Is(SessionState.Open)) return _server.PubSub.Publish(channel, payload, isShardChannel);
        _outbox ??= [];
        _outbox.Add(new Message(channel.ToArray(), payload.ToArray(), isShardChannel));
        return _server.PubSub.CountReceivers(channel, isShardChannel);
    }

    private void SendOutbox()
    {
        foreach (var message in _outbox!) _server.PubSub.Publish(message.Channel, message.Payload, message.IsShardChannel);
        _outbox.Clear();
    }

    // ---- Waiting ---------------------------------------------------------------------------------------------------

    /// <summary>Has the session go on after a while; other sessions are served meanwhile.</summary>
    public void SleepFor(TimeSpan duration)
    {
        _sleep = duration;
        Ask(Wish.Sleep);
    }

    private bool Fulfil(Worker worker, ThreadCounters counters, Command row)
    {
        var wish = _wish;
        _wish = Wish.None;
        var isDone = wish switch
        {
            Wish.Execute => Execute(worker),
            Wish.Open => Open(worker),
            Wish.Commit => Commit(worker),
            Wish.Wait => Wait(),
            _ => Sleep(),
        };
        return isDone && Finished(counters, row);
    }

    private bool Sleep()
    {
        Park(ParkedFor.Sleep);
        // A timer of its own: this is for DEBUG, and may allocate.
        _ = SleepAsync();
        return false;
    }

    private async Task SleepAsync()
    {
        await Task.Delay(_sleep).ConfigureAwait(false);
        Resume();
    }

    private void Park(ParkedFor reason)
    {
        _parkedFor = reason;
        _isParked = true;
        // Whatever has to wait is timed alone from here on: it may become slow.
        _isTimed = true;
        _ticksBefore = _server.Metrics.OfThisThread.Part();
        _parkedAt = Stopwatch.GetTimestamp();
    }

    private void FinishParked()
    {
        _isParked = false;
        // Waiting for the disk or for a save is nobody's slowness; waiting for shards is, and what ran elsewhere was work.
        _partedTicks = Math.Max(1, _ticksBefore + (_parkedFor == ParkedFor.Work ? 0 : Stopwatch.GetTimestamp() - _parkedAt));
        var row = _rows[_next - 1]!;
        switch (_parkedFor)
        {
            case ParkedFor.Transaction:
                AfterSubmission(_transaction);
                if (_bodyKind == BodyKind.Exec) EndQueue();
                break;
            case ParkedFor.Opening:
                Opened();
                break;
            case ParkedFor.OpenCommand:
                FinishInOpen(_bodyError);
                break;
            case ParkedFor.Committing:
                if (_open!.OpenError is { } commitError) CommitFailed(commitError);
                else Closed(_open!.OpenOutcome);
                break;
            case ParkedFor.Work:
                AnswerWork();
                break;
            default:
                break;
        }
        Finished(_server.Metrics.OfThisThread, row);
    }
}
