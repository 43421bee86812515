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
    private readonly double _unitsPerTick;
    private Anchor _anchor;
    private volatile bool _isStopped;

    public StoreClock(TimeProvider provider)
    {
        _provider = provider;
        _isSystem = ReferenceEquals(provider, TimeProvider.System);
        _unitsPerTick = (double)TimeSpan.TicksPerSecond / provider.TimestampFrequency;
        _anchor = new Anchor(Timestamp(), UnixUnits());
    }

    /// <summary>Whether it shows the first millisecond of Unix time, before any deadline.</summary>
    public bool IsStopped
    {
        get => _isStopped;
        set => _isStopped = value;
    }

    /// <summary>Milliseconds of Unix time.</summary>
    public long NowUnixMs
    {
        get
        {
            if (_isStopped) return 1;
            var anchor = Volatile.Read(ref _anchor);
            return (anchor.UnixUnits + (long)((Timestamp() - anchor.Timestamp) * _unitsPerTick)) / TimeSpan.TicksPerMillisecond;
        }
    }

    /// <summary>Follows the wall clock forward. Called now and then by one thread.</summary>
    public void FollowWallClock()
    {
        var wall = UnixUnits();
        if (wall / TimeSpan.TicksPerMillisecond > NowUnixMs) Volatile.Write(ref _anchor, new Anchor(Timestamp(), wall));
    }

    // In units of 100 ns: an anchor cut to milliseconds would lag behind the clients' clocks by up to one.
    private long UnixUnits() => _provider.GetUtcNow().UtcTicks - DateTime.UnixEpoch.Ticks;

    private long Timestamp() => _isSystem ? Stopwatch.GetTimestamp() : _provider.GetTimestamp();

    private sealed record Anchor(long Timestamp, long UnixUnits);
}
