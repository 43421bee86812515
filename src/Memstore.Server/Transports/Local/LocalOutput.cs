using System.Buffers;
using System.IO.Pipelines;

namespace Memstore.Server.Transports.Local;

/// <summary>
/// What a session sends to a client inside this process: a pipe without a limit of its own, because the limits on output are the session's,
/// which asks how much is unread. Long replies are not copied into it: they stay in their arrays, and what is sent behind them does too. One writer
/// and one reader, on any threads.
/// </summary>
/// <remarks>Arrays are seen by <see cref="ReadAll"/> only; a session whose reader waits at <see cref="Reader"/> sends messages, which are no replies.</remarks>
internal sealed class LocalOutput(CancellationToken closed) : PipeWriter
{
    private static readonly PipeOptions Options = new(pauseWriterThreshold: 0, resumeWriterThreshold: 0, minimumSegmentSize: 16 * 1024, useSynchronizationContext: false);

    private readonly Pipe _pipe = new(Options);
    private readonly List<ReadOnlyMemory<byte>> _arrays = [];
    private ArrayBufferWriter<byte>? _behindArrays;
    private SequencePosition? _readTo;
    private long _unread;

    /// <summary>The other end.</summary>
    public PipeReader Reader => _pipe.Reader;

    /// <summary>Bytes that were written and not yet taken.</summary>
    public long Unread => Volatile.Read(ref _unread);

    /// <summary>The reader is done with so many bytes.</summary>
    public void Taken(long bytes) => Interlocked.Add(ref _unread, -bytes);

    /// <summary>Sends an array, which is the reader's then.</summary>
    public void Add(ReadOnlyMemory<byte> array)
    {
        Interlocked.Add(ref _unread, array.Length);
        _arrays.Add(array);
    }

    /// <summary>All that was sent. The writer does nothing until <see cref="TakeAll"/>.</summary>
    public ReadOnlySequence<byte> ReadAll()
    {
        var piped = ReadOnlySequence<byte>.Empty;
        if (_pipe.Reader.TryRead(out var read))
        {
            piped = read.Buffer;
            _readTo = piped.End;
        }

        if (_arrays.Count == 0) return piped;
        if (_arrays.Count == 1 && piped.IsEmpty) return new ReadOnlySequence<byte>(_arrays[0]);
        var first = new Segment(ReadOnlyMemory<byte>.Empty, null);
        var last = first;
        foreach (var part in piped) last = new Segment(part, last);
        foreach (var array in _arrays) last = new Segment(array, last);
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    /// <summary>The reader is done with what <see cref="ReadAll"/> gave.</summary>
    public void TakeAll()
    {
        if (_readTo is { } end) _pipe.Reader.AdvanceTo(end);
        _readTo = null;
        _arrays.Clear();
        Volatile.Write(ref _unread, 0);
    }

    /// <inheritdoc/>
    public override void Advance(int bytes)
    {
        Interlocked.Add(ref _unread, bytes);
        if (_arrays.Count > 0) _behindArrays!.Advance(bytes);
        else _pipe.Writer.Advance(bytes);
    }

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0) =>
        _arrays.Count > 0 ? (_behindArrays ??= new ArrayBufferWriter<byte>()).GetMemory(sizeHint) : _pipe.Writer.GetMemory(sizeHint);

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <inheritdoc/>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (_behindArrays is { } behind)
        {
            _arrays.Add(behind.WrittenMemory);
            _behindArrays = null;
        }
        return closed.IsCancellationRequested ? new(new FlushResult(isCanceled: false, isCompleted: true)) : _pipe.Writer.FlushAsync(CancellationToken.None);
    }

    /// <inheritdoc/>
    public override void CancelPendingFlush() => _pipe.Writer.CancelPendingFlush();

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null) => _pipe.Writer.Complete(exception);

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? before)
        {
            Memory = memory;
            if (before is null) return;
            RunningIndex = before.RunningIndex + before.Memory.Length;
            before.Next = this;
        }
    }
}
