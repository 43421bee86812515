using Memstore.Engine;
using Memstore.Protocol;
using Memstore.Server.Commands;
using Memstore.Server.Metrics;
using Memstore.Server.PubSub;

namespace Memstore.Server.Sessions;

// Running a batch of requests: rows, routes, prefetching, and one command after the other.
internal sealed partial class Session
{
    // A threshold of the slow log that no run of fast commands should hide, in microseconds.
    private const ulong TimeAllBelowUs = 1000;

    // A batch of this many requests or more is worth prefetching.
    private const int PrefetchFrom = 4;

    // For each request of the batch its row, for each argument its route if it is a key.
    private Command?[] _rows = new Command?[16];
    private KeyRoute[] _routes = new KeyRoute[64];
    private KeyRoute[] _ahead = new KeyRoute[16];
    private int _aheadCount;
    private int _untilSample;
    private uint _sampleState;
    private readonly List<KeyUse> _keyUses = [];

    private int _next;
    private bool _isRunning;
    private bool _isParked;
    private bool _isTimed;
    private bool _timeAll;
    private bool _timeAlone;

    // What the body runs, and the transaction that it runs in; null outside a body.
    private BodyKind _bodyKind;
    private Transaction? _bodyTransaction;
    private int _replyStart;
    private int _databaseBefore;
    private readonly LookupCounter _lookups = new();
    private KeyEventBuffer? _events;
    private KeyHandler? _onCreated;

    // How a submitted transaction ended.
    private int _submission;
    private Exception? _bodyError;

    // What a command asked for beyond its reply.
    private Wish _wish;

    private enum BodyKind : byte
    {
        Command,
        Exec,
        Watch,
    }

    /// <summary>How a run of commands stopped.</summary>
    private enum Stop : byte
    {
        /// <summary>The batch has been run.</summary>
        BatchEnded,

        /// <summary>The turn is over; others go first.</summary>
        TurnEnded,

        /// <summary>A transaction waits for a shard, or a command for a timer.</summary>
        Parked,

        /// <summary>Replies must be sent before more are made.</summary>
        ReplyFull,

        /// <summary>CLIENT PAUSE, or a journal that is behind, holds the next command back.</summary>
        Paused,
    }

    private async ValueTask RunRequestsAsync()
    {
        LastActiveTicks = Environment.TickCount64;
        Resolve();
        _next = 0;
        _isRunning = true;
        while (true)
        {
            var stop = RunTurn();
            if (stop == Stop.BatchEnded) break;
            if (stop == Stop.Parked)
            {
                await _resumed.WaitAsync().ConfigureAwait(false);
                FinishParked();
                continue;
            }
            Send();
            if (MustWaitToSend) await SentAsync().ConfigureAwait(false);
            if (stop == Stop.TurnEnded) await YieldAsync().ConfigureAwait(false);
            if (stop == Stop.Paused && (_server.Pause.TryWait(this) || _server.Persistence?.TryWait(this) == true))
                await PausedAsync().ConfigureAwait(false);
        }
        _isRunning = false;
    }

    private async ValueTask PausedAsync()
    {
        _isPaused = true;
        await _yielded.WaitAsync().ConfigureAwait(false);
        _isPaused = false;
    }

    /// <summary>What held commands back has ended. Any thread may call.</summary>
    internal void EndPause() => _connection.Post(static state => ((Session)state!)._yielded.Set(), this);

    /// <summary>Finds the rows and computes the routes of all keys of the batch, and has the processor fetch what they lead to.</summary>
    private void Resolve()
    {
        var count = _batch.Count;
        if (_rows.Length < count) _rows = new Command?[Math.Max(count, _rows.Length * 2)];
        var arguments = _batch.Frames.Length;
        if (_routes.Length < arguments || _routes.Length > 64 * 1024) _routes = new KeyRoute[Math.Max(arguments, 64)];
        _aheadCount = 0;

        var bytes = _batch.Bytes;
        var table = _server.Commands;
        for (var i = 0; i < count; i++)
        {
            var request = _batch.GetRequest(i, bytes);
            var row = table.Resolve(request, out _);
            _rows[i] = row;
            if (row is not null && row.TouchesData && row.AcceptsCount(request.ArgumentCount))
                Route(row, request, _routes.AsSpan(_batch.FirstArgument(i), request.ArgumentCount));
        }
        if (count >= PrefetchFrom) Prefetch();
    }

    private void Route(Command row, in Request request, Span<KeyRoute> routes)
    {
        if (row.SoleKey > 0)
        {
            var route = _server.Store.RouteOf(request[row.SoleKey]);
            routes[row.SoleKey] = route;
            Ahead(route);
            return;
        }
        _keyUses.Clear();
        row.FindKeys(request, _keyUses);
        foreach (var use in _keyUses)
        {
            var route = _server.Store.RouteOf(request[use.Argument]);
            routes[use.Argument] = route;
            Ahead(route);
        }
    }

    private void Ahead(KeyRoute route)
    {
        if (--_untilSample <= 0) SampleLoad(route.Slot);
        if (_aheadCount == _ahead.Length)
        {
            if (_ahead.Length >= 1024) return;
            Array.Resize(ref _ahead, _ahead.Length * 2);
        }
        _ahead[_aheadCount++] = route;
    }

    // One key in so many stands for all, at gaps that no pattern of commands can keep step with.
    private void SampleLoad(int slot)
    {
        _server.Store.CountLoad(slot);
        _sampleState = (_sampleState * 1664525) + 1013904223;
        _untilSample = 1 + (int)(((ulong)_sampleState * ((2 * Store.CommandsPerCount) - 1)) >> 32);
    }

    // In passes: when a key's bucket is asked for, its slot has arrived, because all other slots were asked for in between.
    private void Prefetch()
    {
        var store = _server.Store;
        var routes = _ahead.AsSpan(0, _aheadCount);
        if (routes.Length < PrefetchFrom) return;
        for (var depth = 0; depth <= 2; depth++)
            foreach (var route in routes) store.Prefetch(_database, route, depth);
    }

    private Stop RunTurn()
    {
        var worker = _server.Store.Rent();
        var counters = _server.Metrics.OfThisThread;
        counters.StartTurn();
        PrepareTurn();
        try
        {
            return RunTurn(worker, counters);
        }
        finally
        {
            counters.EndTurn();
            _server.Store.Return(worker);
        }
    }

    private void PrepareTurn()
    {
        _server.Persistence?.CheckJournal();
        _tracer = _server.Tracer;
        var threshold = _server.Settings.SlowLogThresholdUs;
        _timeAll = (ulong)threshold < TimeAllBelowUs || _server.Settings.LatencyThresholdMs == 1;
        // A command that came alone is timed alone: that reads the clock as often. Of long ones one may be slow, and reading the clock is little beside them.
        _timeAlone = _timeAll || _batch.Count - _next == 1 || _batch.Bytes.Length > RequestsTimedTogether;
        if (_server.WantedEvents != KeyEventKinds.None) _events ??= new KeyEventBuffer();
        if (_events is null) return;
        _events.Wanted = _server.WantedEvents;
        _transaction.KeyCreated = (_server.WantedEvents & KeyEventKinds.New) == 0 ? null : _onCreated ??= KeyCreated;
        if (_open is not null) _open.KeyCreated = _transaction.KeyCreated;
    }

    private void KeyCreated(int database, ReadOnlySpan<byte> key) => _events!.Add(KeyEventKinds.New, "new", database, key);

    private Stop RunTurn(Worker worker, ThreadCounters counters)
    {
        var count = _batch.Count;
        var bytes = _batch.Bytes;
        while (_next < count)
        {
            if (Is(SessionState.Closing)) return Stop.BatchEnded;
            var index = _next;
            var request = _batch.GetRequest(index, bytes);
            var row = _rows[index];
            if (IsOrdinary(row, request.ArgumentCount))
            {
                _next++;
                _replyStart = _reply.Length;
                if (!RunOrdinary(worker, counters, row!, request)) return Stop.Parked;
            }
            else
            {
                if (row is not null && IsHeldBack(row)) return Stop.Paused;
                _next++;
                _replyStart = _reply.Length;
                if (!RunGated(worker, counters, row, request)) return Stop.Parked;
            }
            if (_reply.Length - _sentLength > ReplySizeToSend) return Stop.ReplyFull;
            if ((_next & 15) == 0 && _next < count && counters.TurnUs() > TurnUsMax) return Stop.TurnEnded;
        }
        return Stop.BatchEnded;
    }

    private bool IsHeldBack(Command row)
    {
        var flags = ReferenceEquals(row, _server.Rows.Exec) ? row.Flags | QueuedFlags : row.Flags;
        return _server.Pause.Holds(flags) || ((flags & CommandFlags.Write) != 0 && _server.Persistence is { HoldsWrites: true });
    }

    private bool IsOrdinary(Command? row, int argumentCount) =>
        row is not null
        && (State & ~SessionState.Harmless) == 0
        && _server.Special == 0
        && (row.Flags & CommandFlags.Protected) == 0
        && row.AcceptsCount(argumentCount);

    /// <summary>Runs a command that no gate can refuse. False if the session has to wait.</summary>
    private bool RunOrdinary(Worker worker, ThreadCounters counters, Command row, in Request request)
    {
        Start(counters, row);
        var isWatch = ReferenceEquals(row, _server.Rows.Watch);
        if (!row.TouchesData || (isWatch && Is(SessionState.Queueing)))
        {
            if (!TryInvokeWithoutData(row, request)) return Finished(counters, row);
            return _wish == Wish.None ? Finished(counters, row) : Fulfil(worker, counters, row);
        }
        return RunData(worker, row, request, isWatch ? BodyKind.Watch : BodyKind.Command) && Finished(counters, row);
    }

    /// <summary>Runs a command after the gates. False if the session has to wait.</summary>
    private bool RunGated(Worker worker, ThreadCounters counters, Command? row, in Request request)
    {
        if (!Admission.Admits(this, row, request))
        {
            CountRefusal(counters, row);
            return true;
        }
        if (Is(SessionState.Queueing) && (row!.Flags & CommandFlags.Unqueued) == 0)
        {
            Enqueue(row, request);
            Mute(row);
            return true;
        }
        if (Is(SessionState.Open) && row!.TouchesData)
        {
            Start(counters, row);
            return RunInOpen(worker, row) && Finished(counters, row);
        }
        return RunOrdinary(worker, counters, row!, request);
    }

    private bool RunData(Worker worker, Command row, in Request request, BodyKind kind)
    {
        _bodyKind = kind;
        _databaseBefore = _database;
        var transaction = _transaction;
        transaction.Begin(_database, PlanOf(row));
        var routes = RoutesOf(_next - 1);
        if (row.SoleKey > 0 && kind != BodyKind.Watch)
        {
            transaction.Declare(routes[row.SoleKey], row.NamedKeys[0].Access);
            if ((row.Flags & CommandFlags.Unheld) != 0)
            {
                if (transaction.TryRead(worker, this))
                {
                    Committed(transaction);
                    return true;
                }

                _reply.Truncate(_replyStart);
            }
        }
        else
        {
            Declare(transaction, row, request, routes, kind == BodyKind.Watch ? KeyAccess.Write : null);
        }
        if ((row.Flags & CommandFlags.Unbounded) != 0) return RunElsewhere();
        return RunOrSubmit(worker, transaction);
    }

    // Reads of the whole keyspace see a snapshot, so that they hold no shard for long; but for those that take no time (DBSIZE).
    private static TransactionPlan PlanOf(Command row) =>
        row.Everything is { Access: KeyAccess.Read } && (row.Flags & CommandFlags.Fast) == 0 ? TransactionPlan.ReadSnapshot : TransactionPlan.Held;

    /// <summary>Hands the transaction to the pool: nobody on this owner's thread is to wait for it.</summary>
    private bool RunElsewhere()
    {
        _bodyError = null;
        Volatile.Write(ref _submission, Waiting);
        Park(ParkedFor.Transaction);
        ThreadPool.UnsafeQueueUserWorkItem(static session => session.SubmitElsewhere(), this, preferLocal: false);
        return false;
    }

    private void SubmitElsewhere()
    {
        var worker = _server.Store.Rent();
        try
        {
            _transaction.Submit(worker, this);
        }
        finally
        {
            _server.Store.Return(worker);
        }
    }

    private void Declare(Transaction transaction, Command row, in Request request, ReadOnlySpan<KeyRoute> routes, KeyAccess? access)
    {
        if (row.Everything is { } everything) transaction.DeclareEverything(everything.Access);
        if (row.NamedKeys.Length == 0) return;
        _keyUses.Clear();
        row.FindKeys(request, _keyUses);
        foreach (var use in _keyUses) transaction.Declare(routes[use.Argument], access ?? use.Access);
    }

    /// <summary>Runs the body now; false if it has to wait for a shard, and then <see cref="FinishParked"/> goes on.</summary>
    private bool RunOrSubmit(Worker worker, Transaction transaction)
    {
        try
        {
            if (transaction.TryRun(worker, this))
            {
                Committed(transaction);
                return true;
            }
        }
        catch (Exception error)
        {
            AnswerFault(error);
            return true;
        }
        _reply.Truncate(_replyStart);
        if (transaction.IsLong) return RunElsewhere();
        Volatile.Write(ref _submission, Submitting);
        _bodyError = null;
        transaction.Submit(worker, this);
        if (Interlocked.CompareExchange(ref _submission, Waiting, Submitting) == Submitting)
        {
            Park(ParkedFor.Transaction);
            return false;
        }
        AfterSubmission(transaction);
        return true;
    }

    private const int Submitting = 1;
    private const int Waiting = 2;
    private const int Ended = 3;

    void ITransactionBody.Completed(Transaction transaction, Exception? error)
    {
        _bodyError = error;
        if (Interlocked.Exchange(ref _submission, Ended) == Waiting) Resume();
    }

    /// <summary>Has the session go on, on its owner. Any thread may call.</summary>
    private void Resume() => _connection.Post(static state => ((Session)state!)._resumed.Set(), this);

    private void AfterSubmission(Transaction transaction)
    {
        if (_bodyError is { } error) AnswerFault(error);
        else Committed(transaction);
    }

    private void Committed(Transaction transaction)
    {
        if (transaction.Position != 0) HoldReply(transaction.Position);
        if (_events is { Count: > 0 }) _server.PubSub.Publish(_events);
        _events?.Clear();
        if (_outbox is not null) SendOutbox();
    }

    void ITransactionBody.Run(Transaction transaction)
    {
        _reply.Truncate(_replyStart);
        _lookups.Clear();
        ForgetEarlierRun();
        _database = transaction.Database = _databaseBefore;
        _bodyTransaction = transaction;
        try
        {
            switch (_bodyKind)
            {
                case BodyKind.Exec:
                    RunQueue(transaction);
                    break;
                case BodyKind.Watch:
                    AddWatches(transaction);
                    break;
                default:
                    var index = _next - 1;
                    Invoke(_rows[index]!, _batch[index], transaction);
                    break;
            }
        }
        finally
        {
            _bodyTransaction = null;
        }
    }

    // A fault of a handler is answered like one inside a transaction; the client stays.
    private bool TryInvokeWithoutData(Command row, in Request request)
    {
        try
        {
            Invoke(row, request, null);
            return true;
        }
        catch (Exception error)
        {
            AnswerFault(error);
            _wish = Wish.None;
            return false;
        }
    }

    // What a run that was not committed wanted to tell. The commands of an open transaction run once, and tell it at COMMIT.
    private void ForgetEarlierRun()
    {
        if (Is(SessionState.Open)) return;
        _events?.Clear();
        _outbox?.Clear();
    }

    private void Invoke(Command row, in Request request, Transaction? transaction)
    {
        var call = new CommandCall
        {
            Command = row,
            Session = this,
            Server = _server,
            Transaction = transaction!,
            Args = new ArgReader(request, transaction is null ? default : RoutesOf(_next - 1), row),
            Reply = _reply,
            Events = _events,
            Lookups = _lookups,
        };
        row.Handler!(ref call);
    }

    private ReadOnlySpan<KeyRoute> RoutesOf(int index)
    {
        var first = _batch.FirstArgument(index);
        return _routes.AsSpan(first, (index + 1 < _batch.Count ? _batch.FirstArgument(index + 1) : _batch.Frames.Length) - first);
    }

    private void Start(ThreadCounters counters, Command row)
    {
        LastCommand = row;
        if (_tracer is not null) StartSpan(row);
        _isTimed = counters.Begin(row, _timeAlone || _span is not null);
    }

    private bool Finished(ThreadCounters counters, Command row)
    {
        if (_reply.Length > _replyStart)
        {
            var first = _reply.WrittenSpan[_replyStart];
            if (first == (byte)'-') CountFailure(counters, row, _replyStart);
        }
        _lookups.MoveTo(counters);
        var isTaken = counters.IsKeyDue() && TakeKey(counters, row, _batch[_next - 1], RoutesOf(_next - 1), _reply.Length - _replyStart, _database, _isTimed);
        if (_isTimed) Timed(counters, row, isTaken);
        // In a pipeline a command with a large reply may be slow, and ends the turn; next to it those of its run took no time.
        else if (_reply.Length - _replyStart > ReplySizeToSend) NoteSlow(row, _batch[_next - 1], counters.RunUs());
        if (_span is not null) EndSpan(row);
        if (_server.Monitors.Any) ShowToMonitors(row, _batch[_next - 1]);
        if (State != 0) Mute(row);
        return true;
    }

    // Once it has run, as Redis 7.0 does: MONITOR does not show itself, RESET ends it unseen.
    private void ShowToMonitors(Command row, in Request request)
    {
        if (_server.Monitors.Any && (row.Flags & (CommandFlags.SkipMonitor | CommandFlags.Admin)) == 0) _server.Monitors.Feed(this, row, request);
    }

    private void Timed(ThreadCounters counters, Command row, bool isKeyTaken)
    {
        var us = _partedTicks == 0 ? counters.EndTimed() : counters.Count(row, _partedTicks);
        _partedTicks = 0;
        var request = _batch[_next - 1];
        if (us >= HotKeySampler.SlowNs / 1_000 && !isKeyTaken) TakeSlowKey(counters, row, request, RoutesOf(_next - 1), _reply.Length - _replyStart, _database, us);
        NoteSlow(row, request, us);
    }

    private void NoteSlow(Command row, in Request request, long us)
    {
        var threshold = _server.Settings.SlowLogThresholdUs;
        if (threshold >= 0 && us >= threshold && (row.Flags & CommandFlags.SkipSlowlog) == 0) _server.SlowLog.Add(this, row, request, us);
        var thresholdMs = _server.Settings.LatencyThresholdMs;
        if (thresholdMs > 0 && us >= thresholdMs * 1000)
        {
            var kind = (row.Flags & CommandFlags.Fast) != 0 ? "fast-command" : "command";
            _server.Latency.Add(kind, _server.Time.GetUtcNow().ToUnixTimeSeconds(), us / 1000);
        }
    }

    /// <summary>Takes the reply back if the client does not want it. What SUBSCRIBE and its relatives answer are messages, not replies.</summary>
    private void Mute(Command? row)
    {
        const CommandFlags Messages = CommandFlags.PubSub | CommandFlags.WhileSubscribed;
        var isMessage = row is not null && (row.Flags & Messages) == Messages;
        if (Is(SessionState.Muted | SessionState.Skipping) && !isMessage) _reply.Truncate(_replyStart);
        Set(SessionState.Skipping, Is(SessionState.SkipNext));
        Set(SessionState.SkipNext, false);
    }

    private void CountFailure(ThreadCounters counters, Command row, int replyStart)
    {
        counters.Of(row).Failed++;
        _server.Metrics.CountError(_reply.WrittenSpan[(replyStart + 1)..]);
    }

    /// <summary>Answers why a command does not run. A transaction that it belongs to is discarded by EXEC.</summary>
    internal void Refuse(Command? row, ReadOnlySpan<byte> error)
    {
        if (row is not null && ReferenceEquals(row, _server.Rows.Exec))
        {
            // A refused EXEC ends the transaction and says why: its code gives way to EXECABORT.
            var reason = error[(error.IndexOf((byte)' ') + 1)..];
            _reply.Error([.. "EXECABORT Transaction discarded because of: "u8, .. error.StartsWith("ERR "u8) ? reason : error]);
            DiscardQueue();
            return;
        }
        if (Is(SessionState.Queueing)) Set(SessionState.QueueBroken, true);
        _reply.Error(error);
    }

    private void CountRefusal(ThreadCounters counters, Command? row)
    {
        if (row is not null) counters.Of(row).Rejected++;
        if (_reply.Length > _replyStart) _server.Metrics.CountError(_reply.WrittenSpan[(_replyStart + 1)..]);
        Mute(row);
    }

    private void AnswerFault(Exception error)
    {
        _queueHasRun = false;
        _reply.Truncate(_replyStart);
        _reply.Error(SessionErrors.Internal);
        _events?.Clear();
        _outbox?.Clear();
        ServerLog.CommandFailed(_server.Logger, error, Id, LastCommand?.Name ?? "");
    }
}
