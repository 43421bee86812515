using Memstore.Histories.Checking;
using Memstore.Histories.Recording;
using Xunit;

namespace Memstore.Histories.Tests;

/// <summary>The graph checker against the definition, on thousands of tiny histories, most of them damaged at random.</summary>
public sealed class BruteForceTests(ITestOutputHelper output)
{
    private const int Histories = 4_000;

    [Theory]
    [InlineData("lists", 1.0)]
    [InlineData("registers", 0.99)]
    [InlineData("counters", 0.98)]
    [InlineData("vanishing", 0.95)]
    [InlineData("mixed", 0.95)]
    public void The_graph_and_the_definition_agree(string shape, double completenessMin)
    {
        int violations = 0;
        int found = 0;
        for (int seed = 0; seed < Histories; seed++)
        {
            int slackMs = seed % 4 == 0 ? 1 : -1;
            History history = Damage(HistoryGenerator.Generate(seed, Shape(shape), (Fault)(seed % 9)), seed);
            bool sound = BruteForceChecker.IsStrictlySerialisable(history, slackMs);
            CheckResult result = HistoryChecker.Check(history, new CheckOptions { DeadlineSlackMs = slackMs });
            Assert.True(result.Valid || !sound, $"seed {seed}, {shape}: a false alarm. {result}");
            if (sound) continue;
            violations++;
            if (!result.Valid) found++;
        }

        output.WriteLine($"{shape}: {found} of {violations} violations found in {Histories} histories");
        Assert.True(violations > Histories / 10, "too few damaged histories to say anything");
        Assert.True(found >= completenessMin * violations, $"{shape}: only {found} of {violations} violations found");
    }

    private static HistoryShape Shape(string name)
    {
        var tiny = new HistoryShape { Clients = 4, Transactions = 7, StepsMax = 3, Lists = 0, Registers = 0, Counters = 0, Databases = 1, Unknown = 0.1 };
        return name switch
        {
            "lists" => tiny with { Lists = 2 },
            "registers" => tiny with { Registers = 2, Deletes = 0, ShortLived = 0 },
            "counters" => tiny with { Counters = 2 },
            "vanishing" => tiny with { Registers = 2, Lists = 1, Counters = 1, Databases = 2, Deletes = 0.3, ShortLived = 0.5, Flushes = 0.1 },
            _ => tiny with { Lists = 1, Registers = 2, Counters = 1 },
        };
    }

    /// <summary>The same history with some answers replaced by other plausible ones and some completions moved.</summary>
    private static History Damage(History history, int seed)
    {
        var random = new Random(seed);
        var recorder = new HistoryRecorder(history.Keys);
        for (int i = 0; i < history.Count; i++)
        {
            ClientLog log = recorder.AddClient();
            log.Invoke(history[i].Invoked);
            foreach (Operation operation in history.Operations(i)) Copy(history, i, operation, log, random);
            long longer = random.Next(6) == 0 ? random.Next(40) * HistoryClock.StampsPerMs : 0;
            log.End(history[i].Completed + longer, history[i].Outcome, history[i].ReadsStand);
        }

        return recorder.ToHistory();
    }

    private static void Copy(History history, int transaction, Operation operation, ClientLog log, Random random)
    {
        bool damaged = random.Next(12) == 0;
        switch (operation.Kind)
        {
            case OperationKind.ReadList:
                ReadOnlySpan<long> elements = history.Elements(transaction, operation);
                log.ReadList(operation.Key, damaged ? elements[..random.Next(elements.Length + 1)] : elements);
                break;
            case OperationKind.Read:
                log.Read(operation.Key, damaged ? Other(history, operation.Key, random) : operation.Value);
                break;
            case OperationKind.ReadAlive:
                log.ReadAlive(operation.Key);
                break;
            case OperationKind.Write:
                log.Write(operation.Key, operation.Value, operation.Size);
                break;
            case OperationKind.Append:
                log.Append(operation.Key, operation.Value);
                break;
            case OperationKind.Increment:
                bool wrong = damaged && operation.Value > 1;
                log.Increment(operation.Key, wrong ? operation.Value - 1 : operation.Value);
                break;
            default:
                log.Flush(operation.Key);
                break;
        }
    }

    /// <summary>A value that somebody writes to this key, or nothing.</summary>
    private static long Other(History history, int key, Random random)
    {
        var values = new List<long> { Operation.Absent };
        for (int i = 0; i < history.Count; i++)
        {
            foreach (Operation operation in history.Operations(i))
            {
                if (operation.Key == key && operation.Kind is OperationKind.Write or OperationKind.Increment && operation.Value != Operation.NotKnown) values.Add(operation.Value);
            }
        }

        return values[random.Next(values.Count)];
    }
}
