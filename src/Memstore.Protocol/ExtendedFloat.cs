using System.Numerics;

namespace Memstore.Protocol;

/// <summary>
/// A floating-point number with a 64-bit significand and a 15-bit exponent: the x87's 80-bit format, which C calls
/// <c>long double</c> and in which Redis computes INCRBYFLOAT and HINCRBYFLOAT. Every operation is exact and then rounded once, to
/// nearest, ties to even, so sums read byte for byte as those of Redis.
/// </summary>
// A finite value is _significand * 2^_exponent. Invariant: bit 63 of the significand is set unless the value is zero or _exponent is
// ExponentMin (a subnormal).
public readonly partial struct ExtendedFloat
{
    private const int ExponentMin = -16_445;
    private const int ExponentMax = 16_320;

    private readonly ulong _significand;
    private readonly int _exponent;
    private readonly bool _isNegative;
    private readonly State _state;

    private enum State : byte
    {
        Finite,
        Infinite,
        NotANumber,
    }

    private ExtendedFloat(bool isNegative, ulong significand, int exponent) =>
        (_isNegative, _significand, _exponent) = (isNegative, significand, exponent);

    private ExtendedFloat(bool isNegative, State state) => (_isNegative, _state) = (isNegative, state);

    /// <summary>False for an infinity, read as such or reached by adding, and for the sum of two opposite ones.</summary>
    public bool IsFinite => _state == State.Finite;

    /// <summary>An integer, exactly.</summary>
    public static ExtendedFloat FromInt64(long value)
    {
        var magnitude = value < 0 ? 0 - (ulong)value : (ulong)value;
        return Round(value < 0, magnitude, 0, isInexact: false);
    }

    /// <summary>The sum, rounded; not finite when it is too large or a term is not finite.</summary>
    public static ExtendedFloat Add(ExtendedFloat left, ExtendedFloat right)
    {
        if (!left.IsFinite || !right.IsFinite) return AddNotFinite(left, right);
        if (right._significand == 0) return left;
        if (left._significand == 0) return right;

        if (left._exponent < right._exponent) (left, right) = (right, left);

        // 62 bits of room below the larger term; what the smaller one has below them only says whether the sum is exact.
        const int Room = 62;
        var exponent = left._exponent - Room;
        var larger = (UInt128)left._significand << Room;
        var distance = left._exponent - right._exponent;
        var shifted = (UInt128)right._significand << Room;
        var smaller = distance < 128 ? shifted >> distance : 0;
        var isInexact = distance >= 128 || smaller << distance != shifted;

        if (left._isNegative == right._isNegative) return Round(left._isNegative, larger + smaller, exponent, isInexact);
        if (isInexact) return Round(left._isNegative, larger - smaller - 1, exponent, isInexact: true);
        return larger >= smaller
            ? Round(left._isNegative && larger != smaller, larger - smaller, exponent, isInexact: false)
            : Round(right._isNegative, smaller - larger, exponent, isInexact: false);
    }

    private static ExtendedFloat AddNotFinite(ExtendedFloat left, ExtendedFloat right)
    {
        var isNotANumber = left._state == State.NotANumber || right._state == State.NotANumber
            || (!left.IsFinite && !right.IsFinite && left._isNegative != right._isNegative);
        if (isNotANumber) return new ExtendedFloat(false, State.NotANumber);
        return left.IsFinite ? right : left;
    }

    /// <summary>Rounds <paramref name="bits"/> * 2^<paramref name="exponent"/> to a significand of 64 bits.</summary>
    /// <param name="isNegative">The sign.</param>
    /// <param name="bits">The leading bits; more than 65 of them if more follow.</param>
    /// <param name="exponent">The weight of the lowest bit.</param>
    /// <param name="isInexact">Whether the value is a little larger than the bits say.</param>
    private static ExtendedFloat Round(bool isNegative, UInt128 bits, int exponent, bool isInexact)
    {
        if (bits == 0) return new ExtendedFloat(isNegative, 0, 0);
        var dropped = 64 - (int)UInt128.LeadingZeroCount(bits);
        dropped = Math.Max(dropped, ExponentMin - exponent);
        if (dropped <= 0) return Check(new ExtendedFloat(isNegative, (ulong)bits << -dropped, exponent + dropped));
        if (dropped > 128) return new ExtendedFloat(isNegative, 0, 0);

        var kept = dropped == 128 ? 0 : (ulong)(bits >> dropped);
        var half = UInt128.One << (dropped - 1);
        var rest = bits & (half | (half - 1));
        if (rest > half || (rest == half && (isInexact || (kept & 1) == 1)))
        {
            kept++;
            if (kept == 0) (kept, dropped) = (1UL << 63, dropped + 1);
        }
        return Check(new ExtendedFloat(isNegative, kept, exponent + dropped));
    }

    private static ExtendedFloat Check(ExtendedFloat value) =>
        value._exponent > ExponentMax ? new ExtendedFloat(value._isNegative, State.Infinite) : value;
}
