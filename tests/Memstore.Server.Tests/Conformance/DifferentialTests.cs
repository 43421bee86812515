using System.Globalization;
using System.Net;
using System.Text;
using Xunit;

namespace Memstore.Server.Tests.Conformance;

/// <summary>Asks a real Redis and Memstore the same, tens of thousands of times, and compares the bytes of the replies.</summary>
// MEMSTORE_CONFORMANCE=1 starts the built memstore.dll;
// MEMSTORE_ENDPOINT=host:port and MEMSTORE_REDIS=host:port name servers that run already; both are emptied.
// MEMSTORE_SEED=n plays one sequence only, as a failure prints it; MEMSTORE_SEQUENCES=n plays more or fewer;
// MEMSTORE_LEAVE_OUT=COPY,MOVE leaves out commands.
public sealed class DifferentialTests(ITestOutputHelper output)
{
    private const int SequenceLength = 300;
    private const int DifferencesMax = 25;
    private const string NotInstalled = "redis-server is not installed (Debian: apt-get install redis-server).";

    private static readonly int SequenceCount = int.Parse(Setting("MEMSTORE_SEQUENCES") ?? "300", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Replies_are_byte_for_byte_those_of_Redis(int protocol)
    {
        Assert.SkipUnless(Setting("MEMSTORE_CONFORMANCE") is not null || Setting("MEMSTORE_ENDPOINT") is not null, "Runs with MEMSTORE_CONFORMANCE=1.");
        using var memstore = Setting("MEMSTORE_ENDPOINT") is null ? ServerProcess.StartMemstore() : null;
        Compare(memstore?.EndPoint ?? IPEndPoint.Parse(Setting("MEMSTORE_ENDPOINT")!), protocol, SequenceCount);
    }

    // If the generator asked what Redis itself answers in several ways, the test above could not be trusted.
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Redis_agrees_with_another_Redis(int protocol)
    {
        using var second = ServerProcess.StartRedis();
        if (second is null) Assert.Skip(NotInstalled);
        Compare(second.EndPoint, protocol, SequenceCount / 5);
    }

    private void Compare(IPEndPoint subject, int protocol, int sequences)
    {
        using var redis = Setting("MEMSTORE_REDIS") is null ? ServerProcess.StartRedis() : null;
        if (redis is null && Setting("MEMSTORE_REDIS") is null) Assert.Skip(NotInstalled);
        var differential = new Differential(redis?.EndPoint ?? IPEndPoint.Parse(Setting("MEMSTORE_REDIS")!), subject, protocol);

        var differences = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var seed in Seeds(sequences))
        {
            Play(differential, seed, protocol, differences);
            if (differences.Count >= DifferencesMax) break;
        }

        output.WriteLine($"{differential.CommandCount} commands compared over RESP{protocol}");
        Assert.True(differences.Count == 0, $"{differences.Count} kinds of difference\n\n{string.Join("\n", differences.Values)}");
    }

    private static void Play(Differential differential, int seed, int protocol, SortedDictionary<string, string> differences)
    {
        var steps = new CommandGenerator(seed, (Setting("MEMSTORE_LEAVE_OUT") ?? "").Split(',')).Sequence(SequenceLength);
        if (differential.Run(steps) is not { } mismatch || differences.ContainsKey(Differential.Signature(mismatch))) return;
        var (fewer, last) = differential.Shrink(steps, mismatch);
        differences.TryAdd(Differential.Signature(mismatch), Describe(seed, protocol, fewer, last));
    }

    private static string Describe(int seed, int protocol, IReadOnlyList<Step> steps, Mismatch mismatch)
    {
        var text = new StringBuilder($"RESP{protocol}, MEMSTORE_SEED={seed}, an empty server, then:\n");
        foreach (var step in steps) text.Append("    ").Append(step).Append('\n');
        return text.Append($"  Redis:    {mismatch.Expected}\n  Memstore: {mismatch.Actual}\n").ToString();
    }

    private static IEnumerable<int> Seeds(int count) => Setting("MEMSTORE_SEED") is { } seed
        ? [int.Parse(seed, CultureInfo.InvariantCulture)]
        : Enumerable.Range(1, count);

    private static string? Setting(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
