using System.Globalization;
using System.Text;

namespace Memstore.Server.Tests.Conformance;

/// <summary>One reply as its bytes came, with the elements of an array, map or set as replies of their own.</summary>
internal sealed class RawReply(byte[] bytes, RawReply[] elements)
{
    /// <summary>The first byte: '+', '-', ':', '$', '*', and those of RESP3.</summary>
    public char Type => (char)bytes[0];

    public ReadOnlySpan<byte> Bytes => bytes;

    /// <summary>Elements in order; a map has its keys and values in turn.</summary>
    public RawReply[] Elements => elements;

    public bool IsError => Type is '-' or '!';

    /// <summary>What follows the type byte up to the first CR LF, or the text of a bulk string.</summary>
    public string Text
    {
        get
        {
            var text = Encoding.Latin1.GetString(bytes);
            var lineEnd = text.IndexOf("\r\n", StringComparison.Ordinal);
            return Type is '$' or '=' or '!' && text[1] != '-' ? text[(lineEnd + 2)..^2] : text[1..lineEnd];
        }
    }

    /// <summary>Reads one reply from a stream of bytes.</summary>
    /// <exception cref="InvalidDataException">A byte that begins no reply.</exception>
    public static RawReply Read(Func<byte> next)
    {
        var head = new List<byte>();
        var number = ReadLine(next, head);
        switch ((char)head[0])
        {
            case '+' or '-' or ':' or '_' or ',' or '#' or '(':
                return new RawReply([.. head], []);
            case '$' or '=' or '!':
                for (long i = number < 0 ? 0 : number + 2; i > 0; i--) head.Add(next());
                return new RawReply([.. head], []);
            case '*' or '~' or '>':
                return ReadElements(next, head, number);
            case '%':
                return ReadElements(next, head, 2 * number);
            default:
                throw new InvalidDataException($"no reply begins with {Quoting.Quote([head[0]])}");
        }
    }

    public override string ToString() => Quoting.Quote(bytes);

    private static RawReply ReadElements(Func<byte> next, List<byte> head, long count)
    {
        var elements = new List<RawReply>();
        for (long i = 0; i < count; i++)
        {
            var element = Read(next);
            elements.Add(element);
            head.AddRange(element.Bytes);
        }

        return new RawReply([.. head], [.. elements]);
    }

    // Returns the number in the line, or -1 when it is none.
    private static long ReadLine(Func<byte> next, List<byte> line)
    {
        do line.Add(next());
        while (line[^1] != '\n');
        var text = Encoding.Latin1.GetString([.. line])[1..].TrimEnd('\r', '\n');
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : -1;
    }
}
