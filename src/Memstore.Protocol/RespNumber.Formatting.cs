using System.Globalization;

namespace Memstore.Protocol;

// Numbers into text.
public static partial class RespNumber
{
    /// <summary>The most bytes a double takes in text: a sign, 17 digits, a point and four zeros, or "e-308".</summary>
    public const int DoubleTextMax = 32;

    private const int DoubleDigits = 17;
    private const ulong LowestDigits = 10_000_000_000_000_000;
    private const ulong HighestDigits = 100_000_000_000_000_000;

    /// <summary>Writes an integer and gives its length.</summary>
    /// <param name="value">Any value.</param>
    /// <param name="text">It has room for <see cref="Int64TextMax"/> bytes.</param>
    public static int FormatInt64(long value, Span<byte> text)
    {
        value.TryFormat(text, out var length, provider: CultureInfo.InvariantCulture);
        return length;
    }

    /// <summary>
    /// Writes a double as C's <c>%.17g</c> does, which is how Redis 7.0 answers scores, and gives its length: whole numbers without
    /// a fraction, an exponent below 1e-4 and from 1e17 on, "inf", "-inf", "nan". 0.1 reads 0.10000000000000001.
    /// </summary>
    /// <param name="value">Any value.</param>
    /// <param name="text">It has room for <see cref="DoubleTextMax"/> bytes.</param>
    public static int FormatDouble(double value, Span<byte> text)
    {
        if (Math.Abs(value) < 1L << 53 && (long)value == value && !(value == 0 && double.IsNegative(value)))
            return FormatInt64((long)value, text);
        if (!double.IsFinite(value)) return FormatNotFinite(value, text);

        var signLength = 0;
        if (double.IsNegative(value)) text[signLength++] = (byte)'-';
        text = text[signLength..];

        Span<byte> digits = stackalloc byte[DoubleTextMax];
        if (!TryGetDigits(Math.Abs(value), digits, out var exponent)) GetDigits(Math.Abs(value), digits, out exponent);
        digits = digits[..DoubleDigits];
        var significant = digits[..Math.Max(1, digits.LastIndexOfAnyExcept((byte)'0') + 1)];
        return signLength + (exponent is >= -4 and < DoubleDigits
            ? WriteFixed(significant, exponent, text)
            : WriteScientific(significant, exponent, text));
    }

    /// <summary>
    /// The 17 digits of values that are written without an exponent: at most 53 bits times 10^20 fit into 128 bits, so scaling is exact
    /// and rounding a shift.
    /// </summary>
    private static bool TryGetDigits(double value, Span<byte> digits, out int exponent)
    {
        exponent = 0;
        if (value is not (>= 1e-4 and < 1e17)) return false;

        var bits = BitConverter.DoubleToUInt64Bits(value);
        var significand = (bits & ((1UL << 52) - 1)) | (1UL << 52);
        var binaryExponent = (int)(bits >> 52) - 1075;
        exponent = (int)Math.Floor(Math.Log10(value));
        if (exponent == DoubleDigits) exponent--;

        // The logarithm may be one off, and rounding may carry into an 18th digit.
        var number = Scale(significand, binaryExponent, DoubleDigits - 1 - exponent);
        if (number >= HighestDigits) number = Scale(significand, binaryExponent, DoubleDigits - 1 - ++exponent);
        else if (number < LowestDigits) number = Scale(significand, binaryExponent, DoubleDigits - 1 - --exponent);
        return number.TryFormat(digits, out _, provider: CultureInfo.InvariantCulture);
    }

    /// <summary>significand * 2^binaryExponent * 10^decimalExponent, rounded to nearest, ties to even.</summary>
    private static ulong Scale(ulong significand, int binaryExponent, int decimalExponent)
    {
        var scaled = (UInt128)significand * DecimalPowers.Integers[Math.Min(decimalExponent, 19)];
        if (decimalExponent > 19) scaled *= DecimalPowers.Integers[decimalExponent - 19];
        if (binaryExponent >= 0) return (ulong)(scaled << binaryExponent);

        var kept = (ulong)(scaled >> -binaryExponent);
        var half = UInt128.One << (-binaryExponent - 1);
        var rest = scaled & (half | (half - 1));
        return rest > half || (rest == half && (kept & 1) == 1) ? kept + 1 : kept;
    }

    /// <summary>The 17 digits of any value: the text d.dddddddddddddddde+ddd, rounded from the exact value, taken apart.</summary>
    private static void GetDigits(double value, Span<byte> digits, out int exponent)
    {
        Span<byte> text = stackalloc byte[DoubleTextMax];
        value.TryFormat(text, out var length, "e16", CultureInfo.InvariantCulture);
        digits[0] = text[0];
        text[2..(DoubleDigits + 1)].CopyTo(digits[1..]);
        _ = int.TryParse(text[(DoubleDigits + 2)..length], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent);
    }

    private static int FormatNotFinite(double value, Span<byte> text)
    {
        var name = double.IsNaN(value) ? "nan"u8 : value > 0 ? "inf"u8 : "-inf"u8;
        name.CopyTo(text);
        return name.Length;
    }

    // 1234.5, 1200, 0.0012
    private static int WriteFixed(ReadOnlySpan<byte> digits, int exponent, Span<byte> text)
    {
        if (exponent < 0)
        {
            text[..(1 - exponent)].Fill((byte)'0');
            text[1] = (byte)'.';
            digits.CopyTo(text[(1 - exponent)..]);
            return 1 - exponent + digits.Length;
        }
        var whole = exponent + 1;
        if (digits.Length <= whole)
        {
            digits.CopyTo(text);
            text[digits.Length..whole].Fill((byte)'0');
            return whole;
        }
        digits[..whole].CopyTo(text);
        text[whole] = (byte)'.';
        digits[whole..].CopyTo(text[(whole + 1)..]);
        return digits.Length + 1;
    }

    // 1.5e+20, 5e-324
    private static int WriteScientific(ReadOnlySpan<byte> digits, int exponent, Span<byte> text)
    {
        var length = 0;
        text[length++] = digits[0];
        if (digits.Length > 1)
        {
            text[length++] = (byte)'.';
            digits[1..].CopyTo(text[length..]);
            length += digits.Length - 1;
        }
        text[length++] = (byte)'e';
        text[length++] = exponent < 0 ? (byte)'-' : (byte)'+';
        Math.Abs(exponent).TryFormat(text[length..], out var exponentLength, "00", CultureInfo.InvariantCulture);
        return length + exponentLength;
    }
}
