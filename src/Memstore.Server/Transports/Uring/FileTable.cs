namespace Memstore.Server.Transports.Uring;

/// <summary>
/// Descriptors that a ring knows by numbers of its own: operations on them count no references to the file, which all threads of the
/// process would share.
/// </summary>
// Threading: the ring's thread.
internal sealed unsafe class FileTable
{
    private const int CountMax = 16 * 1024;
    private const int CountMin = 64;
    private const uint Sparse = 1;

    private readonly Ring _ring;
    private readonly int _count;

    private FileTable(Ring ring, int count)
    {
        _ring = ring;
        _count = count;
    }

    /// <summary>Makes an empty table; one without places where the kernel or the limit of descriptors does not allow any.</summary>
    public static FileTable Create(Ring ring, bool isWanted)
    {
        for (var count = isWanted ? CountMax : 0; count >= CountMin; count /= 2)
        {
            var registration = new ResourceRegistration { Count = (uint)count, Flags = Sparse };
            if (KernelCalls.Register(ring.Descriptor, KernelFlags.RegisterFiles, &registration, (uint)sizeof(ResourceRegistration)) == 0)
                return new FileTable(ring, count);
        }
        return new FileTable(ring, 0);
    }

    /// <summary>Puts a descriptor into a place. False if it has to be used by its own number.</summary>
    public bool TrySet(int place, int descriptor)
    {
        if (place >= _count)
            return false;
        var update = new ResourceUpdate { Offset = (uint)place, Data = (ulong)&descriptor };
        return KernelCalls.Register(_ring.Descriptor, KernelFlags.UpdateFiles, &update, 1) == 1;
    }

    /// <summary>Empties a place. The file lives on until this is done and its descriptor closed.</summary>
    public void Clear(int place) => TrySet(place, -1);
}
