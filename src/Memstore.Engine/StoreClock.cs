using System.Diagnostics;

namespace Memstore.Engine;

/// <summary>
/// Unix time that never steps back: it runs with the monotonic clock from an anchor, and is set forward, never back, when the
/// wall clock turns out to be ahead. Thread-safe.
/// </summary>
internal sealed class StoreClock
{
    private readonly TimeProvider _provider;
    private readonly bool _isSystem;
    private readonly double _msPerTick;
    private Anchor _anchor;

    public StoreClock(TimeProvider provider)
    {
        _provider = provider;
        _isSystem = ReferenceEquals(provider, TimeProvider.System);
        _msPerTick = 1_000.0 / provider.TimestampFrequency;
        _anchor = new Anchor(Timestamp(), provider.GetUtcNow().ToUnixTimeMilliseconds());
    }

    /// <summary>Milliseconds of Unix time.</summary>
    public long NowUnixMs
    {
        get
        {
            var anchor = Volatile.Read(ref _anchor);
            return anchor.UnixMs + (long)((Timestamp() - anchor.Timestamp) * _msPerTick);
        }
    }

    /// <summary>Follows the wall clock forward. Called now and then by one thread.</summary>
    public void FollowWallClock()
    {
        var wall = _provider.GetUtcNow().ToUnixTimeMilliseconds();
        if (wall > NowUnixMs + 1) Volatile.Write(ref _anchor, new Anchor(Timestamp(), wall));
    }

    private long Timestamp() => _isSystem ? Stopwatch.GetTimestamp() : _provider.GetTimestamp();

    private sealed record Anchor(long Timestamp, long UnixMs);
}
