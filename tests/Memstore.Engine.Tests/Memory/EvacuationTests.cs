using Memstore.Engine.Memory;
using Xunit;

namespace Memstore.Engine.Tests.Memory;

/// <summary>Sparse pages of records are emptied and go back to the system.</summary>
public sealed unsafe class EvacuationTests
{
    private const int Records = 200_000;
    private const int Size = 64;

    [Fact]
    public void Deleting_most_records_gives_most_memory_back()
    {
        var seed = Environment.TickCount;
        using var arena = HeapTests.NewArena();
        var heap = arena.CreateHeap();
        var live = FillAndDelete(arena, heap, new Random(seed), keepPercent: 20);

        var density = arena.RecordDensity;
        Assert.InRange(density, 0.15, 0.3);
        Assert.True(arena.BeginEvacuation(0.5) > 0);
        for (var i = 0; i < live.Count; i++)
        {
            if (!arena.IsEvacuating((byte*)live[i])) continue;
            var copy = heap.Allocate(Size, MemoryKind.Record);
            Assert.False(arena.IsEvacuating(copy));
            new ReadOnlySpan<byte>((byte*)live[i], Size).CopyTo(new Span<byte>(copy, Size));
            Heap.Free(arena, heap, (byte*)live[i]);
            live[i] = (nuint)copy;
        }

        arena.EndEvacuation();
        arena.Purge(long.MaxValue, all: true);
        Assert.InRange(arena.RecordDensity, 0.9, 1);
        Assert.InRange(arena.CommittedBytes, 0, arena.UsedBytes * 12 / 10 + (1 << 20));
        foreach (var record in live) Assert.Equal(*(long*)record, *(long*)(record + 8));
    }

    [Fact]
    public void Marked_pages_are_used_again_after_an_evacuation_that_moved_nothing()
    {
        var seed = Environment.TickCount;
        using var arena = HeapTests.NewArena();
        var heap = arena.CreateHeap();
        FillAndDelete(arena, heap, new Random(seed), keepPercent: 50);
        var committed = arena.CommittedBytes;

        arena.BeginEvacuation(0.9);
        for (var i = 0; i < 1_000; i++) heap.Allocate(Size, MemoryKind.Record);
        arena.EndEvacuation();
        for (var i = 0; i < Records * 4 / 10; i++) heap.Allocate(Size, MemoryKind.Record);
        Assert.InRange(arena.CommittedBytes, 0, committed + (2 << 20));
    }

    [Fact]
    public void Only_records_are_marked()
    {
        using var arena = HeapTests.NewArena();
        var heap = arena.CreateHeap();
        var blocks = new List<nuint>();
        for (var i = 0; i < 20_000; i++) blocks.Add((nuint)heap.Allocate(Size, MemoryKind.Node));
        for (var i = 0; i < blocks.Count; i++)
        {
            if (i % 10 != 0) Heap.Free(arena, heap, (byte*)blocks[i]);
        }

        Assert.Equal(0, arena.BeginEvacuation(1));
        Assert.All(blocks.Where((_, i) => i % 10 == 0), block => Assert.False(arena.IsEvacuating((byte*)block)));
        arena.EndEvacuation();
    }

    private static List<nuint> FillAndDelete(Arena arena, Heap heap, Random random, int keepPercent)
    {
        var live = new List<nuint>();
        for (var i = 0; i < Records; i++)
        {
            var record = heap.Allocate(Size, MemoryKind.Record);
            *(long*)record = *(long*)(record + 8) = i;
            live.Add((nuint)record);
        }

        return live.Where(record =>
        {
            if (random.Next(100) < keepPercent) return true;
            Heap.Free(arena, heap, (byte*)record);
            return false;
        }).ToList();
    }
}
