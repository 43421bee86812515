using System.Runtime.InteropServices;

namespace Memstore.Server.Transports.Uring;

/// <summary>The system calls of this transport. A negative result is an error number.</summary>
internal static unsafe partial class KernelCalls
{
    // The same numbers on every architecture since they were added together.
    private const nint SetupNumber = 425;
    private const nint EnterNumber = 426;
    private const nint RegisterNumber = 427;

    private const int ProtectReadWrite = 3;
    private const int MapShared = 1;
    private const int MapPopulate = 0x8000;

    public static int Setup(uint entries, SetupParameters* parameters) =>
        Result(Call(SetupNumber, (nint)entries, (nint)parameters, 0, 0, 0, 0));

    public static int Enter(int ring, uint submitCount, uint waitCount, EnterFlags flags) =>
        Result(Call(EnterNumber, ring, (nint)submitCount, (nint)waitCount, (nint)(uint)flags, 0, 0));

    public static int Register(int ring, uint what, void* argument, uint count) =>
        Result(Call(RegisterNumber, ring, (nint)what, (nint)argument, (nint)count, 0, 0));

    /// <summary>Maps memory of a ring; null on failure.</summary>
    public static byte* Map(int ring, nuint size, long offset)
    {
        var address = MemoryMap(0, size, ProtectReadWrite, MapShared | MapPopulate, ring, offset);
        return address == -1 ? null : (byte*)address;
    }

    public static void Unmap(byte* address, nuint size) => _ = MemoryUnmap((nint)address, size);

    /// <summary>A counter to wake a sleeping ring with; blocking, because io_uring waits for it itself.</summary>
    public static int CreateEvent() => Result(EventDescriptor(0, (int)KernelFlags.CloseOnExec));

    public static void Signal(int eventDescriptor)
    {
        ulong one = 1;
        _ = Write(eventDescriptor, &one, sizeof(ulong));
    }

    public static void Close(int descriptor) => _ = CloseDescriptor(descriptor);

    public static void ShutdownBoth(int descriptor) => _ = Shutdown(descriptor, 2);

    /// <summary>Received bytes that wait in the socket.</summary>
    public static int UnreadBytes(int descriptor)
    {
        const nuint UnreadRequest = 0x541B; // FIONREAD
        int count;
        return Control(descriptor, UnreadRequest, &count) < 0 ? 0 : count;
    }

    /// <summary>Has a later close throw away what is unsent and tell the peer by a reset.</summary>
    public static void ResetOnClose(int descriptor)
    {
        const int SocketLevel = 1; // SOL_SOCKET
        const int Linger = 13; // SO_LINGER
        // struct linger: on or off 4, seconds 4.
        var linger = stackalloc int[] { 1, 0 };
        _ = SetOption(descriptor, SocketLevel, Linger, linger, 2 * sizeof(int));
    }

    /// <summary>Whether the other side of a socket has closed it or will send nothing more.</summary>
    public static bool HasPeerEnded(int descriptor)
    {
        // struct pollfd: descriptor 4, wanted events 2, returned events 2.
        const int ReadHangUp = 0x2000; // POLLRDHUP; POLLERR and POLLHUP are always told
        var poll = (long)(uint)descriptor | ((long)ReadHangUp << 32);
        return Poll(&poll, 1, 0) > 0;
    }

    /// <summary>Writes a socket address; returns its length or an error.</summary>
    public static int GetPeerAddress(int descriptor, byte* address, int size) =>
        PeerName(descriptor, address, &size) < 0 ? -Marshal.GetLastPInvokeError() : size;

    /// <summary>Writes a socket address; returns its length or an error.</summary>
    public static int GetLocalAddress(int descriptor, byte* address, int size) =>
        SocketName(descriptor, address, &size) < 0 ? -Marshal.GetLastPInvokeError() : size;

    private static int Result(nint result) => result < 0 ? -Marshal.GetLastPInvokeError() : (int)result;

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Call(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MemoryMap(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int MemoryUnmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventDescriptor(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int descriptor, void* bytes, nint count);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseDescriptor(int descriptor);

    [LibraryImport("libc", EntryPoint = "shutdown")]
    private static partial int Shutdown(int descriptor, int how);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int Control(int descriptor, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "setsockopt")]
    private static partial int SetOption(int descriptor, int level, int name, void* value, int size);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(long* descriptors, nuint count, int timeoutMs);

    [LibraryImport("libc", EntryPoint = "getpeername", SetLastError = true)]
    private static partial int PeerName(int descriptor, byte* address, int* size);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    private static partial int SocketName(int descriptor, byte* address, int* size);
}
