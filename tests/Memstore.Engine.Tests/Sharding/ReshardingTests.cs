using System.Globalization;
using Xunit;
using BalanceAdvice = Memstore.Engine.Shards.BalanceAdvice;

namespace Memstore.Engine.Tests.Sharding;

/// <summary>The number of shards changes while transactions run.</summary>
public sealed class ReshardingTests
{
    private static readonly int[] Counts = [4, 16, 3, 64, 4, 1, 7];

    [Fact]
    public void Nothing_is_lost_or_half_there_while_the_number_of_shards_changes()
    {
        using var store = new Store(new StoreOptions { Seed = 5 });
        for (var i = 0; i < 500; i++) store.Set($"still{i}", "1");
        using var stop = new CancellationTokenSource();
        var wrong = 0;
        // Each writer counts a group of keys up together and checks that it finds what it left; readers see groups whole; somebody flushes database 1.
        var threads = new List<Thread>();
        for (var number = 0; number < 3; number++)
        {
            var keys = Enumerable.Range(0, 4).Select(i => $"w{number}:{i}").ToArray();
            threads.Add(new Thread(() => Count(store, keys, ref wrong, stop.Token)));
            threads.Add(new Thread(() => Look(store, keys, ref wrong, stop.Token)));
        }

        threads.Add(new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                store.Set("x", "1", database: 1);
                store.RunOnEverything(TransactionPlan.Held, 1, static t => t.Flush(1));
                if (store.Get("x", 1) is not null) Interlocked.Increment(ref wrong);
            }
        }));
        threads.ForEach(static thread => thread.Start());
        for (var i = 0; i < 40; i++)
        {
            var count = Counts[i % Counts.Length];
            store.SetShardCount(count);
            Assert.Equal(count, store.ShardCount);
            Assert.All(Enumerable.Range(0, 16_384), slot => Assert.True(store.ShardOf(slot) < count));
        }

        stop.Cancel();
        threads.ForEach(static thread => thread.Join());
        Assert.Equal(0, wrong);
        for (var i = 0; i < 500; i++) Assert.Equal("1", store.Get($"still{i}"));
    }

    [Fact]
    public void A_snapshot_that_was_opened_before_reads_the_same_after()
    {
        using var store = new Store(new StoreOptions { Seed = 5 });
        for (var i = 0; i < 300; i++) store.Set($"k{i}", "1");
        using var cut = store.TakeCut();
        store.SetShardCount(32);
        for (var i = 0; i < 300; i++) store.Set($"k{i}", "2");
        store.SetShardCount(2);
        var sum = new SumVisitor();
        Assert.Equal(0UL, cut.Read(0, 0, int.MaxValue, ref sum));
        Assert.Equal((300, 300), (sum.Keys, sum.Sum));
    }

    [Fact]
    public void Loads_that_were_counted_decide_what_moves()
    {
        using var store = new Store(new StoreOptions { Seed = 5 });
        var busy = Enumerable.Range(0, 16_384).Where(slot => store.ShardOf(slot) == 2).Take(20).ToArray();
        BalanceAdvice Look()
        {
            foreach (var slot in busy)
            {
                for (var i = 0; i < 100; i++) store.CountLoad(slot);
            }

            return store.FoldLoads(decides: true);
        }

        Assert.Equal(BalanceAdvice.Stay, Look());
        Assert.Equal(BalanceAdvice.Move, Look());
        Assert.True(store.ShardStatistics()[2].Load > 0.7);
        var moves = store.Rebalance();
        Assert.NotEmpty(moves);
        Assert.All(moves, static move => Assert.Equal(2, move.From));
        Assert.True(store.ShardStatistics().Max(static shard => shard.Load) <= 0.3 + 0.01);
        Assert.Empty(store.Rebalance());
        for (var i = 0; i < 10; i++) Assert.Equal(BalanceAdvice.Stay, Look());
    }

    [Fact]
    public void Two_busy_seconds_with_quiet_ones_between_are_not_two_in_a_row()
    {
        using var store = new Store(new StoreOptions { Seed = 5, RunMaintenance = false });
        var busy = Enumerable.Range(0, 16_384).Where(slot => store.ShardOf(slot) == 2).Take(20).ToArray();
        for (var second = 0; second < 40; second++)
        {
            for (var i = 0; second % 4 == 0 && i < 2_000; i++) store.CountLoad(busy[i % busy.Length]);
            Assert.Equal(BalanceAdvice.Stay, store.FoldLoads(decides: true));
        }
    }

    [Fact]
    public void A_slot_leaves_a_shard_that_is_handed_from_one_to_the_next_without_end()
    {
        const int LinksMax = 2_000_000;
        using var store = new Store(new StoreOptions { Shards = 2, Seed = 5, RunMaintenance = false });
        var slot = store.RouteOf("k"u8).Slot;
        var from = store.ShardOf(slot);
        using var ended = new ManualResetEventSlim();
        var links = 0;
        // Before one leaves the shard, the next waits for it: there is no moment at which nobody has it.
        void Next()
        {
            if (++links > LinksMax || store.ShardOf(slot) != from)
            {
                ended.Set();
                return;
            }

            var transaction = new Transaction(store);
            transaction.Begin(0);
            transaction.Declare(store.RouteOf("k"u8), KeyAccess.Write);
            var worker = store.Rent();
            transaction.Submit(worker, new Script(_ => Next()));
            store.Return(worker);
        }

        store.Run(TransactionPlan.Held, 0, ["k"], _ => Next());
        Assert.True(store.MoveSlot(slot, 1 - from));
        Assert.Equal(1 - from, store.ShardOf(slot));
        ended.Wait(TestContext.Current.CancellationToken);
        Assert.True(links <= LinksMax, "The slot moved only when nobody waited for its shard any more.");
    }

    [Fact]
    public void A_transaction_holds_the_shard_that_a_slot_went_to_while_it_waited_for_another()
    {
        using var store = new Store(new StoreOptions { Seed = 5, RunMaintenance = false });
        var (first, second) = (KeyOfShard(store, 0), KeyOfShard(store, 1));
        var slot = store.RouteOf(second.Bytes()).Slot;
        var isHeld = false;
        var script = new Script(t =>
        {
            isHeld = store.Shards[0].IsHeld && store.Shards[2].IsHeld && !store.Shards[1].IsHeld;
            t.Write(second, "1");
        });
        store.Run(TransactionPlan.Held, 0, [first], _ =>
        {
            var transaction = new Transaction(store);
            transaction.Begin(0);
            transaction.Declare(store.RouteOf(first.Bytes()), KeyAccess.Read);
            transaction.Declare(store.RouteOf(second.Bytes()), KeyAccess.Write);
            var worker = store.Rent();
            transaction.Submit(worker, script);
            Assert.True(store.TryMoveSlot(worker, slot, 2));
            store.Return(worker);
        });
        script.Wait();
        Assert.True(isHeld);
        Assert.Equal("1", store.Get(second));
    }

    [Fact]
    public void A_transaction_over_everything_holds_shards_that_came_while_it_waited()
    {
        using var store = new Store(new StoreOptions { Seed = 5, RunMaintenance = false });
        var key = KeyOfShard(store, 0);
        var slot = Enumerable.Range(0, 16_384).First(slot => store.ShardOf(slot) == 1);
        using var moved = new ManualResetEventSlim();
        // Before the first hold of the change, which has to wait for the first shard: a slot of another one goes to a shard that is new.
        store.BeforeMove = () =>
        {
            store.BeforeMove = null;
            var worker = store.Rent();
            Assert.True(store.TryMoveSlot(worker, slot, 5));
            store.Return(worker);
            moved.Set();
        };
        var isHeld = false;
        var everything = new Script(_ => isHeld = Enumerable.Range(0, 8).All(shard => store.Shards[shard].IsHeld));
        var change = new Thread(() => store.SetShardCount(8));
        store.Run(TransactionPlan.Held, 0, [key], _ =>
        {
            var transaction = new Transaction(store);
            transaction.Begin(0);
            transaction.DeclareEverything(KeyAccess.Read);
            var worker = store.Rent();
            transaction.Submit(worker, everything);
            store.Return(worker);
            change.Start();
            moved.Wait(TestContext.Current.CancellationToken);
        });
        everything.Wait();
        change.Join();
        Assert.True(isHeld);
        Assert.Equal(8, store.ShardCount);
    }

    [Fact]
    public void A_change_that_fails_changes_nothing_and_the_next_one_does_all()
    {
        using var store = new Store(new StoreOptions { Seed = 5, RunMaintenance = false });
        for (var i = 0; i < 100; i++) store.Set($"k{i}", "1");
        var owners = Enumerable.Range(0, 16_384).Select(store.ShardOf).ToArray();
        // So many points that no array can have them.
        store.ReplicationFactor = int.MaxValue;
        foreach (var count in (int[])[16, 2, 4])
        {
            Assert.ThrowsAny<Exception>(() => store.SetShardCount(count));
            Assert.Equal(4, store.ShardCount);
            Assert.Equal(owners, Enumerable.Range(0, 16_384).Select(store.ShardOf));
        }

        Assert.ThrowsAny<Exception>(() => store.Rebalance());
        store.ReplicationFactor = 40;
        var moves = store.SetShardCount(16);
        Assert.InRange(moves.Count, 16_384 / 2, 16_384);
        Assert.Equal(16, store.ShardStatistics().Count(static shard => shard.Slots > 500));
        for (var i = 0; i < 100; i++) Assert.Equal("1", store.Get($"k{i}"));
    }

    [Theory]
    [InlineData(4, 16, 16)]
    [InlineData(4, 16, 4)]
    [InlineData(4, 16, 20)]
    [InlineData(16, 4, 4)]
    [InlineData(16, 4, 16)]
    [InlineData(16, 1, 8)]
    public void A_change_that_fails_half_way_loses_nothing_and_the_next_one_does_the_rest(int before, int wanted, int next)
    {
        using var store = new Store(new StoreOptions { Shards = before, Seed = 5, RunMaintenance = false });
        for (var i = 0; i < 1_000; i++) store.Set($"k{i}", "1");
        var holds = 0;
        store.BeforeMove = () =>
        {
            if (++holds > 20) throw new InsufficientMemoryException();
        };
        Assert.Throws<InsufficientMemoryException>(() => store.SetShardCount(wanted));
        store.BeforeMove = null;

        Assert.Equal(Math.Max(before, wanted), store.ShardCount);
        var shards = store.ShardStatistics();
        Assert.Equal((16_384, 1_000L), (shards.Sum(static shard => shard.Slots), shards.Sum(static shard => shard.Keys)));
        Assert.True(shards.Count(static shard => shard.Slots > 0) >= Math.Min(before, wanted));
        var found = 0L;
        store.RunOnEverything(TransactionPlan.Held, 0, t => found = t.Count(0));
        Assert.Equal(1_000, found);

        store.SetShardCount(next);
        Assert.Equal(next, store.ShardCount);
        // As even as after a change that did not fail: no shard that should have got slots has stayed empty.
        Assert.All(store.ShardStatistics(), shard => Assert.InRange(shard.Slots, 16_384 / next / 2, 16_384 * 1.3 / next));
        for (var i = 0; i < 1_000; i++) Assert.Equal("1", store.Get($"k{i}"));
        Assert.Empty(store.SetShardCount(next));
    }

    private static string KeyOfShard(Store store, int shard) =>
        Enumerable.Range(0, 1_000).Select(static i => $"k{i}").First(key => store.ShardOf(store.RouteOf(key.Bytes()).Slot) == shard);

    private static void Count(Store store, string[] keys, ref int wrong, CancellationToken stop)
    {
        for (var i = 1; !stop.IsCancellationRequested; i++)
        {
            var text = i.ToString(CultureInfo.InvariantCulture);
            var before = (i - 1).ToString(CultureInfo.InvariantCulture);
            var isRight = true;
            store.Run(i % 3 == 0 ? TransactionPlan.Snapshot : TransactionPlan.Held, 0, keys, t =>
            {
                isRight = true;
                foreach (var key in keys)
                {
                    isRight &= i == 1 || t.Read(key) == before;
                    t.Write(key, text);
                }
            });
            if (!isRight) Interlocked.Increment(ref wrong);
        }
    }

    private static void Look(Store store, string[] keys, ref int wrong, CancellationToken stop)
    {
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            string?[] found = [];
            store.Run(i % 2 == 0 ? TransactionPlan.ReadSnapshot : TransactionPlan.Held, 0, keys, t => found = [.. keys.Select(key => t.Read(key))]);
            if (found.Distinct().Count() != 1) Interlocked.Increment(ref wrong);
        }
    }

    private struct SumVisitor : IEntryVisitor
    {
        public int Keys;
        public int Sum;

        public void Visit(in Entry entry)
        {
            Keys++;
            Sum += entry.Value[0] - '0';
        }
    }
}
