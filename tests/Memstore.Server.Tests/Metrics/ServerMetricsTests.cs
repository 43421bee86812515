using Memstore.Server.Tests.Commands;
using Xunit;

namespace Memstore.Server.Tests.Metrics;

public sealed class ServerMetricsTests
{
    [Fact]
    public void A_new_thread_goes_on_with_what_an_ended_one_has_counted()
    {
        using var harness = new CommandHarness();
        var metrics = harness.Server.Metrics;
        for (var i = 0; i < 10; i++)
        {
            var thread = new Thread(() => metrics.OfThisThread.Hits += 3);
            thread.Start();
            thread.Join();
        }

        Assert.Single(metrics.Threads);
        Assert.Equal(30, metrics.Totals().Hits);
    }

    [Fact]
    public void Rates_begin_anew_after_a_reset()
    {
        using var harness = new CommandHarness();
        var metrics = harness.Server.Metrics;
        for (var i = 0; i < 20; i++) metrics.Sample();
        metrics.Reset();
        metrics.Sample();
        metrics.OfThisThread.Of(harness.Server.Commands.Rows[0]).Calls += 1_000_000_000;
        metrics.Sample();
        // Not over the time since the machine started.
        Assert.True(metrics.Rates().Commands > 1_000_000, $"{metrics.Rates()}");
    }

    [Fact]
    public void Threads_that_run_at_the_same_time_count_for_themselves()
    {
        using var harness = new CommandHarness();
        var metrics = harness.Server.Metrics;
        using var together = new Barrier(3);
        var threads = Enumerable.Range(0, 3).Select(_ => new Thread(() =>
        {
            metrics.OfThisThread.Misses++;
            together.SignalAndWait();
        })).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        Assert.Equal(3, metrics.Threads.Count);
        Assert.Equal(3, metrics.Totals().Misses);
    }
}
