using System.Runtime.InteropServices;
using Memstore.Engine.Memory;
using Xunit;

namespace Memstore.Engine.Tests.Memory;

/// <summary>Long holds, and what is known of why they were long.</summary>
public sealed class HoldClockTests
{
    private const int FreshBytes = 16 << 20;

    [Fact]
    public void What_came_between_is_noted_with_a_long_hold()
    {
        var holds = new HoldClock();
        holds.Begin(isLong: true);
        GC.Collect();
        TouchFreshMemory();
        Work();
        holds.End();
        Assert.Equal(1, holds.LongHolds);
        Assert.Equal(0, holds.Undisturbed);
        Assert.Null(holds.LongestUndisturbed);
        Assert.True(holds.Longest!.Time.TotalMicroseconds > 100);
        Assert.True(holds.Longest.Work.Collections > 0, holds.Longest.ToString());
        if (OperatingSystem.IsLinux()) Assert.True(holds.Longest.Work.Faults > 0, holds.Longest.ToString());
        holds.Reset();
        Assert.Null(holds.Longest);
    }

    // The system may interrupt any one of them, but not all.
    [Fact]
    public void A_long_hold_without_interruptions_counts_as_undisturbed()
    {
        var holds = new HoldClock();
        while (holds.Undisturbed == 0)
        {
            holds.Begin(isLong: true);
            Work();
            holds.End();
        }

        Assert.True(holds.LongestUndisturbed!.Work.IsNothing);
        Assert.True(holds.LongestUndisturbed.Time <= holds.Longest!.Time);
    }

    private static void Work()
    {
        var start = ThreadClock.NowNs;
        while (ThreadClock.NowNs - start < 2 * HoldClock.LongNs)
        {
            // The thread's own time, so that nothing else decides how long it is.
        }
    }

    private static unsafe void TouchFreshMemory()
    {
        var block = (byte*)NativeMemory.Alloc(FreshBytes);
        for (var i = 0; i < FreshBytes; i += 4_096) block[i] = 1;
        NativeMemory.Free(block);
    }
}
