using System.Globalization;
using Xunit;

namespace Memstore.Engine.Tests.Soak;

/// <summary>
/// Many threads against one store for a while: whatever interleaves, what they see is whole. MEMSTORE_SOAK_SECONDS=n runs longer,
/// MEMSTORE_SEED=n plays the choices of a failure again.
/// </summary>
public sealed class SoakTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(2, 1)]
    [InlineData(4, 4)]
    [InlineData(3, 64)]
    public void Many_threads_see_whole_values_and_leave_no_memory(int threads, int shards) =>
        Pass(new SoakOptions { Seed = AnySeed(), Threads = threads, Shards = shards });

    [Theory]
    [InlineData((int)CommitFaults.SkipValidation)]
    [InlineData((int)CommitFaults.EnterOneByOne)]
    [InlineData((int)CommitFaults.SkipMarks)]
    public void A_broken_commit_is_noticed(int fault)
    {
        // Chance decides the interleavings, so a broken build gets several runs to show itself in.
        for (var seed = 1; seed <= 20; seed++)
        {
            var run = new SoakRun(new SoakOptions { Seed = seed, Faults = (CommitFaults)fault, Duration = TimeSpan.FromSeconds(5) });
            if (run.Run() is not { } violation) continue;
            output.WriteLine(violation);
            Assert.Contains(nameof(SoakViolationException), violation, StringComparison.Ordinal);
            return;
        }

        Assert.Fail($"No run showed the fault {(CommitFaults)fault}.");
    }

    private static int AnySeed() => Environment.GetEnvironmentVariable("MEMSTORE_SEED") is { Length: > 0 } seed
        ? int.Parse(seed, CultureInfo.InvariantCulture)
        : Random.Shared.Next(1, 1_000_000);

    private void Pass(SoakOptions options)
    {
        var run = new SoakRun(options);
        var violation = run.Run();
        output.WriteLine($"{options}: {run.Operations} operations.");
        Assert.True(violation is null, violation);
    }
}
