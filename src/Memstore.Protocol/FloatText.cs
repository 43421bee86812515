namespace Memstore.Protocol;

internal enum FloatTextKind
{
    Invalid,
    Decimal,
    Hexadecimal,
    Infinity,
}

/// <summary>
/// The text of a floating-point number taken apart, as C's <c>strtod</c> and <c>strtold</c> read it when all of the text must be the
/// number: a sign; decimal digits with a point and an exponent, or hexadecimal ones with a binary exponent; or "inf", "infinity" in any
/// case. "nan", blanks and anything behind the number are refused, as Redis 7.0.15 refuses them.
/// </summary>
internal readonly ref struct FloatText
{
    // Exponents beyond this are infinite or zero for every type here; adding up digits to it cannot overflow.
    private const int ExponentMax = 1_000_000;

    public FloatTextKind Kind { get; private init; }

    public bool IsNegative { get; private init; }

    /// <summary>The first significant digits: 19 decimal ones or 16 hexadecimal ones, those that fit into 64 bits.</summary>
    public ulong Significand { get; private init; }

    /// <summary>Whether digits other than zero follow those of <see cref="Significand"/>.</summary>
    public bool HasMoreDigits { get; private init; }

    /// <summary>The power of ten, or of two if hexadecimal, that <see cref="Significand"/> is multiplied with.</summary>
    public int Exponent { get; private init; }

    /// <summary>All digits, with the point and leading zeros.</summary>
    private ReadOnlySpan<byte> Digits { get; init; }

    /// <summary>How many digits <see cref="Significand"/> has.</summary>
    private int SignificandLength { get; init; }

    /// <summary>
    /// Copies the digits without the point and leading zeros. When there are more than fit, the last one copied is a 1 that stands for
    /// the rest if it is not zero.
    /// </summary>
    /// <param name="digits">Room for the digits.</param>
    /// <param name="exponent">The copied integer times ten, or two if hexadecimal, to this power is the number.</param>
    /// <returns>How many digits were copied.</returns>
    public int CopyDigits(Span<byte> digits, out int exponent)
    {
        var count = 0;
        var hasMore = false;
        foreach (var digit in Digits)
        {
            if (digit == '.' || (digit == '0' && count == 0)) continue;
            if (count < digits.Length) digits[count++] = digit;
            else hasMore |= digit != '0';
        }
        if (hasMore) digits[count - 1] = (byte)'1';
        exponent = Exponent + (SignificandLength - count) * (Kind == FloatTextKind.Hexadecimal ? 4 : 1);
        return count;
    }

    public static FloatText Read(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty) return default;
        var isNegative = text[0] == '-';
        if (isNegative || text[0] == '+') text = text[1..];
        if (text.IsEmpty) return default;

        if ((text[0] | 0x20) == 'i') return ReadInfinity(text, isNegative);
        var isHexadecimal = text.Length > 2 && text[0] == '0' && (text[1] | 0x20) == 'x';
        return isHexadecimal ? ReadDigits(text[2..], isNegative, 16, 'p', 4) : ReadDigits(text, isNegative, 10, 'e', 1);
    }

    private static FloatText ReadInfinity(ReadOnlySpan<byte> text, bool isNegative)
    {
        var isInfinity = System.Text.Ascii.EqualsIgnoreCase(text, "inf"u8) || System.Text.Ascii.EqualsIgnoreCase(text, "infinity"u8);
        return isInfinity ? new FloatText { Kind = FloatTextKind.Infinity, IsNegative = isNegative } : default;
    }

    private static FloatText ReadDigits(ReadOnlySpan<byte> text, bool isNegative, int radix, char exponentMark, int exponentPerDigit)
    {
        var significand = 0UL;
        var significantRoom = radix == 10 ? 19 : 16;
        var (digitCount, dropped, fraction, hasPoint, hasMore) = (0, 0, 0, false, false);
        var position = 0;
        for (; position < text.Length; position++)
        {
            if (text[position] == '.' && !hasPoint)
            {
                hasPoint = true;
                continue;
            }
            var digit = DigitOf(text[position]);
            if (digit >= radix) break;
            digitCount++;
            if (hasPoint) fraction++;
            if (significantRoom > 0)
            {
                significand = significand * (uint)radix + (uint)digit;
                if (significand > 0) significantRoom--;
            }
            else
            {
                dropped++;
                hasMore |= digit != 0;
            }
        }
        if (digitCount == 0) return default;

        var digits = text[..position];
        if (!TryReadExponent(text[position..], exponentMark, out var exponent)) return default;
        return new FloatText
        {
            Kind = radix == 10 ? FloatTextKind.Decimal : FloatTextKind.Hexadecimal,
            IsNegative = isNegative,
            Significand = significand,
            HasMoreDigits = hasMore,
            Exponent = Clamp(exponent + ((long)dropped - fraction) * exponentPerDigit),
            Digits = digits,
            SignificandLength = (radix == 10 ? 19 : 16) - significantRoom,
        };
    }

    // e+05, or nothing
    private static bool TryReadExponent(ReadOnlySpan<byte> text, char mark, out long exponent)
    {
        exponent = 0;
        if (text.IsEmpty) return true;
        if ((text[0] | 0x20) != mark) return false;

        text = text[1..];
        var isNegative = text.StartsWith("-"u8);
        if (isNegative || text.StartsWith("+"u8)) text = text[1..];
        if (text.IsEmpty) return false;
        foreach (var next in text)
        {
            var digit = DigitOf(next);
            if (digit > 9) return false;

            // As far beyond the clamp as digits of a 512 MB argument could bring it back.
            exponent = Math.Min(exponent * 10 + digit, 1L << 40);
        }
        if (isNegative) exponent = -exponent;
        return true;
    }

    private static int DigitOf(byte digit)
    {
        if ((uint)(digit - '0') <= 9) return digit - '0';
        var letter = (digit | 0x20) - 'a';
        return (uint)letter <= 5 ? letter + 10 : int.MaxValue;
    }

    private static int Clamp(long exponent) => (int)Math.Clamp(exponent, -ExponentMax, ExponentMax);
}
