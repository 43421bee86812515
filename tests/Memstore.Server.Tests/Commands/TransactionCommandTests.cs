using Xunit;

namespace Memstore.Server.Tests.Commands;

public sealed class TransactionCommandTests(ServerFixture server) : CommandTests(server)
{
    [Fact]
    public async Task Exec_answers_every_queued_command_in_order()
    {
        await Expect("MULTI", "OK");
        await Expect("SET x 1", "QUEUED");
        await Expect("INCR x", "QUEUED");
        await Expect("GET x", "QUEUED");
        await ExpectArray("EXEC", "OK", 2, "2");
    }

    [Fact]
    public async Task Exec_of_nothing_answers_an_empty_array()
    {
        await Expect("MULTI", "OK");
        await ExpectArray("EXEC");
    }

    [Fact]
    public async Task An_error_while_queueing_discards_the_transaction()
    {
        await Expect("MULTI", "OK");
        await Expect("SET x 1", "QUEUED");
        await ExpectError("GET", "ERR wrong number of arguments for 'get' command");
        await ExpectError("EXEC", "EXECABORT Transaction discarded because of previous errors.");
        await Expect("EXISTS x", 0);
    }

    [Fact]
    public async Task An_error_while_running_leaves_the_other_commands_in_force()
    {
        await Expect("SET x abc", "OK");
        await Expect("MULTI", "OK");
        await Expect("INCR x", "QUEUED");
        await Expect("SET y 1", "QUEUED");
        await ExpectArray("EXEC", new RespError("ERR value is not an integer or out of range"), "OK");
        await Expect("GET y", "1");
    }

    [Fact]
    public async Task Exec_with_wrong_arity_ends_the_transaction()
    {
        await Expect("MULTI", "OK");
        await ExpectError("EXEC now", "EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command");
        await ExpectError("DISCARD", "ERR DISCARD without MULTI");
    }

    [Theory]
    [InlineData("EXEC", "ERR EXEC without MULTI")]
    [InlineData("DISCARD", "ERR DISCARD without MULTI")]
    [InlineData("COMMIT", "ERR COMMIT without BEGIN")]
    [InlineData("ROLLBACK", "ERR ROLLBACK without BEGIN")]
    public Task What_was_not_begun_cannot_end(string command, string error) =>
        AsksRedis && command is "COMMIT" or "ROLLBACK" ? Task.CompletedTask : ExpectError(command, error);

    [Fact]
    public async Task Multi_does_not_nest_and_Watch_is_refused_inside()
    {
        await Expect("MULTI", "OK");
        await ExpectError("MULTI", "ERR MULTI calls can not be nested");
        await ExpectError("WATCH x", "ERR WATCH inside MULTI is not allowed");
        await ExpectArray("EXEC");
    }

    [Fact]
    public async Task Select_inside_a_transaction_takes_effect_for_what_follows_it()
    {
        await Expect("MULTI", "OK");
        await Expect("SELECT 1", "QUEUED");
        await Expect("SET x one", "QUEUED");
        await Expect("SELECT 0", "QUEUED");
        await Expect("GET x", "QUEUED");
        await Expect("SELECT 1", "QUEUED");
        await ExpectArray("EXEC", "OK", "OK", "OK", null, "OK");
        await Expect("GET x", "one");
    }

    [Theory]
    [InlineData("SET x 2")]
    [InlineData("DEL x")]
    [InlineData("EXPIRE x 100")]
    [InlineData("FLUSHALL")]
    [InlineData("SWAPDB 0 1")]
    public async Task Exec_answers_nil_if_a_watched_key_was_touched(string touch)
    {
        await Expect("SET x 1", "OK");
        await Expect("WATCH x", "OK");
        using (var other = await ConnectAsync()) await other.AskAsync(touch);
        await Expect("MULTI", "OK");
        await Expect("SET y 1", "QUEUED");
        if (AsksRedis) return;
        await Expect("EXEC", null);
        await Expect("EXISTS y", 0);
    }

    [Fact]
    public async Task A_watched_absent_key_that_came_and_went_fails_Exec()
    {
        await Expect("WATCH x", "OK");
        await Expect("SET x 1", "OK");
        await Expect("DEL x", 1);
        await Expect("MULTI", "OK");
        await Expect("PING", "QUEUED");
        await Expect("EXEC", null);
    }

    [Theory]
    [InlineData("UNWATCH")]
    [InlineData("SET unrelated 1")]
    public async Task Exec_runs_if_no_watched_key_was_touched(string between)
    {
        await Expect("WATCH x", "OK");
        await Ask(between);
        await Expect("MULTI", "OK");
        await Expect("PING", "QUEUED");
        await ExpectArray("EXEC", "PONG");
    }

    [Fact]
    public async Task Discard_forgets_commands_and_watches()
    {
        await Expect("WATCH x", "OK");
        await Expect("SET x 1", "OK");
        await Expect("MULTI", "OK");
        await Expect("SET y 1", "QUEUED");
        await Expect("DISCARD", "OK");
        await Expect("MULTI", "OK");
        await Expect("EXISTS y", "QUEUED");
        await ExpectArray("EXEC", 0);
    }

    [Fact]
    public async Task Flushall_and_Swapdb_are_part_of_a_transaction()
    {
        await Expect("SET x 1", "OK");
        await Expect("MULTI", "OK");
        await Expect("FLUSHALL", "QUEUED");
        await Expect("GET x", "QUEUED");
        await Expect("SET y 1", "QUEUED");
        await Expect("SWAPDB 0 1", "QUEUED");
        await Expect("DBSIZE", "QUEUED");
        await ExpectArray("EXEC", "OK", null, "OK", "OK", 0);
        await Expect("SELECT 1", "OK");
        await Expect("GET y", "1");
    }

    [Fact]
    public async Task Commands_that_may_not_be_queued_break_the_transaction()
    {
        await Expect("MULTI", "OK");
        await ExpectError("SHUTDOWN", "ERR Command not allowed inside a transaction");
        await ExpectError("EXEC", "EXECABORT Transaction discarded because of previous errors.");
    }

    [Theory]
    [InlineData(10)]
    [InlineData(100)]
    [InlineData(1_000)]
    public async Task Long_transactions_answer_as_short_ones_do(int reads)
    {
        for (var i = 0; i < reads; i += 2) await Client.AskAsync($"SET k{i} {i}");
        await Expect("MULTI", "OK");
        for (var i = 0; i < reads; i++) await Expect($"GET k{i}", "QUEUED");
        await Expect("INCR k0", "QUEUED");
        await Expect("GET k0", "QUEUED");
        object?[] values = [.. Enumerable.Range(0, reads).Select(i => i % 2 == 0 ? $"{i}" : null), 1, "1"];
        await Expect("EXEC", values);
        await Expect("GET k0", "1");
    }
}
