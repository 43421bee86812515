using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Threading.Tasks.Sources;
using Memstore.Engine.Journaling;
using Memstore.Protocol;
using Memstore.Server.Transports.Local;

namespace Memstore.Server.Sessions;

/// <summary>What a client inside this process asks for when it connects.</summary>
/// <param name="Protocol">The version of RESP of its replies.</param>
/// <param name="Database">The database of its commands.</param>
/// <param name="Durability">How safe its commits must be; null is the server's default.</param>
internal readonly record struct LocalTerms(int Protocol, int Database = 0, Durability? Durability = null);

/// <summary>Thrown when a client inside this process was disconnected (CLIENT KILL, a limit, a failed disk) before its replies were there.</summary>
internal sealed class LocalClientException(string message) : Exception(message);

/// <summary>
/// A client inside this process: runs commands in a session of its own, without sockets and without parsing. One caller at a time.
/// </summary>
internal sealed class LocalClient : IValueTaskSource, IDisposable
{
    private readonly ServerState _server;
    private readonly LocalConnection _connection = new();
    private readonly Session _session;
    private ManualResetValueTaskSourceCore<bool> _done = new() { RunContinuationsAsynchronously = true };
    private RequestList? _requests;
    private LocalTerms _terms;
    private bool _hasGrown;

    private LocalClient(ServerState server)
    {
        _server = server;
        _session = new Session(server, _connection, server.Sessions.NextId());
    }

    /// <summary>The session in which its commands run.</summary>
    public Session Session => _session;

    /// <summary>Whether it can be used again.</summary>
    public bool IsOpen => _connection.AbortReason is null && !_connection.HasClientEnded && !_session.Is(SessionState.Closing);

    /// <summary>Whether it is worth keeping for other requests: what it was asked to run has not made it large.</summary>
    public bool IsKept => IsOpen && !_hasGrown;

    /// <summary>Requests with more arguments leave hundreds of megabytes of lists behind, here and there, if there are millions.</summary>
    public const int ArgumentsKept = 16 * 1024;

    /// <summary>What was sent, for a caller that streams. After each read it says what it took by <see cref="Taken"/>.</summary>
    public PipeReader Sent => _connection.Sent;

    /// <summary>Fires when it is disconnected.</summary>
    public CancellationToken Closed => _connection.Closed;

    /// <summary>Makes a client that is not connected; <see cref="TryConnect"/> comes next.</summary>
    public static LocalClient Make(ServerState server) => new(server);

    /// <summary>Becomes one of the server's clients; false if there are as many as may be.</summary>
    public bool TryConnect(EndPoint? remote, EndPoint? local, LocalTerms terms)
    {
        _connection.Remote = remote;
        _connection.Local = local;
        if (!_server.Sessions.TryAdd(_session, _server.Settings.ClientsMax))
        {
            _server.Metrics.CountRejectedConnection();
            return false;
        }

        _terms = terms;
        _connection.Run(static state => ((LocalClient)state!)._session.StartOver(((LocalClient)state)._terms), this);
        return true;
    }

    /// <summary>Is no client any more; what it had open is rolled back. It may connect again if it <see cref="IsOpen"/>.</summary>
    public void Disconnect()
    {
        _server.Sessions.Remove(_session);
        _connection.Run(static state => ((Session)state!).Reset(), _session);
    }

    /// <summary>Is no client any more and gives everything back.</summary>
    public void Dispose()
    {
        _server.Sessions.Remove(_session);
        _connection.Run(static state => ((Session)state!).Dispose(), _session);
    }

    /// <summary>
    /// Runs requests and gives their replies, one after the other, in the session's version of RESP. The list must stay as it is meanwhile. The
    /// replies hold until <see cref="Taken"/>, which must be called before the next run.
    /// </summary>
    /// <param name="requests">What is run; names and arguments as a RESP client would send them.</param>
    /// <param name="cancelled">The caller has lost interest: what has begun is finished, and what waits is given up.</param>
    /// <exception cref="LocalClientException">It was disconnected before all replies were there. What ran stays done.</exception>
    public async ValueTask<ReadOnlySequence<byte>> RunAsync(RequestList requests, CancellationToken cancelled)
    {
        _requests = requests;
        _hasGrown |= requests.ArgumentCount > ArgumentsKept;
        _done.Reset();
        var done = new ValueTask(this, _done.Version);
        await using (cancelled.UnsafeRegister(static state => ((LocalConnection)state!).EndClient(), _connection).ConfigureAwait(false))
        {
            _connection.Run(static state => _ = ((LocalClient)state!).BeginAsync(), this);
            await done.ConfigureAwait(false);
        }

        if (_connection.AbortReason is { } reason) throw new LocalClientException(reason);
        return _connection.ReadAll();
    }

    /// <summary>The replies were used.</summary>
    public void Taken() => _connection.TakeAll();

    /// <summary>Of what was read from <see cref="Sent"/>, the part before <paramref name="consumed"/> was used; the rest was looked at.</summary>
    public void Taken(ReadOnlySequence<byte> read, SequencePosition consumed)
    {
        var length = read.Slice(0, consumed).Length;
        _connection.Sent.AdvanceTo(consumed, read.End);
        _connection.Taken(length);
    }

    private async Task BeginAsync()
    {
        try
        {
            await _session.RunAsync(_requests!).ConfigureAwait(false);
            _done.SetResult(true);
        }
        catch (Exception error)
        {
            _connection.Abort(error.Message);
            ServerLog.SessionFailed(_server.Logger, error, _session.Id);
            _done.SetException(error);
        }
    }

    void IValueTaskSource.GetResult(short token) => _done.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _done.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _done.OnCompleted(continuation, state, token, flags);
}
