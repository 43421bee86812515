using Memstore.Engine.Memory;
using Xunit;

namespace Memstore.Engine.Tests.Memory;

/// <summary>Blocks against a plain model: no two overlap, contents stay, and everything comes back.</summary>
public sealed unsafe class HeapTests
{
    private const long Gigabyte = 1L << 30;
    private const long SmallCushion = 4L << 20;

    [Fact]
    public void Every_size_gets_the_smallest_class_that_holds_it()
    {
        for (nuint size = 1; size <= SizeClasses.SizeMax; size++)
        {
            var sizeClass = SizeClasses.Of(size);
            Assert.InRange(sizeClass, 0, SizeClasses.Count - 1);
            Assert.True(SizeClasses.SizeOf(sizeClass) >= (int)size);
            Assert.True(sizeClass == 0 || SizeClasses.SizeOf(sizeClass - 1) < (int)size);
        }
    }

    [Fact]
    public void Blocks_are_aligned_and_know_their_size()
    {
        using var arena = NewArena();
        var heap = arena.CreateHeap();
        foreach (var size in new[] { 0, 1, 16, 17, 63, 64, 65, 100, 1_000, 1_024, 1_025, 4_097, 20_000, 32_768, 32_769, 70_000, 2 << 20, 5 << 20 })
        {
            foreach (var kind in Enum.GetValues<MemoryKind>())
            {
                var block = heap.Allocate((nuint)size, kind);
                Assert.Equal(0u, (ulong)block % (kind == MemoryKind.Table ? 64u : 16u));
                Assert.True(arena.SizeOf(block) >= (nuint)size);
                Assert.True(block == arena.FromUnit(arena.ToUnit(block)));
                Assert.NotEqual(0u, arena.ToUnit(block));
                new Span<byte>(block, size).Fill(1);
                Heap.Free(arena, heap, block);
            }
        }

        Assert.Equal(0, arena.UsedBytes);
    }

    [Fact]
    public void Kinds_never_share_a_page()
    {
        using var arena = NewArena();
        var heap = arena.CreateHeap();
        var pages = new Dictionary<nuint, MemoryKind>();
        for (var i = 0; i < 4_000; i++)
        {
            var kind = (MemoryKind)(i & 3);
            var page = (nuint)heap.Allocate(64, kind) >> RunPool.PageShift;
            Assert.True(!pages.TryGetValue(page, out var other) || other == kind);
            pages[page] = kind;
        }
    }

    [Theory]
    [InlineData(200, 4_000)]
    [InlineData(3_000, 2_000)]
    [InlineData(100_000, 300)]
    [InlineData(5 << 20, 40)]
    public void Random_blocks_never_overlap_and_all_come_back(int sizeMax, int blocksMax)
    {
        var seed = Environment.TickCount;
        using var arena = NewArena();
        var model = new BlockModel(arena, new Random(seed), 3);
        try
        {
            for (var step = 0; step < 40_000 && model.BytesWritten < 2 * Gigabyte; step++) model.Step(sizeMax, blocksMax);
            model.FreeAll();
            Assert.Equal(0, arena.UsedBytes);
            GiveUp(arena, model.Heaps);
            Assert.InRange(arena.CommittedBytes, 0, SmallCushion);
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"seed {seed}", failure);
        }
    }

    [Fact]
    public void The_memory_of_a_full_heap_comes_back_when_others_free_it()
    {
        using var arena = NewArena();
        var owner = arena.CreateHeap();
        var other = arena.CreateHeap();
        var blocks = new List<nuint>();
        for (var i = 0; i < 100_000; i++) blocks.Add((nuint)owner.Allocate((nuint)(i % 300), MemoryKind.Record));
        foreach (var block in blocks) Heap.Free(arena, other, (byte*)block);

        Assert.Equal(0, arena.UsedBytes);
        while (!owner.ReadNotices(100))
        {
            // All news of the other heap's frees is read.
        }

        GiveUp(arena, [owner, other]);
        Assert.InRange(arena.CommittedBytes, 0, SmallCushion);
    }

    [Fact]
    public void Pages_of_an_idle_heap_are_used_by_others()
    {
        using var arena = NewArena();
        var idle = arena.CreateHeap();
        var busy = arena.CreateHeap();
        var blocks = new List<nuint>();
        for (var i = 0; i < 50_000; i++) blocks.Add((nuint)idle.Allocate(64, MemoryKind.Record));
        for (var i = 0; i < blocks.Count; i++)
        {
            if (i % 10 != 0) Heap.Free(arena, idle, (byte*)blocks[i]);
        }

        var committed = arena.CommittedBytes;
        arena.Orphans.TakeFrom(idle, int.MaxValue);
        for (var i = 0; i < 44_000; i++) busy.Allocate(64, MemoryKind.Record);
        Assert.InRange(arena.CommittedBytes, 0, committed + (2 << 20));
    }

    [Fact]
    public void Two_heaps_that_overwrite_the_blocks_of_one_need_no_more_memory()
    {
        var random = new Random(1);
        using var arena = new Arena(new ArenaOptions { ReserveBytes = Gigabyte, HugePages = false });
        Heap[] heaps = [arena.CreateHeap(), arena.CreateHeap()];
        var blocks = new nuint[200_000];
        for (var i = 0; i < blocks.Length; i++) blocks[i] = (nuint)heaps[0].Allocate(64, MemoryKind.Record);

        for (var i = 0; i < 2_000_000; i++)
        {
            var heap = heaps[i & 1];
            ref var block = ref blocks[random.Next(blocks.Length)];
            Heap.Free(arena, heap, (byte*)block);
            block = (nuint)heap.Allocate(64, MemoryKind.Record);
        }

        Assert.InRange(arena.CommittedBytes, 0, arena.UsedBytes * 6 / 5);
    }

    [Fact]
    public void Many_threads_free_each_others_blocks()
    {
        var seed = Environment.TickCount;
        using var arena = NewArena();
        var shelves = new nuint[4_096];
        var heaps = Enumerable.Range(0, 4).Select(_ => arena.CreateHeap()).ToArray();
        var threads = heaps.Select((heap, i) => new Thread(() => Exchange(arena, heap, shelves, new Random(seed + i)))).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());

        foreach (var block in shelves)
        {
            if (block != 0) CheckAndFree(arena, heaps[0], (byte*)block);
        }

        Assert.True(arena.UsedBytes == 0, $"seed {seed}: {arena.UsedBytes} bytes in use");
        GiveUp(arena, heaps);
        Assert.True(arena.CommittedBytes <= SmallCushion, $"seed {seed}: {arena.CommittedBytes} bytes committed");
    }

    [Fact]
    public void Giving_memory_back_never_takes_what_is_in_use()
    {
        var seed = Environment.TickCount;
        using var arena = NewArena();
        var failures = 0;
        var running = 3;
        var threads = Enumerable.Range(0, running).Select(i => new Thread(() =>
        {
            var model = new BlockModel(arena, new Random(seed + i), 1);
            try
            {
                for (var step = 0; step < 3_000; step++) model.Step(3 << 20, 10);
                model.FreeAll();
            }
            catch (Exception)
            {
                Interlocked.Increment(ref failures);
            }

            Interlocked.Decrement(ref running);
        })).ToList();
        threads.ForEach(thread => thread.Start());
        while (Volatile.Read(ref running) != 0)
        {
            arena.Purge(long.MaxValue, all: true);
            arena.Prepare(2 << 20);
        }

        threads.ForEach(thread => thread.Join());
        Assert.True(failures == 0, $"seed {seed}");
        Assert.Equal(0, arena.UsedBytes);
    }

    [Fact]
    public void A_limit_is_kept_and_leaves_everything_usable()
    {
        using var arena = new Arena(new ArenaOptions { ReserveBytes = Gigabyte, LimitBytes = 16 << 20 });
        var heap = arena.CreateHeap();
        var blocks = new List<nuint>();
        while (true)
        {
            var block = heap.AllocateOrNull(10_000, MemoryKind.Record);
            if (block == null) break;
            blocks.Add((nuint)block);
        }

        Assert.InRange(arena.UsedBytes, 15 << 20, 16 << 20);
        try
        {
            heap.Allocate(10_000, MemoryKind.Record);
            Assert.Fail("The limit should have been refused.");
        }
        catch (InsufficientMemoryException refusal)
        {
            Assert.Contains("10000", refusal.Message, StringComparison.Ordinal);
        }

        Assert.True(heap.AllocateOrNull(64 << 20, MemoryKind.Other) == null);
        Assert.True(heap.AllocateOrNull(nuint.MaxValue, MemoryKind.Table) == null);
        foreach (var block in blocks) Heap.Free(arena, heap, (byte*)block);
        Assert.Equal(0, arena.UsedBytes);
        Assert.True(heap.AllocateOrNull(8 << 20, MemoryKind.Other) != null);
    }

    [Fact]
    public void A_block_of_512_MiB_and_a_header_is_possible()
    {
        using var arena = NewArena();
        var heap = arena.CreateHeap();
        var block = heap.Allocate((512 << 20) + 64, MemoryKind.Record);
        block[0] = 1;
        block[(512 << 20) + 63] = 2;
        Heap.Free(arena, heap, block);
        arena.Purge(long.MaxValue, all: true);
        Assert.InRange(arena.CommittedBytes, 0, SmallCushion);
    }

    [Fact]
    public void Maintenance_keeps_memory_ready_while_the_store_grows_and_gives_it_back_later()
    {
        using var arena = NewArena();
        var heap = arena.CreateHeap();
        var blocks = new List<nuint>();
        for (var i = 0; i < 1_000; i++) blocks.Add((nuint)heap.Allocate(100_000, MemoryKind.Other));
        arena.Maintain(1 << 20);
        if (arena.HugePages) Assert.InRange(arena.CommittedBytes - arena.UsedBytes, 8 << 20, 128 << 20);
        foreach (var block in blocks) Heap.Free(arena, heap, (byte*)block);

        for (var i = 0; i < 200; i++) arena.Maintain(1 << 20);
        Assert.InRange(arena.CommittedBytes, 0, 5 << 20);
    }

#if DEBUG
    [Fact]
    public void A_double_free_is_noticed_in_debug_builds()
    {
        using var arena = NewArena();
        var heap = arena.CreateHeap();
        var block = heap.Allocate(64, MemoryKind.Record);
        heap.Allocate(64, MemoryKind.Record);
        Heap.Free(arena, heap, block);
        Assert.True(new ReadOnlySpan<byte>(block + 8, 56).IndexOfAnyExcept((byte)0xDD) < 0);
        try
        {
            Heap.Free(arena, heap, block);
        }
        catch (InvalidOperationException)
        {
            return;
        }

        Assert.Fail("The second free went unnoticed.");
    }
#endif

    internal static Arena NewArena() => new(new ArenaOptions { ReserveBytes = 8 * Gigabyte });

    /// <summary>What maintenance does in time: idle heaps give up their pages, free pages go back to the system.</summary>
    internal static void GiveUp(Arena arena, IEnumerable<Heap> heaps)
    {
        foreach (var heap in heaps)
        {
            while (!heap.ReadNotices(100))
            {
                // Until no news is left.
            }

            arena.Orphans.TakeFrom(heap, int.MaxValue);
        }

        arena.Orphans.Tidy(int.MaxValue);
        arena.Purge(long.MaxValue, all: true);
    }

    // Puts blocks on shared shelves and frees what it finds there, which mostly came from others.
    private static void Exchange(Arena arena, Heap heap, nuint[] shelves, Random random)
    {
        for (var i = 0; i < 200_000; i++)
        {
            var size = random.Next(16, random.Next(10) == 0 ? 5_000 : 200);
            var block = heap.Allocate((nuint)size, MemoryKind.Record);
            *(int*)block = size;
            new Span<byte>(block + 4, size - 4).Fill((byte)size);
            var found = Interlocked.Exchange(ref shelves[random.Next(shelves.Length)], (nuint)block);
            if (found != 0) CheckAndFree(arena, heap, (byte*)found);
        }
    }

    private static void CheckAndFree(Arena arena, Heap heap, byte* block)
    {
        var size = *(int*)block;
        if (new ReadOnlySpan<byte>(block + 4, size - 4).IndexOfAnyExcept((byte)size) >= 0)
        {
            throw new InvalidOperationException("A block was written by somebody else.");
        }

        Heap.Free(arena, heap, block);
    }
}
