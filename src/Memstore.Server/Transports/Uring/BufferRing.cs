using System.Runtime.InteropServices;

namespace Memstore.Server.Transports.Uring;

/// <summary>
/// Receive buffers that belong to a ring, not to connections: the kernel chooses one when bytes have come, so an idle connection
/// holds none.
/// </summary>
// Threading: the ring's thread; the kernel takes entries from the head while that thread is inside Enter.
internal sealed unsafe class BufferRing : IDisposable
{
    /// <summary>Size of each buffer. One receive takes at most so much.</summary>
    public const int BufferSize = 16 * 1024;

    /// <summary>The number by which receives name this ring of buffers.</summary>
    public const ushort Group = 0;

    // Buffers are used in turn, so a small count keeps their first lines in the cache. When all are held by sessions, receives go on
    // into blocks of their own.
    private const int Count = 128;

    private readonly OfferedBuffer* _offers;
    private readonly NativeBlock _memory;
    private ushort _tail;

    private BufferRing(OfferedBuffer* offers)
    {
        _offers = offers;
        _memory = NativeBlock.Allocate(Count * BufferSize);
        for (var i = 0; i < Count; i++)
            Return(i);
    }

    /// <summary>The memory of all buffers; buffer i begins at i * <see cref="BufferSize"/>.</summary>
    public NativeBlock Memory => _memory;

    /// <summary>Registers the buffers with a ring; null, with the error number, where the kernel has no buffer rings (before 5.19).</summary>
    public static BufferRing? TryCreate(Ring ring, out int error)
    {
        var size = (nuint)(Count * sizeof(OfferedBuffer));
        var offers = (OfferedBuffer*)NativeMemory.AlignedAlloc(size, (nuint)Environment.SystemPageSize);
        NativeMemory.Clear(offers, size);
        var registration = new BufferRingRegistration { Address = (ulong)offers, Entries = Count, Group = Group };
        error = -KernelCalls.Register(ring.Descriptor, KernelFlags.RegisterBufferRing, &registration, 1);
        if (error == 0)
            return new BufferRing(offers);
        NativeMemory.AlignedFree(offers);
        return null;
    }

    /// <summary>Offers a buffer to the kernel again.</summary>
    public void Return(int number)
    {
        ref var offer = ref _offers[_tail & (Count - 1)];
        offer.Address = (ulong)(_memory.Pointer + (number * BufferSize));
        offer.Length = BufferSize;
        offer.Number = (ushort)number;
        _tail++;
        // The kernel must see the entry before the tail that covers it.
        Volatile.Write(ref *(ushort*)((byte*)_offers + OfferedBuffer.TailOffset), _tail);
    }

    /// <summary>Takes the buffers back from a ring that lives on.</summary>
    public static void Unregister(Ring ring)
    {
        var registration = new BufferRingRegistration { Group = Group };
        _ = KernelCalls.Register(ring.Descriptor, KernelFlags.UnregisterBufferRing, &registration, 1);
    }

    /// <summary>Frees the memory. The ring must be closed before or the buffers unregistered, and no session may hold a buffer.</summary>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_offers);
        _memory.Free();
    }
}
