namespace Memstore.Engine.Memory;

/// <summary>Runs of ones in 128 bits, in logarithmic steps.</summary>
internal static class BitRuns
{
    /// <summary><paramref name="count"/> ones from bit <paramref name="at"/> on.</summary>
    public static UInt128 Mask(int at, int count) =>
        (count == 128 ? UInt128.MaxValue : (UInt128.One << count) - 1) << at;

    /// <summary>Position of the lowest run of <paramref name="count"/> ones, which must exist.</summary>
    public static int Find(UInt128 bits, int count)
    {
        // After the loop a bit is set exactly when it starts a run of count ones.
        for (var missing = count - 1; missing > 0;)
        {
            var have = count - missing;
            var step = Math.Min(have, missing);
            bits &= bits >> step;
            missing -= step;
        }

        return (int)UInt128.TrailingZeroCount(bits);
    }

    /// <summary>Length of the longest run of ones.</summary>
    public static int Longest(UInt128 bits)
    {
        if (bits == 0) return 0;
        if (bits == UInt128.MaxValue) return 128;

        // starts[k] marks the starts of runs of at least 2^k ones.
        Span<UInt128> starts = stackalloc UInt128[8];
        starts[0] = bits;
        var top = 0;
        while (top < 7)
        {
            var longer = starts[top] & (starts[top] >> (1 << top));
            if (longer == 0) break;
            starts[++top] = longer;
        }

        var length = 1 << top;
        var found = starts[top];
        for (var k = top - 1; k >= 0; k--)
        {
            var longer = found & (starts[k] >> length);
            if (longer == 0) continue;
            found = longer;
            length += 1 << k;
        }

        return length;
    }
}
