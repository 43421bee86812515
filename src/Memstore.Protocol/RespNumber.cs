namespace Memstore.Protocol;

/// <summary>Numbers as Redis reads them from arguments and writes them into values and replies.</summary>
public static partial class RespNumber
{
    /// <summary>The most bytes an integer takes in text.</summary>
    public const int Int64TextMax = 20;

    /// <summary>
    /// Reads a 64-bit integer in its one canonical form: no plus sign, no leading zero, no blank, no "-0". What this accepts,
    /// <see cref="FormatInt64"/> writes back byte for byte, which lets a value be kept as a number.
    /// </summary>
    public static bool TryParseInt64(ReadOnlySpan<byte> text, out long value)
    {
        value = 0;
        if (text.IsEmpty || text.Length > Int64TextMax) return false;

        var negative = text[0] == '-';
        var digits = negative ? text[1..] : text;
        if (digits.IsEmpty || digits.Length > 19) return false;

        var first = (uint)digits[0] - '0';
        if (first > 9) return false;
        if (first == 0) return !negative && digits.Length == 1;

        // 19 digits fit into 64 bits without a sign.
        ulong magnitude = first;
        for (var i = 1; i < digits.Length; i++)
        {
            var digit = (uint)digits[i] - '0';
            if (digit > 9) return false;
            magnitude = magnitude * 10 + digit;
        }
        if (magnitude > long.MaxValue + (negative ? 1UL : 0UL)) return false;
        value = negative ? (long)(0 - magnitude) : (long)magnitude;
        return true;
    }
}
