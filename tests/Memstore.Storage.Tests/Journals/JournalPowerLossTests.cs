using Memstore.Storage.Journals;
using Memstore.Storage.Tests.Disks;

namespace Memstore.Storage.Tests.Journals;

public sealed class JournalPowerLossTests
{
    private const int Steps = 120;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void What_was_acknowledged_survives_the_loss_of_power_at_any_call(int seed)
    {
        for (var at = FirstCall; Run(seed, at, isBroken: false, out var problem); at++) Assert.True(problem.Length == 0, $"seed {seed}, call {at}: {problem}");
    }

    [Fact]
    public void A_journal_that_acknowledges_before_the_sync_is_found_out()
    {
        var found = 0;
        for (var seed = 1; seed <= 3; seed++)
        {
            for (var at = FirstCall; Run(seed, at, isBroken: true, out var problem); at++) found += problem.Contains("was acknowledged", StringComparison.Ordinal) ? 1 : 0;
        }

        Assert.True(found > 0);
    }

    private static int FirstCall
    {
        get
        {
            var disk = new SimulatedDisk(1);
            _ = new JournalRun(disk, 1);
            return disk.Calls;
        }
    }

    // False when the run ended before the call came.
    private static bool Run(int seed, int lossAt, bool isBroken, out string problem)
    {
        var disk = new SimulatedDisk(seed * 1_000_003 + lossAt);
        var run = new JournalRun(disk, seed, options => options with { AcknowledgesBeforeSync = isBroken });
        disk.PowerLossAt = lossAt;
        problem = "";
        try
        {
            for (var step = 0; step < Steps; step++) run.Step();
            run.FillAll();
            run.Journal.SyncWritten();
            return false;
        }
        catch (PowerLossException)
        {
        }

        var after = disk.Reboot();
        problem = JournalRun.Check(after, run.Acknowledged, out var end);
        if (problem.Length == 0) problem = GoOn(after, end);
        return true;
    }

    // What was found is cut, goes on in a new segment, loses the power again while idle, and is found again.
    private static string GoOn(SimulatedDisk disk, JournalEnd end)
    {
        end.Cut(disk);
        var options = JournalRun.Options() with { FirstSegment = end.NextSegment, FirstSequence = end.LastSequence + 1, LastUnixMs = end.LastUnixMs };
        var run = new JournalRun(disk, 1, _ => options);
        run.Commit(20);
        run.FillAll();
        run.Journal.SyncWritten();
        return JournalRun.Check(disk.Reboot(), run.Journal.LastSequence, out _);
    }
}
