using System.Runtime.InteropServices;

namespace Memstore.Server.Transports.Uring;

/// <summary>Finds out whether this kernel lets this process use io_uring as the transport needs it.</summary>
internal static unsafe class UringProbe
{
    private const string OldKernel = "the kernel is too old; Linux 5.19 or later is needed";
    private const int OperationsMax = 64;

    /// <summary>Makes a small ring on this thread and throws it away; null, or the reason why not.</summary>
    public static string? FindObstacle()
    {
        if (!OperatingSystem.IsLinux())
            return "it exists on Linux only";
        if (!Environment.Is64BitProcess || !BitConverter.IsLittleEndian)
            return "it is used in 64-bit little-endian processes only";
        if (Ring.TryCreate(8, 16, UringFeatures.All, out var error) is not { } ring)
            return Explain(error);
        try
        {
            if (!KnowsOperations(ring))
                return OldKernel;
            if (BufferRing.TryCreate(ring, out error) is not { } buffers)
                return Explain(error);
            BufferRing.Unregister(ring);
            buffers.Dispose();
            return null;
        }
        finally
        {
            ring.Dispose();
        }
    }

    /// <summary>What an operator can make of an error number of the set-up.</summary>
    public static string Explain(int error) => error switch
    {
        ErrorNumber.NoSystemCall => "the kernel has no io_uring or a seccomp profile hides it",
        ErrorNumber.NotPermitted => "it is forbidden by kernel.io_uring_disabled or a seccomp profile",
        ErrorNumber.NoMemory => "the limit of locked memory is too low (ulimit -l)",
        ErrorNumber.Invalid => OldKernel,
        _ => ErrorText(error),
    };

    /// <summary>The system's own text of an error number.</summary>
    public static string ErrorText(int error) => Marshal.GetPInvokeErrorMessage(error);

    // io_uring_probe: last operation 1 byte, count 1, reserved 14; then per operation: number 1, reserved 1, flags 2, reserved 4.
    private static bool KnowsOperations(Ring ring)
    {
        const int HeadSize = 16;
        const int RowSize = 8;
        var probe = stackalloc byte[HeadSize + (OperationsMax * RowSize)];
        new Span<byte>(probe, HeadSize + (OperationsMax * RowSize)).Clear();
        if (KernelCalls.Register(ring.Descriptor, KernelFlags.RegisterProbe, probe, OperationsMax) < 0)
            return false;
        foreach (var operation in Enum.GetValues<Operation>())
        {
            var flags = probe + HeadSize + ((int)operation * RowSize) + 2;
            if ((*flags & 1) == 0)
                return false;
        }
        return true;
    }
}
