using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Net;
using Memstore.Server.Transports;
using Memstore.Server.Transports.Sockets;
using Microsoft.Extensions.Logging.Abstractions;

namespace Memstore.Server.Tests.Sessions;

/// <summary>A connection that is two pipes in memory; its owner is a queue, as with sockets.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The token source has no timer and no link, so there is nothing to release.")]
internal sealed class MemoryConnection : Connection
{
    private static long LastId;

    private readonly OwnerQueue _owner;
    private readonly Pipe _toServer;
    private readonly Pipe _toClient;
    private readonly CancellationTokenSource _closed = new();

    public MemoryConnection(int outputPauseThreshold = 1024 * 1024)
    {
        Id = Interlocked.Increment(ref LastId);
        _owner = new OwnerQueue(NullLogger.Instance);
        _toServer = new Pipe(new PipeOptions(readerScheduler: _owner, writerScheduler: PipeScheduler.ThreadPool, useSynchronizationContext: false));
        _toClient = new Pipe(new PipeOptions(
            readerScheduler: PipeScheduler.ThreadPool,
            writerScheduler: _owner,
            pauseWriterThreshold: outputPauseThreshold,
            resumeWriterThreshold: outputPauseThreshold / 2,
            useSynchronizationContext: false));
        ClientStream = new DuplexStream(_toClient.Reader, _toServer.Writer);
    }

    /// <summary>The client's end.</summary>
    public Stream ClientStream { get; }

    /// <summary>What the client writes to.</summary>
    public PipeWriter ClientOutput => _toServer.Writer;

    /// <summary>What the client reads from.</summary>
    public PipeReader ClientInput => _toClient.Reader;

    public override PipeReader Input => _toServer.Reader;

    public override PipeWriter Output => _toClient.Writer;

    public override long Id { get; }

    public override EndPoint? RemoteEndPoint => new IPEndPoint(IPAddress.Loopback, (int)(Id % 60_000) + 1);

    public override EndPoint? LocalEndPoint => null;

    public override bool IsUnixSocket => false;

    public override int FileDescriptor => -1;

    public override bool IsOnOwnerThread => _owner.IsCurrent;

    public override bool HasClientEnded => _closed.IsCancellationRequested;

    public override long UnsentBytes => 0;

    public override CancellationToken Closed => _closed.Token;

    public override void Post(Action<object?> callback, object? state) => _owner.Post(callback, state);

    public override void Abort(string reason) => _owner.Post(
        _ =>
        {
            _toServer.Reader.CancelPendingRead();
            _toClient.Writer.CancelPendingFlush();
            _closed.Cancel();
        },
        null);

    /// <summary>Runs a handler on the owner, and ends both directions after it.</summary>
    public Task ServeAsync(Func<Connection, Task> handler)
    {
        var ended = new TaskCompletionSource();
        _owner.Post(
            async _ =>
            {
                await handler(this).ConfigureAwait(false);
                await _toServer.Reader.CompleteAsync().ConfigureAwait(false);
                await _toClient.Writer.CompleteAsync().ConfigureAwait(false);
                ended.SetResult();
            },
            null);
        return ended.Task;
    }

    private sealed class DuplexStream(PipeReader input, PipeWriter output) : Stream
    {
        private readonly Stream _input = input.AsStream();

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => _input.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            _input.ReadAsync(buffer, cancellationToken);

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            await output.WriteAsync(buffer, cancellationToken);

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) output.Complete();
            base.Dispose(disposing);
        }
    }
}
