using Xunit;

namespace Memstore.Server.Tests.Commands;

public sealed class PubSubCommandTests(ServerFixture server) : CommandTests(server)
{
    [Fact]
    public async Task A_message_reaches_channels_and_patterns_in_the_form_of_the_protocol()
    {
        using var two = await ConnectAsync();
        using var three = await ConnectAsync();
        await three.AskAsync("HELLO 3");
        await two.AskAsync("SUBSCRIBE news");
        await three.AskAsync("PSUBSCRIBE n*");
        await Expect("PUBLISH news hello", 2);
        Check(new object?[] { "message", "news", "hello" }, await two.ReadAsync(), "message");
        var push = Assert.IsType<RespPush>(await three.ReadAsync());
        Check(new object?[] { "pmessage", "n*", "news", "hello" }, push.Elements, "pmessage");
    }

    [Fact]
    public async Task Subscribe_and_Unsubscribe_answer_once_for_each_name()
    {
        await Client.SendAsync("SUBSCRIBE a b");
        Check(new object?[] { "subscribe", "a", 1 }, await Client.ReadAsync(), "a");
        Check(new object?[] { "subscribe", "b", 2 }, await Client.ReadAsync(), "b");
        await ExpectArray("PSUBSCRIBE p*", "psubscribe", "p*", 3);
        await ExpectArray("SSUBSCRIBE s", "ssubscribe", "s", 1);
        await ExpectArray("UNSUBSCRIBE a", "unsubscribe", "a", 2);
        await ExpectArray("UNSUBSCRIBE a", "unsubscribe", "a", 2);
        await ExpectArray("UNSUBSCRIBE", "unsubscribe", "b", 1);
        await ExpectArray("UNSUBSCRIBE", "unsubscribe", null, 1);
        await ExpectArray("PUNSUBSCRIBE", "punsubscribe", "p*", 0);
        await ExpectArray("SUNSUBSCRIBE", "sunsubscribe", "s", 0);
        await Expect("GET x", null);
    }

    [Fact]
    public async Task A_RESP2_subscriber_may_run_few_commands()
    {
        await Ask("SUBSCRIBE a");
        await ExpectError(
            "GET x",
            "ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context");
        await ExpectArray("PING", "pong", "");
        await ExpectArray("PING hi", "pong", "hi");
    }

    [Fact]
    public async Task A_RESP3_subscriber_may_run_everything()
    {
        await Client.AskAsync("HELLO 3");
        Assert.IsType<RespPush>(await Client.AskAsync("SUBSCRIBE a"));
        await Expect("SET x 1", "OK");
        await Expect("PING", "PONG");
    }

    [Fact]
    public async Task Messages_of_one_channel_keep_their_order()
    {
        using var listener = await ConnectAsync();
        await listener.AskAsync("SUBSCRIBE numbers");
        await Client.WriteAsync(RespClient.Pipeline([.. Enumerable.Range(0, 2000).Select(i => $"PUBLISH numbers {i}")]));
        for (var i = 0; i < 2000; i++) Check(new object?[] { "message", "numbers", i.ToString() }, await listener.ReadAsync(), "message");
    }

    [Fact]
    public async Task Messages_that_came_before_Unsubscribe_go_before_its_reply()
    {
        using var listener = await ConnectAsync();
        await listener.AskAsync("SUBSCRIBE a");
        await Expect("PUBLISH a 1", 1);
        await listener.SendAsync("UNSUBSCRIBE a");
        Check(new object?[] { "message", "a", "1" }, await listener.ReadAsync(), "message");
        Check(new object?[] { "unsubscribe", "a", 0 }, await listener.ReadAsync(), "reply");
        await Expect("PUBLISH a 2", 0);
        Assert.Equal("PONG", await listener.AskAsync("PING"));
    }

    [Fact]
    public async Task Pubsub_describes_channels()
    {
        using var listener = await ConnectAsync();
        await listener.AskAsync("SUBSCRIBE one");
        await listener.AskAsync("PSUBSCRIBE p*");
        await ExpectArray("PUBSUB CHANNELS", "one");
        await ExpectArray("PUBSUB CHANNELS t*");
        await ExpectArray("PUBSUB NUMSUB one two", "one", 1, "two", 0);
        await Expect("PUBSUB NUMPAT", 1);
        await ExpectError("PUBSUB CHANNELS a b", "ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.");
        await ExpectError("PUBSUB shardchannels a b", "ERR unknown subcommand or wrong number of arguments for 'shardchannels'. Try PUBSUB HELP.");
    }

    [Fact]
    public async Task Published_in_a_transaction_a_message_leaves_after_the_commit()
    {
        using var listener = await ConnectAsync();
        await listener.AskAsync("SUBSCRIBE a");
        await Expect("MULTI", "OK");
        await Expect("PUBLISH a 1", "QUEUED");
        await Expect("SET x 1", "QUEUED");
        await ExpectArray("EXEC", 1, "OK");
        Check(new object?[] { "message", "a", "1" }, await listener.ReadAsync(), "message");
    }

    [Fact]
    public async Task Keyspace_events_are_published_for_the_classes_that_are_wanted()
    {
        await Expect("CONFIG SET notify-keyspace-events KEA", "OK");
        using var listener = await ConnectAsync();
        await listener.AskAsync("PSUBSCRIBE __key*__:*");
        await Expect("SET x 1", "OK");
        Check(new object?[] { "pmessage", "__key*__:*", "__keyspace@0__:x", "set" }, await listener.ReadAsync(), "keyspace");
        Check(new object?[] { "pmessage", "__key*__:*", "__keyevent@0__:set", "x" }, await listener.ReadAsync(), "keyevent");
        await Expect("CONFIG SET notify-keyspace-events \"\"", "OK");
    }

    [Fact]
    public async Task Expired_keys_are_events_too()
    {
        await Expect("CONFIG SET notify-keyspace-events Ex", "OK");
        using var listener = await ConnectAsync();
        await listener.AskAsync("SUBSCRIBE __keyevent@0__:expired");
        await Expect("PSETEX x 100 1", "OK");
        Clock.Advance(TimeSpan.FromSeconds(1));
        await Expect("GET x", null);
        Check(new object?[] { "message", "__keyevent@0__:expired", "x" }, await listener.ReadAsync(), "expired");
        await Expect("CONFIG SET notify-keyspace-events \"\"", "OK");
    }

    [Fact]
    public async Task Monitor_shows_what_others_run()
    {
        using var monitor = await ConnectAsync();
        Assert.Equal("OK", await monitor.AskAsync("MONITOR"));
        await Expect("SET x \"a\\x00\\\"b\"", "OK");
        var line = Assert.IsType<string>(await monitor.ReadAsync());
        Assert.Matches("""^\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "SET" "x" "a\\x00\\"b"$""", line);
        Assert.Equal(new RespError("ERR Replica can't interact with the keyspace"), await monitor.AskAsync("GET x"));
        Assert.Equal("RESET", await monitor.AskAsync("RESET"));
        Assert.Equal(4L, await monitor.AskAsync("STRLEN x"));
    }

    [Theory]
    [InlineData("GET x", "keymiss x")]
    [InlineData("MGET y x", "keymiss y", "keymiss x")]
    [InlineData("STRLEN x", "keymiss x")]
    [InlineData("GETRANGE x 0 1", "keymiss x")]
    [InlineData("EXISTS x", "keymiss x")]
    [InlineData("TYPE x", "keymiss x")]
    [InlineData("TOUCH x", "keymiss x")]
    [InlineData("TTL x", "keymiss x")]
    [InlineData("HGET x f", "keymiss x")]
    [InlineData("HGETALL x", "keymiss x")]
    [InlineData("HLEN x", "keymiss x")]
    [InlineData("GETDEL x", "keymiss x")]
    [InlineData("GETEX x", "keymiss x")]
    [InlineData("GETSET x 1", "keymiss x", "new x", "set x")]
    [InlineData("SET x 1 GET", "keymiss x", "new x", "set x")]
    [InlineData("COPY x y", "keymiss x")]
    [InlineData("OBJECT ENCODING x")]
    [InlineData("SET x 1", "new x", "set x")]
    [InlineData("SET old 1", "set old")]
    [InlineData("SETNX x 1", "new x", "set x")]
    [InlineData("MSET x 1 old 2 y 3", "new x", "set x", "set old", "new y", "set y")]
    [InlineData("INCR x", "new x", "incrby x")]
    [InlineData("APPEND x a", "new x", "append x")]
    [InlineData("APPEND old a", "append old")]
    [InlineData("SETRANGE x 1 a", "new x", "setrange x")]
    [InlineData("HSET x f v", "new x", "hset x")]
    [InlineData("HINCRBY x f 1", "new x", "hincrby x")]
    [InlineData("RENAME old x", "new x", "rename_from old", "rename_to x")]
    [InlineData("RENAME old other", "new other", "rename_from old", "rename_to other")]
    [InlineData("COPY old x", "new x", "copy_to x")]
    [InlineData("COPY old other REPLACE", "new other", "copy_to other")]
    [InlineData("DEL x")]
    [InlineData("EXPIRE x 10")]
    public async Task New_and_missing_keys_are_events_if_they_are_wanted(string command, params string[] events)
    {
        await Expect("SET old a", "OK");
        await Expect("SET other b", "OK");
        await Expect("CONFIG SET notify-keyspace-events EAmn", "OK");
        using var listener = await ConnectAsync();
        await listener.AskAsync("PSUBSCRIBE __keyevent@0__:*");
        await Ask(command);
        await Ask("DEL old");
        foreach (var expected in (string[])[.. events, "del old"])
        {
            var parts = expected.Split(' ');
            if (command.StartsWith("RENAME old", StringComparison.Ordinal) && expected == "del old") break;
            Check(new object?[] { "pmessage", "__keyevent@0__:*", "__keyevent@0__:" + parts[0], parts[1] }, await listener.ReadAsync(), command);
        }

        await Expect("CONFIG SET notify-keyspace-events \"\"", "OK");
    }
}
