using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Pipelines.Sockets.Unofficial;

namespace Memstore.Server.Transports.Sockets;

/// <summary>A connection over the portable transport: a socket, two pipes, and a queue that is its owner.</summary>
// Threading: everything runs in _owner, the library's own send and receive loops included: they complete and release pipes when the
// network fails, and a session in the middle of writing must not lose its buffer to them. Other threads call Post, Abort and the counters.
[SuppressMessage("Design", "CA1001", Justification = "The token source has no timer and no link, so there is nothing to release.")]
internal sealed class SocketTransportConnection : Connection
{
    // Fixed after construction, or after Open on the owner.
    private readonly Socket _socket;
    private readonly TransportOptions _options;
    private readonly ILogger _logger;
    private readonly OwnerQueue _owner;
    private readonly CancellationTokenSource _closed = new();
    private readonly TaskCompletionSource _loopsEnded = new();
    private SocketConnection _inner = null!;
    private SocketInput _input = null!;
    private SocketOutput _output = null!;

    // Changed by the owner.
    private int _loopsRunning = 2;
    private bool _sessionEnded;
    private bool _inputEnded;
    private bool _isClosed;

    // Set once by whoever aborts first.
    private string? _abortReason;

    public SocketTransportConnection(Socket socket, long id, TransportOptions options, ILogger logger)
    {
        _socket = socket;
        _options = options;
        _logger = logger;
        _owner = new OwnerQueue(logger);
        Id = id;
        FileDescriptor = (int)socket.Handle;
        IsUnixSocket = socket.AddressFamily == AddressFamily.Unix;
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = IsUnixSocket ? null : socket.RemoteEndPoint;
    }

    public override PipeReader Input => _input;

    public override PipeWriter Output => _output;

    public override long Id { get; }

    public override EndPoint? RemoteEndPoint { get; }

    public override EndPoint? LocalEndPoint { get; }

    public override bool IsUnixSocket { get; }

    public override int FileDescriptor { get; }

    public override bool IsOnOwnerThread => _owner.IsCurrent;

    public override CancellationToken Closed => _closed.Token;

    public override bool HasClientEnded => _isClosed || _inputEnded;

    public override long UnsentBytes => _isClosed ? 0 : Math.Max(0, _output.FlushedBytes - _inner.BytesSent);

    public override void Post(Action<object?> callback, object? state) => _owner.Post(callback, state);

    public override void Abort(string reason)
    {
        if (Interlocked.CompareExchange(ref _abortReason, reason, null) is not null)
            return;
        TransportLog.Aborted(_logger, Id, reason);
        // Ends a receive or a send that is under way; the loops then end by themselves, on the owner.
        ShutdownSocket();
        _owner.Post(static self => ((SocketTransportConnection)self!).AbortOnOwner(), this);
    }

    /// <summary>Serves the connection from its first byte to the closed socket. The task ends when the descriptor is closed.</summary>
    public async Task RunAsync(Func<Connection, Task> handler)
    {
        var session = new TaskCompletionSource();
        _owner.Post(_ => Open(handler, session), null);
        await session.Task.ConfigureAwait(false);
        await DrainAsync().ConfigureAwait(false);
        _inner.Dispose();
        _owner.Post(static self => ((SocketTransportConnection)self!).MarkClosed(), this);
    }

    private void Open(Func<Connection, Task> handler, TaskCompletionSource sessionEnded)
    {
        var inner = SocketConnection.Create(
            _socket,
            PipeOptionsFor(_options.OutputPauseThreshold),
            PipeOptionsFor(_options.InputPauseThreshold));
        _input = new SocketInput(inner.Input);
        _output = new SocketOutput(inner.Output);
        Volatile.Write(ref _inner, inner);
#pragma warning disable CS0618, CS0612 // Not invoked by every pipe, hence deprecated; these are the library's, which do, and nothing else tells when its loops end.
        _inner.Input.OnWriterCompleted(static (error, self) => ((SocketTransportConnection)self!).ReceiveLoopEnded(error is not null), this);
        _inner.Output.OnReaderCompleted(static (_, self) => ((SocketTransportConnection)self!).SendLoopEnded(), this);
#pragma warning restore CS0618, CS0612
        _ = ServeAsync(handler, sessionEnded);
    }

    private async Task ServeAsync(Func<Connection, Task> handler, TaskCompletionSource sessionEnded)
    {
        try
        {
            await handler(this).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            TransportLog.HandlerFailed(_logger, e, Id);
        }
        // The handler may have ended on any thread.
        _owner.Post(
            _ =>
            {
                _sessionEnded = true;
                _output.Complete();
                _input.Complete();
                sessionEnded.SetResult();
            },
            null);
    }

    // The send loop takes what was flushed to the kernel. A client that takes nothing for the whole time-out is given up.
    private async Task DrainAsync()
    {
        var sentBefore = -1L;
        while (true)
        {
            try
            {
                await _loopsEnded.Task.WaitAsync(_options.DrainTimeout).ConfigureAwait(false);
                return;
            }
            catch (TimeoutException)
            {
                var sent = _inner.BytesSent;
                if (sent == sentBefore)
                    Abort("the client does not take its last replies");
                sentBefore = sent;
            }
        }
    }

    private void ReceiveLoopEnded(bool isFailure)
    {
        _inputEnded = true;
        LoopEnded(isFailure);
    }

    // While the session lives it alone ends the sending; if it did not, the network failed.
    private void SendLoopEnded() => LoopEnded(isFailure: !_sessionEnded);

    private void LoopEnded(bool isFailure)
    {
        if (isFailure)
            Abort("the client broke the connection");
        if (--_loopsRunning == 0)
            _loopsEnded.SetResult();
    }

    private void AbortOnOwner()
    {
        _input.Abort();
        _output.Break();
        MarkClosed();
    }

    private void MarkClosed()
    {
        if (_isClosed)
            return;
        _isClosed = true;
        _closed.Cancel();
    }

    private void ShutdownSocket()
    {
        try
        {
            if (_socket.Available > 0 || HasUnsent)
                ResetOnClose();
            _socket.Shutdown(SocketShutdown.Both);
            if (_socket.Available > 0)
                ResetOnClose();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Not connected any more, which is what was wanted.
        }
    }

    private bool HasUnsent => Volatile.Read(ref _inner) is not null && UnsentBytes > 0;

    // Once receiving is shut down, the kernel tells the client of no more room for its requests, whatever is read meanwhile. A client that
    // waits for room would be told nothing at all by an ordinary close: its probes are answered for a minute, and the next one comes after
    // two. So whoever has sent what is not read, or does not take what is sent, gets a reset.
    private void ResetOnClose() => _socket.LingerState = new LingerOption(enable: true, seconds: 0);

    private PipeOptions PipeOptionsFor(int pauseThreshold) => new(
        readerScheduler: _owner,
        writerScheduler: _owner,
        pauseWriterThreshold: pauseThreshold,
        resumeWriterThreshold: pauseThreshold / 2,
        minimumSegmentSize: 8192,
        useSynchronizationContext: false);
}
