using System.Buffers.Binary;

namespace Memstore.Protocol;

// The state machine over contiguous bytes. It can stop anywhere between two tokens and go on when more bytes are there; the token rules
// are those of Redis 7.0.15, quirks included:
//   a count or length ends at the first CR, the byte after it is not looked at, and a NUL before the CR hides it;
//   the two bytes after a bulk string are skipped whatever they are;
//   an inline request ends at the first LF, with or without CR before it.
public sealed partial class RequestBatch
{
    /// <summary>A batch ends after a request that brings its frames to this many, so that side arrays stay small.</summary>
    private const int FramesMax = 64 * 1024;

    private enum Stop
    {
        None,

        /// <summary>All bytes were looked at; the last request is incomplete or there is none.</summary>
        NeedMore,

        /// <summary>There may be more requests, for the next read.</summary>
        Full,

        Failed,
    }

    private int _requestStart;
    private int _position;                  // The next token of the request that begins at _requestStart.
    private int _remaining;                 // Elements that are missing; 0 before the count is known.
    private long _bulkLength = -1;          // Of the element at hand, once its header is read.
    private int _searched;                  // Bytes from _position on that hold no line end.
    private long _needed = 1;               // No progress before the buffer is this long.

    private Stop Parse(ReadOnlySpan<byte> bytes, RequestLimits limits, int requestsMax)
    {
        var tryShort = limits.AllowShortRequests;
        while (_count < requestsMax && (_count == 0 || _frameCount < FramesMax))
        {
            if (tryShort && _remaining == 0 && TryParseShort(bytes)) continue;
            var stop = ParseToken(bytes, limits);
            if (stop != Stop.None) return stop;
        }
        return _position < bytes.Length ? Stop.Full : Stop.NeedMore;
    }

    /// <summary>Reads a complete request of at most 99 elements of at most 999 bytes; else false, and nothing has changed.</summary>
    private bool TryParseShort(ReadOnlySpan<byte> bytes)
    {
        // *3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n
        var rest = bytes[_requestStart..];
        if (!TryParseShortLength(rest, (byte)'*', out var count, out var position) || count is 0 or > 99) return false;

        if (_frames.Length - _frameCount < count) GrowFrames(count);
        var frames = _frames.AsSpan(_frameCount, count);
        for (var i = 0; i < frames.Length; i++)
        {
            if (!TryParseShortLength(rest[position..], (byte)'$', out var length, out var headerLength)) return false;
            position += headerLength;
            if (rest.Length - position < length + 2) return false;
            frames[i] = new ArgumentFrame(_requestStart + position, length);
            position += length + 2;
        }
        _frameCount += count;
        CompleteRequest(_requestStart + position);
        return true;
    }

    /// <summary>Reads a header of one to three digits.</summary>
    private static bool TryParseShortLength(ReadOnlySpan<byte> bytes, byte type, out int value, out int headerLength)
    {
        value = 0;
        headerLength = 0;
        if (!BinaryPrimitives.TryReadUInt64LittleEndian(bytes, out var word) || (byte)word != type) return false;

        // $5\r\n
        var first = (uint)(byte)(word >> 8) - '0';
        if (first > 9) return false;
        if ((byte)(word >> 16) == '\r')
        {
            value = (int)first;
            headerLength = 4;
            return true;
        }

        // $32\r\n
        var second = (uint)(byte)(word >> 16) - '0';
        if (second > 9 || first == 0) return false;
        if ((byte)(word >> 24) == '\r')
        {
            value = (int)(first * 10 + second);
            headerLength = 5;
            return true;
        }

        // $512\r\n
        var third = (uint)(byte)(word >> 24) - '0';
        if (third > 9 || (byte)(word >> 32) != '\r') return false;
        value = (int)(first * 100 + second * 10 + third);
        headerLength = 6;
        return true;
    }

    private Stop ParseToken(ReadOnlySpan<byte> bytes, RequestLimits limits)
    {
        if (_remaining > 0) return ParseElement(bytes, limits);
        if (_position >= bytes.Length) return Need(_position + 1L);
        return bytes[_position] == '*' ? ParseCount(bytes, limits) : ParseInline(bytes, limits);
    }

    // *3\r\n
    private Stop ParseCount(ReadOnlySpan<byte> bytes, RequestLimits limits)
    {
        var end = FindLineEnd(bytes, (byte)'\r', limits, out var tooLong);
        if (end < 0) return tooLong ? Fail(ProtocolError.TooBigMultibulkCount) : Need(bytes.Length + 1L);
        if (end + 2 > bytes.Length) return Need(end + 2L);

        if (!RespNumber.TryParseInt64(bytes[(_position + 1)..end], out var count) || count > limits.ArgumentCountMax)
            return Fail(ProtocolError.InvalidMultibulkLength);
        if (count > RequestLimits.UnauthenticatedArgumentCountMax && !limits.Authenticated)
            return FailFirst(ProtocolError.UnauthenticatedMultibulkLength);

        if (count <= 0)
        {
            StartRequest(end + 2);
            return Stop.None;
        }
        _remaining = (int)count;
        MoveTo(end + 2);
        return Stop.None;
    }

    // $3\r\nSET\r\n
    private Stop ParseElement(ReadOnlySpan<byte> bytes, RequestLimits limits)
    {
        if (_bulkLength < 0)
        {
            var stop = ParseBulkLength(bytes, limits);
            if (stop != Stop.None) return stop;
        }
        var end = _position + _bulkLength + 2;
        if (end > bytes.Length) return Need(end);

        AddFrame(_position, (int)_bulkLength);
        _bulkLength = -1;
        MoveTo((int)end);
        if (--_remaining == 0) CompleteRequest(_position);
        return Stop.None;
    }

    private Stop ParseBulkLength(ReadOnlySpan<byte> bytes, RequestLimits limits)
    {
        var end = FindLineEnd(bytes, (byte)'\r', limits, out var tooLong);
        if (end < 0) return tooLong ? Fail(ProtocolError.TooBigBulkCount) : Need(bytes.Length + 1L);
        if (end + 2 > bytes.Length) return Need(end + 2L);

        if (bytes[_position] != '$') return Fail(ProtocolError.ExpectedDollar(bytes[_position]));
        if (!RespNumber.TryParseInt64(bytes[(_position + 1)..end], out var length) || length < 0)
            return Fail(ProtocolError.InvalidBulkLength);
        if (length > limits.BulkSizeMax) return FailFirst(ProtocolError.InvalidBulkLength);
        if (length > RequestLimits.UnauthenticatedBulkSizeMax && !limits.Authenticated)
            return FailFirst(ProtocolError.UnauthenticatedBulkLength);

        _bulkLength = length;
        MoveTo(end + 2);
        return Stop.None;
    }

    // SET key value\r\n
    private Stop ParseInline(ReadOnlySpan<byte> bytes, RequestLimits limits)
    {
        var end = FindLineEnd(bytes, (byte)'\n', limits, out var tooLong);
        if (end < 0) return tooLong ? Fail(ProtocolError.TooBigInlineRequest) : Need(bytes.Length + 1L);

        var line = bytes[_position..end];
        if (line.EndsWith("\r"u8)) line = line[..^1];
        if (line.ContainsAny((byte)'"', (byte)'\'')) return ParseQuoted(line, end + 1);

        var position = 0;
        while (InlineRequest.TryNextPlain(line, ref position, out var frame)) AddFrame(_position + frame.Offset, frame.Length);
        CompleteInline(end + 1);
        return Stop.None;
    }

    /// <summary>An inline request with quotes is a batch of its own, because its frames point into other bytes.</summary>
    private Stop ParseQuoted(ReadOnlySpan<byte> line, int end)
    {
        if (_count > 0) return Stop.Full;

        ReturnUnquoted();
        _unquoted = Arrays<byte>.Rent(line.Length);
        var position = 0;
        var written = 0;
        while (true)
        {
            var outcome = InlineRequest.NextQuoted(line, ref position, _unquoted.AsSpan(written), out var length);
            if (outcome == InlineToken.Unbalanced) return FailInline();
            if (outcome == InlineToken.None) break;
            AddFrame(written, length);
            written += length;
        }
        UseArray(_unquoted, written);
        CompleteInline(end);
        return Stop.Full;
    }

    private Stop FailInline()
    {
        _frameCount = 0;
        return Fail(ProtocolError.UnbalancedQuotes);
    }

    /// <summary>Finds the end of the line at <see cref="_position"/>, or -1; goes on where the last search ended.</summary>
    private int FindLineEnd(ReadOnlySpan<byte> bytes, byte terminator, RequestLimits limits, out bool tooLong)
    {
        var window = bytes[_position..];
        tooLong = window.Length > limits.LineSizeMax;
        if (tooLong) window = window[..(limits.LineSizeMax + 1)];

        var found = window[_searched..].IndexOfAny(terminator, (byte)0);
        Work += found < 0 ? window.Length - _searched : found + 1;
        _searched = found < 0 ? window.Length : _searched + found;
        return found >= 0 && window[_searched] == terminator ? _position + _searched : -1;
    }

    private void AddFrame(int offset, int length)
    {
        if (_frameCount == _frames.Length) GrowFrames(1);
        _frames[_frameCount++] = new ArgumentFrame(offset, length);
        Work++;
    }

    private void CompleteInline(int end)
    {
        if (_frameCount > _firstFrame[_count]) CompleteRequest(end);
        else StartRequest(end);
    }

    private void CompleteRequest(int end)
    {
        if (_count + 2 > _firstFrame.Length) Array.Resize(ref _firstFrame, _firstFrame.Length * 2 + 14);
        _firstFrame[++_count] = _frameCount;
        StartRequest(end);
    }

    private void StartRequest(int position)
    {
        _requestStart = position;
        _remaining = 0;
        _bulkLength = -1;
        MoveTo(position);
    }

    private void MoveTo(int position)
    {
        _position = position;
        _searched = 0;
        _needed = position + 1L;
    }

    private Stop Need(long size)
    {
        _needed = size;
        return Stop.NeedMore;
    }

    private Stop Fail(ProtocolError error)
    {
        Error = error;
        return Stop.Failed;
    }

    /// <summary>Fails unless requests before this one may still change the limit that it breaks.</summary>
    private Stop FailFirst(ProtocolError error) => _count > 0 ? Stop.Full : Fail(error);
}
