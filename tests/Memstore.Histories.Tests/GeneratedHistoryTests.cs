using Memstore.Histories.Checking;
using Memstore.Histories.Recording;
using Xunit;

namespace Memstore.Histories.Tests;

/// <summary>Histories of a serial store pass; those of a store with a fault do not; and a checker that knows only the definition agrees.</summary>
public sealed class GeneratedHistoryTests(ITestOutputHelper output)
{
    private static readonly HistoryShape ListsOnly = new() { Registers = 0, Counters = 0, Databases = 1 };

    public static TheoryData<string> Shapes => ["mixed", "lists", "registers", "counters", "short-lived", "vanishing", "large"];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Histories_of_a_serial_store_pass(string shape)
    {
        int unresolved = 0;
        for (int seed = 0; seed < 300; seed++)
        {
            History history = HistoryGenerator.Generate(seed, Shape(shape));
            CheckResult result = HistoryChecker.Check(history, new CheckOptions { DeadlineSlackMs = seed % 2 == 0 ? 1 : -1 });
            Assert.True(result.Valid, $"seed {seed}, {shape}: {result}");
            unresolved += result.UnresolvedReads;
        }

        output.WriteLine($"{shape}: {unresolved} ambiguous reads in 300 histories");
    }

    [Theory]
    [InlineData(Fault.LostUpdate, "lists")]
    [InlineData(Fault.LostUpdate, "registers")]
    [InlineData(Fault.LostUpdate, "counters")]
    [InlineData(Fault.StaleRead, "lists")]
    [InlineData(Fault.StaleRead, "registers")]
    [InlineData(Fault.StaleRead, "vanishing")]
    [InlineData(Fault.WriteSkew, "mixed")]
    [InlineData(Fault.WriteSkew, "registers")]
    [InlineData(Fault.FracturedWrite, "lists")]
    [InlineData(Fault.FracturedWrite, "registers")]
    [InlineData(Fault.FracturedWrite, "mixed")]
    [InlineData(Fault.AbortedRead, "lists")]
    [InlineData(Fault.AbortedRead, "registers")]
    [InlineData(Fault.UnstableSnapshot, "lists")]
    [InlineData(Fault.UnstableSnapshot, "registers")]
    [InlineData(Fault.SeenExpired, "short-lived")]
    [InlineData(Fault.LostWrite, "lists")]
    [InlineData(Fault.LostWrite, "registers")]
    [InlineData(Fault.LostWrite, "counters")]
    public void Faults_are_caught(Fault fault, string shape)
    {
        const int Histories = 100;
        int caught = 0;
        var kinds = new SortedDictionary<string, int>();
        for (int seed = 0; seed < Histories; seed++)
        {
            // Without its clock a checker notices a key that outlives its deadline only if somebody had seen it dead.
            var options = new CheckOptions { DeadlineSlackMs = fault == Fault.SeenExpired ? 1 : -1 };
            CheckResult result = HistoryChecker.Check(HistoryGenerator.Generate(seed, Shape(shape), fault), options);
            if (!result.Valid) caught++;
            foreach (string kind in result.Anomalies.Select(anomaly => anomaly.Report.Split(':')[0]).Distinct()) kinds[kind] = kinds.GetValueOrDefault(kind) + 1;
        }

        output.WriteLine($"{fault} in {shape}: {caught} of {Histories}; " + string.Join(", ", kinds.Select(kind => $"{kind.Key} {kind.Value}")));
        Assert.Equal(Histories, caught);
    }

    private static HistoryShape Shape(string name) => name switch
    {
        "lists" => ListsOnly,
        "registers" => new HistoryShape { Lists = 0, Counters = 0, Registers = 5, ShortLived = 0, Deletes = 0, Flushes = 0, Databases = 1 },
        "counters" => new HistoryShape { Lists = 0, Registers = 0, Counters = 5, Databases = 1 },
        "short-lived" => new HistoryShape { Lists = 0, Counters = 0, Registers = 4, ShortLived = 0.7 },
        "vanishing" => new HistoryShape { Deletes = 0.3, Flushes = 0.05 },
        "large" => new HistoryShape { Clients = 24, Transactions = 2_000, Lists = 20, Registers = 20, Counters = 10, StepsMax = 8 },
        _ => new HistoryShape(),
    };
}
