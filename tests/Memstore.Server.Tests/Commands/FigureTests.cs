using System.Diagnostics;
using System.Text.RegularExpressions;
using Memstore.Server.Metrics;
using Memstore.Server.Tests.Sessions;
using Xunit;

namespace Memstore.Server.Tests.Commands;

/// <summary>What commands leave in INFO, SLOWLOG and LATENCY.</summary>
public sealed class FigureTests
{
    /// <summary>Commands with the hits and misses that Redis 7.0.15 counts for them, where s is a string, t one that expires, h a hash with the field f, and no is not there.</summary>
    public static TheoryData<string, int, int> Lookups => new()
    {
        { "GET s", 1, 0 }, { "GET no", 0, 1 }, { "GET h", 1, 0 }, { "MGET s no h", 2, 1 }, { "STRLEN s", 1, 0 }, { "STRLEN no", 0, 1 },
        { "GETRANGE no 0 1", 0, 1 }, { "EXISTS s no s", 2, 1 }, { "TOUCH s no", 1, 1 }, { "TYPE s", 1, 0 }, { "TYPE no", 0, 1 },
        { "TTL s", 1, 0 }, { "TTL t", 1, 0 }, { "PTTL no", 0, 1 }, { "EXPIRETIME s", 1, 0 }, { "OBJECT ENCODING s", 1, 0 }, { "OBJECT REFCOUNT no", 0, 1 },
        { "HGET h f", 1, 0 }, { "HGET h no", 1, 0 }, { "HGET no f", 0, 1 }, { "HGET s f", 1, 0 }, { "HMGET no f g", 0, 1 }, { "HLEN no", 0, 1 },
        { "HEXISTS h no", 1, 0 }, { "HGETALL no", 0, 1 }, { "HGETALL h", 1, 0 }, { "HSCAN h 0", 1, 0 }, { "HSCAN no 0", 0, 1 }, { "HRANDFIELD no", 0, 1 },
        { "GETEX s", 1, 0 }, { "GETEX no", 0, 1 }, { "GETDEL t", 1, 0 }, { "GETDEL no", 0, 1 }, { "GETSET no v", 0, 1 }, { "GETSET s v", 1, 0 },
        { "SET s v GET", 1, 0 }, { "SET no v GET", 0, 1 }, { "SET h v GET", 1, 0 }, { "COPY s copy", 1, 0 }, { "COPY no copy", 0, 1 },
        { "SET s v", 0, 0 }, { "SET s v XX", 0, 0 }, { "SETNX s v", 0, 0 }, { "INCR n", 0, 0 }, { "APPEND s x", 0, 0 }, { "HSET h f 2", 0, 0 }, { "HDEL h no", 0, 0 },
        { "DEL no", 0, 0 }, { "EXPIRE s 10", 0, 0 }, { "PERSIST t", 0, 0 }, { "RENAME s s2", 0, 0 }, { "MEMORY USAGE s", 0, 0 }, { "SCAN 0", 0, 0 }, { "DBSIZE", 0, 0 },
    };

    [Theory]
    [MemberData(nameof(Lookups))]
    public async Task Hits_and_misses_of_the_keyspace_are_counted_as_Redis_does(string command, int hits, int misses)
    {
        foreach (var form in new[] { "{0}", "MULTI\n{0}\nEXEC", "BEGIN\n{0}\nROLLBACK" })
        {
            await using var host = ServerFixture.Make(TimeProvider.System);
            using var client = ServerFixture.ConnectInMemory(host);
            foreach (var line in new[] { "SET s v", "SET t v EX 1000", "HSET h f 1" }) await client.AskAsync(line);
            foreach (var line in form.Replace("{0}", command, StringComparison.Ordinal).Split('\n')) await client.AskAsync(line);
            var totals = host.State.Metrics.Totals();
            Assert.Equal((form, (long)hits, (long)misses), (form, totals.Hits, totals.Misses));
        }
    }

    [Theory]
    [InlineData("INCR x")]
    [InlineData("PING\nPING\nINCR x\nPING")]
    [InlineData("HSET x f v")]
    public async Task A_fast_command_that_waited_for_its_shard_is_a_slow_one(string lines)
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ("slowlog-log-slower-than", "5000"), ("latency-monitor-threshold", "5"));
        using var client = ServerFixture.ConnectInMemory(host);
        var commands = lines.Split('\n');
        using (var held = new HeldKey(host.State.Store, "x"))
        {
            await client.WriteAsync(RespClient.Pipeline(commands));
            await held.WaitForQueueAsync();
            // It waits for at least as long as the thresholds say.
            var since = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(since).TotalMilliseconds < 6) await Task.Yield();
        }

        foreach (var _ in commands) await client.ReadAsync();
        var slow = (object?[])(await client.AskAsync("SLOWLOG GET"))!;
        Assert.Contains(commands.Single(command => command != "PING"), slow.Select(entry => string.Join(' ', (object?[])((object?[])entry!)[3]!)));
        Assert.Contains("fast-command", ((object?[])(await client.AskAsync("LATENCY LATEST"))!).Select(entry => (string)((object?[])entry!)[0]!));
        var histogram = (object?[])(await client.AskAsync($"LATENCY HISTOGRAM {commands.Single(command => command != "PING").Split(' ')[0]}"))!;
        var classes = (object?[])((object?[])histogram[1]!)[3]!;
        Assert.True((long)classes[^2]! >= 5_000, $"{classes[^2]} us");
    }

    [Theory]
    [InlineData("GET big")]
    [InlineData("PING\nPING\nGET big\nPING")]
    public async Task A_fast_command_with_a_large_reply_is_a_slow_one(string lines)
    {
        // Nothing copies so much in so little time.
        await using var host = ServerFixture.Make(TimeProvider.System, ("slowlog-log-slower-than", "1000"));
        using var client = ServerFixture.ConnectInMemory(host);
        await client.AskAsync("SETRANGE big 99999999 x");
        await client.AskAsync("SLOWLOG RESET");
        var commands = lines.Split('\n');
        await client.WriteAsync(RespClient.Pipeline(commands));
        foreach (var _ in commands) await client.ReadAsync();
        var slow = (object?[])(await client.AskAsync("SLOWLOG GET"))!;
        Assert.Contains("GET big", slow.Select(entry => string.Join(' ', (object?[])((object?[])entry!)[3]!)));
    }

    [Theory]
    [InlineData("SET key {0}\nPING\nPING")]
    [InlineData("MULTI\nGET key\nSET key {0}\nGET other\nEXEC")]
    public async Task A_short_command_with_a_long_argument_is_a_slow_one(string lines)
    {
        // As above: a hundred million bytes are copied.
        await using var host = ServerFixture.Make(TimeProvider.System, ("slowlog-log-slower-than", "1000"));
        using var client = ServerFixture.ConnectInMemory(host);
        var commands = lines.Replace("{0}", new string('x', 100_000_000), StringComparison.Ordinal).Split('\n');
        await client.WriteAsync(RespClient.Pipeline(commands));
        foreach (var _ in commands) await client.ReadAsync();
        var slow = (object?[])(await client.AskAsync("SLOWLOG GET"))!;
        Assert.Contains("SET", slow.Select(static entry => (string)((object?[])((object?[])entry!)[3]!)[0]!));
        foreach (var name in (string[])["ping", "get"])
        {
            // The other two do not share the time.
            long TicksOf(string row) => host.State.Metrics.Sum(host.State.Commands.Rows.Single(each => each.Name == row)).Ticks;
            Assert.True(TicksOf(name) < TicksOf("set"), $"{name} {TicksOf(name)}, SET {TicksOf("set")}");
        }
    }

    [Fact]
    public async Task Short_commands_of_a_turn_share_its_time()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        var rows = host.State.Commands.Rows;
        var (set, incr, keys) = (rows.Single(static row => row.Name == "set"), rows.Single(static row => row.Name == "incr"), rows.Single(static row => row.Name == "keys"));
        var counters = new ThreadCounters(rows.Count, new Random(1));
        counters.StartTurn();
        foreach (var row in new[] { set, incr, set, incr }) Assert.False(counters.Begin(row, alone: false));
        Assert.True(counters.Begin(keys, alone: false));
        Assert.Equal((2L, 2L), (counters.Of(set).Histogram!.Sum(), counters.Of(incr).Histogram!.Sum()));
        Assert.Equal(counters.Of(set).Ticks, counters.Of(incr).Ticks);
        counters.EndTimed();
        Assert.Equal(1, counters.Of(keys).Histogram!.Sum());
        Assert.True(counters.Begin(set, alone: true));
    }

    [Fact]
    public async Task Commands_of_a_transaction_are_timed_and_logged_each()
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ("slowlog-log-slower-than", "0"));
        using var client = ServerFixture.ConnectInMemory(host);
        await client.AskAsync("MULTI");
        foreach (var line in new[] { "SET key value", "GET key", "INCR key" }) await client.AskAsync(line);
        await client.AskAsync("SLOWLOG RESET");
        await client.AskAsync("EXEC");
        await client.AskAsync("CONFIG SET slowlog-log-slower-than -1");
        var slow = (object?[])(await client.AskAsync("SLOWLOG GET"))!;
        Assert.Equal(["INCR key", "GET key", "SET key value"], slow.Select(entry => string.Join(' ', (object?[])((object?[])entry!)[3]!)).Where(command => command.EndsWith("key", StringComparison.Ordinal) || command.StartsWith("SET", StringComparison.Ordinal)));
        foreach (var name in new[] { "set", "get", "incr", "exec" })
        {
            var counters = host.State.Metrics.Sum(host.State.Commands.Rows.Single(row => row.Name == name));
            Assert.Equal((name, 1L, 1L), (name, counters.Calls, counters.Histogram!.Sum()));
            Assert.Equal(name == "incr" ? 1 : 0, counters.Failed);
        }
    }

    [Fact]
    public async Task A_transaction_that_runs_nothing_counts_none_of_its_commands()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        using var other = ServerFixture.ConnectInMemory(host);
        await client.AskAsync("WATCH key");
        await other.AskAsync("HSET key f v");
        await client.AskAsync("MULTI");
        await client.AskAsync("GET key");
        Assert.Null(await client.AskAsync("EXEC"));
        Assert.Equal(0, host.State.Metrics.Sum(host.State.Commands.Rows.Single(row => row.Name == "get")).Calls);
        Assert.Equal((0, 0), (host.State.Metrics.Totals().Hits, host.State.Metrics.Totals().Misses));
    }

    [Fact]
    public async Task Resetstat_sets_the_counters_of_INFO_to_zero_and_counts_itself()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await using var host = ServerFixture.Make(clock);
        using var client = ServerFixture.ConnectInMemory(host);
        await client.AskAsync("SET short-lived v PX 1");
        await client.AskAsync("SETRANGE large 99999 x");
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await client.AskAsync("GET short-lived"));
        while (host.State.Store.Statistics().ExpiredKeys == 0) await Task.Yield();
        await client.AskAsync("DEL large");
        var peak = await FieldAsync(client, "used_memory_peak");
        Assert.Equal("1", await FieldAsync(client, "expired_keys"));
        Assert.Equal("1", await FieldAsync(client, "total_connections_received"));
        await client.AskAsync("CONFIG RESETSTAT");
        foreach (var name in new[] { "expired_keys", "total_connections_received", "keyspace_misses", "total_error_replies", "rdb_saves" })
            Assert.Equal((name, "0"), (name, await FieldAsync(client, name)));
        Assert.Equal(peak, await FieldAsync(client, "used_memory_peak"));
        Assert.StartsWith("calls=1,", await FieldAsync(client, "cmdstat_config|resetstat"), StringComparison.Ordinal);
        Assert.Equal(1, host.State.Store.Statistics().ExpiredKeys);
    }

    [Theory]
    [InlineData("0.0 50.0 100.0", "0 50 100", "p0=,p50=,p100=")]
    [InlineData("99.95", "99.95", "p99.95=")]
    [InlineData("1e1 33.3333333333", "10 33.333333", "p10=,p33.333333=")]
    [InlineData("", "", "")]
    public async Task Percentiles_of_INFO_are_named_by_their_numbers(string given, string kept, string shown)
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        Assert.Equal("OK", await client.AskAsync($"CONFIG SET latency-tracking-info-percentiles \"{given}\""));
        Assert.Equal(kept, ((object?[])(await client.AskAsync("CONFIG GET latency-tracking-info-percentiles"))!)[1]);
        Assert.Equal(shown, Regex.Replace(await FieldAsync(client, "latency_percentiles_usec_config|set"), @"=[\d.]+", "="));
    }

    [Fact]
    public async Task Long_commands_are_cut_in_the_slow_log()
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ("slowlog-log-slower-than", "0"), ("slowlog-max-len", "2"));
        using var client = ServerFixture.ConnectInMemory(host);
        await client.AskAsync("ECHO " + new string('A', 129));
        await client.AskAsync("EXISTS " + string.Join(' ', Enumerable.Range(1, 32)));
        await client.AskAsync("CONFIG SET slowlog-log-slower-than -1");
        Assert.Equal(2L, await client.AskAsync("SLOWLOG LEN"));
        var kept = (object?[])((object?[])((object?[])(await client.AskAsync("SLOWLOG GET -1"))!)[0]!)[3]!;
        Assert.Equal(32, kept.Length);
        Assert.Equal("... (2 more arguments)", kept[31]);
        await client.AskAsync("CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 3");
        await client.AskAsync("ECHO " + new string('A', 129));
        await client.AskAsync("CONFIG SET slowlog-log-slower-than -1");
        kept = (object?[])((object?[])((object?[])(await client.AskAsync("SLOWLOG GET 1"))!)[0]!)[3]!;
        Assert.Equal(["ECHO", new string('A', 128) + "... (1 more bytes)"], kept);
    }

    [Fact]
    public async Task A_histogram_has_the_commands_that_have_ended()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        await client.AskAsync("CONFIG RESETSTAT");
        Assert.Equal("config|resetstat", ((object?[])(await client.AskAsync("LATENCY HISTOGRAM"))!)[0]);
        Assert.Equal(4, ((object?[])(await client.AskAsync("LATENCY HISTOGRAM"))!).Length);
    }

    [Theory]
    [InlineData("SLOWLOG GET 1 2", "ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.")]
    [InlineData("SLOWLOG get -2", "ERR count should be greater than or equal to -1")]
    [InlineData("SLOWLOG GET x", "ERR count should be greater than or equal to -1")]
    public async Task Slowlog_refuses(string command, string error)
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        Assert.Equal(new RespError(error), await client.AskAsync(command));
    }

    private static async Task<string> FieldAsync(RespClient client, string name) =>
        ((string)(await client.AskAsync("INFO everything"))!).Split("\r\n").Single(line => line.StartsWith(name + ":", StringComparison.Ordinal))[(name.Length + 1)..];
}
