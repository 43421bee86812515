namespace Memstore.Histories.Resp;

/// <summary>The kinds of replies of RESP2.</summary>
public enum RespKind : byte
{
    /// <summary><c>+OK</c></summary>
    Status,

    /// <summary><c>-ERR ...</c></summary>
    Error,

    /// <summary><c>:1</c></summary>
    Integer,

    /// <summary><c>$5 ...</c></summary>
    Bulk,

    /// <summary><c>*2 ...</c></summary>
    Array,

    /// <summary><c>$-1</c> or <c>*-1</c></summary>
    Nil,
}

/// <summary>One reply of RESP2, copied out of the connection's buffer.</summary>
public sealed record RespReply(RespKind Kind, long Integer, byte[] Bytes, RespReply[] Items)
{
    /// <summary>The text of a status, an error or a bulk.</summary>
    public string Text => System.Text.Encoding.UTF8.GetString(Bytes);

    /// <summary>Takes one reply from the front of the bytes; false, with nothing consumed, if it is not all there yet.</summary>
    /// <exception cref="InvalidDataException">The bytes are not RESP2.</exception>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out RespReply reply, out int consumed)
    {
        reply = null!;
        consumed = 0;
        int line = bytes.IndexOf("\r\n"u8);
        if (line < 0) return false;
        ReadOnlySpan<byte> head = bytes[1..line];
        consumed = line + 2;
        switch (bytes[0])
        {
            case (byte)'+':
                reply = new RespReply(RespKind.Status, 0, head.ToArray(), []);
                return true;
            case (byte)'-':
                reply = new RespReply(RespKind.Error, 0, head.ToArray(), []);
                return true;
            case (byte)':':
                reply = new RespReply(RespKind.Integer, Number(head), [], []);
                return true;
            case (byte)'$':
                return TryReadBulk(bytes, Number(head), out reply, ref consumed);
            case (byte)'*':
                return TryReadArray(bytes, Number(head), out reply, ref consumed);
            default:
                throw new InvalidDataException($"A reply that begins with byte {bytes[0]}.");
        }
    }

    // $5\r\nhello\r\n
    private static bool TryReadBulk(ReadOnlySpan<byte> bytes, long size, out RespReply reply, ref int consumed)
    {
        reply = new RespReply(RespKind.Nil, 0, [], []);
        if (size < 0) return true;
        if (bytes.Length < consumed + size + 2) return false;
        reply = new RespReply(RespKind.Bulk, 0, bytes.Slice(consumed, (int)size).ToArray(), []);
        consumed += (int)size + 2;
        if (!bytes[(consumed - 2)..consumed].SequenceEqual("\r\n"u8)) throw new InvalidDataException("A bulk that does not end where it says.");
        return true;
    }

    // *2\r\n:1\r\n$-1\r\n
    private static bool TryReadArray(ReadOnlySpan<byte> bytes, long count, out RespReply reply, ref int consumed)
    {
        reply = new RespReply(RespKind.Nil, 0, [], []);
        if (count < 0) return true;
        var items = new RespReply[count];
        for (int i = 0; i < count; i++)
        {
            if (!TryRead(bytes[consumed..], out items[i], out int used)) return false;
            consumed += used;
        }

        reply = new RespReply(RespKind.Array, 0, [], items);
        return true;
    }

    private static long Number(ReadOnlySpan<byte> text) =>
        System.Buffers.Text.Utf8Parser.TryParse(text, out long number, out int used) && used == text.Length
            ? number
            : throw new InvalidDataException($"'{System.Text.Encoding.UTF8.GetString(text)}' should be a number.");
}
