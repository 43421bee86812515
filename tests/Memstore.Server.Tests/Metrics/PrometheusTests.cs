using System.Buffers;
using System.Diagnostics;
using Memstore.Server.Metrics;
using Xunit;

namespace Memstore.Server.Tests.Metrics;

/// <summary>Prometheus can read all figures, whatever clients do.</summary>
public sealed class PrometheusTests
{
    [Fact]
    public async Task Every_family_is_well_formed_and_the_figures_are_true()
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ("shards", "3"));
        using var client = ServerFixture.ConnectInMemory(host);
        for (var i = 0; i < 20; i++) await client.AskAsync($"SET key{i} {new string('v', 100)} EX 1000");
        await client.AskAsync("GET key1");
        await client.AskAsync("GET nothing");
        await client.AskAsync("HSET key1 f v");
        await client.AskAsync("GET");
        for (var i = 0; i < 300; i++) host.State.Store.Maintain();

        var report = Report(host);
        Assert.Equal(20, report["memstore_commands_total{command=\"set\"}"]);
        Assert.Equal(2, report["memstore_commands_total{command=\"get\"}"]);
        Assert.Equal(1, report["memstore_command_rejected_total{command=\"get\"}"]);
        Assert.Equal(1, report["memstore_command_errors_total{command=\"hset\"}"]);
        Assert.Equal(1, report["memstore_errors_total{code=\"WRONGTYPE\"}"]);
        Assert.Equal(20, report["memstore_command_duration_seconds_count{command=\"set\"}"]);
        Assert.True(report["memstore_command_duration_seconds_sum{command=\"set\"}"] > 0);
        Assert.Equal(20, report["memstore_keys{database=\"0\"}"]);
        Assert.Equal(20, report["memstore_keys_with_deadline{database=\"0\"}"]);
        Assert.Equal(3, report["memstore_shards"]);
        Assert.Equal(16_384, Enumerable.Range(0, 3).Sum(shard => report[$"memstore_shard_slots{{shard=\"{shard}\"}}"]));
        Assert.Equal(20, Enumerable.Range(0, 3).Sum(shard => report[$"memstore_shard_keys{{shard=\"{shard}\"}}"]));
        Assert.Equal(1, report["memstore_keyspace_hits_total"]);
        Assert.Equal(1, report["memstore_keyspace_misses_total"]);
        Assert.Equal(1, report["memstore_connected_clients"]);
        Assert.Equal(10, report.Samples.Keys.Count(static key => key.StartsWith("memstore_big_key_bytes{", StringComparison.Ordinal)));
        Assert.Equal(10, report.Samples.Keys.Count(static key => key.StartsWith("memstore_hot_key_commands_per_second{", StringComparison.Ordinal)));
        Assert.True(report["memstore_memory_owner_bytes{owner=\"records\"}"] > 2_000);
        Assert.True(report["process_cpu_seconds_total"] > 0);
    }

    [Fact]
    public void Labels_bear_any_bytes_and_different_bytes_look_different()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var output = new ArrayBufferWriter<byte>();
        var text = new PrometheusText(output);
        text.Gauge("any", "Any bytes.");
        var keys = new HashSet<string>();
        byte[][] special = ["\\"u8.ToArray(), "\\\\"u8.ToArray(), "\""u8.ToArray(), "\n"u8.ToArray(), "\\n"u8.ToArray(), [0], [255, 254], "é😀"u8.ToArray(), "\\xff"u8.ToArray(), [255], []];
        foreach (var key in special) Add(key);
        for (var i = 0; i < 5_000; i++)
        {
            var key = new byte[random.Next(12)];
            random.NextBytes(key);
            Add(key);
        }

        var report = PrometheusChecker.Read(PrometheusChecker.Decode(output.WrittenSpan));
        Assert.True(keys.Count == report.Samples.Count, $"{keys.Count} keys, {report.Samples.Count} series (seed {seed})");
        Assert.Contains("memstore_any{key=\"é😀\"}", report.Samples.Keys);
        Assert.Contains("memstore_any{key=\"\\\\x00\"}", report.Samples.Keys);

        void Add(byte[] key)
        {
            keys.Add(Convert.ToHexString(key));
            text.With("key", key).Sample(1);
        }
    }

    [Fact]
    public async Task Promtool_has_no_complaint_where_it_is_installed()
    {
        Assert.SkipUnless(FindPromtool() is not null, "promtool is not installed.");
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        await client.AskAsync("SET \"quo\\\"ted\" 1");
        await client.AskAsync("GET key");
        var output = new ArrayBufferWriter<byte>();
        PrometheusReport.Write(host.State, output);

        using var process = Process.Start(new ProcessStartInfo(FindPromtool()!, ["check", "metrics"])
        {
            RedirectStandardInput = true, RedirectStandardError = true, RedirectStandardOutput = true,
        })!;
        await process.StandardInput.BaseStream.WriteAsync(output.WrittenMemory, TestContext.Current.CancellationToken);
        process.StandardInput.Close();
        var complaints = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken)
            + await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal("", complaints);
        Assert.Equal(0, process.ExitCode);
    }

    [Theory]
    [InlineData("# HELP a A.\n# TYPE a gauge\na 1\na 2\n")]
    [InlineData("# HELP a A.\n# TYPE a counter\na 1\n")]
    [InlineData("# HELP a A.\n# TYPE a gauge\na{k=\"\\x\"} 1\n")]
    [InlineData("# HELP a A.\n# TYPE a gauge\na{k=\"v\",k=\"w\"} 1\n")]
    [InlineData("a 1\n")]
    [InlineData("# HELP a A.\n# TYPE a gauge\na 1")]
    [InlineData("# HELP a A.\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n")]
    [InlineData("# HELP a A.\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 2\n")]
    public void The_checker_refuses(string text) => Assert.ThrowsAny<FormatException>(() => PrometheusChecker.Read(text));

    private static PrometheusChecker Report(ServerHost host)
    {
        var output = new ArrayBufferWriter<byte>();
        PrometheusReport.Write(host.State, output);
        return PrometheusChecker.Read(PrometheusChecker.Decode(output.WrittenSpan));
    }

    private static string? FindPromtool() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(static folder => Path.Combine(folder, "promtool")).FirstOrDefault(File.Exists);
}
