using System.Globalization;

namespace Memstore.Protocol;

// Numbers into text.
public static partial class RespNumber
{
    /// <summary>The most bytes a double takes in text: a sign, 17 digits, a point and four zeros, or "e-308".</summary>
    public const int DoubleTextMax = 32;

    private const int DoubleDigits = 17;

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

        // -d.dddddddddddddddde+ddd, rounded from the exact value.
        Span<byte> scientific = stackalloc byte[DoubleTextMax];
        value.TryFormat(scientific, out var scientificLength, "e16", CultureInfo.InvariantCulture);
        var signLength = scientific[0] == '-' ? 1 : 0;
        scientific[..signLength].CopyTo(text);
        scientific = scientific[signLength..scientificLength];

        var digits = scientific[1..(DoubleDigits + 1)];
        digits[0] = scientific[0];                                  // Over the point.
        _ = int.TryParse(scientific[(DoubleDigits + 2)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var exponent);
        var significant = digits[..Math.Max(1, digits.LastIndexOfAnyExcept((byte)'0') + 1)];

        text = text[signLength..];
        return signLength + (exponent is >= -4 and < DoubleDigits
            ? WriteFixed(significant, exponent, text)
            : WriteScientific(significant, exponent, text));
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
