using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Memstore.Engine.Memory;

/// <summary>What the system counts of a thread (getrusage); zero where it does not.</summary>
internal readonly unsafe partial record struct ThreadUsage(long Faults, long Preemptions, long Waits)
{
    private const int OfThread = 1;
    private const int Longs = 18;
    private const int MinorFaultsAt = 8;
    private const int MajorFaultsAt = 9;
    private const int WaitsAt = 16;
    private const int PreemptionsAt = 17;

    /// <summary>The counts of the calling thread up to now. A system call.</summary>
    public static ThreadUsage Now => OperatingSystem.IsLinux() ? Ask() : default;

    // Apart, as in ThreadClock: Windows has no libc to find when this is compiled.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ThreadUsage Ask()
    {
        // struct rusage of Linux: two times of two longs, then 14 longs.
        var usage = stackalloc nint[Longs];
        if (GetUsage(OfThread, usage) != 0) return default;
        return new ThreadUsage(usage[MinorFaultsAt] + usage[MajorFaultsAt], usage[PreemptionsAt], usage[WaitsAt]);
    }

    [LibraryImport("libc", EntryPoint = "getrusage")]
    [SuppressGCTransition]
    private static partial int GetUsage(int who, nint* usage);
}
