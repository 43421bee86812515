using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Net;
using Microsoft.Extensions.Logging;

namespace Memstore.Server.Transports.Uring;

/// <summary>A connection of one ring; its owner is the ring's thread.</summary>
// It ends in this order: the session's task has ended; the receive has ended (it is cancelled) and everything flushed is sent, or the
// connection is broken and the last send has ended; then memory and descriptor go back, and nothing of the kernel refers to either.
// Threading: the ring's thread; other threads call Post, Abort and UnsentBytes.
[SuppressMessage("Design", "CA1001", Justification = "The token source has no timer and no link, so there is nothing to release.")]
internal sealed class UringConnection : Connection
{
    // Fixed after construction.
    private readonly UringLoop _loop;
    private readonly TransportOptions _options;
    private readonly ILogger _logger;
    private readonly UringInput _input;
    private readonly UringOutput _output;
    private readonly CancellationTokenSource _closed = new();

    private readonly bool _isInTable;

    // Changed by the ring's thread.
    private bool _isSessionEnded;
    private bool _isBroken;
    private bool _isClosed;

    // Set once by whoever aborts first.
    private string? _abortReason;

    public UringConnection(UringLoop loop, in AcceptedSocket socket, ulong slot, TransportOptions options, ILogger logger)
    {
        _loop = loop;
        _options = options;
        _logger = logger;
        _input = new UringInput(this, loop);
        _output = new UringOutput(this, loop, options.OutputPauseThreshold);
        Slot = slot;
        Id = socket.Id;
        FileDescriptor = socket.Descriptor;
        var place = (int)(slot >> UringLoop.KindBits);
        _isInTable = loop.Files.TrySet(place, socket.Descriptor);
        Target = _isInTable ? place : socket.Descriptor;
        IsUnixSocket = socket.IsUnixSocket;
        LocalEndPoint = IsUnixSocket ? socket.ListenedOn : SocketAddressReader.Local(socket.Descriptor);
        RemoteEndPoint = IsUnixSocket ? null : SocketAddressReader.Peer(socket.Descriptor);
    }

    /// <summary>The place of this connection in its loop, as the upper bits of what operations carry.</summary>
    public ulong Slot { get; }

    /// <summary>What operations name the socket by: its place in the ring's table, or else its descriptor.</summary>
    public int Target { get; }

    /// <summary>The flags that belong to <see cref="Target"/>.</summary>
    public EntryFlags TargetFlags => _isInTable ? EntryFlags.FixedFile : EntryFlags.None;

    public override PipeReader Input => _input;

    public override PipeWriter Output => _output;

    public override long Id { get; }

    public override EndPoint? RemoteEndPoint { get; }

    public override EndPoint? LocalEndPoint { get; }

    public override bool IsUnixSocket { get; }

    public override int FileDescriptor { get; }

    public override bool IsOnOwnerThread => _loop.IsCurrent;

    public override long UnsentBytes => _output.UnsentBytes;

    public override bool HasClientEnded => _isBroken || _isClosed || KernelCalls.HasPeerEnded(FileDescriptor);

    public override CancellationToken Closed => _closed.Token;

    public override void Post(Action<object?> callback, object? state) => _loop.Post(callback, state);

    public override void Abort(string reason)
    {
        if (Interlocked.CompareExchange(ref _abortReason, reason, null) is not null)
            return;
        TransportLog.Aborted(_logger, Id, reason);
        _loop.Post(static self => ((UringConnection)self!).Break(), this);
    }

    /// <summary>Runs the session until its task ends.</summary>
    public async Task ServeAsync(Func<Connection, Task> handler)
    {
        try
        {
            await handler(this).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            TransportLog.HandlerFailed(_logger, e, Id);
        }
        if (IsOnOwnerThread)
            EndSession();
        else
            _loop.Post(static self => ((UringConnection)self!).EndSession(), this);
    }

    /// <summary>The kernel has ended a receive of this connection.</summary>
    public void OnReceived(int result, CompletionFlags flags)
    {
        if (!_input.OnReceived(result, flags))
            Abort("the client broke the connection");
        if (_isSessionEnded)
            TryClose();
    }

    /// <summary>The kernel has ended a send of this connection.</summary>
    public void OnSent(int result)
    {
        if (!_output.OnSent(result))
            Abort("the client broke the connection");
        if (_isSessionEnded)
            TryClose();
    }

    /// <summary>Whether something follows as soon as the send under way has ended: another send, the end of a flush, or the close.</summary>
    public bool AwaitsSend => _isSessionEnded || _output.AwaitsSend;

    /// <summary>The quiet send has failed; <see cref="OnSent"/> follows.</summary>
    public void KeepSendOpen() => _output.KeepSendOpen();

    /// <summary>The quiet send that was submitted is over; it was taken whole unless <see cref="KeepSendOpen"/> was called.</summary>
    public void SettleSend()
    {
        var sent = _output.TakeQuiet();
        if (sent == 0)
            return;
        _loop.Ring.EndSilently();
        OnSent(sent);
    }

    private void EndSession()
    {
        _isSessionEnded = true;
        _output.Complete();
        _input.Complete();
        if (!TryClose())
            WatchDrain(-1);
    }

    private void Break()
    {
        if (_isBroken || _isClosed)
            return;
        _isBroken = true;
        // Whoever has sent what is not read, or does not take what is sent, is told at once by a reset; an ordinary close may leave a client
        // waiting for room that nobody announces any more.
        if (_output.UnsentBytes > 0 || KernelCalls.UnreadBytes(FileDescriptor) > 0)
            KernelCalls.ResetOnClose(FileDescriptor);
        // Ends the receive and the send that are under way, and tells the client.
        KernelCalls.ShutdownBoth(FileDescriptor);
        _output.Break();
        _input.Abort();
        MarkClosed();
        if (_isSessionEnded)
            TryClose();
    }

    private bool TryClose()
    {
        if (_isClosed)
            return true;
        if (_input.IsReceiving || _output.IsSending || _output.UnsentBytes > 0)
            return false;
        _isClosed = true;
        if (_isInTable)
            _loop.Files.Clear(Target);
        KernelCalls.Close(FileDescriptor);
        _loop.Remove(this);
        MarkClosed();
        return true;
    }

    private void MarkClosed()
    {
        if (!_closed.IsCancellationRequested)
            _closed.Cancel();
    }

    // A client that takes nothing for the whole time-out is given up.
    private void WatchDrain(long sentBefore)
    {
        if (_isClosed)
            return;
        if (_output.SentBytes == sentBefore)
            Abort("the client does not take its last replies");
        var sent = _output.SentBytes;
        _loop.PostAfter(_options.DrainTimeout, _ => WatchDrain(sent));
    }
}

/// <summary>A descriptor fresh from accept, on its way to the ring that will own it.</summary>
internal readonly record struct AcceptedSocket(int Descriptor, long Id, bool IsUnixSocket, EndPoint ListenedOn);
