using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using Memstore.Protocol;

namespace Memstore.Server.Transports.Local;

/// <summary>
/// The connection of a client inside this process (a REST request): nothing is received, because requests are handed to the session as they
/// are, and what the session sends is read from <see cref="Sent"/>.
/// </summary>
/// <remarks>Its owner is whichever thread runs what was posted; one thread at a time, from the pool or the caller of <see cref="Run"/>.</remarks>
#pragma warning disable CA1001 // The source of Closed has no timer and nobody asked for its handle: there is nothing to dispose.
internal sealed class LocalConnection : Connection, IThreadPoolWorkItem
#pragma warning restore CA1001
{
    /// <summary>After so many callbacks the thread goes back to the pool, so that others get their turns.</summary>
    private const int CallbacksPerTurn = 32;

    private readonly ConcurrentQueue<(Action<object?> Callback, object? State)> _posted = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly LocalOutput _output;
    private int _isScheduled;
    private int _ownerThread;
    private bool _hasClientEnded;

    /// <summary>Makes a connection that is open.</summary>
    public LocalConnection()
    {
        _output = new LocalOutput(_closed.Token);
        Input = new LocalInput();
    }

    /// <inheritdoc/>
    public override PipeReader Input { get; }

    /// <inheritdoc/>
    public override PipeWriter Output => _output;

    /// <summary>What the session has sent, for a reader that waits for more. One reader at a time; it says what it took by <see cref="Taken"/>.</summary>
    public PipeReader Sent => _output.Reader;

    /// <summary>All that the session has sent, for a reader that knows that it is all; then <see cref="TakeAll"/> before anything else is sent.</summary>
    public ReadOnlySequence<byte> ReadAll() => _output.ReadAll();

    /// <summary>What <see cref="ReadAll"/> gave was used and is gone.</summary>
    public void TakeAll() => _output.TakeAll();

    /// <inheritdoc/>
    public override bool TryTakeOver(ReplyWriter replies)
    {
        _output.Add(replies.Detach());
        return true;
    }

    /// <inheritdoc/>
    public override long Id => 0;

    /// <inheritdoc/>
    public override EndPoint? RemoteEndPoint => Remote;

    /// <inheritdoc/>
    public override EndPoint? LocalEndPoint => Local;

    /// <summary>Where the HTTP client is; set between two requests.</summary>
    public EndPoint? Remote { get; set; }

    /// <summary>Where it connected to; set between two requests.</summary>
    public EndPoint? Local { get; set; }

    /// <inheritdoc/>
    public override bool IsUnixSocket => false;

    /// <inheritdoc/>
    public override int FileDescriptor => -1;

    /// <inheritdoc/>
    public override bool IsOnOwnerThread => Volatile.Read(ref _ownerThread) == Environment.CurrentManagedThreadId;

    /// <inheritdoc/>
    public override long UnsentBytes => _output.Unread;

    /// <inheritdoc/>
    public override bool HasClientEnded => Volatile.Read(ref _hasClientEnded) || AbortReason is not null;

    /// <inheritdoc/>
    public override CancellationToken Closed => _closed.Token;

    /// <summary>Why it was aborted; null while it is open.</summary>
    public string? AbortReason { get; private set; }

    /// <inheritdoc/>
    public override void Post(Action<object?> callback, object? state)
    {
        _posted.Enqueue((callback, state));
        if (TrySchedule()) ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Runs a callback on the owner: on this thread, inside this call, if no other is the owner just now.</summary>
    public void Run(Action<object?> callback, object? state)
    {
        _posted.Enqueue((callback, state));
        if (TrySchedule()) ((IThreadPoolWorkItem)this).Execute();
    }

    /// <summary>The HTTP client has left: a session that waits gives up.</summary>
    public void EndClient() => Volatile.Write(ref _hasClientEnded, true);

    /// <summary>Bytes of <see cref="Sent"/> that were read and are gone.</summary>
    public void Taken(long bytes) => _output.Taken(bytes);

    /// <inheritdoc/>
    public override void Abort(string reason)
    {
        lock (_posted)
        {
            if (AbortReason is not null) return;
            AbortReason = reason;
        }

        _closed.Cancel();
        _output.Reader.CancelPendingRead();
    }

    void IThreadPoolWorkItem.Execute()
    {
        do
        {
            Volatile.Write(ref _ownerThread, Environment.CurrentManagedThreadId);
            for (var i = 0; _posted.TryDequeue(out var posted); i++)
            {
                if (i == CallbacksPerTurn)
                {
                    // Still scheduled, so nobody else becomes the owner.
                    _posted.Enqueue(posted);
                    Volatile.Write(ref _ownerThread, 0);
                    ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                    return;
                }

                posted.Callback(posted.State);
            }

            Volatile.Write(ref _ownerThread, 0);
            Volatile.Write(ref _isScheduled, 0);
            Interlocked.MemoryBarrier();
        }
        while (!_posted.IsEmpty && TrySchedule());
    }

    private bool TrySchedule() => Interlocked.Exchange(ref _isScheduled, 1) == 0;

    /// <summary>A client inside the process sends no bytes.</summary>
    private sealed class LocalInput : PipeReader
    {
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

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => new(End);

        public override bool TryRead(out ReadResult result)
        {
            result = End;
            return true;
        }

        private static ReadResult End => new(default, isCanceled: false, isCompleted: true);
    }
}
