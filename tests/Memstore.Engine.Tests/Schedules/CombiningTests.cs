using Xunit;

namespace Memstore.Engine.Tests.Schedules;

/// <summary>Whoever leaves a shard goes on with those who wait for it, but not for ever.</summary>
public sealed class CombiningTests
{
    private const int Waiting = 500;
    private const int GrantsAtOnce = 64;

    [Fact]
    public void Who_leaves_runs_at_most_so_many_of_those_who_wait_and_hands_on_the_rest_in_order()
    {
        using var store = new Store(new StoreOptions { Shards = 1, RunMaintenance = false });
        var order = new List<int>();
        var onOwnThread = 0;
        var thread = Environment.CurrentManagedThreadId;
        var scripts = Enumerable.Range(0, Waiting).Select(number => new Script(_ =>
        {
            // Inside the shard: one at a time.
            order.Add(number);
            if (Environment.CurrentManagedThreadId == thread) onOwnThread++;
        })).ToArray();

        store.Run(TransactionPlan.Held, 0, ["k"], _ =>
        {
            var others = new Thread(() => SubmitAll(store, scripts));
            others.Start();
            others.Join();
        });
        foreach (var script in scripts) script.Wait();

        Assert.Equal(Enumerable.Range(0, Waiting), order);
        // None, if the thread lost its processor for longer than a committer works for others.
        Assert.InRange(onOwnThread, 0, GrantsAtOnce);
        Assert.All(scripts, static script => Assert.Equal(1, script.Runs));
        Assert.Equal(Waiting, store.Statistics().CombinedCommits);
    }

    private static void SubmitAll(Store store, Script[] scripts)
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
