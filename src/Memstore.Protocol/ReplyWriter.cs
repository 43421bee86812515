using System.Buffers.Binary;
using System.Text;

namespace Memstore.Protocol;

/// <summary>
/// Writes replies into its own growing array, in RESP2 or RESP3 as the client chose; the caller says what it answers and never which
/// of the two it is. It allocates nothing in the steady state.
/// </summary>
/// <remarks>
/// Containers are a header and then that many elements. What was written may be taken back with <see cref="Truncate"/>, because a
/// command may have to run again. Types: https://redis.io/docs/latest/develop/reference/protocol-spec/. Not thread-safe.
/// </remarks>
public sealed partial class ReplyWriter : IDisposable
{
    private const int SizeMin = 1024;
    private const int SizeKept = 16 * 1024;

    /// <summary>Type, sign, 19 digits, CR LF and room for writing eight bytes at once.</summary>
    private const int HeaderSizeMax = 32;

    private byte[] _buffer = [];
    private int _length;
    private bool _isResp3;

    /// <summary>What was written since the last <see cref="Clear"/>; good until the next call.</summary>
    public ReadOnlySpan<byte> WrittenSpan => new(_buffer, 0, _length);

    /// <summary>The same as memory, for writing it to a stream or socket; good until the next call.</summary>
    public ReadOnlyMemory<byte> WrittenMemory => new(_buffer, 0, _length);

    /// <summary>How many bytes were written since the last <see cref="Clear"/>.</summary>
    public int Length => _length;

    /// <summary>How many bytes the array takes, written or not; for accounting.</summary>
    public int Capacity => _buffer.Length;

    /// <summary>The version of RESP: 2, unless it is set to 3.</summary>
    public int Protocol
    {
        get => _isResp3 ? 3 : 2;
        set
        {
            if (value is not (2 or 3)) throw new ArgumentOutOfRangeException(nameof(value), value, "RESP has the versions 2 and 3.");
            _isResp3 = value == 3;
        }
    }

    /// <summary>Takes back what was written after a place.</summary>
    /// <param name="length">An earlier <see cref="Length"/>.</param>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)_length, nameof(length));
        _length = length;
    }

    /// <summary>Starts anew. An array that a large burst has grown goes back to the pool.</summary>
    public void Clear()
    {
        _length = 0;
        if (_buffer.Length > SizeKept) Replace(SizeKept);
    }

    /// <summary>Starts anew and gives what was written to the caller, whose it is then, array and all.</summary>
    public ReadOnlyMemory<byte> Detach()
    {
        var written = WrittenMemory;
        _length = 0;
        _buffer = [];
        return written;
    }

    /// <summary>Starts anew and gives the array back to the pool, for a session that waits. Writing again takes a new one.</summary>
    public void Trim()
    {
        _length = 0;
        Arrays<byte>.Return(_buffer);
        _buffer = [];
    }

    /// <summary>The same as <see cref="Trim"/>.</summary>
    public void Dispose() => Trim();

    /// <summary>A short status such as OK. It is one line: line ends inside become spaces.</summary>
    public void SimpleString(ReadOnlySpan<byte> text) => Line((byte)'+', text);

    /// <inheritdoc cref="SimpleString(ReadOnlySpan{byte})"/>
    public void SimpleString(string text) => Line((byte)'+', text);

    /// <summary>An error, its code included ("ERR syntax error"). It is one line: line ends inside become spaces.</summary>
    public void Error(ReadOnlySpan<byte> text) => Line((byte)'-', text);

    /// <inheritdoc cref="Error(ReadOnlySpan{byte})"/>
    public void Error(string text) => Line((byte)'-', text);

    /// <summary>The answer to a framing error; nothing when it is to be met with silence.</summary>
    public void Error(ProtocolError error)
    {
        if (error.IsAnswered) Line((byte)'-', error.Message);
    }

    /// <summary>An integer.</summary>
    public void Integer(long value) => Header((byte)':', value);

    /// <summary>A string of bytes.</summary>
    public void Bulk(ReadOnlySpan<byte> value)
    {
        // $5\r\nhello\r\n
        var free = Reserve(value.Length + (long)HeaderSizeMax);
        var at = WriteHeader(free, (byte)'$', value.Length);
        value.CopyTo(free[at..]);
        at += value.Length;
        BinaryPrimitives.WriteUInt16LittleEndian(free[at..], LineEnd);
        _length += at + 2;
    }

    /// <summary>A string that is ASCII, as names and texts of our own are.</summary>
    public void BulkString(string value)
    {
        var free = Reserve(value.Length + (long)HeaderSizeMax);
        var at = WriteHeader(free, (byte)'$', value.Length);
        Encoding.Latin1.GetBytes(value, free[at..]);
        at += value.Length;
        BinaryPrimitives.WriteUInt16LittleEndian(free[at..], LineEnd);
        _length += at + 2;
    }

    /// <summary>An integer as a string of bytes, as values that are numbers are answered.</summary>
    public void BulkInteger(long value)
    {
        Span<byte> text = stackalloc byte[RespNumber.Int64TextMax];
        Bulk(text[..RespNumber.FormatInt64(value, text)]);
    }

    /// <summary>No value.</summary>
    public void Null() => Raw(_isResp3 ? "_\r\n"u8 : "$-1\r\n"u8);

    /// <summary>No value where an array was asked for; RESP3 has one null for all.</summary>
    public void NullArray() => Raw(_isResp3 ? "_\r\n"u8 : "*-1\r\n"u8);

    /// <summary>An array; its elements follow.</summary>
    public void ArrayHeader(int count) => Header((byte)'*', count);

    /// <summary>A map; a key and a value follow for each pair. RESP2 has a flat array.</summary>
    public void MapHeader(int pairs)
    {
        if (_isResp3) Header((byte)'%', pairs);
        else Header((byte)'*', pairs * 2L);
    }

    /// <summary>A set; its members follow. RESP2 has an array.</summary>
    public void SetHeader(int count) => Header(_isResp3 ? (byte)'~' : (byte)'*', count);

    /// <summary>Something the client did not ask for; its elements follow, the kind first. RESP2 has an array.</summary>
    public void PushHeader(int count) => Header(_isResp3 ? (byte)'>' : (byte)'*', count);

    /// <summary>Attributes of the reply that follows them: a key and a value for each pair.</summary>
    /// <returns>False, and nothing is written, in RESP2, which has no attributes: do not write the pairs either.</returns>
    public bool AttributeHeader(int pairs)
    {
        if (_isResp3) Header((byte)'|', pairs);
        return _isResp3;
    }

    /// <summary>A floating-point number, formatted as <see cref="RespNumber.FormatDouble"/> says. RESP2 has a bulk string.</summary>
    public void Double(double value)
    {
        Span<byte> text = stackalloc byte[RespNumber.DoubleTextMax];
        text = text[..RespNumber.FormatDouble(value, text)];
        if (_isResp3) Line((byte)',', text);
        else Bulk(text);
    }

    /// <summary>True or false. RESP2 has the integers 1 and 0.</summary>
    public void Boolean(bool value)
    {
        if (_isResp3) Raw(value ? "#t\r\n"u8 : "#f\r\n"u8);
        else Raw(value ? ":1\r\n"u8 : ":0\r\n"u8);
    }

    /// <summary>An integer of any size as decimal text. RESP2 has a bulk string.</summary>
    public void BigNumber(ReadOnlySpan<byte> digits)
    {
        if (_isResp3) Line((byte)'(', digits);
        else Bulk(digits);
    }

    /// <summary>Text for people, with a format of three letters ("txt", "mkd"). RESP2 has a bulk string without it.</summary>
    public void Verbatim(ReadOnlySpan<byte> format, ReadOnlySpan<byte> text)
    {
        if (!_isResp3)
        {
            Bulk(text);
            return;
        }
        ArgumentOutOfRangeException.ThrowIfNotEqual(format.Length, 3);

        // =8\r\ntxt:text\r\n
        var free = Reserve(text.Length + 2L * HeaderSizeMax);
        var at = WriteHeader(free, (byte)'=', text.Length + 4L);
        format.CopyTo(free[at..]);
        free[at + 3] = (byte)':';
        at += 4;
        text.CopyTo(free[at..]);
        at += text.Length;
        BinaryPrimitives.WriteUInt16LittleEndian(free[at..], LineEnd);
        _length += at + 2;
    }

    /// <inheritdoc cref="Verbatim(ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>
    public void Verbatim(string format, string text) => Verbatim(Encoding.UTF8.GetBytes(format), Encoding.UTF8.GetBytes(text));

    /// <summary>Bytes that are a reply, or part of one, already.</summary>
    public void Raw(ReadOnlySpan<byte> reply)
    {
        reply.CopyTo(Reserve(reply.Length));
        _length += reply.Length;
    }
}
