using System.Numerics;

namespace Memstore.Engine.Memory;

/// <summary>A set of chunk numbers: a bit each, with bounds that keep the searches short.</summary>
internal sealed class ChunkSet(int chunkCount)
{
    private readonly ulong[] _words = new ulong[(chunkCount + 63) / 64];
    private int _lowest = int.MaxValue; // no word below holds a bit
    private int _highest = -1;          // no word above holds a bit

    public int Count { get; private set; }

    public bool Contains(int chunk) => (_words[chunk >> 6] >> chunk & 1) != 0;

    public void Add(int chunk)
    {
        _words[chunk >> 6] |= 1UL << chunk;
        _lowest = Math.Min(_lowest, chunk >> 6);
        _highest = Math.Max(_highest, chunk >> 6);
        Count++;
    }

    public void Remove(int chunk)
    {
        _words[chunk >> 6] &= ~(1UL << chunk);
        Count--;
    }

    /// <summary>Takes out the lowest number; -1 if the set is empty.</summary>
    public int TakeLowest()
    {
        if (Count == 0) return -1;
        while (_words[_lowest] == 0) _lowest++;
        var chunk = (_lowest << 6) + BitOperations.TrailingZeroCount(_words[_lowest]);
        Remove(chunk);
        return chunk;
    }

    /// <summary>Takes out the highest number; -1 if the set is empty.</summary>
    public int TakeHighest()
    {
        if (Count == 0) return -1;
        while (_words[_highest] == 0) _highest--;
        var chunk = (_highest << 6) + BitOperations.Log2(_words[_highest]);
        Remove(chunk);
        return chunk;
    }

    /// <summary>Takes the lowest <paramref name="count"/> consecutive numbers below <paramref name="end"/> out of two disjoint sets; -1 if there are none.</summary>
    public static int FindRun(ChunkSet one, ChunkSet other, int count, int end)
    {
        if (one.Count + other.Count < count) return -1;
        var length = 0;
        for (var chunk = 0; chunk < end; chunk++)
        {
            if ((chunk & 63) == 0 && (one._words[chunk >> 6] | other._words[chunk >> 6]) == 0)
            {
                length = 0;
                chunk += 63;
                continue;
            }

            length = one.Contains(chunk) || other.Contains(chunk) ? length + 1 : 0;
            if (length < count) continue;
            for (var i = chunk - count + 1; i <= chunk; i++) (one.Contains(i) ? one : other).Remove(i);
            return chunk - count + 1;
        }

        return -1;
    }
}
