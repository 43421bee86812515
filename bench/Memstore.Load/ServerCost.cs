using System.Globalization;
using System.Runtime.InteropServices;

namespace Memstore.Load;

/// <summary>What a process has cost so far, as the kernel counts it.</summary>
internal static partial class ServerCost
{
    /// <summary>User and system time of all its threads, in nanoseconds, those that have ended included; null when it is gone.</summary>
    // /proc/PID/stat counts in ticks of 10 ms, too coarse for a run of a second; the process's CPU clock has the same sum in nanoseconds.
    public static long? CpuNs(int pid)
    {
        if (pid <= 0 || ClockId(pid, out var clock) != 0 || ClockTime(clock, out var time) != 0) return null;
        return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
    }

    /// <summary>Resident bytes (VmRSS).</summary>
    public static long ResidentBytes(int pid)
    {
        var line = File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1_024;
    }

    [LibraryImport("libc", EntryPoint = "clock_getcpuclockid")]
    private static partial int ClockId(int pid, out int clock);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct TimeSpec
    {
        public readonly long Seconds;
        public readonly long Nanoseconds;
    }
}
