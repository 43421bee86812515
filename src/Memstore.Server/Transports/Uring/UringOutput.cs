using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace Memstore.Server.Transports.Uring;

/// <summary>The writing side of a connection: native blocks that the kernel sends from.</summary>
// Blocks form a list from _head, which is being sent, to _tail, which is being written. One send is under way at a time, and a block
// is reused only after the completion of the last send from it, so the kernel never sends bytes that were written for somebody else.
// Threading: the ring's thread only; UnsentBytes may be read by any thread.
internal sealed unsafe class UringOutput : PipeWriter, IValueTaskSource<FlushResult>
{
    private const int SmallBlockSize = 16 * 1024;
    private const int LargeBlockSize = 256 * 1024;

    // Fixed after construction.
    private readonly UringConnection _connection;
    private readonly UringLoop _loop;
    private readonly int _pauseThreshold;

    // What is written and not sent.
    private NativeBlock? _head;
    private NativeBlock? _tail;
    private long _writtenBytes;
    private long _flushedBytes;
    private long _sentBytes;
    private bool _isSending;

    // A quiet send says nothing when it succeeds. After one found no room, sends wait for room until all is sent.
    private int _quietSize;
    private bool _hadNoRoom;

    // Between GetSpan and Advance the session holds the tail.
    private bool _isLent;
    private bool _isBroken;
    private bool _isCompleted;

    // The session's flush.
    private ManualResetValueTaskSourceCore<FlushResult> _flush;
    private bool _isFlushPending;
    private bool _isCancelRequested;
    private CancellationTokenRegistration _registration;

    public UringOutput(UringConnection connection, UringLoop loop, int pauseThreshold)
    {
        _connection = connection;
        _loop = loop;
        _pauseThreshold = pauseThreshold;
    }

    /// <summary>Flushed bytes that the kernel has not taken. Those of a quiet send count as taken until it fails.</summary>
    public long UnsentBytes => Math.Max(0, Volatile.Read(ref _flushedBytes) - Volatile.Read(ref _sentBytes) - Volatile.Read(ref _quietSize));

    /// <summary>Bytes that the kernel has taken since the connection began.</summary>
    public long SentBytes => _sentBytes;

    /// <summary>Whether the kernel may still read memory of this output.</summary>
    public bool IsSending => _isSending;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _writtenBytes - _flushedBytes;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        var block = Writable(sizeHint);
        return block.Memory[block.Written..];
    }

    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        var block = Writable(sizeHint);
        return new(block.Pointer + block.Written, block.Size - block.Written);
    }

    public override void Advance(int bytes)
    {
        _isLent = false;
        if (_tail is not { } tail || (uint)bytes > (uint)(tail.Size - tail.Written))
            throw new ArgumentOutOfRangeException(nameof(bytes));
        // After the connection broke, the session writes into a block that is never sent.
        if (_isBroken)
            return;
        tail.Written += bytes;
        _writtenBytes += bytes;
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_isBroken)
            return new(new FlushResult(isCanceled: false, isCompleted: true));
        _isLent = false;
        Volatile.Write(ref _flushedBytes, _writtenBytes);
        Send();
        ReleaseSent();
        if (_isCancelRequested || UnsentBytes <= _pauseThreshold)
        {
            var isCanceled = _isCancelRequested;
            _isCancelRequested = false;
            return new(new FlushResult(isCanceled, isCompleted: false));
        }
        _flush.Reset();
        _isFlushPending = true;
        if (cancellationToken.CanBeCanceled)
            RegisterCancellation(cancellationToken);
        return new(this, _flush.Version);
    }

    public override void CancelPendingFlush()
    {
        _isCancelRequested = true;
        CompleteFlush();
    }

    public override void Complete(Exception? exception = null)
    {
        _isCompleted = true;
        _isLent = false;
        if (_isBroken)
        {
            ReleaseAll();
            return;
        }
        Volatile.Write(ref _flushedBytes, _writtenBytes);
        Send();
        ReleaseSent();
    }

    /// <summary>Nothing more will be sent. A send under way ends by the socket's shutdown.</summary>
    public void Break()
    {
        if (_isBroken)
            return;
        _isBroken = true;
        Volatile.Write(ref _sentBytes, Volatile.Read(ref _flushedBytes));
        if (_isCompleted)
            ReleaseAll();
        CompleteFlush();
    }

    /// <summary>Whether more is to be sent than the quiet send under way takes, or a flush waits for it.</summary>
    public bool AwaitsSend => _isFlushPending || _flushedBytes - _sentBytes > _quietSize;

    /// <summary>Ends the quiet send and returns its size; 0 if there is none.</summary>
    public int TakeQuiet()
    {
        var size = _quietSize;
        Volatile.Write(ref _quietSize, 0);
        return size;
    }

    /// <summary>A completion says how far the quiet send came.</summary>
    public void KeepSendOpen()
    {
        _hadNoRoom |= _quietSize > 0;
        _quietSize = 0;
    }

    /// <summary>The kernel has ended the send.</summary>
    /// <returns>False if the connection is broken.</returns>
    public bool OnSent(int result)
    {
        _isSending = false;
        if (_isBroken)
        {
            if (_isCompleted)
                ReleaseAll();
            return true;
        }
        if (result < 0 && result is not (-ErrorNumber.Interrupted or -ErrorNumber.Again))
            return false;
        if (result > 0)
        {
            _head!.Sent += result;
            Volatile.Write(ref _sentBytes, _sentBytes + result);
        }
        ReleaseSent();
        Send();
        if (!_isSending)
            _hadNoRoom = false;
        if (_isFlushPending && UnsentBytes <= _pauseThreshold / 2)
            CompleteFlush();
        return true;
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token) => _flush.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _flush.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _flush.OnCompleted(continuation, state, token, flags);

    private NativeBlock Writable(int sizeHint)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        if (_isCompleted)
            throw new InvalidOperationException("The output is completed.");
        _isLent = true;
        // Without a hint any room will do, but not crumbs.
        if (_tail is { } tail && tail.Size - tail.Written >= Math.Max(sizeHint, 256))
            return tail;
        var waiting = _writtenBytes - _sentBytes;
        var block = _loop.Blocks.Rent(Math.Max(sizeHint, waiting < SmallBlockSize * 4 ? SmallBlockSize : LargeBlockSize));
        if (_tail is null)
            _head = block;
        else
            _tail.Next = block;
        _tail = block;
        return block;
    }

    private void Send()
    {
        var unsent = _flushedBytes - _sentBytes;
        if (_isSending || _isBroken || unsent == 0)
            return;
        var head = _head!;
        while (head.Sent == head.Written)
        {
            // A block that was too small for the next write; everything in it has gone.
            _head = head.Next!;
            _loop.Blocks.Return(head);
            head = _head;
        }
        ref var entry = ref _loop.Ring.Next(Operation.Send, _connection.Target, _connection.Slot | (ulong)OperationKind.Send);
        entry.Address = (ulong)(head.Pointer + head.Sent);
        entry.Length = (uint)Math.Min(head.Written - head.Sent, unsent);
        entry.OperationFlags = KernelFlags.NoSignal;
        entry.Flags = _connection.TargetFlags;
        _isSending = true;
        if (!_hadNoRoom && entry.Length <= QuietSends.SizeMax && _loop.QuietSends.TryAdd(_connection))
        {
            Volatile.Write(ref _quietSize, (int)entry.Length);
            entry.Flags |= EntryFlags.SkipSuccess;
            entry.OperationFlags |= KernelFlags.DontWait | KernelFlags.WaitAll;
        }
    }

    // An idle connection holds no memory: what is sent goes back, the block being written only if nothing waits in it.
    private void ReleaseSent()
    {
        while (_head is { } head && head.Sent == head.Written && !_isSending && (head != _tail || !_isLent))
        {
            _head = head.Next;
            if (_head is null)
                _tail = null;
            _loop.Blocks.Return(head);
        }
    }

    private void ReleaseAll()
    {
        if (_isSending)
            return;
        while (_head is { } head)
        {
            _head = head.Next;
            _loop.Blocks.Return(head);
        }
        _tail = null;
    }

    private void CompleteFlush()
    {
        if (!_isFlushPending)
            return;
        _isFlushPending = false;
        var isCanceled = _isCancelRequested;
        _isCancelRequested = false;
        _registration.Dispose();
        _registration = default;
        _flush.SetResult(new FlushResult(isCanceled, _isBroken));
    }

    private void RegisterCancellation(CancellationToken cancellationToken)
    {
        var version = _flush.Version;
        _registration = cancellationToken.UnsafeRegister(
            (_, token) => _connection.Post(
                _ =>
                {
                    if (!_isFlushPending || _flush.Version != version)
                        return;
                    _isFlushPending = false;
                    _registration = default;
                    _flush.SetException(new OperationCanceledException(token));
                },
                null),
            null);
    }
}
