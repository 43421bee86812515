namespace Memstore.Engine.Memory;

/// <summary>How an <see cref="Arena"/> behaves; fixed when it is made.</summary>
internal sealed class ArenaOptions
{
    /// <summary>Address space to reserve, in bytes: at most 1 TiB (36 bits of 16-byte units). Halved until the system agrees.</summary>
    public long ReserveBytes { get; init; } = 1L << 40;

    /// <summary>Bytes of pages in use that are never exceeded; 0 means that only the system limits.</summary>
    public long LimitBytes { get; init; }

    /// <summary>Free memory that <see cref="Arena.Purge"/> keeps from the system, so that a store that breathes makes no system calls.</summary>
    public long CushionBytes { get; init; } = 8L << 20;

    /// <summary>Asks for huge pages: fewer TLB misses, but the first touch of a 2 MiB chunk makes all of it resident.</summary>
    public bool HugePages { get; init; } = true;
}
