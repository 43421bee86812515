using Memstore.Histories.Checking;
using Memstore.Histories.Driving;
using Memstore.Histories.Recording;
using Xunit;

namespace Memstore.Histories.Tests;

/// <summary>The whole way from a seed to a verdict, over a store in this process.</summary>
public sealed class HistoryRunTests(ITestOutputHelper output)
{
    private const int SeedsMax = 20;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_sound_store_passes(int seed)
    {
        RunReport report = await RunAsync(new Workload { Seed = seed, Transactions = 20_000 }, Breakage.None);
        Assert.True(report.Valid, report.ToString());
        Assert.True(report.Count(Outcome.Aborted) > 100, "conflicts should happen");
    }

    [Theory]
    [InlineData(Breakage.SkippedValidation)]
    [InlineData(Breakage.IgnoredWatch)]
    [InlineData(Breakage.KeysPublishedOneByOne)]
    [InlineData(Breakage.OldSnapshot)]
    [InlineData(Breakage.DroppedWrite)]
    [InlineData(Breakage.ForgetfulFlush)]
    [InlineData(Breakage.LateExpiry)]
    [InlineData(Breakage.MovingSnapshot)]
    public async Task A_broken_store_is_caught(Breakage breakage)
    {
        // Few keys, so that transactions meet, and lives so short that many keys outlive them by far within the run. Whether two of them really meet
        // in the broken place is up to the machine, so there is more than one run.
        for (int seed = 1; seed <= SeedsMax; seed++)
        {
            var workload = new Workload { Seed = seed, KeysPerKind = 5, Transactions = 20_000, Volatile = 0.5, ShortLived = 0.8, TtlMsMax = 2, Flushes = 0.02 };
            RunReport report = await RunAsync(workload, breakage);
            if (report.Valid) continue;
            Assert.Contains($"seed {seed},", report.ToString(), StringComparison.Ordinal);
            return;
        }

        Assert.Fail($"{SeedsMax} runs of a store with {breakage} passed.");
    }

    [Fact]
    public async Task A_million_operations_of_all_kinds_are_run_and_checked()
    {
        RunReport report = await RunAsync(new Workload { Seed = 8, Clients = 16, Transactions = 400_000 }, Breakage.None);
        Assert.True(report.Valid, report.ToString());
        Assert.InRange(report.Result.Operations, 1_000_000, 1_300_000);
    }

    [Fact]
    public void A_seed_gives_the_same_plans_again()
    {
        var workload = new Workload { Seed = 5 };
        Assert.Equal(Plans(workload, 3), Plans(workload, 3));
        Assert.NotEqual(Plans(workload, 3), Plans(workload, 2));
        Assert.NotEqual(Plans(workload, 3), Plans(workload with { Seed = 6 }, 3));
    }

    [Fact]
    public async Task A_client_that_fails_ends_the_run_with_the_seed()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => HistoryRun.RunAsync(
            new Workload { Seed = 77 }, (number, keys) => ValueTask.FromResult<IHistoryClient>(new FailingClient(number))));
        Assert.Contains("seed 77", error.Message, StringComparison.Ordinal);
        Assert.Contains("the disk is on fire", error.Message, StringComparison.Ordinal);
    }

    private static List<string> Plans(Workload workload, int client)
    {
        var generator = new WorkloadGenerator(workload, new WorkloadKeys(workload), client);
        var plan = new TransactionPlan();
        var plans = new List<string>();
        for (int i = 0; i < 100; i++)
        {
            generator.Next(plan);
            plans.Add($"{plan.Kind} {plan.Database} {string.Join(", ", plan.Commands)}");
        }

        return plans;
    }

    private async Task<RunReport> RunAsync(Workload workload, Breakage breakage)
    {
        var store = new SnapshotStore(breakage);
        var options = new RunOptions { ThreadPerClient = workload.Seed % 2 == 0, Check = new CheckOptions { DeadlineSlackMs = 1 } };
        RunReport report = await HistoryRun.RunAsync(workload, (_, keys) => ValueTask.FromResult(store.Connect(keys)), options);
        string text = report.ToString();
        output.WriteLine(text[..Math.Min(text.Length, 1_500)]);
        return report;
    }

    private sealed class FailingClient(int number) : IHistoryClient
    {
        private int _plans;

        public ValueTask<Outcome> RunAsync(TransactionPlan plan, TransactionAnswers answers, CancellationToken cancellation) =>
            number == 3 && _plans++ == 5 ? throw new InvalidOperationException("the disk is on fire") : ValueTask.FromResult(Outcome.Committed);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
