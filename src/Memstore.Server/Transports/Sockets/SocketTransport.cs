using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Memstore.Server.Transports.Sockets;

/// <summary>The portable transport: the platform's sockets behind the pipes of Pipelines.Sockets.Unofficial.</summary>
public sealed class SocketTransport : ITransport
{
    private const int LongestAcceptDelayMs = 1000;
    private const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    private readonly TransportOptions _options;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<SocketTransportConnection, Task> _connections = new();
    private readonly CancellationTokenSource _stopAccepting = new();
    private List<ListeningSocket> _listeners = [];
    private List<Task> _accepting = [];
    private long _lastId;

    // Read by the runtime when the process makes its first socket: completions run on the thread that polls instead of
    // hopping to the pool. The measurement is in docs/decisions/0002-transport.md. An operator's own setting stands.
    static SocketTransport()
    {
        if (Environment.GetEnvironmentVariable(InlineCompletions) is null)
            Environment.SetEnvironmentVariable(InlineCompletions, "1");
    }

    /// <summary>Creates a transport that is not started yet.</summary>
    public SocketTransport(TransportOptions options, ILogger logger)
    {
        _options = options;
        _logger = logger;
    }

    /// <inheritdoc/>
    public string Name => "sockets";

    /// <inheritdoc/>
    public IReadOnlyList<EndPoint> BoundEndPoints { get; private set; } = [];

    /// <inheritdoc/>
    public ValueTask StartAsync(IReadOnlyList<EndPoint> endpoints, Func<Connection, Task> handler, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _listeners = ListeningSocket.BindAll(endpoints, _options);
        BoundEndPoints = [.. _listeners.Select(listener => listener.EndPoint)];
        foreach (var listener in _listeners)
        {
            TransportLog.Listening(_logger, listener.EndPoint, Name);
            _accepting.Add(Task.Run(() => AcceptAsync(listener, handler), CancellationToken.None));
        }
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask StopAcceptingAsync()
    {
        await _stopAccepting.CancelAsync().ConfigureAwait(false);
        var accepting = Interlocked.Exchange(ref _accepting, []);
        await Task.WhenAll(accepting).ConfigureAwait(false);
        foreach (var listener in Interlocked.Exchange(ref _listeners, []))
            listener.Dispose();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAcceptingAsync().ConfigureAwait(false);
        foreach (var connection in _connections.Keys)
            connection.Abort("the server stops");
        try
        {
            await Task.WhenAll(_connections.Values).WaitAsync(_options.StopTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            TransportLog.SessionsLeft(_logger, _connections.Count);
        }
    }

    // No error of accept ends this loop: out of descriptors or memory passes, a client that gave up meanwhile is its own affair.
    private async Task AcceptAsync(ListeningSocket listener, Func<Connection, Task> handler)
    {
        var delayMs = 1;
        while (!_stopAccepting.IsCancellationRequested)
        {
            try
            {
                var socket = await listener.Socket.AcceptAsync(_stopAccepting.Token).ConfigureAwait(false);
                if (DescriptorLimit.IsReserved(socket.Handle))
                {
                    DescriptorLimit.Refuse(socket);
                    TransportLog.AcceptRefused(_logger, listener.EndPoint);
                    continue;
                }
                delayMs = 1;
                Begin(socket, handler);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                TransportLog.AcceptFailed(_logger, listener.EndPoint, e.Message, delayMs);
                await Task.Delay(delayMs, CancellationToken.None).ConfigureAwait(false);
                delayMs = Math.Min(delayMs * 2, LongestAcceptDelayMs);
            }
        }
    }

    private void Begin(Socket socket, Func<Connection, Task> handler)
    {
        SocketTransportConnection connection;
        try
        {
            connection = new SocketTransportConnection(socket, Interlocked.Increment(ref _lastId), _options, _logger);
        }
        catch (SocketException)
        {
            // The client is gone already; its address cannot be read any more.
            socket.Dispose();
            return;
        }
        var running = new TaskCompletionSource();
        _connections[connection] = running.Task;
        _ = RunAsync(connection, handler, running);
    }

    private async Task RunAsync(SocketTransportConnection connection, Func<Connection, Task> handler, TaskCompletionSource ended)
    {
        await connection.RunAsync(handler).ConfigureAwait(false);
        _connections.TryRemove(connection, out _);
        ended.SetResult();
    }
}
