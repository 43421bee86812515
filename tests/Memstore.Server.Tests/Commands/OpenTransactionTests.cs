using Xunit;

namespace Memstore.Server.Tests.Commands;

/// <summary>BEGIN, COMMIT and ROLLBACK, which Redis does not have.</summary>
public sealed class OpenTransactionTests(ServerFixture server) : CommandTests(server)
{
    [Fact]
    public async Task Nothing_is_visible_to_others_before_Commit_and_everything_after()
    {
        using var other = await ConnectAsync();
        await Expect("BEGIN", "OK");
        await Expect("SET x 1", "OK");
        await Expect("INCR y", 1);
        await Expect("GET x", "1");
        Assert.Null(await other.AskAsync("GET x"));
        await Expect("COMMIT", "OK");
        Check(new object?[] { "1", "1" }, await other.AskAsync("MGET x y"), "MGET");
    }

    [Fact]
    public async Task It_reads_from_its_snapshot()
    {
        using var other = await ConnectAsync();
        await Expect("SET x before", "OK");
        await Expect("BEGIN READONLY", "OK");
        await other.AskAsync("SET x after");
        await Expect("GET x", "before");
        await Expect("COMMIT", "OK");
        await Expect("GET x", "after");
    }

    [Fact]
    public async Task Keys_lists_the_snapshot_with_its_own_writes_while_others_go_on()
    {
        using var other = await ConnectAsync();
        await Expect("MSET a 1 b 2", "OK");
        await Expect("BEGIN", "OK");
        await Expect("SET c 3", "OK");
        await Expect("DEL a", 1);
        await other.AskAsync("SET d 4");
        await Client.WriteAsync(RespClient.Pipeline("KEYS *", "GET c"));
        var keys = Assert.IsType<object?[]>(await Client.ReadAsync());
        Assert.Equal(["b", "c"], keys.Order());
        Assert.Equal("3", await Client.ReadAsync());
        await Expect("ROLLBACK", "OK");
        Assert.Equal(3L, await other.AskAsync("DBSIZE"));
    }

    [Theory]
    [InlineData("FLUSHDB")]
    [InlineData("FLUSHALL ASYNC")]
    public async Task A_flush_empties_the_database_for_the_transaction_at_once_and_for_others_at_Commit(string flush)
    {
        using var other = await ConnectAsync();
        await Expect("MSET x 1 y 2", "OK");
        await Expect("BEGIN", "OK");
        await Expect(flush, "OK");
        await Expect("GET x", null);
        await Expect("DBSIZE", 0);
        await Expect("SET z 3", "OK");
        await Expect("DBSIZE", 1);
        Assert.Equal("1", await other.AskAsync("GET x"));
        // A flush reads nothing: what comes meanwhile is no conflict, and goes too.
        await other.AskAsync("SET later 4");
        await Expect("COMMIT", "OK");
        Check(new object?[] { null, null, "3", null }, await other.AskAsync("MGET x y z later"), "MGET");
    }

    [Fact]
    public async Task A_swap_is_seen_by_the_transaction_at_once_and_by_others_at_Commit()
    {
        using var other = await ConnectAsync();
        await Expect("FLUSHALL", "OK");
        await Expect("SET x zero", "OK");
        await Expect("BEGIN", "OK");
        await Expect("SET mine 1", "OK");
        await Expect("SWAPDB 0 9", "OK");
        await Expect("GET x", null);
        await Expect("SET x nine", "OK");
        await Expect("SELECT 9", "OK");
        await ExpectArray("MGET x mine", "zero", "1");
        Assert.Equal("zero", await other.AskAsync("GET x"));
        await Expect("COMMIT", "OK");
        Assert.Equal("nine", await other.AskAsync("GET x"));
        await ExpectArray("MGET x mine", "zero", "1");
        await Expect("SELECT 0", "OK");
        await Expect("FLUSHALL", "OK");
    }

    [Fact]
    public async Task Rollback_and_a_conflict_take_a_flush_back()
    {
        using var other = await ConnectAsync();
        await Expect("SET x 1", "OK");
        await Expect("BEGIN", "OK");
        await Expect("FLUSHDB", "OK");
        await Expect("ROLLBACK", "OK");
        await Expect("GET x", "1");
        await Expect("BEGIN", "OK");
        await Expect("GET x", "1");
        await Expect("FLUSHALL", "OK");
        await other.AskAsync("SET x 2");
        await ExpectError("COMMIT", "CONFLICT something that the transaction read has changed; nothing was written, run it again");
        await Expect("GET x", "2");
        await Expect("BEGIN READONLY", "OK");
        await ExpectError("FLUSHDB", "READONLY the transaction was begun with READONLY");
        await ExpectError("SWAPDB 0 1", "READONLY the transaction was begun with READONLY");
        await Expect("ROLLBACK", "OK");
        await Expect("GET x", "2");
    }

    [Fact]
    public async Task A_flush_at_Commit_breaks_the_watches_of_others()
    {
        using var other = await ConnectAsync();
        await Expect("SET x 1", "OK");
        await other.AskAsync("WATCH x");
        await Expect("BEGIN", "OK");
        await Expect("FLUSHDB", "OK");
        await Expect("COMMIT", "OK");
        await other.AskAsync("MULTI");
        await other.AskAsync("SET y 1");
        Assert.Null(await other.AskAsync("EXEC"));
        await Expect("EXISTS y", 0);
    }

    [Fact]
    public async Task Commit_answers_CONFLICT_if_what_was_read_has_changed()
    {
        using var other = await ConnectAsync();
        await Expect("SET x 1", "OK");
        await Expect("BEGIN", "OK");
        await Expect("GET x", "1");
        await Expect("SET y fromx", "OK");
        await other.AskAsync("SET x 2");
        await ExpectError("COMMIT", "CONFLICT something that the transaction read has changed; nothing was written, run it again");
        await Expect("EXISTS y", 0);
        await ExpectError("COMMIT", "ERR COMMIT without BEGIN");
    }

    [Fact]
    public async Task Rollback_drops_writes_and_the_chosen_database()
    {
        await Expect("BEGIN", "OK");
        await Expect("SET x 1", "OK");
        await Expect("SELECT 3", "OK");
        await Expect("SET y 1", "OK");
        await Expect("ROLLBACK", "OK");
        await Expect("EXISTS x", 0);
        await Expect("SELECT 3", "OK");
        await Expect("EXISTS y", 0);
    }

    [Fact]
    public async Task Commit_keeps_the_chosen_database()
    {
        await Expect("BEGIN", "OK");
        await Expect("SELECT 3", "OK");
        await Expect("SET y 1", "OK");
        await Expect("COMMIT", "OK");
        await Expect("GET y", "1");
        await Expect("SELECT 0", "OK");
        await Expect("EXISTS y", 0);
    }

    [Theory]
    [InlineData("MULTI", "ERR MULTI is not allowed inside BEGIN")]
    [InlineData("WATCH x", "ERR WATCH is not allowed inside BEGIN")]
    [InlineData("SUBSCRIBE x", "ERR SUBSCRIBE is not allowed inside BEGIN")]
    [InlineData("MONITOR", "ERR MONITOR is not allowed inside BEGIN")]
    [InlineData("BEGIN", "ERR BEGIN calls can not be nested")]
    [InlineData("EXEC", "ERR EXEC without MULTI")]
    public async Task What_cannot_be_part_of_it_is_refused_and_it_goes_on(string command, string error)
    {
        await Expect("BEGIN", "OK");
        await Expect("SET x 1", "OK");
        await ExpectError(command, error);
        await Expect("COMMIT", "OK");
        await Expect("GET x", "1");
    }

    [Fact]
    public async Task Writes_are_refused_if_it_was_begun_READONLY()
    {
        await Expect("BEGIN READONLY", "OK");
        await ExpectError("SET x 1", "READONLY the transaction was begun with READONLY");
        await Expect("COMMIT", "OK");
    }

    [Fact]
    public async Task Begin_is_refused_inside_Multi_and_while_keys_are_watched()
    {
        await Expect("MULTI", "OK");
        await ExpectError("BEGIN", "ERR Command not allowed inside a transaction");
        await Expect("DISCARD", "OK");
        await Expect("WATCH x", "OK");
        await ExpectError("BEGIN", "ERR BEGIN is not allowed while keys are watched; UNWATCH first, BEGIN checks what it reads itself");
    }

    [Theory]
    [InlineData("RESET", "RESET")]
    [InlineData("QUIT", "OK")]
    public async Task Leaving_rolls_back(string command, string reply)
    {
        using var leaver = await ConnectAsync();
        await leaver.AskAsync("BEGIN");
        await leaver.AskAsync("SET x 1");
        Assert.Equal(reply, await leaver.AskAsync(command));
        await Expect("EXISTS x", 0);
    }

    [Fact]
    public async Task A_transaction_that_stays_open_too_long_is_rolled_back_and_says_so()
    {
        const string Error = "TXTIMEOUT the transaction was open for more than 5000 ms and was rolled back";
        await Expect("BEGIN", "OK");
        await Expect("SET x 1", "OK");
        Clock.Advance(TimeSpan.FromSeconds(6));
        await ExpectError("GET x", Error);
        await ExpectError("SET y 1", Error);
        await Expect("PING", "PONG");
        await ExpectError("COMMIT", Error);
        await Expect("MGET x y", new object?[] { null, null });
    }

    [Fact]
    public async Task Published_messages_leave_when_it_commits()
    {
        using var listener = await ConnectAsync();
        await listener.AskAsync("SUBSCRIBE news");
        await Expect("BEGIN", "OK");
        await Expect("PUBLISH news dropped", 1);
        await Expect("ROLLBACK", "OK");
        await Expect("BEGIN", "OK");
        await Expect("PUBLISH news kept", 1);
        await Expect("COMMIT", "OK");
        Check(new object?[] { "message", "news", "kept" }, await listener.ReadAsync(), "message");
    }

    [Fact]
    public async Task Messages_and_keyspace_events_of_all_its_commands_leave_at_the_commit_in_order()
    {
        using var listener = await ConnectAsync();
        await Expect("CONFIG SET notify-keyspace-events Eg$", "OK");
        await listener.AskAsync("PSUBSCRIBE *");
        await Expect("BEGIN", "OK");
        await Expect("SET dropped 1", "OK");
        await Expect("ROLLBACK", "OK");
        await Expect("BEGIN", "OK");
        await Expect("PUBLISH news first", 1);
        await Expect("SET x 1", "OK");
        await Expect("DEL x", 1);
        await Expect("COMMIT", "OK");
        Check(new object?[] { "pmessage", "*", "__keyevent@0__:set", "x" }, await listener.ReadAsync(), "set");
        Check(new object?[] { "pmessage", "*", "__keyevent@0__:del", "x" }, await listener.ReadAsync(), "del");
        Check(new object?[] { "pmessage", "*", "news", "first" }, await listener.ReadAsync(), "message");
        await Expect("CONFIG SET notify-keyspace-events \"\"", "OK");
    }
}
