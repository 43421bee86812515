using System.Globalization;
using System.Numerics;

namespace Memstore.Protocol;

// Text into doubles.
public static partial class RespNumber
{
    private const ulong ExactIntegerMax = 1UL << 53;

    // The longest decimal expansion of a value halfway between two doubles.
    private const int DecidingDigits = 768;

    /// <summary>
    /// Reads a double as Redis 7.0 reads scores and timeouts: decimal ("1", ".5", "1.", "1e5", "+1") or hexadecimal ("0x1.8p-3"), or
    /// "inf", "infinity" with or without a sign in any case. Refused are nan, blanks, anything behind the number, a finite number that
    /// is too large for a double and one other than zero that is too small.
    /// </summary>
    public static bool TryParseDouble(ReadOnlySpan<byte> text, out double value)
    {
        value = 0;
        var parts = FloatText.Read(text);
        var isValid = parts.Kind switch
        {
            FloatTextKind.Decimal => TryConvertDecimal(parts, out value),
            FloatTextKind.Hexadecimal => TryConvertHexadecimal(parts, out value),
            FloatTextKind.Infinity => (value = double.PositiveInfinity) > 0,
            _ => false,
        };
        if (parts.IsNegative) value = -value;
        return isValid;
    }

    private static bool TryConvertDecimal(in FloatText parts, out double value)
    {
        // Two exact doubles and one operation: the result is rounded once (Clinger, "How to read floating point numbers accurately", 1990).
        if (parts.Significand <= ExactIntegerMax && !parts.HasMoreDigits && Math.Abs(parts.Exponent) <= 22)
        {
            value = parts.Exponent < 0
                ? parts.Significand / DecimalPowers.Doubles[-parts.Exponent]
                : parts.Significand * DecimalPowers.Doubles[parts.Exponent];
            return true;
        }
        value = 0;
        if (parts.Significand == 0) return true;
        if (parts.Exponent is < -400 or > 400) return false;

        // 19 digits need not decide the rounding; 768 and whether there are more always do.
        Span<byte> text = stackalloc byte[DecidingDigits + 16];
        var length = parts.CopyDigits(text[..(DecidingDigits + 1)], out var exponent);
        text[length++] = (byte)'e';
        exponent.TryFormat(text[length..], out var exponentLength, provider: CultureInfo.InvariantCulture);
        return double.TryParse(text[..(length + exponentLength)], NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out value)
            && double.IsFinite(value) && value != 0;
    }

    private static bool TryConvertHexadecimal(in FloatText parts, out double value)
    {
        value = 0;
        if (parts.Significand == 0) return true;

        // The highest bit to bit 63; then the value is in [2^top, 2^(top + 1)).
        var shiftUp = BitOperations.LeadingZeroCount(parts.Significand);
        var significand = parts.Significand << shiftUp;
        var top = parts.Exponent - shiftUp + 63;
        if (top is > 1023 or < -1075) return false;

        // Below 2^-1022 there are fewer than 53 bits.
        var precision = Math.Min(53, top + 1075);
        var dropped = 64 - precision;
        var kept = dropped == 64 ? 0 : significand >> dropped;
        var rest = dropped == 64 ? significand : significand & ((1UL << dropped) - 1);
        var half = 1UL << (dropped - 1);
        if (rest > half || (rest == half && (parts.HasMoreDigits || (kept & 1) == 1))) kept++;
        value = Math.ScaleB(kept, top - 63 + dropped);
        return double.IsFinite(value) && value != 0;
    }
}
