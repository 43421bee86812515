namespace Memstore.Protocol;

/// <summary>What came next in the line of an inline request.</summary>
public enum InlineToken
{
    /// <summary>The line has ended.</summary>
    None,

    /// <summary>An argument.</summary>
    Argument,

    /// <summary>A quote without its end, or with something right after it.</summary>
    Unbalanced,
}

/// <summary>Splits the line of an inline request, as people type it, into arguments; the rules are Redis 7.0's, and those of its configuration files.</summary>
public static class InlineRequest
{
    /// <summary>Finds the next argument of a line without quotes.</summary>
    public static bool TryNextPlain(ReadOnlySpan<byte> line, ref int position, out ArgumentFrame frame)
    {
        SkipBlanks(line, ref position);
        var start = position;
        while (position < line.Length && !IsSeparator(line[position])) position++;
        frame = new ArgumentFrame(start, position - start);
        return position > start;
    }

    /// <summary>Writes the next argument of a line with its quotes and escapes taken off; it is never longer than its source.</summary>
    public static InlineToken NextQuoted(ReadOnlySpan<byte> line, ref int position, Span<byte> output, out int length)
    {
        length = 0;
        SkipBlanks(line, ref position);
        if (position == line.Length) return InlineToken.None;

        while (position < line.Length && !IsSeparator(line[position]))
        {
            var next = line[position++];
            if (next is not ((byte)'"' or (byte)'\''))
            {
                output[length++] = next;
                continue;
            }
            var closed = next == '"'
                ? TryReadDouble(line, ref position, output, ref length)
                : TryReadSingle(line, ref position, output, ref length);

            // "a"b is refused: a closing quote ends the argument.
            if (!closed || (position < line.Length && !IsBlank(line[position]))) return InlineToken.Unbalanced;
            return InlineToken.Argument;
        }
        return InlineToken.Argument;
    }

    // "a\x41\n\"b"
    private static bool TryReadDouble(ReadOnlySpan<byte> line, ref int position, Span<byte> output, ref int length)
    {
        while (position < line.Length)
        {
            var next = line[position++];
            if (next == '"') return true;
            if (next == '\\' && position < line.Length) next = ReadEscape(line, ref position);
            output[length++] = next;
        }
        return false;
    }

    // 'a\'b'
    private static bool TryReadSingle(ReadOnlySpan<byte> line, ref int position, Span<byte> output, ref int length)
    {
        while (position < line.Length)
        {
            var next = line[position++];
            if (next == '\'') return true;
            if (next == '\\' && position < line.Length && line[position] == '\'') next = line[position++];
            output[length++] = next;
        }
        return false;
    }

    private static byte ReadEscape(ReadOnlySpan<byte> line, ref int position)
    {
        var escape = line[position++];
        switch (escape)
        {
            case (byte)'n': return (byte)'\n';
            case (byte)'r': return (byte)'\r';
            case (byte)'t': return (byte)'\t';
            case (byte)'b': return (byte)'\b';
            case (byte)'a': return (byte)'\a';
            case (byte)'x' when line.Length - position >= 2 && char.IsAsciiHexDigit((char)line[position])
                && char.IsAsciiHexDigit((char)line[position + 1]):
                var value = HexDigit(line[position]) * 16 + HexDigit(line[position + 1]);
                position += 2;
                return (byte)value;
            default: return escape;
        }
    }

    private static int HexDigit(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;

    private static void SkipBlanks(ReadOnlySpan<byte> line, ref int position)
    {
        while (position < line.Length && IsBlank(line[position])) position++;
    }

    private static bool IsBlank(byte value) => value is (byte)' ' or (>= 9 and <= 13);

    /// <summary>Vertical tab and form feed are blank between arguments but do not end one.</summary>
    private static bool IsSeparator(byte value) => value is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n';
}
