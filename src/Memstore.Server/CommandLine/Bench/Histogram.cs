using System.Numerics;

namespace Memstore.Server.CommandLine.Bench;

/// <summary>
/// Counts of durations in nanoseconds, in buckets whose width is under 1 % of their value (the layout of HdrHistogram,
/// http://hdrhistogram.org). Not thread-safe: each worker has its own, and they are added up at the end.
/// </summary>
internal sealed class Histogram
{
    // A power of two is cut into 128 buckets; values under 256 have a bucket each.
    private const int SubBits = 7;
    private const int SubCount = 1 << SubBits;

    private readonly long[] _counts = new long[(64 - SubBits + 1) * SubCount];

    public long Count { get; private set; }

    /// <summary>The largest duration recorded, exact, in nanoseconds.</summary>
    public long Max { get; private set; }

    public void Record(long nanoseconds)
    {
        if (nanoseconds < 0) nanoseconds = 0;
        _counts[IndexOf(nanoseconds)]++;
        Count++;
        if (nanoseconds > Max) Max = nanoseconds;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        Array.Clear(_counts);
        Count = 0;
        Max = 0;
    }

    public void Add(Histogram other)
    {
        for (var i = 0; i < _counts.Length; i++) _counts[i] += other._counts[i];
        Count += other.Count;
        Max = Math.Max(Max, other.Max);
    }

    /// <summary>The duration in nanoseconds that <paramref name="quantile"/> (0 to 1) of the recorded ones do not exceed.</summary>
    public long ValueAt(double quantile)
    {
        var wanted = Math.Max(1, (long)Math.Ceiling(quantile * Count));
        long seen = 0;
        for (var i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= wanted) return Math.Min(HighestOf(i), Max);
        }

        return Max;
    }

    private static int IndexOf(long value)
    {
        var shift = Math.Max(0, BitOperations.Log2((ulong)value | 1) - SubBits);
        return (shift << SubBits) + (int)(value >> shift);
    }

    private static long HighestOf(int index)
    {
        if (index < 2 * SubCount) return index;
        var shift = (index >> SubBits) - 1;
        long sub = index - (shift << SubBits);
        return ((sub + 1) << shift) - 1;
    }
}
