using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Memstore.Engine.Memory;

/// <summary>The 40 block sizes: steps of 16 bytes to 128, then four for each doubling to 32 KiB. Larger blocks are runs of pages.</summary>
// Class sizes:  16 32 48 64 80 96 112 128 | 160 192 224 256 | 320 384 448 512 | ... | 20480 24576 28672 32768
internal static class SizeClasses
{
    /// <summary>Number of classes.</summary>
    public const int Count = 40;

    /// <summary>The largest size with a class, in bytes.</summary>
    public const int SizeMax = 32 << 10;

    /// <summary>The class number of a direct run of pages.</summary>
    public const byte Direct = 255;

    private const int TableMax = 1_024;

    // One byte for each step of 16 bytes to 1 KiB, where nearly all requests are: saves the arithmetic.
    private static ReadOnlySpan<byte> Small =>
    [
        0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 9, 10, 10, 11, 11,
        12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 15,
        16, 16, 16, 16, 16, 16, 16, 16, 17, 17, 17, 17, 17, 17, 17, 17,
        18, 18, 18, 18, 18, 18, 18, 18, 19, 19, 19, 19, 19, 19, 19, 19,
    ];

    /// <summary>The smallest class that holds <paramref name="size"/> bytes (at most <see cref="SizeMax"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Of(nuint size) => size <= TableMax
        ? Unsafe.Add(ref MemoryMarshal.GetReference(Small), (nint)((size + 15) >> 4))
        : OfLarge((uint)size);

    /// <summary>Bytes of a block of the class.</summary>
    public static int SizeOf(int sizeClass)
    {
        if (sizeClass < 8) return (sizeClass + 1) << 4;
        var doubling = (sizeClass - 8) >> 2;
        return (5 + ((sizeClass - 8) & 3)) << (5 + doubling);
    }

    /// <summary>Pages of 16 KiB in a run of the class; above 4 KiB blocks fill their run exactly.</summary>
    public static int PagesOf(int sizeClass) => SizeOf(sizeClass) switch
    {
        <= 1 << 10 => 1,
        <= 4 << 10 => 4,
        _ => 5 + ((sizeClass - 8) & 3),
    };

    private static int OfLarge(uint size)
    {
        var doubling = BitOperations.Log2(size - 1) - 7; // 129..256 -> 0
        return 4 + (doubling << 2) + (int)((size - 1) >> (doubling + 5));
    }
}
