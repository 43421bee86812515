using System.Runtime.CompilerServices;

namespace Memstore.Engine.Memory;

/// <summary>How long the transactions of one worker hold their shards, in processor time of the thread that works.</summary>
// A look at the thread's clock costs more than a GET, so it is not looked at twice in every hold. Timed are: what is known to be long before
// it starts (maintenance, many keys, whole databases); from there on, what turns out to be long (see the callers of Start: a segment
// splits, a chunk is touched first, a value is large); and of all the rest one in a thousand.
// Threading: the worker's renter; the figures are for all, and Reset.
internal sealed class HoldClock
{
    /// <summary>A hold should not take longer, in nanoseconds.</summary>
    public const long LongNs = 100_000;

    private const int OneIn = 1_024;

    private long _startNs;
    private HoldWork _startWork;
    private LongHold? _longest;
    private LongHold? _longestUndisturbed;
    private long _undisturbed;
    private long _longestNs;
    private long _longHolds;
    private int _untilSample = OneIn;
    private bool _isHeld;

    /// <summary>The longest hold since the last <see cref="Reset"/>, in nanoseconds.</summary>
    public long LongestNs => Volatile.Read(ref _longestNs);

    /// <summary>Timed holds since then that took longer than <see cref="LongNs"/>.</summary>
    public long LongHolds => Volatile.Read(ref _longHolds);

    /// <summary>The longest of these, with what happened in it; null if there was none.</summary>
    public LongHold? Longest => Volatile.Read(ref _longest);

    /// <summary>The longest in which nothing came between (<see cref="HoldWork.IsNothing"/>); null if there was none.</summary>
    public LongHold? LongestUndisturbed => Volatile.Read(ref _longestUndisturbed);

    /// <summary>How many of the long ones were such.</summary>
    public long Undisturbed => Volatile.Read(ref _undisturbed);

    /// <summary>Whether a hold is under way.</summary>
    public bool IsHeld => _isHeld;

    /// <summary>Forgets the longest hold.</summary>
    public void Reset()
    {
        Volatile.Write(ref _longestNs, 0);
        Volatile.Write(ref _longHolds, 0);
        Volatile.Write(ref _longest, null);
        Volatile.Write(ref _longestUndisturbed, null);
        Volatile.Write(ref _undisturbed, 0);
    }

    /// <summary>A hold begins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Begin(bool isLong)
    {
        _isHeld = true;
        if (isLong || --_untilSample <= 0) BeginTimed();
    }

    /// <summary>The rest of this hold may be long. Nothing outside a hold, or if it is timed already.</summary>
    public void Start()
    {
        if (_isHeld && _startNs == 0) StartTiming();
    }

    /// <summary>A hold ends.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void End()
    {
        _isHeld = false;
        if (_startNs != 0) EndTimed();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void BeginTimed()
    {
        _untilSample = OneIn;
        StartTiming();
    }

    // The clock last: what it costs to look at the rest is not the hold's.
    private void StartTiming()
    {
        _startWork = HoldWork.Now;
        _startNs = ThreadClock.NowNs;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void EndTimed()
    {
        var elapsedNs = ThreadClock.NowNs - _startNs;
        _startNs = 0;
        if (elapsedNs > LongNs) NoteLong(elapsedNs);
        if (elapsedNs > _longestNs) Volatile.Write(ref _longestNs, elapsedNs);
    }

    // The shards have been left: it may allocate.
    private void NoteLong(long elapsedNs)
    {
        Volatile.Write(ref _longHolds, _longHolds + 1);
        var hold = new LongHold(TimeSpan.FromMicroseconds(elapsedNs / 1e3), HoldWork.Now - _startWork);
        if (elapsedNs > _longestNs) Volatile.Write(ref _longest, hold);
        if (!hold.Work.IsNothing) return;
        Volatile.Write(ref _undisturbed, _undisturbed + 1);
        if (_longestUndisturbed is not { } longest || hold.Time > longest.Time) Volatile.Write(ref _longestUndisturbed, hold);
    }
}
