using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using Memstore.Server.Transports;

namespace Memstore.Benchmarks;

/// <summary>A connection on which the same pipelines arrive again and again, and whose replies nobody reads: a session without a network.</summary>
// Threading: the thread that serves it; its owner is whoever calls Serve.
internal sealed class LoopConnection(byte[][] pipelines, int rounds) : Connection
{
    private readonly LoopReader _reader = new(pipelines, rounds);
    private readonly SinkWriter _writer = new();
    private readonly Queue<(Action<object?> Callback, object? State)> _posted = new();

    /// <summary>Bytes of replies.</summary>
    public long ReplyBytes => _writer.Written;

    public override PipeReader Input => _reader;

    public override PipeWriter Output => _writer;

    public override long Id => 1;

    public override EndPoint? RemoteEndPoint => null;

    public override EndPoint? LocalEndPoint => null;

    public override bool IsUnixSocket => true;

    public override int FileDescriptor => -1;

    public override bool IsOnOwnerThread => true;

    public override long UnsentBytes => 0;

    public override bool HasClientEnded => false;

    public override CancellationToken Closed => CancellationToken.None;

    public override void Post(Action<object?> callback, object? state) => _posted.Enqueue((callback, state));

    public override void Abort(string reason) => throw new InvalidOperationException(reason);

    /// <summary>Runs a handler to its end on this thread.</summary>
    public void Serve(Func<Connection, Task> handler)
    {
        var served = handler(this);
        while (!served.IsCompleted)
        {
            if (_posted.TryDequeue(out var posted)) posted.Callback(posted.State);
        }

        served.GetAwaiter().GetResult();
    }

    private sealed class LoopReader(byte[][] pipelines, int rounds) : PipeReader
    {
        private int _round;

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            TryRead(out var result);
            return new ValueTask<ReadResult>(result);
        }

        public override bool TryRead(out ReadResult result)
        {
            result = _round == rounds
                ? new ReadResult(default, isCanceled: false, isCompleted: true)
                : new ReadResult(new ReadOnlySequence<byte>(pipelines[_round++ % pipelines.Length]), isCanceled: false, isCompleted: false);
            return true;
        }

        public override void AdvanceTo(SequencePosition consumed)
        {
        }

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
        }

        public override void CancelPendingRead()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }
    }

    private sealed class SinkWriter : PipeWriter
    {
        private byte[] _buffer = new byte[64 << 10];

        public long Written { get; private set; }

        public override void Advance(int bytes) => Written += bytes;

        public override Memory<byte> GetMemory(int sizeHint = 0)
        {
            if (sizeHint > _buffer.Length) _buffer = new byte[sizeHint];
            return _buffer;
        }

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => new(new FlushResult(false, false));

        public override void CancelPendingFlush()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }
    }
}
