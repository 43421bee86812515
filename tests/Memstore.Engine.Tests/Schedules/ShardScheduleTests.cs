using Xunit;

namespace Memstore.Engine.Tests.Schedules;

/// <summary>
/// The commit queue under every schedule with few preemptions, and under many more by chance. It is the source of the engine's own Shard,
/// compiled over a memory whose accesses a scheduler orders; the model in Model/CommitQueueModel.cs covers all schedules of a smaller machine.
/// </summary>
public sealed class ShardScheduleTests(ITestOutputHelper output) : IDisposable
{
    private readonly Store _store = new(new StoreOptions { Shards = 1, RunMaintenance = false });

    public void Dispose()
    {
        Scheduler.Faults = MemoryFaults.None;
        Scheduler.ArrivalSeen = null;
        _store.Dispose();
    }

    [Theory]
    [InlineData(2, 1, 1, 6)]
    [InlineData(2, 2, 1, 3)]
    [InlineData(3, 1, 1, 3)]
    [InlineData(2, 1, 2, 4)]
    [InlineData(4, 1, 1, 2)]
    public void Every_schedule_grants_each_transaction_once_in_order_and_never_two_at_a_time(int threads, int each, int shards, int preemptions)
    {
        var schedules = Explore(threads, each, shards, preemptions, null, int.MaxValue);
        output.WriteLine($"{schedules} schedules.");
        Assert.True(schedules > 100);
    }

    [Fact]
    public void Schedules_drawn_by_chance_do_too()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"Seed {seed}.");
        Explore(4, 3, 1, int.MaxValue, new Random(seed), 2_000);
        Explore(3, 2, 3, int.MaxValue, new Random(seed), 2_000);
    }

    [Theory]
    [InlineData((int)MemoryFaults.SwapsInTwoSteps)]
    [InlineData((int)MemoryFaults.StoresAreNoFences)]
    public void A_memory_without_the_rules_that_the_queue_needs_breaks_it(int faults)
    {
        Scheduler.Faults = (MemoryFaults)faults;
        var error = Assert.Throws<InvalidOperationException>(() => Explore(3, 2, 1, 3, null, int.MaxValue));
        output.WriteLine(error.Message);
    }

    private int Explore(int threads, int each, int shards, int preemptions, Random? random, int schedulesMax)
    {
        var workload = new ShardWorkload(_store, threads, each, shards);
        Scheduler.ArrivalSeen = workload.Arrived;
        using var scheduler = new Scheduler(threads, workload.Run, preemptions, random);
        for (var schedules = 1; ; schedules++)
        {
            workload.Reset();
            try
            {
                scheduler.Run();
                workload.CheckEnd();
            }
            catch (InvalidOperationException error)
            {
                throw new InvalidOperationException($"{error.Message} Schedule {schedules}: {scheduler.Trace}", error);
            }

            if (schedules == schedulesMax || !scheduler.MoveNext()) return schedules;
        }
    }
}
