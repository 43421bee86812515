using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Memstore.Server.Transports.Uring;

/// <summary>A piece of native memory that the kernel reads from or writes to; the collector never moves it.</summary>
internal sealed unsafe class NativeBlock : MemoryManager<byte>
{
    private NativeBlock(int size)
    {
        Pointer = (byte*)NativeMemory.AlignedAlloc((nuint)size, 64);
        Size = size;
    }

    public byte* Pointer { get; private set; }

    public int Size { get; }

    /// <summary>The next block of whoever holds this one: a pool or an output.</summary>
    public NativeBlock? Next { get; set; }

    /// <summary>Bytes written by the session, from the start of the block.</summary>
    public int Written { get; set; }

    /// <summary>Bytes taken by the kernel, from the start of the block.</summary>
    public int Sent { get; set; }

    public static NativeBlock Allocate(int size) => new(size);

    public void Free()
    {
        NativeMemory.AlignedFree(Pointer);
        Pointer = null;
    }

    public override Span<byte> GetSpan() => new(Pointer, Size);

    public override MemoryHandle Pin(int elementIndex = 0) => new(Pointer + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}

/// <summary>Blocks of one ring, kept for reuse by size class.</summary>
// Threading: the ring's thread only. A block comes back only when neither the kernel nor a session uses it any more.
internal sealed class BlockPool
{
    /// <summary>The smallest block, in bytes.</summary>
    public const int SmallestSize = 4096;

    /// <summary>The largest block, in bytes.</summary>
    public const int LargestSize = 1 << 30;

    private const int SmallestShift = 12;
    private const int PooledClasses = 9; // up to 1 MiB; larger ones go straight back to the system
    private const long KeptBytesMax = 8 * 1024 * 1024;

    private readonly NativeBlock?[] _free = new NativeBlock?[PooledClasses];
    private long _keptBytes;

    /// <summary>A block of at least <paramref name="minimumSize"/> bytes: the next power of two.</summary>
    public NativeBlock Rent(int minimumSize)
    {
        var sizeClass = Class(minimumSize);
        if (sizeClass < PooledClasses && _free[sizeClass] is { } block)
        {
            _free[sizeClass] = block.Next;
            block.Next = null;
            _keptBytes -= block.Size;
            return block;
        }
        return NativeBlock.Allocate(SmallestSize << sizeClass);
    }

    /// <summary>As <see cref="Rent"/>, but false when the system has no memory: for a client's bytes nothing may fail but that client.</summary>
    public bool TryRent(int minimumSize, [NotNullWhen(true)] out NativeBlock? block)
    {
        try
        {
            block = Rent(minimumSize);
            return true;
        }
        catch (OutOfMemoryException)
        {
            block = null;
            return false;
        }
    }

    public void Return(NativeBlock block)
    {
        var sizeClass = Class(block.Size);
        if (sizeClass >= PooledClasses || _keptBytes + block.Size > KeptBytesMax)
        {
            block.Free();
            return;
        }
        block.Written = 0;
        block.Sent = 0;
        block.Next = _free[sizeClass];
        _free[sizeClass] = block;
        _keptBytes += block.Size;
    }

    /// <summary>Gives everything kept back to the system.</summary>
    public void Clear()
    {
        for (var i = 0; i < _free.Length; i++)
        {
            while (_free[i] is { } block)
            {
                _free[i] = block.Next;
                block.Free();
            }
        }
        _keptBytes = 0;
    }

    private static int Class(int size) =>
        size <= SmallestSize ? 0 : 32 - System.Numerics.BitOperations.LeadingZeroCount((uint)(size - 1)) - SmallestShift;
}
