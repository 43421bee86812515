using System.Runtime.InteropServices;

namespace Memstore.Engine.Memory;

/// <summary>The system's virtual memory, behind five verbs. Reserved memory faults when touched until it is committed.</summary>
internal static unsafe partial class NativePages
{
    private const int ProtNone = 0;
    private const int ProtReadWrite = 3;
    private const int MapPrivate = 2;
    private const int AdviseDontNeed = 4;
    private const int AdviseFreeOnMac = 5;
    private const int AdviseHugePage = 14;
    private const int AdviseNoHugePage = 15;
    private const int AdvisePopulateWrite = 23;
    private const int UsualPageSize = 4_096;

    private const uint MemCommit = 0x1000;
    private const uint MemReserve = 0x2000;
    private const uint MemRelease = 0x8000;
    private const uint PageNoAccess = 1;
    private const uint PageReadWrite = 4;

    // MAP_ANONYMOUS | MAP_NORESERVE: the kernel must not set swap aside for a range that is mostly never touched.
    private static int MapAnonymousNoReserve => OperatingSystem.IsMacOS() ? 0x1000 | 0x40 : 0x20 | 0x4000;

    /// <summary>Takes address space without memory behind it; null when the system refuses.</summary>
    public static byte* Reserve(nuint size)
    {
        if (OperatingSystem.IsWindows()) return (byte*)VirtualAlloc(null, size, MemReserve, PageNoAccess);
        var address = (nint)Map(null, size, ProtNone, MapPrivate | MapAnonymousNoReserve, -1, 0);
        return address == -1 ? null : (byte*)address;
    }

    /// <summary>Makes reserved memory usable; committing twice does no harm. False when the system refuses.</summary>
    public static bool Commit(byte* start, nuint size) => OperatingSystem.IsWindows()
        ? VirtualAlloc(start, size, MemCommit, PageReadWrite) != null
        : Protect(start, size, ProtReadWrite) == 0;

    /// <summary>
    /// Gives the memory back but keeps it usable; its contents are lost, or not. Pages of the system that reach over the range's ends stay: they are
    /// 64 KiB on some arm64 kernels, and madvise(2) would round the end up, over what is somebody else's.
    /// </summary>
    public static void Discard(byte* start, nuint size)
    {
        var mask = (nuint)Environment.SystemPageSize - 1;
        var from = (byte*)(((nuint)start + mask) & ~mask);
        var to = (byte*)((nuint)(start + size) & ~mask);
        if (from >= to) return;
        if (OperatingSystem.IsWindows()) _ = DiscardVirtualMemory(from, (nuint)(to - from));
        else _ = Advise(from, (nuint)(to - from), OperatingSystem.IsMacOS() ? AdviseFreeOnMac : AdviseDontNeed);
    }

    /// <summary>
    /// Asks for huge pages where the system has them on request and they are 2 MiB, as with pages of 4 KiB; otherwise does nothing. With pages of 64 KiB
    /// they are 512 MiB, and the first byte would take as much.
    /// </summary>
    public static bool AskForHugePages(byte* start, nuint size) =>
        OperatingSystem.IsLinux() && Environment.SystemPageSize == UsualPageSize && Advise(start, size, AdviseHugePage) == 0;

    /// <summary>Says whether pages of a part of a range with huge pages may be joined to huge ones. Where the system cannot, nothing changes.</summary>
    public static void PreferHugePages(byte* start, nuint size, bool huge)
    {
        if (OperatingSystem.IsLinux()) _ = Advise(start, size, huge ? AdviseHugePage : AdviseNoHugePage);
    }

    /// <summary>Makes memory resident ahead of its first use, where the system can; its contents stay. Linux 5.14.</summary>
    public static bool Populate(byte* start, nuint size) =>
        OperatingSystem.IsLinux() && Advise(start, size, AdvisePopulateWrite) == 0;

    /// <summary>Ends a reservation.</summary>
    public static void Release(byte* start, nuint size)
    {
        if (OperatingSystem.IsWindows()) _ = VirtualFree(start, 0, MemRelease);
        else _ = Unmap(start, size);
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int Advise(void* address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(void* address, nuint length);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial void* VirtualAlloc(void* address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial int VirtualFree(void* address, nuint size, uint type);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial uint DiscardVirtualMemory(void* address, nuint size);
}
