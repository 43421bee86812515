using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Memstore.Load;

/// <summary>The kernel's readiness queue (epoll(7)) and the two socket calls that go with it: one thread serves all connections.</summary>
internal sealed unsafe partial class Epoll : IDisposable
{
    private const int EventsMax = 256;
    private const int EAgain = 11;
    private const int EIntr = 4;
    private const int MsgDontWait = 0x40;
    private const int MsgNoSignal = 0x4000;
    private const int SetTimerSlack = 29;
    private const nint EpollPwait2 = 441;

    // struct epoll_event is packed on x86-64 only: events (4 bytes), then the 8 bytes of data.
    private static readonly int DataOffset = RuntimeInformation.ProcessArchitecture is Architecture.X64 ? 4 : 8;
    private static readonly int EventSize = DataOffset + 8;

    private readonly int _handle;
    private readonly byte[] _events = GC.AllocateArray<byte>(EventsMax * 16, pinned: true);

    public Epoll()
    {
        _handle = Create(0);
        if (_handle < 0) throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    /// <summary>Lets this thread's timed waits end within a microsecond of their time, not within 50.</summary>
    public static void SharpenTimers() => _ = ProcessControl(SetTimerSlack, 1, 0, 0, 0);

    public void Watch(int socket, int index, bool alsoWritable, bool add)
    {
        byte* change = stackalloc byte[16];
        *(uint*)change = alsoWritable ? 5u : 1u;
        *(long*)(change + DataOffset) = index;
        if (Control(_handle, add ? 1 : 3, socket, change) < 0) throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    /// <summary>Waits for sockets to become ready and returns how many are; <see cref="ReadyAt"/> tells which.</summary>
    public int Wait(long timeoutNanoseconds)
    {
        var timeout = stackalloc long[2];
        timeout[0] = timeoutNanoseconds / 1_000_000_000;
        timeout[1] = timeoutNanoseconds % 1_000_000_000;
        fixed (byte* events = _events)
        {
            var count = (int)SystemCall(EpollPwait2, _handle, events, EventsMax, timeout, null, 0);
            if (count >= 0) return count;
            var error = Marshal.GetLastPInvokeError();
            return error == EIntr ? 0 : throw new Win32Exception(error);
        }
    }

    public int ReadyAt(int position) => (int)BitConverter.ToInt64(_events, (position * EventSize) + DataOffset);

    /// <summary>Bytes received, 0 when the peer has closed, -1 when there are none now.</summary>
    public static int Receive(int socket, Span<byte> into)
    {
        fixed (byte* bytes = into) return Outcome(ReceiveCall(socket, bytes, into.Length, MsgDontWait));
    }

    /// <summary>Bytes sent, or -1 when the socket takes none now.</summary>
    public static int Send(int socket, ReadOnlySpan<byte> from)
    {
        fixed (byte* bytes = from) return Outcome(SendCall(socket, bytes, from.Length, MsgDontWait | MsgNoSignal));
    }

    public void Dispose() => _ = Close(_handle);

    private static int Outcome(nint result)
    {
        if (result >= 0) return (int)result;
        var error = Marshal.GetLastPInvokeError();
        return error is EAgain or EIntr ? -1 : throw new Win32Exception(error);
    }

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int Create(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int Control(int handle, int operation, int socket, byte* change);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint handle, byte* events, nint eventsMax, long* timeout, void* signals, nint size);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint ReceiveCall(int socket, byte* bytes, nint size, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint SendCall(int socket, byte* bytes, nint size, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int handle);

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int ProcessControl(int option, nuint a, nuint b, nuint c, nuint d);
}
