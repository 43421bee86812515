using Memstore.Engine.Memory;
using Xunit;

namespace Memstore.Engine.Tests.Memory;

/// <summary>What is retired is freed when nobody can see it any more, and not before.</summary>
public sealed unsafe class WorkerPoolTests
{
    [Fact]
    public void A_thread_gets_its_last_worker_again()
    {
        using var store = new Memory();
        var first = store.Pool.Rent();
        store.Pool.Return(first);
        var second = store.Pool.Rent();
        Assert.Same(first, second);
        var third = store.Pool.Rent();
        Assert.NotSame(second, third);
        store.Pool.Return(second);
        store.Pool.Return(third);
        Assert.Equal(2, store.Pool.WorkerCount);
    }

    [Fact]
    public void Closing_waits_for_those_who_are_about_to_leave()
    {
        using var store = new Memory();
        var pool = new WorkerPool(store.Arena);
        var worker = pool.Rent();
        Assert.False(pool.TryClose(TimeSpan.Zero));
        Assert.Throws<ObjectDisposedException>(() => pool.Rent());
        var isClosed = false;
        var closing = new Thread(() => isClosed = pool.TryClose(TimeSpan.FromMinutes(1)));
        closing.Start();
        Assert.False(closing.Join(TimeSpan.FromMilliseconds(20)));
        pool.Return(worker);
        closing.Join();
        Assert.True(isClosed);
    }

    [Fact]
    public void A_retired_block_waits_for_those_who_are_inside()
    {
        using var store = new Memory();
        var reader = store.Pool.Rent();
        var writer = store.Pool.Rent();
        writer.Retire(writer.Allocate(64, MemoryKind.Record));
        store.Pool.Return(writer);

        for (var i = 0; i < 10; i++) store.Pool.Collect();
        Assert.Equal(64, store.Pool.LimboBytes);
        Assert.Equal(64, store.Arena.UsedBytes);

        store.Pool.Return(reader);
        store.Pool.Collect();
        Assert.Equal(0, store.Pool.LimboBytes);
        Assert.Equal(0, store.Arena.UsedBytes);
    }

    [Fact]
    public void A_refresh_lets_the_reclaimer_go_on()
    {
        using var store = new Memory();
        var reader = store.Pool.Rent();
        var writer = store.Pool.Rent();
        writer.Retire(writer.Allocate(64, MemoryKind.Record));
        store.Pool.Return(writer);
        for (var i = 0; i < Epochs.Distance; i++)
        {
            store.Pool.Collect();
            reader.Refresh();
        }

        store.Pool.Collect();
        Assert.Equal(0, store.Pool.LimboBytes);
        store.Pool.Return(reader);
    }

    [Fact]
    public void A_worker_that_only_retires_keeps_its_limbo_small()
    {
        using var store = new Memory();
        var limboMax = 0L;
        for (var batch = 0; batch < 5_000; batch++)
        {
            var worker = store.Pool.Rent();
            for (var i = 0; i < 64; i++) worker.Retire(worker.Allocate(64, MemoryKind.Record));
            store.Pool.Return(worker);
            limboMax = Math.Max(limboMax, store.Pool.LimboBytes);
        }

        Assert.InRange(limboMax, 1, 2 << 20);
    }

    [Fact]
    public void Big_blocks_do_not_pile_up()
    {
        using var store = new Memory();
        var worker = store.Pool.Rent();
        for (var i = 0; i < 1_000; i++)
        {
            worker.Retire(worker.Allocate(5 << 20, MemoryKind.Record));
            worker.Refresh();
        }

        Assert.InRange(store.Pool.LimboBytes, 0, 64 << 20);
        store.Pool.Return(worker);
    }

    [Fact]
    public void Everything_comes_back_when_all_is_quiet()
    {
        using var store = new Memory();
        var threads = Enumerable.Range(0, 3).Select(_ => new Thread(() =>
        {
            for (var batch = 0; batch < 2_000; batch++)
            {
                var worker = store.Pool.Rent();
                for (var i = 0; i < 50; i++) worker.Retire(worker.Allocate((nuint)(batch + i), (MemoryKind)(i & 3)));
                store.Pool.Return(worker);
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());

        for (var i = 0; i < 50; i++) store.Pool.Collect();
        Assert.Equal(0, store.Pool.LimboBytes);
        Assert.Equal(0, store.Arena.UsedBytes);
        store.Arena.Purge(long.MaxValue, all: true);
        Assert.InRange(store.Arena.CommittedBytes, 0, 4 << 20);
    }

    [Fact]
    public void An_action_runs_in_slices_when_nobody_is_inside_any_more()
    {
        using var store = new Memory();
        var reader = store.Pool.Rent();
        var writer = store.Pool.Rent();
        var slices = 0;
        writer.RetireAction((_, state) => ++slices == (int)state!, 3);
        store.Pool.Return(writer);

        for (var i = 0; i < 10; i++) store.Pool.Collect();
        Assert.Equal(0, slices);
        store.Pool.Return(reader);
        for (var i = 0; i < 10; i++) store.Pool.Collect();
        Assert.Equal(3, slices);
    }

    [Fact]
    public void Who_finds_all_workers_taken_waits()
    {
        using var store = new Memory();
        var rented = Enumerable.Range(0, WorkerPool.WorkersMax).Select(_ => store.Pool.Rent()).ToList();
        Assert.Equal(WorkerPool.WorkersMax, rented.Distinct().Count());

        var waiting = new Thread(() => store.Pool.Return(store.Pool.Rent()));
        waiting.Start();
        store.Pool.Return(rented[77]);
        waiting.Join();
        foreach (var worker in rented.Where(worker => worker != rented[77])) store.Pool.Return(worker);
    }

    internal sealed class Memory : IDisposable
    {
        public Memory()
        {
            Arena = HeapTests.NewArena();
            Pool = new WorkerPool(Arena);
        }

        public Arena Arena { get; }

        public WorkerPool Pool { get; }

        public void Dispose()
        {
            Assert.True(Pool.TryClose(TimeSpan.Zero), "A worker was not returned.");
            Arena.Dispose();
        }
    }
}
