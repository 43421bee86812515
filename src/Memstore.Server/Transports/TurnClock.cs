using System.Diagnostics;
using Memstore.Engine.Memory;

namespace Memstore.Server.Transports;

/// <summary>Times the turns of one event thread.</summary>
// A look at the wall clock costs 25 ns, one at the thread's processor time 500. So the first is looked at twice a turn, the second every
// 250 us at the start of a turn, and at the end of one only if it may have been the longest. A turn's figure is then the time that passed, or
// the processor time since the last look if that is less: never too small, and at most 250 us too large.
internal struct TurnClock(TurnRecord record)
{
    private static readonly long CheckpointTicks = Stopwatch.Frequency / 4_000;
    private static readonly double NanosecondsPerTick = 1e9 / Stopwatch.Frequency;

    private long _start;
    private long _checkpoint;
    private long _workedNs;

    /// <summary>A turn begins.</summary>
    public void Begin()
    {
        _start = Stopwatch.GetTimestamp();
        if (_start - _checkpoint < CheckpointTicks) return;
        _checkpoint = _start;
        _workedNs = ThreadClock.NowNs;
    }

    /// <summary>Whether the turn has lasted so many ticks of <see cref="Stopwatch"/>.</summary>
    public readonly bool HasLasted(long ticks) => Stopwatch.GetTimestamp() - _start >= ticks;

    /// <summary>The turn ends.</summary>
    public readonly void End()
    {
        var passedNs = (long)((Stopwatch.GetTimestamp() - _start) * NanosecondsPerTick);
        if (passedNs > record.LongestNs) record.Note(Math.Min(passedNs, ThreadClock.NowNs - _workedNs));
    }
}
