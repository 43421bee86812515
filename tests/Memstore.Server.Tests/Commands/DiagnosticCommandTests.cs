using Memstore.Server.Metrics;
using Xunit;

namespace Memstore.Server.Tests.Commands;

public sealed class DiagnosticCommandTests
{
    [Fact]
    public async Task Latency_graph_draws_samples_over_their_ages()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        Assert.Equal(new RespError("ERR No samples available for event 'command'"), await client.AskAsync("LATENCY GRAPH command"));
        Assert.Equal(
            """
            command - high 120 ms, low 10 ms (all time high 500 ms)
            --------------------------------------------------------------------------------
              #
             _|
             ||
            _||

            229
            m0s
             s

            """.ReplaceLineEndings("\n"),
            LatencyReport.Graph(new LatencyEvent("command", [(1_000, 10), (1_100, 70), (1_111, 120)], 500), 1_120));
    }

    [Theory]
    [InlineData("DEBUG SLEEP 0.03")]
    [InlineData("KEYS *")]
    [InlineData("SWAPDB 0 1")]
    public async Task A_command_whose_session_had_to_wait_is_timed_as_a_whole(string command)
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        await client.AskAsync("SET key value");
        await client.AskAsync("CONFIG SET slowlog-log-slower-than 0");
        await client.AskAsync("SLOWLOG RESET");
        await client.AskAsync(command);
        await client.AskAsync("CONFIG SET slowlog-log-slower-than -1");
        var entries = Assert.IsType<object?[]>(await client.AskAsync("SLOWLOG GET"));
        var entry = entries.Cast<object?[]>().Single(entry => string.Join(' ', (object?[])entry[3]!) == command);
        if (command.StartsWith("DEBUG", StringComparison.Ordinal)) Assert.True((long)entry[2]! >= 25_000, $"{entry[2]} us");
    }

    [Fact]
    public async Task Latency_doctor_says_what_was_slow()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        Assert.StartsWith("The latency monitor is off.", (string)(await client.AskAsync("LATENCY DOCTOR"))!, StringComparison.Ordinal);
        await client.AskAsync("CONFIG SET latency-monitor-threshold 1000000");
        Assert.StartsWith("Nothing has taken 1000000 ms or longer", (string)(await client.AskAsync("LATENCY DOCTOR"))!, StringComparison.Ordinal);
        host.State.Latency.Add("command", 1_000, 200);
        host.State.Latency.Add("command", 1_010, 400);
        host.State.Latency.Add("journal-sync", 1_010, 150);
        var report = (string)(await client.AskAsync("LATENCY DOCTOR"))!;
        Assert.Contains("command: 2 seconds with slow events, 300 ms on average (mean deviation 100 ms), the worst 400 ms, one each 10.0 seconds.", report, StringComparison.Ordinal);
        Assert.Contains("SLOWLOG GET", report, StringComparison.Ordinal);
        Assert.Contains("The disk took long", report, StringComparison.Ordinal);
        Assert.Contains("command - high 400 ms, low 200 ms", (string)(await client.AskAsync("LATENCY GRAPH command"))!, StringComparison.Ordinal);
    }

    [Fact]
    public void A_slow_sync_of_the_journal_is_an_event_once()
    {
        var monitor = new LatencyMonitor();
        monitor.NoteSync(0, TimeSpan.Zero, 10);
        monitor.NoteSync(5_000, TimeSpan.FromMilliseconds(30), 10);
        monitor.NoteSync(5_000, TimeSpan.FromMilliseconds(30), 10);
        monitor.NoteSync(6_000, TimeSpan.FromMilliseconds(9), 10);
        monitor.NoteSync(7_500, TimeSpan.FromMilliseconds(20), 10);
        var kept = Assert.Single(monitor.All());
        Assert.Equal("journal-sync", kept.Name);
        Assert.Equal([(5, 30), (7, 20)], kept.Samples);
        Assert.Equal(30, kept.MaxMs);
    }

    [Theory]
    [InlineData("AUTH secret", "AUTH (redacted)")]
    [InlineData("AUTH default secret", "AUTH (redacted) (redacted)")]
    [InlineData("HELLO 2 AUTH default secret SETNAME me", "HELLO 2 AUTH (redacted) (redacted) SETNAME me")]
    [InlineData("CONFIG SET hz 10 requirepass secret", "CONFIG SET hz 10 requirepass (redacted)")]
    [InlineData("ECHO secret", "ECHO secret")]
    public async Task Secrets_are_not_kept_in_the_slow_log(string command, string shown)
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ("slowlog-log-slower-than", "0"), ("requirepass", "secret"));
        using var client = ServerFixture.ConnectInMemory(host);
        await client.AskAsync("AUTH secret");
        await client.AskAsync(command);
        var entries = (object?[])(await client.AskAsync("SLOWLOG GET 1"))!;
        Assert.Equal(shown, string.Join(' ', (object?[])((object?[])entries[0]!)[3]!));
    }

    [Fact]
    public async Task Monitors_see_no_secrets()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var monitor = ServerFixture.ConnectInMemory(host);
        using var client = ServerFixture.ConnectInMemory(host);
        Assert.Equal("OK", await monitor.AskAsync("MONITOR"));
        await client.AskAsync("HELLO 2 AUTH default secret");
        await client.AskAsync("ECHO end");
        var line = "";
        var all = "";
        while (!line.Contains("end", StringComparison.Ordinal)) all += line = (string)(await monitor.ReadAsync())!;
        Assert.Contains("(redacted)", all, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", all, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Malloc_stats_show_the_allocator()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        Assert.Contains("page tables", (string)(await client.AskAsync("MEMORY MALLOC-STATS"))!, StringComparison.Ordinal);
    }

    /// <summary>Fields of Redis 7.0.15 that nothing here is true of.</summary>
    private static readonly Dictionary<string, string> Absent = new()
    {
        ["used_cpu_sys_main_thread"] = "There is no main thread: every event thread runs commands.",
        ["used_cpu_user_main_thread"] = "There is no main thread: every event thread runs commands.",
    };

    [Fact]
    public async Task Info_has_every_field_of_Redis_in_its_section()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        var fields = new HashSet<string>();
        var section = "";
        foreach (var line in ((string)(await client.AskAsync("INFO everything"))!).Split("\r\n", StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith("# ", StringComparison.Ordinal)) section = line[2..];
            else fields.Add($"{section}\t{line.Split(':')[0]}");
        }

        var expected = File.ReadLines(RepositoryFiles.PathOf("tests/Memstore.Server.Tests/Commands/redis-7.0.15-info.tsv")).Skip(1).ToArray();
        Assert.True(expected.Length > 150);
        Assert.Equal([], expected.Where(field => !fields.Contains(field) && !Absent.ContainsKey(field.Split('\t')[1])));
        Assert.Equal([], expected.Where(field => fields.Contains(field) && Absent.ContainsKey(field.Split('\t')[1])));
    }
}
