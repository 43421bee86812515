using System.Diagnostics;
using System.IO.Pipelines;
using Memstore.Engine;
using Memstore.Protocol;
using Memstore.Server.Metrics;
using Memstore.Server.PubSub;
using Memstore.Server.Transports;

namespace Memstore.Server.Sessions;

/// <summary>One client's state and its loop: read a batch of requests, run them in order, send the replies.</summary>
// Threading: everything runs on the connection's owner, one thing at a time, with two exceptions. While a transaction of this session
// waits for a shard, whichever thread leaves that shard runs the body (Session.Running.cs); the session does nothing else meanwhile.
// And other sessions may call Post, Kill and the inbox, and read the members that CLIENT LIST shows.
internal sealed partial class Session : ITransactionBody, IDisposable
{
    /// <summary>Requests of one turn; then other sessions of the same owner go first.</summary>
    private const int RequestsPerTurn = 256;

    /// <summary>The longest turn in microseconds, looked at every few commands.</summary>
    private const int TurnUsMax = 200;

    /// <summary>Replies are handed to the pipe in the middle of a batch when they are longer than this, in bytes.</summary>
    private const int ReplySizeToSend = 64 * 1024;

    /// <summary>If requests that have come together are longer than this, each is timed alone, in bytes.</summary>
    private const int RequestsTimedTogether = 64 * 1024;

    // Fixed after construction.
    private readonly ServerState _server;
    private readonly Connection _connection;
    private readonly RequestBatch _batch = new();
    private readonly ReplyWriter _reply = new();
    private readonly Transaction _transaction;
    private readonly OwnerSignal _resumed = new();
    private readonly OwnerSignal _yielded = new();
    private readonly OwnerSignal _sent = new();

    private int _database;
    private RequestLimits _limits = RequestLimits.Unauthenticated;

    /// <summary>Makes the session of a connection that was just accepted.</summary>
    public Session(ServerState server, Connection connection, long id)
    {
        _server = server;
        _connection = connection;
        _transaction = new Transaction(server.Store);
        Id = id;
        Inbox = new Inbox(this);
        CreatedTicks = LastActiveTicks = Environment.TickCount64;
        _onFlushed = FlushEnded;
        _sampleState = (uint)server.Random.Next();
        ResetIdentity();
    }

    /// <summary>Unique in the server, ascending.</summary>
    public long Id { get; }

    /// <summary>What all sessions share.</summary>
    public ServerState Server => _server;

    /// <summary>Where the client is.</summary>
    public Connection Connection => _connection;

    /// <summary>What others send to this client.</summary>
    public Inbox Inbox { get; }

    /// <summary>When it was accepted, in <see cref="Environment.TickCount64"/>.</summary>
    public long CreatedTicks { get; }

    /// <summary>When it last sent something, in <see cref="Environment.TickCount64"/>.</summary>
    public long LastActiveTicks { get; private set; }

    /// <summary>What is unusual about it.</summary>
    public SessionState State { get; private set; }

    /// <summary>The number of the database that its commands work on.</summary>
    public int Database
    {
        get => _database;
        set
        {
            _database = value;
            if (_bodyTransaction is not null) _bodyTransaction.Database = value;
        }
    }

    /// <summary>The version of RESP that it speaks.</summary>
    public int Protocol
    {
        get => _reply.Protocol;
        set
        {
            _reply.Protocol = value;
            Inbox.Protocol = value;
        }
    }

    /// <summary>CLIENT SETNAME.</summary>
    public string? Name { get; set; }

    /// <summary>CLIENT SETINFO LIB-NAME.</summary>
    public string LibraryName { get; set; } = "";

    /// <summary>CLIENT SETINFO LIB-VER.</summary>
    public string LibraryVersion { get; set; } = "";

    /// <summary>The channels and patterns that it listens to.</summary>
    public Subscriptions Subscriptions { get; } = new();

    /// <summary>Whether it is in a state.</summary>
    public bool Is(SessionState state) => (State & state) != 0;

    /// <summary>Enters or leaves a state. On the owner, or in the body of this session's transaction.</summary>
    public void Set(SessionState state, bool on) => State = on ? State | state : State & ~state;

    /// <summary>Serves the client until it goes, is sent away, or the server stops.</summary>
    public async Task RunAsync()
    {
        try
        {
            while (!Is(SessionState.Closing))
            {
                var read = await _connection.Input.ReadAsync().ConfigureAwait(false);
                if (read.IsCanceled || !await RunBatchAsync(read).ConfigureAwait(false)) break;
            }
            await SendEverythingAsync().ConfigureAwait(false);
        }
        finally
        {
            // The wait for a transaction or a timer may be over on another thread only if the server stops; then nobody races us.
            Dispose();
        }
    }

    /// <summary>Breaks the connection. Any thread may call.</summary>
    public void Kill(string reason) => _connection.Abort(reason);

    /// <summary>Ends the session when the commands that it has begun are answered. Any thread may call.</summary>
    public void End() => _connection.Post(static state => ((Session)state!).EndOnOwner(), this);

    /// <summary>What has to be done now and then: idle clients, slow readers, transactions that stay open. Any thread may call.</summary>
    public void KeepHouse(long nowTicks, long idleMs)
    {
        if (idleMs > 0 && nowTicks - LastActiveTicks > idleMs && !Is(SessionState.Subscriber | SessionState.Monitor)) Kill("it was idle");
        if (IsWaiting) _connection.Post(static state => ((Session)state!).LookForClient(), this);
        if (Is(SessionState.Open)) _connection.Post(static state => ((Session)state!).ExpireOpen(), this);
        CheckOutput();
    }

    /// <summary>The connection closes once the replies so far are sent; requests that came later are not run.</summary>
    public void CloseAfterReply() => Set(SessionState.Closing, true);

    /// <summary>Forgets everything that RESET forgets.</summary>
    public void Reset()
    {
        DiscardQueue();
        AbandonOpen();
        _server.PubSub.RemoveAll(this);
        _server.Monitors.Remove(this);
        // What was shown before goes before: afterwards it would be taken for replies.
        TakeMessages();
        Protocol = 2;
        Name = null;
        Database = 0;
        State = SessionState.None;
        _asked = null;
        ResetIdentity();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        DiscardQueue();
        AbandonOpen();
        _server.PubSub.RemoveAll(this);
        _server.Monitors.Remove(this);
        _batch.Dispose();
        Inbox.Close();
        _queue?.Dispose();
    }

    /// <summary>Whether a client must authenticate; called again when it has.</summary>
    public void Authenticated()
    {
        Set(SessionState.Unauthenticated, false);
        UpdateLimits();
    }

    private void EndOnOwner()
    {
        CloseAfterReply();
        _connection.Input.CancelPendingRead();
    }

    private void ResetIdentity()
    {
        Set(SessionState.Unauthenticated, _server.Settings.Password.Length > 0);
        UpdateLimits();
    }

    private void UpdateLimits() =>
        _limits = Is(SessionState.Unauthenticated) ? _server.Settings.UnauthenticatedLimits : _server.Settings.RequestLimits;

    private async ValueTask<bool> RunBatchAsync(ReadResult read)
    {
        UpdateLimits();
        QueryBufferSize = read.Buffer.Length;
        _batch.Read(read.Buffer, _limits, RequestsPerTurn);
        if (_batch.Count > 0) await RunRequestsAsync().ConfigureAwait(false);
        if (_batch.Error is { } error && !Is(SessionState.Closing)) AnswerFramingError(error);

        _server.Metrics.CountInput(read.Buffer.Slice(0, _batch.Consumed).Length);
        var mayHoldMore = _batch.Count > 0 && _batch.Examined.Equals(_batch.Consumed) && !_batch.Consumed.Equals(read.Buffer.End);
        _connection.Input.AdvanceTo(_batch.Consumed, _batch.Examined);
        Send();
        if (MustWaitToSend) await SentAsync().ConfigureAwait(false);
        if (mayHoldMore && !Is(SessionState.Closing)) await YieldAsync().ConfigureAwait(false);
        return mayHoldMore || !read.IsCompleted;
    }

    private void AnswerFramingError(ProtocolError error)
    {
        _reply.Error(error);
        _server.Metrics.CountError(error.Message);
        CloseAfterReply();
    }

    /// <summary>Lets other sessions of the same owner go first.</summary>
    private ValueTask YieldAsync()
    {
        _connection.Post(static state => ((Session)state!)._yielded.Set(), this);
        return _yielded.WaitAsync();
    }

    [Conditional("DEBUG")]
    private void AssertOnOwner() => Debug.Assert(_connection.IsOnOwnerThread, "A session runs on its connection's owner.");
}
