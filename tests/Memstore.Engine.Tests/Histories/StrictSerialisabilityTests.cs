using Memstore.Engine.Keys;
using Memstore.Histories.Checking;
using Memstore.Histories.Driving;
using Xunit;

namespace Memstore.Engine.Tests.Histories;

/// <summary>Histories of many concurrent transactions, straight against the engine, checked for strict serialisability.</summary>
public sealed class StrictSerialisabilityTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1, 1, 8)]
    [InlineData(2, 4, 8)]
    [InlineData(3, 4, 3)]
    [InlineData(4, 64, 12)]
    [InlineData(5, 1_024, 6)]
    public async Task Histories_are_strictly_serialisable_while_slots_move(int seed, int shards, int clients)
    {
        var report = await RunAsync(new Workload { Seed = seed, Clients = clients, Transactions = 60_000 }, shards, CommitFaults.None);
        output.WriteLine(report.ToString());
        Assert.True(report.Valid, report.ToString());
    }

    [Theory]
    [InlineData(6, 4, 8)]
    [InlineData(7, 16, 4)]
    public async Task A_few_hot_keys_are_strictly_serialisable(int seed, int shards, int clients)
    {
        var workload = new Workload { Seed = seed, Clients = clients, Transactions = 60_000, KeysPerKind = 3, Skew = 1 };
        var report = await RunAsync(workload, shards, CommitFaults.None);
        output.WriteLine(report.ToString());
        Assert.True(report.Valid, report.ToString());
    }

    [Theory]
    [InlineData((int)CommitFaults.SkipValidation)]
    [InlineData((int)CommitFaults.EnterOneByOne)]
    [InlineData((int)CommitFaults.StampEarly)]
    [InlineData((int)CommitFaults.SkipMarks)]
    public async Task A_broken_commit_is_noticed(int fault)
    {
        // Chance decides the interleavings, so a broken build gets several histories to show itself in.
        for (var seed = 100; seed < 120; seed++)
        {
            var workload = new Workload { Seed = seed, Clients = 6, Transactions = 6_000, KeysPerKind = 3, Skew = 1 };
            var report = await RunAsync(workload, 4, (CommitFaults)fault);
            if (report.Valid) continue;
            output.WriteLine(report.ToString());
            return;
        }

        Assert.Fail($"No history showed the fault {(CommitFaults)fault}.");
    }

    private static async Task<RunReport> RunAsync(Workload workload, int shards, CommitFaults faults)
    {
        using var store = new Store(new StoreOptions { Shards = shards, Seed = (ulong)workload.Seed, Faults = faults });
        return await HistoryRun.RunAsync(
            workload,
            (client, keys) => ValueTask.FromResult<IHistoryClient>(new EngineHistoryClient(store, keys, workload.Seed * 1_000 + client)),
            new RunOptions
            {
                ThreadPerClient = true,
                Check = new CheckOptions(),
                Disturbance = cancellation => Task.Run(() => MoveSlots(store, workload.Seed, cancellation), CancellationToken.None),
            });
    }

    // Moves slots, also those of the hot keys, from shard to shard until the run ends, and changes the number of shards now and then.
    private static void MoveSlots(Store store, int seed, CancellationToken cancellation)
    {
        var random = new Random(seed);
        ushort[] hot = [.. Enumerable.Range(0, 3).SelectMany(i => new[] { $"register:{i}", $"counter:{i}", $"list:{i}" }).Select(key => SlotHash.Of(key.Bytes()))];
        while (!cancellation.IsCancellationRequested)
        {
            if (random.Next(500) == 0) store.SetShardCount(random.Next(1, 17));
            var slot = random.Next(2) == 0 ? hot[random.Next(hot.Length)] : random.Next(SlotHash.Slots);
            var worker = store.Rent();
            store.TryMoveSlot(worker, slot, random.Next(store.ShardCount));
            store.Return(worker);
            Thread.Sleep(0);
        }
    }
}
