using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Memstore.Protocol;

/// <summary>
/// Parses all complete requests at the start of a buffer, before the first of them runs. It is made for reuse: a session owns one, and
/// in the steady state reading allocates nothing.
/// </summary>
/// <remarks>
/// <para>
/// Arguments are frames (offset and length) into one contiguous span, <see cref="Bytes"/>. Requests within the buffer's first segment
/// are not copied: the span is that segment. A request that straddles segments, and an inline request with quotes, makes a batch of its
/// own and its bytes are copied once.
/// </para>
/// <para>
/// The contract between two reads: whoever reads passes next a buffer that starts at <see cref="Consumed"/> (the bytes from there on are
/// the same, segments may differ), or calls <see cref="Reset"/>. What was learned about an incomplete request at the end is kept, so
/// feeding it in pieces takes time linear in its size. <see cref="Bytes"/>, requests and frames hold until the next read and as long
/// as the caller keeps the buffer.
/// </para>
/// <para>
/// A request that breaks a limit is reported only by a read that has no request before it, because requests before it (AUTH, CONFIG
/// SET) may change the limits. Other errors come with the requests before them.
/// </para>
/// <para>Framing: https://redis.io/docs/latest/develop/reference/protocol-spec/. Not thread-safe.</para>
/// </remarks>
public sealed partial class RequestBatch : IDisposable
{
    private const int FramesKept = 256;
    private const int BytesKept = 32 * 1024;

    // Frames of all requests, those of an incomplete last one included; request i owns [_firstFrame[i], _firstFrame[i + 1]).
    // Array and counts are taken and grown on demand.
    private ArgumentFrame[] _frames = [];
    private int[] _firstFrame = [0];
    private int _frameCount;
    private int _count;

    // What frames point into: an array where there is one, because its span costs no virtual call.
    private byte[]? _array;
    private int _arrayOffset;
    private int _byteCount;
    private ReadOnlyMemory<byte> _memory;

    // The first _copied bytes of the incomplete request, made contiguous. _copyStart and _copyEnd save walking the segments again.
    private byte[] _linear = [];
    private int _copied;
    private SequencePosition _copyStart;
    private SequencePosition _copyEnd;

    // The arguments of an inline request whose quotes were taken off.
    private byte[] _unquoted = [];

    /// <summary>How many complete requests were read.</summary>
    public int Count => _count;

    /// <summary>The bytes that all frames of this batch point into.</summary>
    public ReadOnlySpan<byte> Bytes => _array is { } array ? new ReadOnlySpan<byte>(array, _arrayOffset, _byteCount) : _memory.Span;

    /// <summary>The frames of all requests in order: the batch-wide argument list.</summary>
    public ReadOnlySpan<ArgumentFrame> Frames => new(_frames, 0, _firstFrame[_count]);

    /// <summary>Up to where the buffer was consumed: the end of the last complete request.</summary>
    public SequencePosition Consumed { get; private set; }

    /// <summary>Up to where more bytes would not help: the end of the buffer if all complete requests were read, else <see cref="Consumed"/>.</summary>
    public SequencePosition Examined { get; private set; }

    /// <summary>The framing error met after the requests; answer it after them and close the connection. Null if there is none.</summary>
    public ProtocolError? Error { get; private set; }

    /// <summary>
    /// How many more bytes the incomplete request at the end needs at least before reading again can give anything; 1 when that is
    /// not known yet, 0 when no request is incomplete.
    /// </summary>
    public long BytesHint { get; private set; }

    /// <summary>How many bytes the arrays of this batch take; for accounting.</summary>
    public long Capacity => _frames.Length * 8L + _firstFrame.Length * 4L + _linear.Length + _unquoted.Length;

    /// <summary>Bytes searched or copied and frames made outside the fast path, for tests of linearity.</summary>
    internal long Work { get; private set; }

    /// <summary>A request by its place in the batch.</summary>
    public Request this[int index] => GetRequest(index, Bytes);

    /// <summary>A request, for loops that take <see cref="Bytes"/> once.</summary>
    /// <param name="index">Its place in the batch.</param>
    /// <param name="bytes">This batch's <see cref="Bytes"/>.</param>
    public Request GetRequest(int index, ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)_count, nameof(index));
        var first = _firstFrame[index];
        return new Request(bytes, new ReadOnlySpan<ArgumentFrame>(_frames, first, _firstFrame[index + 1] - first));
    }

    /// <summary>The place of a request's first argument in <see cref="Frames"/>, for side arrays kept per argument.</summary>
    public int FirstArgument(int index) => _firstFrame[index];

    /// <summary>
    /// Reads all complete requests at the start of a buffer, replacing those of the last read. Never throws for what a client sent.
    /// </summary>
    /// <param name="buffer">It starts where the last read ended (<see cref="Consumed"/>).</param>
    /// <param name="limits">What the client may send.</param>
    /// <param name="requestsMax">The most requests to read; at least 1.</param>
    public void Read(in ReadOnlySequence<byte> buffer, RequestLimits limits, int requestsMax = 256)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(requestsMax, 1);
        BeginRead();
        var stop = Stop.NeedMore;
        if (buffer.IsSingleSegment)
        {
            UseMemory(buffer.First);
            if (_byteCount >= _needed) stop = Parse(Bytes, limits, requestsMax);
        }
        else if (buffer.Length >= _needed)
        {
            stop = ReadSegments(buffer, limits, requestsMax);
        }
        EndRead(buffer, limits, stop);
    }

    /// <summary>
    /// Takes requests that were made in this process, in place of what was read. The list must stay as it is until <see cref="Reset"/>, which
    /// comes before the next read.
    /// </summary>
    public void Take(RequestList requests)
    {
        Reset();
        UseArray(requests.Bytes, requests.Size);
        if (_frames.Length < requests.Frames.Count) ReplaceFrames(requests.Frames.Count);
        requests.Frames.CopyTo(_frames);
        _frameCount = requests.Frames.Count;
        if (_firstFrame.Length < requests.FirstFrame.Count) _firstFrame = new int[requests.FirstFrame.Count];
        requests.FirstFrame.CopyTo(_firstFrame);
        _count = requests.Count;
    }

    /// <summary>Forgets everything, an incomplete request included: the next read may start anywhere.</summary>
    public void Reset()
    {
        BeginRead();
        StartRequest(0);
        _count = 0;
        _frameCount = 0;
        _copied = 0;
        BytesHint = 0;
    }

    /// <summary>
    /// Drops the requests of the last read and gives arrays back to the pool, for a session that waits. What is known of an incomplete
    /// request stays, and the next read starts at <see cref="Consumed"/> as ever.
    /// </summary>
    public void Trim()
    {
        BeginRead();
        if (_copied == 0) ReturnLinear();
        if (_frameCount == 0) ReplaceFrames(0);
    }

    /// <summary>Gives all arrays back to the pool. Reading again, from anywhere, takes new ones.</summary>
    public void Dispose()
    {
        Reset();
        Trim();
    }

    /// <summary>Drops the requests of the last read; what is known of an incomplete one moves to the front.</summary>
    private void BeginRead()
    {
        if (_requestStart > 0) Rebase();
        ReturnUnquoted();
        Error = null;
        _byteCount = 0;
        _array = null;
        _memory = default;
    }

    /// <summary>Moves the frames of an incomplete request to the front, and counts from where the next buffer starts.</summary>
    private void Rebase()
    {
        var first = _firstFrame[_count];
        var pending = _frameCount - first;
        for (var i = 0; i < pending; i++)
        {
            var frame = _frames[first + i];
            _frames[i] = frame with { Offset = frame.Offset - _requestStart };
        }
        _frameCount = pending;
        _position -= _requestStart;
        _needed -= _requestStart;
        _requestStart = 0;
        _count = 0;
        if (_frames.Length > FramesKept && first + pending < _frames.Length / 4) ReplaceFrames(FramesKept);
        if (_linear.Length > BytesKept && _copied == 0) ReturnLinear();
    }

    private void EndRead(in ReadOnlySequence<byte> buffer, RequestLimits limits, Stop stop)
    {
        if (_requestStart > 0) _copied = 0;
        Consumed = _requestStart == 0 ? buffer.Start : buffer.GetPosition(_requestStart);
        Examined = stop == Stop.NeedMore ? buffer.End : Consumed;
        BytesHint = 0;
        if (stop != Stop.NeedMore) return;

        var incomplete = buffer.Length - _requestStart;
        if (incomplete == 0) return;
        BytesHint = _needed > buffer.Length ? _needed - buffer.Length : 1;
        if (_count > 0) return;

        var held = Math.Max(incomplete, _needed) + (long)_frameCount * 8;
        if (held > limits.QueryBufferMax || Math.Max(incomplete, _needed) > RequestLimits.RequestSizeMax) Error = ProtocolError.QueryBufferLimit;
    }

    private void UseMemory(ReadOnlyMemory<byte> memory)
    {
        _byteCount = memory.Length;
        if (MemoryMarshal.TryGetArray(memory, out var segment) && segment.Array is { } array)
        {
            _array = array;
            _arrayOffset = segment.Offset;
        }
        else
        {
            _memory = memory;
        }
    }

    private void UseArray(byte[] array, int byteCount)
    {
        _array = array;
        _arrayOffset = 0;
        _byteCount = byteCount;
    }

    /// <summary>Reads what is complete in the first segment; if that is nothing, the one request that straddles segments.</summary>
    private Stop ReadSegments(in ReadOnlySequence<byte> buffer, RequestLimits limits, int requestsMax)
    {
        var first = buffer.First;
        if (_copied == 0 && first.Length >= _needed)
        {
            UseMemory(first);
            var stop = Parse(Bytes, limits, requestsMax);
            if (stop != Stop.NeedMore) return stop;
            if (_count > 0) return Stop.Full;                       // The rest begins in the next read.
            if (_requestStart > 0) return Stop.Full;                // Only requests without elements so far: they are consumed.
        }
        return ReadStraddling(buffer, limits);
    }

    private Stop ReadStraddling(in ReadOnlySequence<byte> buffer, RequestLimits limits)
    {
        if (buffer.Length > RequestLimits.RequestSizeMax && _needed > RequestLimits.RequestSizeMax) return Stop.NeedMore;
        var available = (int)Math.Min(buffer.Length, RequestLimits.RequestSizeMax);
        var target = (int)Math.Min(available, Math.Max(_needed, _copied == 0 ? buffer.First.Length + 64L : _copied + 64L));
        while (true)
        {
            CopyUpTo(buffer, target);
            UseArray(_linear, _copied);
            var stop = Parse(Bytes, limits, requestsMax: 1);
            if (stop != Stop.NeedMore) return stop;
            if (_requestStart > 0) return Stop.Full;
            if (target == available) return Stop.NeedMore;

            // Twice as much each time, so that a request is copied in few steps and little of the next one is copied with it.
            target = (int)Math.Min(available, Math.Max(_needed, target * 2L));
        }
    }

    private void CopyUpTo(in ReadOnlySequence<byte> buffer, int target)
    {
        Debug.Assert(target >= _copied && target <= buffer.Length);
        if (_linear.Length < target) GrowLinear(target);
        var from = buffer.Slice(FindCopied(buffer), target - _copied);
        from.CopyTo(_linear.AsSpan(_copied));
        Work += target - _copied;
        _copied = target;
        _copyStart = buffer.Start;
        _copyEnd = from.End;
    }

    /// <summary>Where the uncopied bytes begin; without walking the segments when they are those of the last read, as a pipe's are.</summary>
    private SequencePosition FindCopied(in ReadOnlySequence<byte> buffer)
    {
        if (_copied > 0 && _copyStart.Equals(buffer.Start) && _copyEnd.GetObject() is ReadOnlySequenceSegment<byte> last
            && _copyStart.GetObject() is ReadOnlySequenceSegment<byte> first
            && last.RunningIndex + _copyEnd.GetInteger() - first.RunningIndex - _copyStart.GetInteger() == _copied)
        {
            return _copyEnd;
        }
        return buffer.GetPosition(_copied);
    }

    private void GrowLinear(int size)
    {
        // Exactly what a long bulk needs, else twice the last size.
        var wanted = Math.Max(size, Math.Min(_linear.Length * 2L, RequestLimits.RequestSizeMax));
        var grown = Arrays<byte>.Rent((int)wanted);
        _linear.AsSpan(0, _copied).CopyTo(grown);
        Work += _copied;
        ReturnLinear();
        _linear = grown;
    }

    private void ReturnLinear()
    {
        Arrays<byte>.Return(_linear);
        _linear = [];
    }

    private void ReturnUnquoted()
    {
        Arrays<byte>.Return(_unquoted);
        _unquoted = [];
    }

    private void GrowFrames(int count) =>
        ReplaceFrames((int)Math.Max(_frameCount + (long)count, Math.Min(Math.Max(_frames.Length * 2L, 32), Array.MaxLength / 8)));

    private void ReplaceFrames(int size)
    {
        var replacement = Arrays<ArgumentFrame>.Rent(size);
        _frames.AsSpan(0, _frameCount).CopyTo(replacement);
        Arrays<ArgumentFrame>.Return(_frames);
        _frames = replacement;
    }
}
