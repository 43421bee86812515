namespace Memstore.Server.Commands;

/// <summary>
/// Glob patterns as KEYS, SCAN, PSUBSCRIBE, CONFIG GET and ACL know them: *, ?, [a-z], [^a], and a backslash that takes away a meaning.
/// </summary>
/// <remarks>
/// Matching is iterative and never looks back further than to the last star: what a star before it has matched cannot help a later one,
/// so the time is at most the product of the two lengths (CVE-2022-36021 was exponential, CVE-2024-31228 recursed). The odd cases are those of
/// Redis 7.0: a class that does not end goes to the end of the pattern, its last byte included; a range may be written backwards; '[^' negates; a
/// backslash at the end means itself; bytes above 127 are below the others in a range, since Redis' characters have a sign; the empty text
/// is matched by nothing but the empty pattern.
/// </remarks>
internal static class GlobPattern
{
    /// <summary>Whether a pattern matches all of a text.</summary>
    public static bool Matches(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> text, bool ignoreCase = false)
    {
        if (text.IsEmpty) return pattern.IsEmpty;
        var p = 0;
        var t = 0;
        var afterStar = -1;
        var starText = 0;
        while (true)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                while (p < pattern.Length && pattern[p] == '*') p++;
                if (p == pattern.Length) return true;
                afterStar = p;
                starText = t;
                continue;
            }
            if (t == text.Length) return p == pattern.Length;
            if (p < pattern.Length)
            {
                var next = p;
                if (MatchesOne(pattern, ref next, text[t], ignoreCase))
                {
                    p = next;
                    t++;
                    continue;
                }
            }
            if (afterStar < 0) return false;

            // The last star takes one byte more.
            p = afterStar;
            t = ++starText;
        }
    }

    /// <summary>Whether a pattern has no special byte, so that it matches just itself.</summary>
    public static bool IsLiteral(ReadOnlySpan<byte> pattern) => pattern.IndexOfAny("*?[\\"u8) < 0;

    private static bool MatchesOne(ReadOnlySpan<byte> pattern, ref int p, byte value, bool ignoreCase)
    {
        switch (pattern[p])
        {
            case (byte)'?':
                p++;
                return true;
            case (byte)'[':
                return MatchesClass(pattern, ref p, value, ignoreCase);
            case (byte)'\\' when p + 1 < pattern.Length:
                p += 2;
                return Same(pattern[p - 1], value, ignoreCase);
            default:
                return Same(pattern[p++], value, ignoreCase);
        }
    }

    // [abc] [^abc] [a-z] [\]] and, without an end, all the rest of the pattern.
    private static bool MatchesClass(ReadOnlySpan<byte> pattern, ref int p, byte value, bool ignoreCase)
    {
        p++;
        var negated = p < pattern.Length && pattern[p] == '^';
        if (negated) p++;
        var found = false;
        while (p < pattern.Length && pattern[p] != ']')
        {
            if (pattern[p] == '\\' && p + 1 < pattern.Length)
            {
                found |= pattern[p + 1] == value;
                p += 2;
            }
            else if (p + 2 < pattern.Length && pattern[p + 1] == '-')
            {
                found |= InRange(pattern[p], pattern[p + 2], value, ignoreCase);
                p += 3;
            }
            else
            {
                found |= Same(pattern[p], value, ignoreCase);
                p++;
            }
        }
        if (p < pattern.Length) p++;
        return found != negated;
    }

    private static bool InRange(byte first, byte last, byte value, bool ignoreCase)
    {
        if ((sbyte)first > (sbyte)last) (first, last) = (last, first);
        if (ignoreCase) (first, last, value) = (Lower(first), Lower(last), Lower(value));
        return (sbyte)value >= (sbyte)first && (sbyte)value <= (sbyte)last;
    }

    private static bool Same(byte a, byte b, bool ignoreCase) => a == b || (ignoreCase && Lower(a) == Lower(b));

    private static byte Lower(byte value) => value is >= (byte)'A' and <= (byte)'Z' ? (byte)(value | 0x20) : value;
}
