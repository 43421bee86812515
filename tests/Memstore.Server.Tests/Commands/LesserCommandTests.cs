using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace Memstore.Server.Tests.Commands;

/// <summary>Commands that clients and operators ask now and then, a test for each that no other class names.</summary>
public sealed class LesserCommandTests(ServerFixture server) : CommandTests(server)
{
    [Theory]
    [InlineData("MEMORY")]
    [InlineData("MODULE")]
    [InlineData("FUNCTION")]
    [InlineData("ACL")]
    [InlineData("CONFIG")]
    [InlineData("SLOWLOG")]
    [InlineData("LATENCY")]
    [InlineData("CLUSTER")]
    public async Task Help_of_a_container_lists_its_subcommands(string container)
    {
        // MEMORY HELP, MODULE HELP, FUNCTION HELP, ACL HELP, CONFIG HELP, SLOWLOG HELP, LATENCY HELP, CLUSTER HELP.
        var lines = Assert.IsType<object?[]>(await Client.AskAsync($"{container} HELP"));
        Assert.Equal($"{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", lines[0]);
        Assert.Contains("HELP", lines);
    }

    [Fact]
    public async Task Memory_doctor_purge_and_stats_answer()
    {
        Assert.NotEqual("", Assert.IsType<string>(await Client.AskAsync("MEMORY DOCTOR")));
        Assert.Equal("OK", await Client.AskAsync("MEMORY PURGE"));
        await Client.AskAsync("SET x " + new string('x', 10_000));
        var stats = Assert.IsType<object?[]>(await Client.AskAsync("MEMORY STATS"));
        Assert.Equal(1L, stats[Array.IndexOf(stats, "keys.count") + 1]);
        Assert.InRange(Assert.IsType<long>(stats[Array.IndexOf(stats, "total.allocated") + 1]), 10_000, long.MaxValue);
    }

    [Fact]
    public async Task Lolwut_shows_the_version()
    {
        Assert.Contains("Redis ver. 7.0", Assert.IsType<string>(await Client.AskAsync("LOLWUT")), StringComparison.Ordinal);
        Assert.Contains("ver.", Assert.IsType<string>(await Client.AskAsync("LOLWUT VERSION 5 1 1 1")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SLAVEOF NO ONE")]
    [InlineData("REPLICAOF NO ONE")]
    public Task A_primary_stays_one(string command) => Expect(command, "OK");

    [Fact]
    public async Task Wait_counts_no_replicas()
    {
        await Expect("WAIT 0 0", 0);
        await ExpectError("WAIT 0 -1", "ERR timeout is negative");
    }

    [Theory]
    [InlineData("FUNCTION LIST")]
    [InlineData("LATENCY HISTORY nosuch")]
    [InlineData("LATENCY HISTOGRAM nosuch")]
    [InlineData("PUBSUB SHARDCHANNELS")]
    public Task Nothing_is_an_empty_array(string command) => ExpectArray(command);

    [Fact]
    public async Task Latency_reset_counts_the_series_it_dropped()
    {
        await Expect("CONFIG SET latency-monitor-threshold 1", "OK");
        await Client.AskAsync("DEBUG SLEEP 0.01");
        // No further command is slow, however late the machine lets it go on.
        await Expect("CONFIG SET latency-monitor-threshold 0", "OK");
        await Expect("LATENCY RESET nosuch", 0);
        Assert.InRange(Assert.IsType<long>(await Client.AskAsync("LATENCY RESET")), 1, 2);
        await Expect("LATENCY RESET", 0);
    }

    [Fact]
    public async Task Slowlog_len_counts_what_is_kept()
    {
        await Expect("SLOWLOG RESET", "OK");
        await Expect("CONFIG SET slowlog-log-slower-than 0", "OK");
        await Expect("PING", "PONG");
        var kept = Assert.IsType<long>(await Client.AskAsync("SLOWLOG LEN"));
        Assert.InRange(kept, 1, 3);
        await Client.AskAsync("CONFIG SET slowlog-log-slower-than 10000");
    }

    [Fact]
    public async Task Debug_digest_is_that_of_the_data_and_not_of_its_history()
    {
        await Client.AskAsync("SET x 1");
        await Client.AskAsync("HSET h a 1 b 2");
        var digest = Assert.IsType<string>(await Client.AskAsync("DEBUG DIGEST"));
        Assert.Matches("^[0-9a-f]{40}$", digest);
        var value = await Client.AskAsync("DEBUG DIGEST-VALUE h nosuch");
        await Client.AskAsync("FLUSHALL");
        Assert.Equal(new string('0', 40), await Client.AskAsync("DEBUG DIGEST"));
        await Client.AskAsync("HSET h b 2 a 1");
        await Client.AskAsync("SET x 2");
        Assert.NotEqual(digest, await Client.AskAsync("DEBUG DIGEST"));
        await Client.AskAsync("SET x 1");
        Assert.Equal(digest, await Client.AskAsync("DEBUG DIGEST"));
        Assert.Equal((object?[])value!, (object?[])(await Client.AskAsync("DEBUG DIGEST-VALUE h nosuch"))!);
        Assert.Equal(new string('0', 40), ((object?[])value!)[1]);
    }

    [Fact]
    public async Task Debug_object_shows_the_encoding()
    {
        await Client.AskAsync("SET x 1");
        Assert.Matches(new Regex("^Value at:0x[0-9a-f]+ refcount:\\d+ encoding:int serializedlength:\\d+ lru:"), Assert.IsType<string>(await Client.AskAsync("DEBUG OBJECT x")));
        await ExpectError("DEBUG OBJECT nosuch", "ERR no such key");
    }

    [Fact]
    public async Task Debug_populate_makes_keys_and_keeps_those_that_are_there()
    {
        await Expect("SET k:1 mine", "OK");
        await Expect("DEBUG POPULATE 3 k 10", "OK");
        await Expect("DBSIZE", 3);
        await Expect("GET k:1", "mine");
        await Expect("STRLEN k:0", 10);
    }

    [Fact]
    public async Task Client_tracking_is_off()
    {
        await ExpectError("CLIENT CACHING YES", "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled");
        await Expect("CLIENT GETREDIR", -1);
        await ExpectArray("CLIENT TRACKINGINFO", "flags", new object?[] { "off" }, "redirect", -1, "prefixes", Array.Empty<object?>());
    }

    [Fact]
    public async Task Client_no_touch_shows_in_the_flags()
    {
        Assert.Equal("OK", await Client.AskAsync("CLIENT NO-TOUCH ON"));
        Assert.Contains(" flags=T ", Assert.IsType<string>(await Client.AskAsync("CLIENT INFO")), StringComparison.Ordinal);
        Assert.Equal("OK", await Client.AskAsync("CLIENT NO-TOUCH OFF"));
        Assert.Contains(" flags=N ", Assert.IsType<string>(await Client.AskAsync("CLIENT INFO")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Shard_channels_are_apart_from_channels()
    {
        using var listener = await ConnectAsync();
        Check(new object?[] { "ssubscribe", "news", 1 }, await listener.AskAsync("SSUBSCRIBE news"), "SSUBSCRIBE");
        await Expect("PUBLISH news x", 0);
        await Expect("SPUBLISH news hello", 1);
        Check(new object?[] { "smessage", "news", "hello" }, await listener.ReadAsync(), "smessage");
        await ExpectArray("PUBSUB SHARDCHANNELS", "news");
        await ExpectArray("PUBSUB SHARDNUMSUB news other", "news", 1, "other", 0);
        await ExpectArray("PUBSUB CHANNELS");
    }

    [Theory]
    [InlineData("CLUSTER INFO")]
    [InlineData("CLUSTER KEYSLOT x")]
    [InlineData("CLUSTER MYID")]
    [InlineData("CLUSTER SHARDS")]
    [InlineData("CLUSTER SLOTS")]
    [InlineData("READONLY")]
    [InlineData("READWRITE")]
    [InlineData("ASKING")]
    public Task There_is_no_cluster(string command) => ExpectError(command, "ERR This instance has cluster support disabled");

    [Fact]
    public async Task Lastsave_is_a_time_that_has_passed()
    {
        var saved = Assert.IsType<long>(await Client.AskAsync("LASTSAVE"));
        Assert.InRange(saved, 1_577_836_800, long.Parse((string)((object?[])(await Client.AskAsync("TIME"))!)[0]!, CultureInfo.InvariantCulture) + 1);
    }

    [Theory]
    [InlineData("SAVE")]
    [InlineData("BGSAVE")]
    [InlineData("BGREWRITEAOF")]
    public async Task Saving_is_not_promised_by_a_server_in_memory(string command) =>
        Assert.IsType<RespError>(await Client.AskAsync(command));
}
