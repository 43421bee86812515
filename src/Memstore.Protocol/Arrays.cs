using System.Buffers;
using System.Runtime.CompilerServices;

namespace Memstore.Protocol;

/// <summary>Arrays for buffers: from the shared pool up to 1 MB, and beyond it new ones that the collector takes back.</summary>
// The pool rounds up to powers of two and keeps what it is given, so one reply of 500 MB would hold a gigabyte that nobody accounts for.
internal static class Arrays<T>
{
    private const int PooledSizeMax = 1024 * 1024;

    public static T[] Rent(int length) =>
        length == 0 ? [] : length <= PooledLengthMax ? ArrayPool<T>.Shared.Rent(length) : GC.AllocateUninitializedArray<T>(length);

    /// <summary>Takes an array back; an empty one, and one that did not come from the pool, is ignored.</summary>
    public static void Return(T[] array)
    {
        if (array.Length > 0 && array.Length <= PooledLengthMax) ArrayPool<T>.Shared.Return(array);
    }

    private static int PooledLengthMax => PooledSizeMax / Unsafe.SizeOf<T>();
}
