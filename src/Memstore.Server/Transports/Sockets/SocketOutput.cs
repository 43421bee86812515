using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Memstore.Server.Transports.Sockets;

/// <summary>The writing side: the socket's pipe, counting bytes, and a drain for what is written after the connection broke.</summary>
// Threading: used by the connection's owner only; FlushedBytes may be read by any thread.
internal sealed class SocketOutput(PipeWriter inner) : PipeWriter
{
    private byte[] _dropped = [];
    private long _writtenBytes;
    private long _flushedBytes;
    private bool _broken;

    /// <summary>Bytes flushed since the connection began.</summary>
    public long FlushedBytes => Volatile.Read(ref _flushedBytes);

    /// <summary>The socket takes no more. Called on the owner, so never between GetSpan and Advance.</summary>
    public void Break()
    {
        _broken = true;
        inner.CancelPendingFlush();
    }

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _writtenBytes - _flushedBytes;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (_broken)
            return Scratch(sizeHint);
        try
        {
            return inner.GetMemory(sizeHint);
        }
        catch (InvalidOperationException)
        {
            // The send loop failed and completed the pipe; the callback that says so is still queued behind us.
            _broken = true;
            return Scratch(sizeHint);
        }
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes)
    {
        if (_broken)
            return;
        inner.Advance(bytes);
        _writtenBytes += bytes;
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (_broken)
            return new(Ended);
        Volatile.Write(ref _flushedBytes, _writtenBytes);
        try
        {
            var flush = inner.FlushAsync(cancellationToken);
            return flush.IsCompletedSuccessfully ? flush : Await(flush, cancellationToken);
        }
        catch (Exception e) when (e is InvalidOperationException || SocketInput.IsNetworkError(e))
        {
            _broken = true;
            return new(Ended);
        }
    }

    public override void CancelPendingFlush() => inner.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        Volatile.Write(ref _flushedBytes, _writtenBytes);
        inner.Complete();
    }

    private static FlushResult Ended => new(isCanceled: false, isCompleted: true);

    private byte[] Scratch(int sizeHint)
    {
        if (_dropped.Length < Math.Max(sizeHint, 1))
            _dropped = new byte[Math.Max(sizeHint, 4096)];
        return _dropped;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> Await(ValueTask<FlushResult> flush, CancellationToken cancellationToken)
    {
        try
        {
            var result = await flush.ConfigureAwait(false);
            return _broken ? Ended : result;
        }
        catch (Exception e) when (SocketInput.IsNetworkError(e) && !cancellationToken.IsCancellationRequested)
        {
            return Ended;
        }
    }
}
