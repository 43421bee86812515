using System.Net;
using Microsoft.Extensions.Logging;

namespace Memstore.Server.Transports.Uring;

/// <summary>The transport over io_uring: a few threads, each with a ring of its own, between which the connections are spread.</summary>
public sealed class UringTransport : ITransport
{
    private readonly TransportOptions _options;
    private readonly ILogger _logger;
    private readonly UringLoop[] _loops;
    private readonly List<UringAcceptor> _acceptors = [];
    private List<ListeningSocket> _listeners = [];
    private long _lastId;
    private bool _isStarted;
    private bool _isDisposed;

    /// <summary>Creates a transport that is not started yet.</summary>
    public UringTransport(TransportOptions options, ILogger logger)
        : this(options, logger, UringFeatures.All)
    {
    }

    /// <summary>The same on a kernel that has no more than these features, for tests.</summary>
    internal UringTransport(TransportOptions options, ILogger logger, UringFeatures features)
    {
        _options = options;
        _logger = logger;
        var count = options.EventThreads > 0 ? options.EventThreads : DefaultEventThreads;
        _loops = [.. Enumerable.Range(0, count).Select(i => new UringLoop(i, options, features, logger))];
    }

    /// <summary>How many rings there are unless the options say otherwise: one for every two processors, at most 8.</summary>
    // The other half is for the kernel's share of the network, the journal and the collector. On two processors a second ring cost 16 to
    // 60 % more processor time per command (docs/decisions/0002-transport.md).
    public static int DefaultEventThreads => Math.Clamp(Environment.ProcessorCount / 2, 1, 8);

    /// <inheritdoc/>
    public string Name => "uring";

    /// <inheritdoc/>
    public IReadOnlyList<EndPoint> BoundEndPoints { get; private set; } = [];

    /// <summary>Whether the kernel allows what this transport needs; if not, <paramref name="reason"/> says what stands against it.</summary>
    public static bool IsSupported(out string reason)
    {
        reason = UringProbe.FindObstacle() ?? "";
        return reason.Length == 0;
    }

    /// <inheritdoc/>
    public async ValueTask StartAsync(
        IReadOnlyList<EndPoint> endpoints, Func<Connection, Task> handler, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _listeners = ListeningSocket.BindAll(endpoints, _options);
        var obstacles = await Task.WhenAll(_loops.Select(loop => loop.Start())).ConfigureAwait(false);
        if (obstacles.FirstOrDefault(reason => reason is not null) is { } obstacle)
        {
            await StopLoopsAsync(TimeSpan.Zero).ConfigureAwait(false);
            DisposeListeners();
            throw new RingException(obstacle);
        }
        _isStarted = true;
        BoundEndPoints = [.. _listeners.Select(listener => listener.EndPoint)];
        foreach (var listener in _listeners)
            TransportLog.Listening(_logger, listener.EndPoint, Name);
        _loops[0].Post(_ => StartAccepting(handler), null);
    }

    /// <inheritdoc/>
    public async ValueTask StopAcceptingAsync()
    {
        if (!_isStarted)
            return;
        var stopping = new TaskCompletionSource<Task>(TaskCreationOptions.RunContinuationsAsynchronously);
        _loops[0].Post(
            _ =>
            {
                foreach (var acceptor in _acceptors)
                    acceptor.Stop();
                stopping.SetResult(Task.WhenAll(_acceptors.Select(acceptor => acceptor.Stopped)));
            },
            null);
        await (await stopping.Task.ConfigureAwait(false)).ConfigureAwait(false);
        DisposeListeners();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_isStarted || Interlocked.Exchange(ref _isDisposed, true))
            return;
        await StopAcceptingAsync().ConfigureAwait(false);
        var left = await StopLoopsAsync(_options.StopTimeout).ConfigureAwait(false);
        if (left > 0)
            TransportLog.SessionsLeft(_logger, left);
    }

    private async Task<int> StopLoopsAsync(TimeSpan patience) =>
        (await Task.WhenAll(_loops.Select(loop => loop.StopAsync(patience))).ConfigureAwait(false)).Sum();

    private void DisposeListeners()
    {
        foreach (var listener in Interlocked.Exchange(ref _listeners, []))
            listener.Dispose();
    }

    // One ring accepts for all: listeners shared by several rings (or SO_REUSEPORT) spread few connections unevenly.
    private void StartAccepting(Func<Connection, Task> handler)
    {
        foreach (var listener in _listeners)
        {
            var acceptor = new UringAcceptor(
                listener, _loops[0], () => ++_lastId, socket => Place(socket, handler), _logger);
            _acceptors.Add(acceptor);
            acceptor.Arm();
        }
    }

    private void Place(AcceptedSocket socket, Func<Connection, Task> handler)
    {
        var loop = _loops[0];
        foreach (var other in _loops)
        {
            if (other.ConnectionCount < loop.ConnectionCount)
                loop = other;
        }
        loop.ExpectConnection();
        if (loop.IsCurrent)
            loop.Adopt(socket, handler);
        else
            loop.Post(_ => loop.Adopt(socket, handler), null);
    }
}
