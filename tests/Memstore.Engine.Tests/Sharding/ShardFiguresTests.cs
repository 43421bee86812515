using Xunit;

namespace Memstore.Engine.Tests.Sharding;

/// <summary>What is counted for each shard, and that asking for it allocates next to nothing.</summary>
public sealed class ShardFiguresTests
{
    [Fact]
    public void Commits_are_counted_in_every_shard_that_they_held_and_turns_count_more()
    {
        using var store = new Store(new StoreOptions { Seed = 5, RunMaintenance = false });
        var (first, second) = KeysOfTwoShards(store);
        for (var i = 0; i < 10; i++) store.Set(first, "1");
        store.Run(TransactionPlan.Held, 0, [first, second], t => t.Write(second, "2"));
        // A snapshot that finds nobody inside waits for nobody: it takes no turn.
        store.Run(TransactionPlan.ReadSnapshot, 0, [first], t => t.Read(first));

        var shards = store.ShardStatistics();
        Assert.Equal(11, shards[ShardOf(store, first)].Commits);
        Assert.Equal(1, shards[ShardOf(store, second)].Commits);
        Assert.All(shards, static shard => Assert.True(shard.Turns >= shard.Commits));
        Assert.Equal(11, store.Statistics().Commits);
        Assert.Equal(1, shards[ShardOf(store, first)].Keys);
    }

    [Fact]
    public void A_transaction_that_starts_again_on_a_snapshot_counts_once()
    {
        using var store = new Store(new StoreOptions { Seed = 5, RunMaintenance = false });
        store.Set("k", "1");
        store.Run(TransactionPlan.Held, 0, ["k"], t =>
        {
            t.ExpectWork(1_000_000);
            t.Write("k", "2");
        });
        Assert.Equal(2, store.ShardStatistics()[ShardOf(store, "k")].Commits);
        Assert.Equal(2, store.Statistics().Commits);
    }

    [Fact]
    public void A_conflict_is_charged_to_the_shard_of_the_key_that_had_changed()
    {
        using var store = new Store(new StoreOptions { Seed = 5, RunMaintenance = false });
        var (first, second) = KeysOfTwoShards(store);
        var isFirstRun = true;
        store.Run(TransactionPlan.Snapshot, 0, [first, second], t =>
        {
            t.Read(second);
            t.Write(first, "1");
            if (isFirstRun) store.Set(second, "changed meanwhile");
            isFirstRun = false;
        });

        var shards = store.ShardStatistics();
        Assert.Equal(1, shards[ShardOf(store, second)].Conflicts);
        Assert.Equal(1, shards.Sum(static shard => shard.Conflicts));
        Assert.Equal(1, store.Statistics().Conflicts);
    }

    [Fact]
    public void A_lost_watch_is_charged_to_the_shard_of_the_watched_key()
    {
        using var store = new Store(new StoreOptions { Seed = 5, RunMaintenance = false });
        var (first, second) = KeysOfTwoShards(store);
        var watches = new WatchSet(store);
        store.Run(TransactionPlan.Held, 0, [second], t => watches.Add(t, store.KeyOf(second.Bytes())));
        store.Set(second, "touched");
        var transaction = new Transaction(store);
        transaction.Begin(0);
        transaction.Declare(store.RouteOf(first.Bytes()), KeyAccess.Write);
        transaction.DeclareWatches(watches);
        store.Finish(transaction, static t =>
        {
            Assert.True(t.WatchesBroken);
            t.CountLostWatch();
        });
        watches.Clear();

        var shards = store.ShardStatistics();
        Assert.Equal(1, shards[ShardOf(store, second)].LostWatches);
        Assert.Equal(1, shards.Sum(static shard => shard.LostWatches));
    }

    [Fact]
    public void Who_waits_for_a_shard_is_counted_while_it_waits_and_committed_by_who_leaves()
    {
        const int Waiting = 20;
        using var store = new Store(new StoreOptions { Shards = 2, Seed = 5, RunMaintenance = false });
        var scripts = Enumerable.Range(0, Waiting).Select(static _ => new Script(static t => t.Write("k", "1"))).ToArray();
        var shard = ShardOf(store, "k");
        store.Run(TransactionPlan.Held, 0, ["k"], _ =>
        {
            var others = new Thread(() => Submit(store, scripts));
            others.Start();
            others.Join();
            Assert.Equal(Waiting, store.ShardStatistics()[shard].QueueDepth);
        });
        foreach (var script in scripts) script.Wait();

        var figures = store.ShardStatistics()[shard];
        Assert.Equal((0, Waiting), (figures.QueueDepth, figures.LongestQueue));
        Assert.Equal(Waiting, figures.Combined);
        Assert.Equal(Waiting + 1, figures.Commits);
        Assert.Equal(Waiting, store.Statistics().CombinedCommits);
        store.ResetHolds();
        Assert.Equal(0, store.ShardStatistics()[shard].LongestQueue);
    }

    [Fact]
    public void Asking_again_and_again_allocates_nothing()
    {
        using var store = new Store(new StoreOptions { Seed = 5, RunMaintenance = false });
        for (var i = 0; i < 100; i++) store.Set($"k{i}", "1");
        var shards = Array.Empty<ShardStatistics>();
        // The runtime allocates now and then itself, what it needs to compile or to wait: the least of several windows is what the code allocates.
        var least = long.MaxValue;
        for (var window = 0; window < 20 && least > 0; window++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 10; i++) store.ReadShardStatistics(ref shards);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
        Assert.Equal(100, shards.Sum(static shard => shard.Keys));
        Assert.Equal(1.0, shards.Sum(static shard => shard.Load), 6);
    }

    private static int ShardOf(Store store, string key) => store.ShardOf(store.RouteOf(key.Bytes()).Slot);

    private static (string First, string Second) KeysOfTwoShards(Store store) =>
        ("k", Enumerable.Range(0, 1_000).Select(static i => $"k{i}").First(key => ShardOf(store, key) != ShardOf(store, "k")));

    private static void Submit(Store store, Script[] scripts)
    {
        var worker = store.Rent();
        foreach (var script in scripts)
        {
            var transaction = new Transaction(store);
            transaction.Begin(0);
            transaction.Declare(store.RouteOf("k"u8), KeyAccess.Write);
            transaction.Submit(worker, script);
        }

        store.Return(worker);
    }
}
