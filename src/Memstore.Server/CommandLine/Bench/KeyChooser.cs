namespace Memstore.Server.CommandLine.Bench;

/// <summary>How the next key is drawn.</summary>
internal enum Distribution
{
    Uniform,

    /// <summary>A few keys get most of the requests; with a skew of 0.99 as in YCSB unless another is asked for.</summary>
    Zipf,
}

/// <summary>Draws key numbers from 0 to count - 1. Each worker has one of its own with a seed of its own.</summary>
// Zipf: Gray, Sundaresan, Englert, Baclawski, Weinberger, "Quickly generating billion-record synthetic databases" (SIGMOD 1994).
internal sealed class KeyChooser
{
    /// <summary>That of YCSB.</summary>
    public const double UsualSkew = 0.99;

    private readonly long _count;
    private readonly double _skew;
    private readonly long _shiftMs;
    private readonly bool _zipf;
    private readonly double _zeta;
    private readonly double _eta;
    private ulong _state;

    /// <summary>Makes a chooser.</summary>
    /// <param name="count">How many keys there are.</param>
    /// <param name="distribution">How they are drawn.</param>
    /// <param name="seed">Where it begins; the same seed draws the same keys unless they shift.</param>
    /// <param name="skew">The exponent of Zipf's law; not 1.</param>
    /// <param name="shiftSeconds">After so many seconds other keys are the hot ones, for all choosers at once; 0 for never.</param>
    public KeyChooser(long count, Distribution distribution, ulong seed, double skew = UsualSkew, int shiftSeconds = 0)
    {
        _count = count;
        _skew = skew;
        _shiftMs = shiftSeconds * 1000L;
        _state = (seed * 0x9E3779B97F4A7C15) | 1;
        _zipf = distribution is Distribution.Zipf && count > 2;
        if (!_zipf) return;

        for (long i = 1; i <= count; i++) _zeta += Math.Pow(i, -_skew);
        _eta = (1 - Math.Pow(2.0 / count, 1 - _skew)) / (1 - ((1 + Math.Pow(2, -_skew)) / _zeta));
    }

    /// <summary>One that draws from the same distribution with another seed; costs nothing.</summary>
    public KeyChooser WithSeed(ulong seed)
    {
        var other = (KeyChooser)MemberwiseClone();
        other._state = (seed * 0x9E3779B97F4A7C15) | 1;
        return other;
    }

    public long Next() => _zipf ? NextZipf() : (long)Math.BigMul(NextRandom(), (ulong)_count, out _);

    /// <summary>A number from 0 to <paramref name="limit"/> - 1, whatever the distribution of keys.</summary>
    public int NextSmall(int limit) => (int)Math.BigMul(NextRandom(), (ulong)limit, out _);

    private long NextZipf()
    {
        var u = (NextRandom() >> 11) * (1.0 / (1UL << 53));
        var uz = u * _zeta;
        long rank;
        if (uz < 1) rank = 0;
        else if (uz < 1 + Math.Pow(0.5, _skew)) rank = 1;
        else rank = Math.Min(_count - 1, (long)(_count * Math.Pow((_eta * u) - _eta + 1, 1 / (1 - _skew))));

        // The hot keys are spread over the key numbers, so that they are not neighbours by accident of their names.
        var shift = _shiftMs == 0 ? 0 : (ulong)(Environment.TickCount64 / _shiftMs) * 0xC2B2AE3D27D4EB4F;
        return (long)((((ulong)rank * 0x9E3779B97F4A7C15) + shift) % (ulong)_count);
    }

    // xorshift64*, Vigna 2014.
    private ulong NextRandom()
    {
        _state ^= _state >> 12;
        _state ^= _state << 25;
        _state ^= _state >> 27;
        return _state * 0x2545F4914F6CDD1D;
    }
}
