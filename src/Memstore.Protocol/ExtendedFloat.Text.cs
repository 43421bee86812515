using System.Buffers;
using System.Globalization;
using System.Numerics;

namespace Memstore.Protocol;

// Reading and writing decimal text.
public readonly partial struct ExtendedFloat
{
    /// <summary>The most bytes <see cref="Format"/> writes: a sign, 4,933 digits, a point, 17 digits.</summary>
    public const int TextMax = 4_960;

    /// <summary>The longest text that is read; Redis has the same limit.</summary>
    private const int ReadTextMax = 5 * 1024 - 1;

    private const int FractionDigits = 17;
    private const ulong FractionScale = 100_000_000_000_000_000;

    /// <summary>
    /// Reads text as <see cref="RespNumber.TryParseDouble"/> does, in this type's range: up to about 1.19e4932 and down to 3.6e-4951.
    /// Infinities are read and then refused by what is done with them; text of 5,120 bytes or more is refused.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out ExtendedFloat value)
    {
        value = default;
        if (text.Length > ReadTextMax) return false;
        var parts = FloatText.Read(text);
        switch (parts.Kind)
        {
            case FloatTextKind.Infinity:
                value = new ExtendedFloat(parts.IsNegative, State.Infinite);
                return true;
            case FloatTextKind.Invalid:
                return false;
        }
        if (parts.Significand == 0)
        {
            value = new ExtendedFloat(parts.IsNegative, 0, 0);
            return true;
        }
        value = parts.Kind == FloatTextKind.Decimal ? FromDecimal(parts) : FromHexadecimal(parts);
        return value.IsFinite && value._significand != 0;
    }

    private static ExtendedFloat FromHexadecimal(in FloatText parts)
    {
        if (!parts.HasMoreDigits) return Round(parts.IsNegative, parts.Significand, parts.Exponent, isInexact: false);

        // 16 digits may be 61 bits only; 32 are 125 at least.
        Span<byte> digits = stackalloc byte[32];
        var length = parts.CopyDigits(digits, out var exponent);
        _ = UInt128.TryParse(digits[..length], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bits);
        return Round(parts.IsNegative, bits, exponent, isInexact: false);
    }

    private static ExtendedFloat FromDecimal(in FloatText parts)
    {
        var exponent = parts.Exponent;
        if (!parts.HasMoreDigits && exponent is <= 0 and >= -18)
        {
            // A quotient by up to 10^18 has at least 67 bits.
            var numerator = (UInt128)parts.Significand;
            var shift = (int)UInt128.LeadingZeroCount(numerator);
            var (quotient, rest) = UInt128.DivRem(numerator << shift, DecimalPowers.Integers[-exponent]);
            return Round(parts.IsNegative, quotient, -shift, rest != 0);
        }
        if (!parts.HasMoreDigits && exponent is > 0 and <= 18)
            return Round(parts.IsNegative, (UInt128)parts.Significand * DecimalPowers.Integers[exponent], 0, isInexact: false);
        if (exponent > 5_000) return new ExtendedFloat(parts.IsNegative, State.Infinite);
        if (exponent < -5_000) return new ExtendedFloat(parts.IsNegative, 0, 0);
        return FromDigits(parts);
    }

    private static ExtendedFloat FromDigits(in FloatText parts)
    {
        Span<byte> text = stackalloc byte[ReadTextMax];
        text = text[..parts.CopyDigits(text, out var exponent)];
        Span<char> characters = stackalloc char[ReadTextMax];
        for (var i = 0; i < text.Length; i++) characters[i] = (char)text[i];
        var digits = BigInteger.Parse(characters[..text.Length], NumberStyles.None, CultureInfo.InvariantCulture);
        if (exponent >= 0) return RoundBig(parts.IsNegative, digits * BigInteger.Pow(10, exponent), 0, isInexact: false);

        // As many bits more than the divisor as the quotient is to have.
        var divisor = BigInteger.Pow(10, -exponent);
        var shift = Math.Max(0, (int)(divisor.GetBitLength() - digits.GetBitLength()) + 128);
        var quotient = BigInteger.DivRem(digits << shift, divisor, out var rest);
        return RoundBig(parts.IsNegative, quotient, -shift, !rest.IsZero);
    }

    private static ExtendedFloat RoundBig(bool isNegative, BigInteger bits, int exponent, bool isInexact)
    {
        var shift = Math.Max(0, (int)bits.GetBitLength() - 128);
        var leading = bits >> shift;
        return Round(isNegative, (UInt128)leading, exponent + shift, isInexact || leading << shift != bits);
    }

    /// <summary>
    /// Writes a finite value as Redis does: C's <c>%.17Lf</c> with the zeros at the end of its fraction cut and "-0" as "0". Gives the length.
    /// </summary>
    /// <param name="text">It has room for <see cref="TextMax"/> bytes.</param>
    public int Format(Span<byte> text)
    {
        if (!IsFinite) throw new InvalidOperationException("Infinities are answered with an error, not with text.");
        if (_exponent > 0) return FormatBig(text);

        var (whole, fraction) = _exponent < 0 ? Split() : (_significand, 0);
        if (whole == 0 && fraction == 0) return WriteZero(text);

        var length = 0;
        if (_isNegative) text[length++] = (byte)'-';
        whole.TryFormat(text[length..], out var written, provider: CultureInfo.InvariantCulture);
        length += written;
        return fraction == 0 ? length : length + WriteFraction(fraction, text[length..]);
    }

    /// <summary>The whole part of a value below 2^63, and the fraction in units of 1e-17, rounded to nearest, ties to even.</summary>
    private (ulong Whole, ulong Fraction) Split()
    {
        var dropped = -_exponent;
        if (dropped >= 128) return default;
        if (dropped > 64)
        {
            // Below 1: 64 + 57 bits, of which less than 57 are kept.
            var scaled = (UInt128)_significand * FractionScale;
            var half = UInt128.One << (dropped - 1);
            var rest = scaled & (half | (half - 1));
            var kept = (ulong)(scaled >> dropped);
            return (0, rest > half || (rest == half && (kept & 1) == 1) ? kept + 1 : kept);
        }

        // The fraction as 64 bits behind the point; times the scale, its whole part is the high half.
        var whole = dropped == 64 ? 0 : _significand >> dropped;
        var fraction = Math.BigMul(_significand << (64 - dropped), FractionScale, out var below);
        if (below > 1UL << 63 || (below == 1UL << 63 && (fraction & 1) == 1)) fraction++;
        return fraction == FractionScale ? (whole + 1, 0) : (whole, fraction);
    }

    // .25
    private static int WriteFraction(ulong fraction, Span<byte> text)
    {
        text[0] = (byte)'.';
        fraction.TryFormat(text[1..], out _, "D17", CultureInfo.InvariantCulture);
        return 1 + text.Slice(1, FractionDigits).LastIndexOfAnyExcept((byte)'0') + 1;
    }

    private static int WriteZero(Span<byte> text)
    {
        text[0] = (byte)'0';
        return 1;
    }

    private int FormatBig(Span<byte> text)
    {
        var value = new BigInteger(_significand) << _exponent;
        if (_isNegative) value = -value;
        var characters = ArrayPool<char>.Shared.Rent(TextMax);
        value.TryFormat(characters, out var length, provider: CultureInfo.InvariantCulture);
        for (var i = 0; i < length; i++) text[i] = (byte)characters[i];
        ArrayPool<char>.Shared.Return(characters);
        return length;
    }
}
