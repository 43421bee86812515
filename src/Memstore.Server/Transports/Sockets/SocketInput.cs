using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Memstore.Server.Transports.Sockets;

/// <summary>The reading side: the socket's pipe, with network errors turned into the end of input and aborts seen at once.</summary>
// Threading: used by the connection's owner only, CancelPendingRead excepted.
internal sealed class SocketInput(PipeReader inner) : PipeReader
{
    private volatile bool _aborted;
    private bool _holdsInner;

    /// <summary>From now on there is nothing to read. Called on the owner.</summary>
    public void Abort()
    {
        _aborted = true;
        inner.CancelPendingRead();
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (_aborted)
            return new(Ended);
        var read = inner.ReadAsync(cancellationToken);
        if (!read.IsCompletedSuccessfully)
            return Await(read, cancellationToken);
        _holdsInner = true;
        return read;
    }

    public override bool TryRead(out ReadResult result)
    {
        result = Ended;
        if (_aborted)
            return true;
        try
        {
            return _holdsInner = inner.TryRead(out result);
        }
        catch (Exception e) when (IsNetworkError(e))
        {
            result = Ended;
            return true;
        }
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        // The empty result after an abort does not come from the pipe, and its positions mean nothing to it.
        if (!_holdsInner)
            return;
        _holdsInner = false;
        inner.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => inner.Complete();

    // The connection reports its errors by ending, so that a session has one way out.
    internal static bool IsNetworkError(Exception e) =>
        e is IOException or System.Net.Sockets.SocketException or ObjectDisposedException or OperationCanceledException
        || e.GetType().Namespace == "Pipelines.Sockets.Unofficial";

    private static ReadResult Ended => new(ReadOnlySequence<byte>.Empty, isCanceled: false, isCompleted: true);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> Await(ValueTask<ReadResult> read, CancellationToken cancellationToken)
    {
        try
        {
            var result = await read.ConfigureAwait(false);
            if (_aborted)
            {
                inner.AdvanceTo(result.Buffer.Start);
                return Ended;
            }
            _holdsInner = true;
            return result;
        }
        catch (Exception e) when (IsNetworkError(e) && !cancellationToken.IsCancellationRequested)
        {
            return Ended;
        }
    }
}
