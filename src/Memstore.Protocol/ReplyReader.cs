using System.Buffers;

namespace Memstore.Protocol;

/// <summary>Thrown when bytes cannot be a reply; the connection they came from is of no more use.</summary>
public sealed class ReplyFormatException : Exception
{
    /// <summary>Says what was wrong.</summary>
    public ReplyFormatException(string message) : base(message)
    {
    }

    /// <summary>Says what was wrong and why.</summary>
    public ReplyFormatException(string message, Exception innerException) : base(message, innerException)
    {
    }

    /// <summary>Says that bytes were no reply.</summary>
    public ReplyFormatException() : this("These bytes are no reply.")
    {
    }
}

/// <summary>
/// Reads replies of RESP2 and RESP3 into trees. For the clients of tests and tools: it makes objects, but it trusts nobody; what it
/// keeps is in proportion to the bytes that are there, and its depth is bounded.
/// </summary>
public static class ReplyReader
{
    /// <summary>How deep containers may be nested.</summary>
    public const int DepthMax = 128;

    private static readonly byte[] NoBytes = [];

    /// <summary>Reads the reply at the start of a buffer and moves the buffer past it; false, and nothing moves, if it is not all there.</summary>
    /// <exception cref="ReplyFormatException">The bytes cannot be a reply.</exception>
    public static bool TryRead(ref ReadOnlySequence<byte> buffer, out RespValue value)
    {
        if (buffer.IsSingleSegment)
        {
            if (!TryRead(buffer.FirstSpan, out value, out var length)) return false;
            buffer = buffer.Slice(length);
            return true;
        }
        var bytes = buffer.ToArray();
        if (!TryRead(bytes, out value, out var consumed)) return false;
        buffer = buffer.Slice(consumed);
        return true;
    }

    /// <summary>Reads the reply at the start of some bytes and gives its length; false if it is not all there.</summary>
    /// <exception cref="ReplyFormatException">The bytes cannot be a reply.</exception>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out RespValue value, out int length)
    {
        var cursor = new Cursor(bytes);
        var isComplete = cursor.TryRead(0, out var read);
        value = read!;
        length = isComplete ? cursor.Position : 0;
        return isComplete;
    }

    private ref struct Cursor(ReadOnlySpan<byte> bytes)
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;

        public int Position { get; private set; }

        public bool TryRead(int depth, out RespValue? value)
        {
            value = null;
            if (!TryReadAttributes(depth, out var attributes) || !TryReadLine(out var type, out var line)) return false;
            switch (type)
            {
                case (byte)'+': return Give(Scalar(RespType.SimpleString, line, attributes), out value);
                case (byte)'-': return Give(Scalar(RespType.Error, line, attributes), out value);
                case (byte)':': return Give(Integer(line, attributes), out value);
                case (byte)',': return Give(Double(line, attributes), out value);
                case (byte)'#': return Give(Boolean(line, attributes), out value);
                case (byte)'(': return Give(BigNumber(line, attributes), out value);
                case (byte)'_' when line.IsEmpty: return Give(Scalar(RespType.Null, line, attributes), out value);
                case (byte)'$': return TryReadBulk(RespType.Bulk, line, attributes, out value);
                case (byte)'!': return TryReadBulk(RespType.Error, line, attributes, out value);
                case (byte)'=': return TryReadBulk(RespType.Verbatim, line, attributes, out value);
                case (byte)'*': return TryReadItems(RespType.Array, line, 1, depth, attributes, out value);
                case (byte)'~': return TryReadItems(RespType.Set, line, 1, depth, attributes, out value);
                case (byte)'>': return TryReadItems(RespType.Push, line, 1, depth, attributes, out value);
                case (byte)'%': return TryReadItems(RespType.Map, line, 2, depth, attributes, out value);
                default: throw new ReplyFormatException($"No reply starts with the byte 0x{type:x2}.");
            }
        }

        private static bool Give(RespValue given, out RespValue? value)
        {
            value = given;
            return true;
        }

        // +OK\r\n
        private bool TryReadLine(out byte type, out ReadOnlySpan<byte> line)
        {
            type = 0;
            line = default;
            var rest = _bytes[Position..];
            var end = rest.IndexOf("\r\n"u8);
            if (end < 0) return false;
            if (end == 0) throw new ReplyFormatException("An empty line is no reply.");
            type = rest[0];
            line = rest[1..end];
            Position += end + 2;
            return true;
        }

        // |1\r\n+ttl\r\n:3600\r\n
        private bool TryReadAttributes(int depth, out RespValue[] attributes)
        {
            attributes = [];
            while (Position < _bytes.Length && _bytes[Position] == '|')
            {
                if (!TryReadLine(out _, out var line)) return false;
                if (!TryReadItems(RespType.Map, line, 2, depth, [], out var map)) return false;
                attributes = [.. attributes, .. map!.Items];
            }
            return true;
        }

        private static RespValue Scalar(RespType type, ReadOnlySpan<byte> text, RespValue[] attributes, long integer = 0) =>
            new(type, text.IsEmpty ? NoBytes : text.ToArray(), [], integer, attributes);

        private static RespValue Integer(ReadOnlySpan<byte> text, RespValue[] attributes)
        {
            if (!RespNumber.TryParseInt64(text, out var integer)) throw new ReplyFormatException("An integer is not one.");
            return Scalar(RespType.Integer, text, attributes, integer);
        }

        private static RespValue Double(ReadOnlySpan<byte> text, RespValue[] attributes)
        {
            var isNumber = text.SequenceEqual("nan"u8) || text.SequenceEqual("-nan"u8) || RespNumber.TryParseDouble(text, out _);
            return isNumber ? Scalar(RespType.Double, text, attributes) : throw new ReplyFormatException("A double is not one.");
        }

        private static RespValue Boolean(ReadOnlySpan<byte> text, RespValue[] attributes)
        {
            if (!text.SequenceEqual("t"u8) && !text.SequenceEqual("f"u8)) throw new ReplyFormatException("A boolean is not one.");
            return Scalar(RespType.Boolean, text, attributes, text[0] == 't' ? 1 : 0);
        }

        private static RespValue BigNumber(ReadOnlySpan<byte> text, RespValue[] attributes)
        {
            var digits = text.StartsWith("-"u8) || text.StartsWith("+"u8) ? text[1..] : text;
            if (digits.IsEmpty || digits.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
                throw new ReplyFormatException("A big number is not one.");
            return Scalar(RespType.BigNumber, text, attributes);
        }

        // $5\r\nhello\r\n, $-1\r\n
        private bool TryReadBulk(RespType type, ReadOnlySpan<byte> line, RespValue[] attributes, out RespValue? value)
        {
            value = null;
            var length = ReadCount(type, line, out var isNull);
            if (isNull) return Give(Scalar(RespType.Null, default, attributes), out value);
            if (_bytes.Length - Position < length + 2) return false;
            var text = _bytes.Slice(Position, (int)length);
            if (!_bytes.Slice(Position + (int)length, 2).SequenceEqual("\r\n"u8))
                throw new ReplyFormatException("A string does not end where its length says.");
            if (type == RespType.Verbatim && (length < 4 || text[3] != ':'))
                throw new ReplyFormatException("A verbatim string has no format.");
            Position += (int)length + 2;
            return Give(Scalar(type, text, attributes), out value);
        }

        // *2\r\n:1\r\n:2\r\n, *-1\r\n
        private bool TryReadItems(RespType type, ReadOnlySpan<byte> line, int perCount, int depth, RespValue[] attributes, out RespValue? value)
        {
            value = null;
            var count = ReadCount(type, line, out var isNull) * perCount;
            if (isNull) return Give(Scalar(RespType.Null, default, attributes), out value);
            if (depth >= DepthMax) throw new ReplyFormatException($"Containers are nested deeper than {DepthMax}.");

            // The shortest element is "_\r\n". The list grows with the elements, so a count alone cannot make us allocate.
            if ((_bytes.Length - Position) / 3 < count) return false;
            var items = new List<RespValue>();
            while (items.Count < count)
            {
                if (!TryRead(depth + 1, out var item)) return false;
                items.Add(item!);
            }
            return Give(new RespValue(type, NoBytes, [.. items], 0, attributes), out value);
        }

        private static long ReadCount(RespType type, ReadOnlySpan<byte> line, out bool isNull)
        {
            var countMin = type is RespType.Bulk or RespType.Array ? -1 : 0;
            if (!RespNumber.TryParseInt64(line, out var count) || count < countMin || count > int.MaxValue)
                throw new ReplyFormatException("A count or length is no number, or out of range.");
            isNull = count == -1;
            return count;
        }
    }
}
