namespace Memstore.Server.Transports.Uring;

/// <summary>What kernels have beyond the least that the transport needs. Each is used where the kernel has it and done without elsewhere.</summary>
[Flags]
internal enum UringFeatures
{
    None = 0,

    /// <summary>Completions are made only while the ring's thread asks for them (SINGLE_ISSUER and DEFER_TASKRUN, Linux 6.1).</summary>
    DeferredWork = 1 << 0,

    /// <summary>The kernel finds the ring without counting references to its descriptor (Linux 5.18).</summary>
    RegisteredRing = 1 << 1,

    /// <summary>The same for the connections' descriptors (<see cref="FileTable"/>).</summary>
    RegisteredFiles = 1 << 2,

    /// <summary>A send makes a completion only if it fails (<see cref="QuietSends"/>).</summary>
    QuietSends = 1 << 3,

    /// <summary>One operation accepts many connections.</summary>
    MultishotAccept = 1 << 4,

    All = DeferredWork | RegisteredRing | RegisteredFiles | QuietSends | MultishotAccept,
}
