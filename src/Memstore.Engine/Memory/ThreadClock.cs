using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Memstore.Engine.Memory;

/// <summary>The processor time of the calling thread: what it has worked, however often it was interrupted.</summary>
public static unsafe partial class ThreadClock
{
    private const int ThreadTimeOnLinux = 3;
    private const int ThreadTimeOnMac = 16;
    private const long NanosecondsPerSecond = 1_000_000_000;

    private static readonly int Clock = OperatingSystem.IsLinux() ? ThreadTimeOnLinux : OperatingSystem.IsMacOS() ? ThreadTimeOnMac : -1;

    /// <summary>
    /// Nanoseconds since some moment of the thread's own. A system call, half a microsecond in a virtual machine. Where the system
    /// has no such clock (Windows counts in steps of 15 ms) it is the time that has passed.
    /// </summary>
    public static long NowNs => Clock >= 0 ? ThreadTimeNs() : PassedNs();

    // Apart, for a call without a transition is resolved when its caller is compiled, and Windows has no libc.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long ThreadTimeNs()
    {
        TimeSpec time;
        return GetTime(Clock, &time) == 0 ? (time.Seconds * NanosecondsPerSecond) + time.Nanoseconds : PassedNs();
    }

    private static long PassedNs() => (long)(Stopwatch.GetTimestamp() * ((double)NanosecondsPerSecond / Stopwatch.Frequency));

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [SuppressGCTransition]
    private static partial int GetTime(int clock, TimeSpec* time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
