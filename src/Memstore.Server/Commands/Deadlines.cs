namespace Memstore.Server.Commands;

/// <summary>How an argument states a time.</summary>
internal enum TimeForm
{
    /// <summary>None is stated.</summary>
    None,

    /// <summary>Seconds from now.</summary>
    Seconds,

    /// <summary>Milliseconds from now.</summary>
    Milliseconds,

    /// <summary>Unix time in seconds.</summary>
    UnixSeconds,

    /// <summary>Unix time in milliseconds.</summary>
    UnixMilliseconds,
}

/// <summary>From the times that clients state to deadlines.</summary>
internal static class Deadlines
{
    /// <summary>
    /// The latest deadline the store keeps, in the year 10889: deadlines have 48 bits. Later ones are kept as this one.
    /// </summary>
    public const long MaxUnixMs = (1L << 48) - 1;

    /// <summary>The moment that a time means, not limited to what the store keeps.</summary>
    /// <returns>False if it does not fit 64 bits.</returns>
    public static bool TryResolve(long time, TimeForm form, long nowUnixMs, out long unixMs)
    {
        unixMs = time;
        if (form is TimeForm.Seconds or TimeForm.UnixSeconds)
        {
            if (time is > long.MaxValue / 1000 or < long.MinValue / 1000) return false;
            unixMs = time * 1000;
        }
        if (form is TimeForm.UnixSeconds or TimeForm.UnixMilliseconds) return true;
        if (unixMs > long.MaxValue - nowUnixMs) return false;
        unixMs += nowUnixMs;
        return true;
    }

    /// <summary>The same for SET, GETEX and their kin, which refuse times that are not positive.</summary>
    public static bool TryResolvePositive(long time, TimeForm form, long nowUnixMs, out long unixMs)
    {
        unixMs = 0;
        return time > 0 && TryResolve(time, form, nowUnixMs, out unixMs) && unixMs > 0;
    }

    /// <summary>What the store keeps of a moment that is not in the past.</summary>
    public static long Keep(long unixMs) => Math.Min(unixMs, MaxUnixMs);
}
