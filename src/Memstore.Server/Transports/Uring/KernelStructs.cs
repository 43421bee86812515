using System.Runtime.InteropServices;

namespace Memstore.Server.Transports.Uring;

// The kernel's own layouts and numbers (include/uapi/linux/io_uring.h), only what is used here.

/// <summary>One request to the kernel (io_uring_sqe).</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct SubmissionEntry
{
    [FieldOffset(0)] public Operation Operation;
    [FieldOffset(1)] public EntryFlags Flags;
    [FieldOffset(2)] public ushort Priority; // carries the flags of accept, send and recv
    [FieldOffset(4)] public int Descriptor;
    [FieldOffset(8)] public ulong Offset;
    [FieldOffset(16)] public ulong Address;
    [FieldOffset(24)] public uint Length;
    [FieldOffset(28)] public uint OperationFlags; // msg_flags, accept_flags, cancel_flags
    [FieldOffset(32)] public ulong UserData;
    [FieldOffset(40)] public ushort BufferGroup;
}

/// <summary>One answer of the kernel (io_uring_cqe).</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct CompletionEntry
{
    [FieldOffset(0)] public ulong UserData;
    [FieldOffset(8)] public int Result; // a count or a descriptor; a negative error number
    [FieldOffset(12)] public CompletionFlags Flags; // the upper 16 bits are the number of the chosen buffer
}

/// <summary>What io_uring_setup is asked and answers (io_uring_params, with both offset blocks).</summary>
[StructLayout(LayoutKind.Explicit, Size = 120)]
internal struct SetupParameters
{
    [FieldOffset(0)] public uint SubmissionEntries;
    [FieldOffset(4)] public uint CompletionEntries;
    [FieldOffset(8)] public SetupFlags Flags;
    [FieldOffset(20)] public RingFeatures Features;

    // io_sqring_offsets at 40
    [FieldOffset(40)] public uint SubmissionHead;
    [FieldOffset(44)] public uint SubmissionTail;
    [FieldOffset(48)] public uint SubmissionMask;
    [FieldOffset(52)] public uint SubmissionCount;
    [FieldOffset(56)] public uint SubmissionFlags;
    [FieldOffset(64)] public uint SubmissionArray;

    // io_cqring_offsets at 80
    [FieldOffset(80)] public uint CompletionHead;
    [FieldOffset(84)] public uint CompletionTail;
    [FieldOffset(88)] public uint CompletionMask;
    [FieldOffset(92)] public uint CompletionCount;
    [FieldOffset(100)] public uint CompletionArray;
}

/// <summary>Registers a ring of buffers that the kernel may choose from (io_uring_buf_reg).</summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
internal struct BufferRingRegistration
{
    [FieldOffset(0)] public ulong Address;
    [FieldOffset(8)] public uint Entries;
    [FieldOffset(12)] public ushort Group;
}

/// <summary>Changes registered descriptors (io_uring_rsrc_update, io_uring_files_update).</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct ResourceUpdate
{
    [FieldOffset(0)] public uint Offset;
    [FieldOffset(8)] public ulong Data; // a descriptor, or where the descriptors are
}

/// <summary>Registers a table of descriptors (io_uring_rsrc_register).</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct ResourceRegistration
{
    [FieldOffset(0)] public uint Count;
    [FieldOffset(4)] public uint Flags;
}

/// <summary>One buffer offered to the kernel (io_uring_buf). The ring's tail lies in the last two bytes of entry 0.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct OfferedBuffer
{
    public const int TailOffset = 14;

    [FieldOffset(0)] public ulong Address;
    [FieldOffset(8)] public uint Length;
    [FieldOffset(12)] public ushort Number;
}

internal enum Operation : byte
{
    Accept = 13,
    Cancel = 14,
    Read = 22,
    Send = 26,
    Receive = 27,
}

[Flags]
internal enum EntryFlags : byte
{
    None = 0,
    FixedFile = 1 << 0,
    BufferSelect = 1 << 5,
    SkipSuccess = 1 << 6, // 5.17
}

[Flags]
internal enum CompletionFlags : uint
{
    None = 0,
    Buffer = 1 << 0,
    More = 1 << 1,
    SocketNotEmpty = 1 << 2,
}

[Flags]
internal enum SetupFlags : uint
{
    None = 0,
    CompletionSize = 1 << 3,
    Clamp = 1 << 4,
    SubmitAll = 1 << 7, // 5.18
    CooperativeTaskRun = 1 << 8, // 5.19
    SingleIssuer = 1 << 12, // 6.0
    DeferTaskRun = 1 << 13, // 6.1
}

[Flags]
internal enum RingFeatures : uint
{
    None = 0,
    SingleMap = 1 << 0,
    NoDrop = 1 << 1,
    SubmitStable = 1 << 2,
    FastPoll = 1 << 5,
    SkipCompletions = 1 << 11, // 5.17
}

[Flags]
internal enum EnterFlags : uint
{
    None = 0,
    GetEvents = 1 << 0,
    RegisteredRing = 1 << 4, // 5.18
}

/// <summary>Flags of single operations and of register calls.</summary>
internal static class KernelFlags
{
    public const ushort PollFirst = 1 << 0; // send, recv: the socket is known to be not ready
    public const ushort AcceptMultishot = 1 << 0;
    public const uint CompletionsOverflow = 1 << 1; // in the submission queue's own flags
    public const uint CancelAll = 1 << 0;
    public const uint CancelAny = 1 << 2;
    public const uint DontWait = 0x40; // MSG_DONTWAIT
    public const uint WaitAll = 0x100; // MSG_WAITALL
    public const uint NoSignal = 0x4000; // MSG_NOSIGNAL
    public const uint CloseOnExec = 0x80000; // SOCK_CLOEXEC, EFD_CLOEXEC

    public const uint UpdateFiles = 6; // IORING_REGISTER_FILES_UPDATE
    public const uint RegisterProbe = 8;
    public const uint RegisterFiles = 13; // IORING_REGISTER_FILES2
    public const uint RegisterRingDescriptors = 20; // IORING_REGISTER_RING_FDS
    public const uint RegisterBufferRing = 22;
    public const uint UnregisterBufferRing = 23;
}

/// <summary>The error numbers that are acted upon (asm-generic/errno.h; alike on x86-64 and arm64).</summary>
internal static class ErrorNumber
{
    public const int NotPermitted = 1; // EPERM
    public const int Interrupted = 4; // EINTR
    public const int Again = 11; // EAGAIN
    public const int NoMemory = 12; // ENOMEM
    public const int Busy = 16; // EBUSY
    public const int Invalid = 22; // EINVAL
    public const int NoSystemCall = 38; // ENOSYS
    public const int ConnectionAborted = 103; // ECONNABORTED
    public const int NoBuffers = 105; // ENOBUFS
    public const int Canceled = 125; // ECANCELED
}
