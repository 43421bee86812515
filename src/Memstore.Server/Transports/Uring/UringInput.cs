using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace Memstore.Server.Transports.Uring;

/// <summary>The reading side of a connection, straight over the memory that the kernel received into.</summary>
// What was received and not consumed lies in one piece: either in one buffer of the ring (the usual case: a batch comes, is run, is
// consumed, and the buffer goes back) or in a block of this connection's own, into which a batch that ended in the middle of a
// request is moved and the rest is received directly. So a session always sees a single segment.
// A receive is under way only while the session wants more than it has, so a session that does not read lets the client's data wait in
// the kernel.
// Threading: the ring's thread only, the cancellation of a token excepted.
internal sealed unsafe class UringInput : PipeReader, IValueTaskSource<ReadResult>
{
    private const int NoBuffer = -1;

    // Fixed after construction.
    private readonly UringConnection _connection;
    private readonly UringLoop _loop;

    // Where the unconsumed bytes are: [_start, _end) of the buffer or block.
    private int _buffer = NoBuffer;
    private NativeBlock? _block;
    private int _start;
    private int _end;
    private bool _examinedAll = true;

    // The receive under way.
    private bool _isReceiving;
    private bool _isReceivingIntoBlock;
    private bool _socketHasMore;

    // The end.
    private bool _isEnded;
    private bool _isAborted;
    private bool _isCompleted;

    // The session's read.
    private ManualResetValueTaskSourceCore<ReadResult> _read;
    private bool _isReadPending;
    private bool _isCancelRequested;
    private CancellationTokenRegistration _registration;

    public UringInput(UringConnection connection, UringLoop loop)
    {
        _connection = connection;
        _loop = loop;
    }

    /// <summary>Whether the kernel may still write into memory of this input.</summary>
    public bool IsReceiving => _isReceiving;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (TryRead(out var result))
            return new(result);
        Debug.Assert(!_isReadPending, "One read at a time.");
        _read.Reset();
        _isReadPending = true;
        if (cancellationToken.CanBeCanceled)
            RegisterCancellation(cancellationToken);
        return new(this, _read.Version);
    }

    public override bool TryRead(out ReadResult result)
    {
        var isCanceled = _isCancelRequested;
        if (isCanceled || !_examinedAll || _isEnded)
        {
            _isCancelRequested = false;
            result = Current(isCanceled);
            return true;
        }
        result = default;
        Receive();
        return false;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        // The positions of an empty result say nothing about our memory.
        if (_start == _end || _isAborted)
        {
            _examinedAll = true;
            return;
        }
        var consumedTo = IndexOf(consumed);
        var examinedTo = IndexOf(examined);
        if (consumedTo < _start || consumedTo > _end || examinedTo < consumedTo || examinedTo > _end)
            throw new ArgumentOutOfRangeException(nameof(consumed), "The positions lie outside of what was read.");
        _start = consumedTo;
        _examinedAll = examinedTo == _end;
        if (_start == _end)
            Release();
    }

    public override void CancelPendingRead()
    {
        _isCancelRequested = true;
        CompleteRead();
    }

    public override void Complete(Exception? exception = null)
    {
        _isCompleted = true;
        _start = _end;
        _examinedAll = true;
        Release();
        if (_isReceiving)
            _loop.Cancel(_connection.Slot, OperationKind.Receive);
    }

    /// <summary>The connection is broken: there is nothing to read any more. The receive under way ends by the socket's shutdown.</summary>
    public void Abort()
    {
        _isAborted = true;
        _isEnded = true;
        CompleteRead();
    }

    /// <summary>The kernel has ended the receive.</summary>
    /// <returns>False if the connection is broken.</returns>
    public bool OnReceived(int result, CompletionFlags flags)
    {
        _isReceiving = false;
        _socketHasMore = (flags & CompletionFlags.SocketNotEmpty) != 0;
        if ((flags & CompletionFlags.Buffer) != 0)
            TakeBuffer((int)((uint)flags >> 16), result);
        else if (result > 0)
            _end += result;
        if (_isCompleted || _isAborted)
        {
            DropEverything();
            return true;
        }
        switch (result)
        {
            case > 0:
                _examinedAll = false;
                CompleteRead();
                return true;
            case 0:
                _isEnded = true;
                if (_start == _end)
                    Release();
                CompleteRead();
                return true;
            case -ErrorNumber.NoBuffers:
                // Sessions hold all of the ring's buffers: go on without them.
                if (!_loop.Blocks.TryRent(BlockPool.SmallestSize * 4, out _block))
                    return false;
                Receive();
                return true;
            case -ErrorNumber.Interrupted or -ErrorNumber.Again or -ErrorNumber.Canceled:
                Receive();
                return true;
            default:
                return false;
        }
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token) => _read.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _read.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _read.OnCompleted(continuation, state, token, flags);

    private static int IndexOf(SequencePosition position) => position.GetInteger() & int.MaxValue;

    // Positions are indices into the memory of the buffers or of the block, so _start and _end are, too.
    private ReadResult Current(bool isCanceled)
    {
        if (_isAborted || _start == _end)
            return new(ReadOnlySequence<byte>.Empty, isCanceled, _isEnded);
        var memory = _buffer == NoBuffer ? _block!.Memory : _loop.Buffers.Memory.Memory;
        return new(new ReadOnlySequence<byte>(memory[_start.._end]), isCanceled, _isEnded);
    }

    private void CompleteRead()
    {
        if (!_isReadPending)
            return;
        _isReadPending = false;
        var isCanceled = _isCancelRequested;
        _isCancelRequested = false;
        _registration.Dispose();
        _registration = default;
        _read.SetResult(Current(isCanceled));
    }

    private void Receive()
    {
        if (_isReceiving || _isEnded || _isCompleted)
            return;
        if (_start != _end && !TryMakeRoom())
        {
            _connection.Abort("a request does not fit into memory");
            return;
        }
        ref var entry = ref _loop.Ring.Next(Operation.Receive, _connection.Target, _connection.Slot | (ulong)OperationKind.Receive);
        entry.Flags = _connection.TargetFlags;
        // Usually the session has consumed all there was and the client waits for its replies; then trying first is wasted.
        if (!_socketHasMore)
            entry.Priority = KernelFlags.PollFirst;
        _isReceivingIntoBlock = _block is not null;
        if (_isReceivingIntoBlock)
        {
            entry.Address = (ulong)(_block!.Pointer + _end);
            entry.Length = (uint)(_block.Size - _end);
        }
        else
        {
            entry.Flags |= EntryFlags.BufferSelect;
            entry.BufferGroup = BufferRing.Group;
        }
        _isReceiving = true;
    }

    // Part of a request is here: see that its rest can be received right behind it.
    private bool TryMakeRoom()
    {
        var length = _end - _start;
        if (length >= BlockPool.LargestSize)
            return false;
        var needed = RoomFor(length);
        var source = _buffer == NoBuffer ? _block! : _loop.Buffers.Memory;
        NativeBlock? target = source;
        if (_buffer != NoBuffer || needed > source.Size)
        {
            if (!_loop.Blocks.TryRent(needed, out target))
                return false;
        }
        else if (_start == 0 || _block!.Size - _end >= _block.Size / 2)
            return true;
        Buffer.MemoryCopy(source.Pointer + _start, target.Pointer, target.Size, length);
        if (_buffer != NoBuffer)
            ReturnBuffer();
        else if (target != source)
            _loop.Blocks.Return(source);
        _block = target;
        _start = 0;
        _end = length;
        return true;
    }

    // A short piece of a request usually misses only a little; a long one gets room for as much again, so that growing is linear in all.
    private int RoomFor(int length)
    {
        if (length > BlockPool.LargestSize / 2)
            return BlockPool.LargestSize;
        return Math.Max(length * 2, _socketHasMore ? BufferRing.BufferSize : BlockPool.SmallestSize);
    }

    private void TakeBuffer(int number, int count)
    {
        Debug.Assert(_buffer == NoBuffer && _block is null, "A buffer is chosen only for a connection that holds nothing.");
        _buffer = number;
        _start = number * BufferRing.BufferSize;
        _end = _start + Math.Max(count, 0);
    }

    // Everything is consumed: an idle connection holds no memory.
    private void Release()
    {
        if (_buffer != NoBuffer)
            ReturnBuffer();
        // The kernel may still write into the block; it is released when the receive has ended.
        if (_isReceiving && _isReceivingIntoBlock)
            return;
        if (_block is not null)
        {
            _loop.Blocks.Return(_block);
            _block = null;
        }
        _start = _end = 0;
    }

    private void DropEverything()
    {
        // After an abort the session may still look at what it was given; the memory goes back when it has ended.
        if (!_isCompleted)
            return;
        _start = _end;
        Release();
    }

    private void ReturnBuffer()
    {
        _loop.Buffers.Return(_buffer);
        _buffer = NoBuffer;
    }

    private void RegisterCancellation(CancellationToken cancellationToken)
    {
        var version = _read.Version;
        _registration = cancellationToken.UnsafeRegister(
            (_, token) => _connection.Post(
                _ =>
                {
                    if (!_isReadPending || _read.Version != version)
                        return;
                    _isReadPending = false;
                    _registration = default;
                    _read.SetException(new OperationCanceledException(token));
                },
                null),
            null);
    }
}
