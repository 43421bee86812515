using System.Text;
using Xunit;

namespace Memstore.Server.Tests.Commands;

public sealed class ServerCommandTests(ServerFixture server) : CommandTests(server)
{
    [Theory]
    [InlineData("CONFIG SET foo bar", "ERR Unknown option or number of arguments for CONFIG SET - 'foo'")]
    [InlineData("CONFIG SET foo", "ERR wrong number of arguments for 'config|set' command")]
    [InlineData("CONFIG SET maxmemory abc", "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value")]
    [InlineData("CONFIG SET maxmemory 0 maxmemory 1", "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - duplicate parameter")]
    [InlineData("CONFIG SET databases 3", "ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config")]
    [InlineData("CONFIG SET dir /tmp", "ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config")]
    [InlineData("CONFIG SET timeout -1", "ERR CONFIG SET failed (possibly related to argument 'timeout') - argument must be between 0 and 2147483647 inclusive")]
    [InlineData("CONFIG SET timeout +1", "ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an integer")]
    [InlineData("CONFIG SET timeout 01", "ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an integer")]
    [InlineData("CONFIG SET timeout 1x", "ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an integer")]
    [InlineData("CONFIG SET appendonly maybe", "ERR CONFIG SET failed (possibly related to argument 'appendonly') - argument must be 'yes' or 'no'")]
    [InlineData("CONFIG SET client-output-buffer-limit \"normal 1 2\"", "ERR CONFIG SET failed (possibly related to argument 'client-output-buffer-limit') - Wrong number of arguments in buffer limit configuration.")]
    [InlineData("CONFIG SET client-output-buffer-limit \"foo 1 2 3\"", "ERR CONFIG SET failed (possibly related to argument 'client-output-buffer-limit') - Invalid client class specified in buffer limit configuration.")]
    [InlineData("CONFIG REWRITE", "ERR The server is running without a config file")]
    [InlineData("CLUSTER NODES", "ERR This instance has cluster support disabled")]
    [InlineData("READONLY", "ERR This instance has cluster support disabled")]
    [InlineData("SENTINEL MASTERS", "ERR unknown command 'SENTINEL', with args beginning with: 'MASTERS' ")]
    [InlineData("SHUTDOWN ABORT", "ERR No shutdown in progress.")]
    [InlineData("SHUTDOWN FOO", "ERR syntax error")]
    [InlineData("SLOWLOG GET -2", "ERR count should be greater than or equal to -1")]
    [InlineData("SLOWLOG GET a", "ERR count should be greater than or equal to -1")]
    [InlineData("DEBUG FOO", "ERR unknown subcommand or wrong number of arguments for 'FOO'. Try DEBUG HELP.")]
    public Task Refuses(string command, string error) => ExpectError(command, error);

    [Fact]
    public async Task Config_sets_all_or_nothing()
    {
        await Expect("CONFIG SET maxmemory 1mb slowlog-max-len 7", "OK");
        await ExpectArray("CONFIG GET maxmemory", "maxmemory", "1048576");
        await ExpectError(
            "CONFIG SET maxmemory 2mb timeout x",
            "ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an integer");
        await ExpectArray("CONFIG GET maxmemory", "maxmemory", "1048576");
        await Expect("CONFIG SET maxmemory 0 slowlog-max-len 128", "OK");
    }

    [Fact]
    public async Task Config_keeps_aliases_and_classes_of_limits()
    {
        await Expect("CONFIG SET slave-read-only no", "OK");
        await ExpectArray("CONFIG GET replica-read-only", "replica-read-only", "no");
        await Expect("CONFIG SET client-output-buffer-limit \"normal 1kb 2 3\"", "OK");
        await ExpectArray(
            "CONFIG GET client-output-buffer-limit",
            "client-output-buffer-limit",
            "normal 1024 2 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60");
        await Expect("CONFIG SET client-output-buffer-limit \"normal 0 0 0\"", "OK");
    }

    [Theory]
    [InlineData("save")]
    [InlineData("appendonly")]
    [InlineData("databases")]
    [InlineData("slave-read-only")]
    [InlineData("replica-read-only")]
    [InlineData("timeout")]
    [InlineData("maxmemory-policy")]
    public async Task Config_knows_what_clients_ask_for(string name)
    {
        var reply = Assert.IsType<object?[]>(await Client.AskAsync($"CONFIG GET {name}"));
        Assert.Equal(name, reply[0]);
        Assert.Equal(2, reply.Length);
    }

    [Fact]
    public async Task Info_has_the_fields_that_clients_read()
    {
        var text = Assert.IsType<string>(await Client.AskAsync("INFO everything"));
        string[] fields =
        [
            "redis_version:7.0.15", "memstore_version:", "redis_mode:standalone", "role:master", "loading:0", "run_id:", "arch_bits:64",
            "cluster_enabled:0", "tcp_port:", "used_memory:", "connected_clients:", "rdb_bgsave_in_progress:0",
            "aof_rewrite_in_progress:0", "keyspace_hits:", "cmdstat_flushall:calls=",
        ];
        foreach (var field in fields) Assert.Contains("\r\n" + field, text);
    }

    [Fact]
    public async Task Info_answers_the_sections_that_are_asked_for()
    {
        await Client.AskAsync("SET x 1");
        await Expect("INFO keyspace", "# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n");
        await Client.AskAsync("SET x 1 EX 100");
        Assert.Matches(@"^# Keyspace\r\ndb0:keys=1,expires=1,avg_ttl=(9[0-9]|100)[0-9]{3}\r\n$", Assert.IsType<string>(await Client.AskAsync("INFO keyspace")));
        await Expect("INFO nosuch", "");
        var two = Assert.IsType<string>(await Client.AskAsync("INFO cluster CPU"));
        Assert.Contains("# CPU\r\n", two);
        Assert.Contains("# Cluster\r\n", two);
        Assert.DoesNotContain("# Server\r\n", two);
    }

    [Fact]
    public async Task Commands_and_errors_are_counted()
    {
        await Client.AskAsync("CONFIG RESETSTAT");
        await Client.AskAsync("SET x abc");
        await Client.AskAsync("INCR x");
        await Client.AskAsync("GET");
        var text = Assert.IsType<string>(await Client.AskAsync("INFO all"));
        Assert.Matches(@"cmdstat_set:calls=1,usec=\d+,usec_per_call=[\d.]+,rejected_calls=0,failed_calls=0", text);
        Assert.Matches(@"cmdstat_incr:calls=1,.*failed_calls=1", text);
        Assert.Matches(@"cmdstat_get:calls=0,.*rejected_calls=1", text);
        Assert.Contains("errorstat_ERR:count=2", text);
        Assert.Contains("latency_percentiles_usec_set:p50=", text);
    }

    [Fact]
    public async Task Long_holds_and_turns_are_counted()
    {
        await Client.AskAsync("CONFIG RESETSTAT");
        await Client.AskAsync("SET x abc");
        await Client.AskAsync("FLUSHALL");
        var text = Assert.IsType<string>(await Client.AskAsync("INFO memstore"));
        Assert.Matches(@"longest_hold_us:\d+\r\nholds_over_100_us:\d+\r\nlongest_turn_us:\d+\r\n", text);
        Assert.True(Server.Host.State.Store.Statistics().LongestHold > TimeSpan.Zero, "A FLUSHALL is timed.");
    }

    [Theory]
    [InlineData("HGETALL large", 4_000)]
    [InlineData("HKEYS large", 2_000)]
    [InlineData("HRANDFIELD large 1500", 1_500)]
    public async Task A_long_read_leaves_its_shard_and_is_answered_in_its_place(string command, int count)
    {
        for (var i = 0; i < 2_000; i += 4) await Client.AskAsync($"HSET large f{i} 1 f{i + 1} 1 f{i + 2} 1 f{i + 3} 1");
        Assert.Equal(count, Assert.IsType<object?[]>(await Client.AskAsync(command)).Length);
        await Client.AskAsync("MULTI");
        await Client.AskAsync(command);
        await Client.AskAsync("HLEN large");
        var replies = Assert.IsType<object?[]>(await Client.AskAsync("EXEC"));
        Assert.Equal(count, Assert.IsType<object?[]>(replies[0]).Length);
        Assert.Equal(2_000L, replies[1]);
    }

    [Fact]
    public async Task Slow_commands_are_logged()
    {
        await Client.AskAsync("CONFIG SET slowlog-log-slower-than 0");
        await Client.AskAsync("SLOWLOG RESET");
        await Client.AskAsync("ECHO slow");
        var log = Assert.IsType<object?[]>(await Client.AskAsync("SLOWLOG GET 1"));
        var entry = Assert.IsType<object?[]>(Assert.Single(log));
        Check(new object?[] { "ECHO", "slow" }, entry[3], "SLOWLOG GET");
        await Client.AskAsync("CONFIG SET slowlog-log-slower-than 10000");
    }

    [Fact]
    public async Task Writes_are_refused_when_memory_is_full()
    {
        await Expect("SET x 1", "OK");
        await Expect("CONFIG SET maxmemory 1", "OK");
        await ExpectError("SET y 1", "OOM command not allowed when used memory > 'maxmemory'.");
        await Expect("GET x", "1");
        await Expect("DEL x", 1);
        await Expect("MULTI", "OK");
        await ExpectError("SET y 1", "OOM command not allowed when used memory > 'maxmemory'.");
        await ExpectError("EXEC", "EXECABORT Transaction discarded because of previous errors.");
        await Expect("CONFIG SET maxmemory 0", "OK");
        await Expect("SET y 1", "OK");
    }

    [Fact]
    public async Task Time_follows_the_clock()
    {
        var seconds = Clock.GetUtcNow().ToUnixTimeSeconds();
        await ExpectArray("TIME", seconds.ToString(), (Clock.GetUtcNow().Ticks / 10 % 1_000_000).ToString());
    }

    [Fact]
    public async Task Debug_sleep_does_not_stop_others()
    {
        using var sleeper = await ConnectAsync();
        await sleeper.SendAsync("DEBUG SLEEP 0.2");
        await Expect("PING", "PONG");
        Assert.Equal("OK", await sleeper.ReadAsync());
    }

    [Theory]
    [InlineData("map", "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n")]
    [InlineData("double", ",3.141\r\n")]
    [InlineData("bignum", "(1234567999999999999999999999999999999\r\n")]
    [InlineData("verbatim", "=29\r\ntxt:This is a verbatim\nstring\r\n")]
    [InlineData("null", "_\r\n")]
    public async Task Debug_protocol_answers_every_type(string type, string bytes)
    {
        await Client.AskAsync("HELLO 3");
        await Client.AskAsync($"DEBUG PROTOCOL {type}");
        Assert.Equal(bytes, Encoding.Latin1.GetString([.. Client.Raw]));
    }

    [Fact]
    public async Task Function_flush_is_harmless_and_there_are_no_modules()
    {
        await Expect("FUNCTION FLUSH", "OK");
        await ExpectArray("MODULE LIST");
        await ExpectArray("ROLE", "master", 0, Array.Empty<object?>());
        await Expect("REPLICAOF NO ONE", "OK");
        await Expect("ACL WHOAMI", "default");
        await ExpectArray("LATENCY LATEST");
    }
}
