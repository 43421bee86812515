using System.Text.Json;
using Memstore.Protocol;
using Memstore.Server.Sessions;

namespace Memstore.Server.Http;

/// <summary>
/// Replies as JSON. Null is null, integers are numbers, strings are strings, arrays and sets are arrays, maps are objects if all their keys are
/// strings, doubles are numbers if they are finite. Bytes that are not UTF-8 become U+FFFD, unless strings are asked for in Base64.
/// </summary>
internal ref struct JsonReplies(ReadOnlySpan<byte> replies, Utf8JsonWriter writer, bool base64)
{
    /// <summary>A longer text is written in pieces of this length, in bytes.</summary>
    private const int PieceMax = 64 * 1024;

    private ReadOnlySpan<byte> _rest = replies;
    private readonly Utf8JsonWriter _writer = writer;
    private readonly bool _base64 = base64;

    /// <summary>Whether there is no further reply.</summary>
    public readonly bool IsEmpty => _rest.IsEmpty;

    /// <summary>Whether the next reply is an error.</summary>
    public readonly bool IsError => !_rest.IsEmpty && _rest[0] == (byte)'-';

    /// <summary>Whether the next reply says that an open transaction was rolled back.</summary>
    public readonly bool IsExpiry => _rest.StartsWith("-TXTIMEOUT "u8) || _rest.StartsWith("-TXABORT "u8);

    /// <summary>Whether the next reply says that a commit could not be made durable.</summary>
    public readonly bool IsUnknown => IsError && _rest[1..].StartsWith(SessionErrors.OutcomeUnknown);

    /// <summary>Whether the next reply is OK.</summary>
    public readonly bool IsOk => _rest.StartsWith("+OK\r\n"u8);

    /// <summary>Whether the next reply is null.</summary>
    public readonly bool IsNull => _rest.StartsWith("$-1"u8) || _rest.StartsWith("*-1"u8) || _rest.StartsWith("_"u8);

    /// <summary>The text of the error that comes next, and moves past it.</summary>
    public ReadOnlySpan<byte> TakeLine() => Line()[1..];

    /// <summary>Moves past the header of the array that comes next and says how many elements it has.</summary>
    public int TakeArray() => (int)Number(Line()[1..]);

    /// <summary>Moves past the next reply, which is a single line: a simple string, an error, an integer.</summary>
    public void SkipLine() => Line();

    /// <summary>The string that comes next, simple or bulk, and moves past it; empty if it is null.</summary>
    public ReadOnlySpan<byte> TakeString()
    {
        var line = Line();
        if (line[0] != (byte)'$') return line[1..];
        var length = (int)Number(line[1..]);
        if (length < 0) return default;
        var bytes = _rest[..length];
        _rest = _rest[(length + 2)..];
        return bytes;
    }

    /// <summary>Moves past the header of the bulk string that comes next and says how long it is; its bytes come next.</summary>
    public int TakeBulkHeader() => (int)Number(Line()[1..]);

    /// <summary>Bytes from here to the end.</summary>
    public readonly int Left => _rest.Length;

    /// <summary>The bytes of the next reply, which stays the next.</summary>
    public readonly ReadOnlySpan<byte> PeekBytes()
    {
        var ahead = this;
        ahead.Skip();
        return _rest[..^ahead._rest.Length];
    }

    /// <summary>The integer that comes next, and moves past it.</summary>
    public long TakeNumber() => Number(Line()[1..]);

    /// <summary>
    /// Moves past the answers of MULTI and of each queued command to what EXEC answers: past the header of its array, with the number of its
    /// elements, -1 if it is null. An error if nothing ran: the first command's that could not be queued, or else what EXEC says.
    /// </summary>
    public int TakeTransaction(int queued, out ReadOnlySpan<byte> error)
    {
        error = default;
        SkipLine();
        ReadOnlySpan<byte> refusal = default;
        for (var i = 0; i < queued; i++)
        {
            var isError = IsError;
            var line = TakeLine();
            if (isError && refusal.IsEmpty) refusal = line;
        }

        if (!IsError) return IsNull ? -1 : TakeArray();
        error = refusal.IsEmpty ? TakeLine() : refusal;
        return 0;
    }

    /// <summary>Writes the next reply as a member: <c>"result":…</c> or <c>"error":…</c>.</summary>
    public void WriteMember()
    {
        if (IsError) _writer.WriteString("error"u8, Line()[1..]);
        else
        {
            _writer.WritePropertyName("result"u8);
            WriteValue();
        }
    }

    /// <summary>Writes the next reply as a value; an error among others is an object with the member <c>error</c>.</summary>
    public void WriteValue()
    {
        var line = Line();
        var text = line[1..];
        switch (line[0])
        {
            case (byte)'+':
                WriteSimple(text);
                break;
            case (byte)'-':
                _writer.WriteStartObject();
                _writer.WriteString("error"u8, text);
                _writer.WriteEndObject();
                break;
            case (byte)':':
                _writer.WriteNumberValue(Number(text));
                break;
            case (byte)'$' or (byte)'=':
                WriteBulk(line[0], Number(text));
                break;
            case (byte)'!':
                // !5\r\nERR x\r\n
                var length = (int)Number(text);
                _writer.WriteStartObject();
                _writer.WriteString("error"u8, _rest[..length]);
                _writer.WriteEndObject();
                _rest = _rest[(length + 2)..];
                break;
            case (byte)'_':
                _writer.WriteNullValue();
                break;
            case (byte)'#':
                _writer.WriteBooleanValue(text[0] == (byte)'t');
                break;
            case (byte)',':
                WriteDouble(text);
                break;
            case (byte)'(':
                WriteText(text);
                break;
            case (byte)'%':
                WriteMap(Number(text));
                break;
            case (byte)'|':
                for (var i = Number(text) * 2; i > 0; i--) Skip();
                WriteValue();
                break;
            default:
                WriteArray(Number(text));
                break;
        }
    }

    // The npm client @upstash/redis decodes every string but this one.
    private readonly void WriteSimple(ReadOnlySpan<byte> text)
    {
        if (text.SequenceEqual("OK"u8)) _writer.WriteStringValue(text);
        else WriteText(text);
    }

    private readonly void WriteText(ReadOnlySpan<byte> text)
    {
        if (text.Length > PieceMax) WriteLongText(text);
        else if (_base64) _writer.WriteBase64StringValue(text);
        else _writer.WriteStringValue(text);
    }

    // In one piece the writer would ask for six times its length at once, because any byte may have to be escaped.
    private readonly void WriteLongText(ReadOnlySpan<byte> text)
    {
        while (true)
        {
            var piece = text[..Math.Min(PieceMax, text.Length)];
            text = text[piece.Length..];
            if (_base64) _writer.WriteBase64StringSegment(piece, text.IsEmpty);
            else _writer.WriteStringValueSegment(piece, text.IsEmpty);
            if (text.IsEmpty) return;
            if (_writer.BytesPending > PieceMax) _writer.Flush();
        }
    }

    private void WriteBulk(byte type, long length)
    {
        if (length < 0)
        {
            _writer.WriteNullValue();
            return;
        }

        // =15\r\ntxt:Some string\r\n
        var bytes = _rest[..(int)length];
        WriteText(type == (byte)'=' ? bytes[4..] : bytes);
        _rest = _rest[((int)length + 2)..];
    }

    private readonly void WriteDouble(ReadOnlySpan<byte> text)
    {
        if (RespNumber.TryParseDouble(text, out var number) && double.IsFinite(number)) _writer.WriteNumberValue(number);
        else WriteText(text);
    }

    private void WriteArray(long count)
    {
        if (count < 0)
        {
            _writer.WriteNullValue();
            return;
        }

        _writer.WriteStartArray();
        for (var i = 0L; i < count; i++) WriteValue();
        _writer.WriteEndArray();
    }

    private void WriteMap(long pairs)
    {
        if (!HasNames(pairs))
        {
            WriteArray(pairs * 2);
            return;
        }

        _writer.WriteStartObject();
        for (var i = 0L; i < pairs; i++)
        {
            _writer.WritePropertyName(TakeName());
            WriteValue();
        }
        _writer.WriteEndObject();
    }

    private readonly bool HasNames(long pairs)
    {
        var ahead = this;
        for (var i = 0L; i < pairs; i++)
        {
            if (ahead._rest[0] is not ((byte)'$' or (byte)'+') || ahead._base64) return false;
            ahead.Skip();
            ahead.Skip();
        }
        return true;
    }

    private ReadOnlySpan<byte> TakeName()
    {
        var line = Line();
        if (line[0] == (byte)'+') return line[1..];
        var length = (int)Number(line[1..]);
        var name = _rest[..length];
        _rest = _rest[(length + 2)..];
        return name;
    }

    /// <summary>Moves past the next reply.</summary>
    public void Skip()
    {
        var line = Line();
        var count = 0L;
        switch (line[0])
        {
            case (byte)'$' or (byte)'=' or (byte)'!':
                var length = Number(line[1..]);
                if (length >= 0) _rest = _rest[((int)length + 2)..];
                break;
            case (byte)'*' or (byte)'~' or (byte)'>':
                count = Number(line[1..]);
                break;
            case (byte)'%':
                count = Number(line[1..]) * 2;
                break;
            case (byte)'|':
                count = (Number(line[1..]) * 2) + 1;
                break;
            default:
                break;
        }
        for (; count > 0; count--) Skip();
    }

    private ReadOnlySpan<byte> Line()
    {
        var end = _rest.IndexOf("\r\n"u8);
        if (end < 0) throw new HttpUnavailableException("the connection was closed before all replies were there");
        var line = _rest[..end];
        _rest = _rest[(end + 2)..];
        return line;
    }

    private static long Number(ReadOnlySpan<byte> text) =>
        RespNumber.TryParseInt64(text, out var number) ? number : throw new ReplyFormatException("A count is no number.");
}
