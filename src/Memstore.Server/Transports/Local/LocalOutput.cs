using System.IO.Pipelines;

namespace Memstore.Server.Transports.Local;

/// <summary>
/// What a session sends to a client inside this process: a pipe without a limit of its own, because the limits on output are the session's,
/// which asks how much is unread. One writer and one reader, on any threads.
/// </summary>
internal sealed class LocalOutput(CancellationToken closed) : PipeWriter
{
    private static readonly PipeOptions Options = new(pauseWriterThreshold: 0, resumeWriterThreshold: 0, minimumSegmentSize: 16 * 1024, useSynchronizationContext: false);

    private readonly Pipe _pipe = new(Options);
    private long _unread;

    /// <summary>The other end.</summary>
    public PipeReader Reader => _pipe.Reader;

    /// <summary>Bytes that were written and not yet taken.</summary>
    public long Unread => Volatile.Read(ref _unread);

    /// <summary>The reader is done with so many bytes.</summary>
    public void Taken(long bytes) => Interlocked.Add(ref _unread, -bytes);

    /// <inheritdoc/>
    public override void Advance(int bytes)
    {
        Interlocked.Add(ref _unread, bytes);
        _pipe.Writer.Advance(bytes);
    }

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0) => _pipe.Writer.GetMemory(sizeHint);

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0) => _pipe.Writer.GetSpan(sizeHint);

    /// <inheritdoc/>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
        closed.IsCancellationRequested ? new(new FlushResult(isCanceled: false, isCompleted: true)) : _pipe.Writer.FlushAsync(CancellationToken.None);

    /// <inheritdoc/>
    public override void CancelPendingFlush() => _pipe.Writer.CancelPendingFlush();

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null) => _pipe.Writer.Complete(exception);
}
