using Memstore.Engine.Memory;
using Xunit;

namespace Memstore.Engine.Tests.Memory;

/// <summary>Allocates and frees at random through several heaps; each block is full of its own pattern as long as it lives.</summary>
internal sealed unsafe class BlockModel(Arena arena, Random random, int heapCount)
{
    private readonly List<(nuint Block, int Size, byte Pattern)> _live = [];
    private byte _nextPattern;

    public Heap[] Heaps { get; } = [.. Enumerable.Range(0, heapCount).Select(_ => arena.CreateHeap())];

    public long BytesWritten { get; private set; }

    public void Step(int sizeMax, int blocksMax)
    {
        // Phases of growth and of shrinking, so that pages fill up and empty.
        var growing = _live.Count < blocksMax && random.Next(100) < (random.Next(2) == 0 ? 60 : 45);
        if (growing || _live.Count == 0) Add(1 + random.Next(random.Next(1, sizeMax + 1)));
        else FreeAt(random.Next(_live.Count));
    }

    public void FreeAll()
    {
        while (_live.Count != 0) FreeAt(random.Next(_live.Count));
    }

    private void Add(int size)
    {
        var block = Heaps[random.Next(Heaps.Length)].Allocate((nuint)size, (MemoryKind)random.Next(4));
        var pattern = ++_nextPattern;
        new Span<byte>(block, size).Fill(pattern);
        BytesWritten += size;
        _live.Add(((nuint)block, size, pattern));
    }

    private void FreeAt(int index)
    {
        var (block, size, pattern) = _live[index];
        _live[index] = _live[^1];
        _live.RemoveAt(_live.Count - 1);
        Assert.True(new ReadOnlySpan<byte>((byte*)block, size).IndexOfAnyExcept(pattern) < 0, "A live block was changed.");
        Heap.Free(arena, Heaps[random.Next(Heaps.Length)], (byte*)block);
    }
}
