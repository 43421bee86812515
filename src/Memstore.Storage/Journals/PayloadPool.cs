using System.Buffers;
using System.Collections.Concurrent;
using System.Numerics;

namespace Memstore.Storage.Journals;

/// <summary>
/// Arrays for payloads that do not fit into a cell. Thousands of them may be under way at once, from the threads that commit to the one that writes, which is more than
/// the shared pool keeps for one size; it would allocate most of them anew. Thread-safe.
/// </summary>
internal sealed class PayloadPool
{
    private const int SmallestLog2 = 9;
    private const int LargestLog2 = 14;

    // What is kept of each size, in bytes; given back when the journal has nothing to do.
    private const int KeptMax = 8 << 20;

    private readonly ConcurrentQueue<byte[]>[] _free = [.. Enumerable.Range(SmallestLog2, LargestLog2 - SmallestLog2 + 1).Select(_ => new ConcurrentQueue<byte[]>())];

    // About how many there are, so that nobody has to count.
    private readonly int[] _counts = new int[LargestLog2 - SmallestLog2 + 1];

    /// <summary>An array of at least this length.</summary>
    public byte[] Rent(int length)
    {
        var log2 = Math.Max(SmallestLog2, BitOperations.Log2((uint)length - 1) + 1);
        if (log2 > LargestLog2) return ArrayPool<byte>.Shared.Rent(length);
        var size = log2 - SmallestLog2;
        if (!_free[size].TryDequeue(out var array)) return GC.AllocateUninitializedArray<byte>(1 << log2);
        Interlocked.Decrement(ref _counts[size]);
        return array;
    }

    /// <summary>Takes one back.</summary>
    public void Return(byte[] array)
    {
        var log2 = BitOperations.Log2((uint)array.Length);
        if (log2 > LargestLog2)
        {
            ArrayPool<byte>.Shared.Return(array);
            return;
        }

        var size = log2 - SmallestLog2;
        if (Volatile.Read(ref _counts[size]) >= KeptMax >> log2) return;
        Interlocked.Increment(ref _counts[size]);
        _free[size].Enqueue(array);
    }

    /// <summary>Forgets what is free.</summary>
    public void Trim()
    {
        for (var size = 0; size < _free.Length; size++)
        {
            while (_free[size].TryDequeue(out _)) Interlocked.Decrement(ref _counts[size]);
        }
    }
}
