using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Memstore.Server.Tests.Commands;

public sealed class ShardCommandTests
{
    [Theory]
    [InlineData(0.4321, "43.2 %")]
    [InlineData(0.0678, "6.8 %")]
    [InlineData(0.0009, "0.09 %")]
    [InlineData(0, "0.00 %")]
    public void A_small_part_of_the_load_is_told_with_more_digits(double load, string text) => Assert.Equal(text, Balancer.PartOf(load));

    [Fact]
    public async Task The_number_of_shards_changes_while_the_server_runs()
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ("shards", "3"));
        using var client = ServerFixture.ConnectInMemory(host);
        for (var i = 0; i < 100; i++) Assert.Equal("OK", await client.AskAsync($"SET key{i} {i}"));
        Assert.Equal("OK", await client.AskAsync("SHARDS SET 9"));
        var shards = (object?[])(await client.AskAsync("SHARDS INFO"))!;
        Assert.Equal(9, shards.Length);
        Assert.Equal(16_384L, shards.Sum(shard => Field(shard, "slots")));
        Assert.Equal(100L, shards.Sum(shard => Field(shard, "keys")));
        Assert.Equal(["shards", "9"], (object?[]?)await client.AskAsync("CONFIG GET shards"));
        Assert.Equal("OK", await client.AskAsync("SHARDS SET 1"));
        Assert.Single((object?[])(await client.AskAsync("SHARDS INFO"))!);
        for (var i = 0; i < 100; i++) Assert.Equal($"{i}", await client.AskAsync($"GET key{i}"));
        Assert.IsType<long>(await client.AskAsync("DBSIZE"));
        var log = (object?[])(await client.AskAsync("SHARDS LOG"))!;
        Assert.StartsWith("the number of shards was changed from 9 to 1: ", (string)((object?[])log[0]!)[1]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Info_counts_commits_conflicts_and_lost_watches()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        using var other = ServerFixture.ConnectInMemory(host);
        Assert.Equal("OK", await client.AskAsync("SET key 1"));
        Assert.Equal("OK", await client.AskAsync("BEGIN"));
        Assert.Equal("1", await client.AskAsync("GET key"));
        Assert.Equal("OK", await client.AskAsync("SET key 2"));
        Assert.Equal("OK", await other.AskAsync("SET key 3"));
        Assert.StartsWith("CONFLICT", ((RespError)(await client.AskAsync("COMMIT"))!).Text, StringComparison.Ordinal);
        Assert.Equal("OK", await client.AskAsync("WATCH key"));
        Assert.Equal("OK", await other.AskAsync("SET key 4"));
        Assert.Equal("OK", await client.AskAsync("MULTI"));
        Assert.Equal("QUEUED", await client.AskAsync("GET key"));
        Assert.Null(await client.AskAsync("EXEC"));

        var shard = ((object?[])(await client.AskAsync("SHARDS INFO"))!).Single(shard => Field(shard, "keys") == 1);
        Assert.Equal((1L, 1L, 0L), (Field(shard, "conflicts"), Field(shard, "lost-watches"), Field(shard, "queue-depth")));
        Assert.True(Field(shard, "commits") >= 4);
        Assert.True(Field(shard, "turns") >= Field(shard, "commits"));
    }

    [Fact]
    public async Task A_slot_moves_where_it_is_told_to()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        var to = (host.State.Store.ShardOf(77) + 1) % 4;
        Assert.Equal("OK", await client.AskAsync($"SHARDS MOVE 77 {to}"));
        Assert.Equal(to, host.State.Store.ShardOf(77));
        Assert.Equal("OK", await client.AskAsync("SHARDS REBALANCE NOW"));
    }

    [Fact]
    public async Task The_ring_has_points_and_a_bound()
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ("replication-factor", "3"), ("load-factor", "1.5"));
        using var client = ServerFixture.ConnectInMemory(host);
        var ring = (object?[])(await client.AskAsync("SHARDS RING"))!;
        Assert.Equal(["replication-factor", 3L, "load-factor", "1.5", "bound", "0.3750", "points"], ring[..^1]);
        var points = ((object?[])ring[^1]!).Select(static point => (object?[])point!).ToArray();
        Assert.Equal(3 * 4, points.Length);
        Assert.Equal(points.Select(static point => (string)point[0]!).Order(StringComparer.Ordinal), points.Select(static point => (string)point[0]!));
        Assert.Equal([0L, 1L, 2L, 3L], points.Select(static point => (long)point[1]!).Distinct().Order());
        await client.AskAsync("HELLO 3");
        Assert.Equal(ring.Length, ((object?[])(await client.AskAsync("SHARDS RING"))!).Length);
    }

    [Fact]
    public async Task A_change_that_fails_half_way_is_answered_with_an_error_and_the_next_one_does_the_rest()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        for (var i = 0; i < 100; i++) Assert.Equal("OK", await client.AskAsync($"SET key{i} {i}"));
        var holds = 0;
        host.State.Store.BeforeMove = () =>
        {
            if (++holds > 5) throw new InsufficientMemoryException();
        };
        Assert.Equal(new RespError("ERR the change failed; the log of the server has the details"), await client.AskAsync("SHARDS SET 9"));
        host.State.Store.BeforeMove = null;
        Assert.Equal(["shards", "9"], (object?[]?)await client.AskAsync("CONFIG GET shards"));
        Assert.Equal(100L, ((object?[])(await client.AskAsync("SHARDS INFO"))!).Sum(static shard => Field(shard, "keys")));
        Assert.Equal("OK", await client.AskAsync("SHARDS SET 9"));
        Assert.All((object?[])(await client.AskAsync("SHARDS INFO"))!, static shard => Assert.InRange(Field(shard, "slots"), 1_000, 2_500));
        var log = (object?[])(await client.AskAsync("SHARDS LOG"))!;
        Assert.StartsWith("the number of shards was 9 already: ", (string)((object?[])log[0]!)[1]!, StringComparison.Ordinal);
        for (var i = 0; i < 100; i++) Assert.Equal($"{i}", await client.AskAsync($"GET key{i}"));
    }

    [Fact]
    public async Task A_server_that_stops_waits_for_the_change_that_is_under_way()
    {
        var host = ServerFixture.Make(TimeProvider.System);
        await host.StartAsync();
        var store = host.State.Store;
        using var client = await ServerFixture.ConnectAsync(host);
        using var other = await ServerFixture.ConnectAsync(host);
        var (begun, release) = (new TaskCompletionSource(), new TaskCompletionSource());
        store.BeforeMove = () =>
        {
            begun.TrySetResult();
            release.Task.Wait(CancellationToken.None);
        };
        await client.SendAsync("SHARDS SET 9");
        await begun.Task;
        await other.SendAsync("SHARDS SET 5");
        var stopping = host.DisposeAsync().AsTask();
        Assert.False(stopping.IsCompleted);
        release.SetResult();
        await stopping;
        Assert.Contains(store.ShardCount, (int[])[9, 5]);
        Assert.All(Enumerable.Range(0, 16_384), slot => Assert.True(store.ShardOf(slot) < store.ShardCount));
    }

    [Fact]
    public async Task Changes_that_are_asked_for_at_once_are_made_one_after_the_other()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        var clients = Enumerable.Range(0, 8).Select(_ => ServerFixture.ConnectInMemory(host)).ToArray();
        var answers = await Task.WhenAll(clients.Select((client, i) => client.AskAsync($"SHARDS {(i % 2 == 0 ? $"SET {i + 5}" : "REBALANCE NOW")}")));
        Assert.All(answers, answer => Assert.Equal("OK", answer));
        Assert.Contains(host.State.Store.ShardCount, (int[])[5, 7, 9, 11]);
        var log = (object?[])(await clients[0].AskAsync("SHARDS LOG -1"))!;
        Assert.Equal(4, log.Count(static entry => ((string)((object?[])entry!)[1]!).StartsWith("the number of shards was changed", StringComparison.Ordinal)));
        foreach (var client in clients) client.Dispose();
    }

    [Fact]
    public async Task The_log_says_what_a_shard_had_and_which_slot_cannot_be_split()
    {
        // On a clock that stands there is no housekeeping, which would fold the loads and say something of its own meanwhile.
        await using var host = ServerFixture.Make(new FakeTimeProvider());
        using var client = ServerFixture.ConnectInMemory(host);
        var store = host.State.Store;
        var others = Enumerable.Range(0, 16_384).Where(slot => store.ShardOf(slot) == 1).Skip(1).Take(20).ToArray();
        var hot = Enumerable.Range(0, 16_384).First(slot => store.ShardOf(slot) == 1);
        for (var i = 0; i < 2_000; i++)
        {
            store.CountLoad(hot);
            store.CountLoad(others[i % others.Length]);
        }

        store.FoldLoads(decides: false);
        Assert.Equal("OK", await client.AskAsync("SHARDS REBALANCE NOW"));
        var log = ((object?[])(await client.AskAsync("SHARDS LOG"))!).Select(static entry => (string)((object?[])entry!)[1]!).ToArray();
        Assert.Matches($@"^slot {hot} alone has 4[0-9]\.[0-9] % of the load, 1\.[6-9] times a shard's average, and cannot be split: others leave its shard 1$", log[0]);
        Assert.Matches(@"^shard 1 had 3\.[0-9]{2} times the average load \(asked for\): [0-9]+ slots \([0-9 ]+ \.\.\.\) with [0-9.]+ % of all moved to shards 0 2 3$", log[1]);
    }

    [Fact]
    public async Task A_plan_for_many_shards_says_the_most_important_and_sums_up_the_rest()
    {
        await using var host = ServerFixture.Make(new FakeTimeProvider(), ("shards", "256"));
        using var client = ServerFixture.ConnectInMemory(host);
        var store = host.State.Store;
        // One slot of every second shard is too much for it alone, the earlier the more.
        var hot = Enumerable.Range(0, 128).Select(i => Enumerable.Range(0, 16_384).First(slot => store.ShardOf(slot) == 2 * i)).ToArray();
        for (var i = 0; i < hot.Length; i++)
        {
            for (var n = 0; n < 400 - i; n++) store.CountLoad(hot[i]);
        }

        store.FoldLoads(decides: false);
        Assert.Equal("OK", await client.AskAsync("SHARDS REBALANCE NOW"));
        var log = ((object?[])(await client.AskAsync("SHARDS LOG -1"))!).Select(static entry => (string)((object?[])entry!)[1]!).Reverse().ToArray();
        Assert.Equal(18, log.Length);
        Assert.Matches(@"^shard [0-9]+ had [0-9.]+ times the average load \(asked for\): ", log[0]);
        Assert.Matches(@"^120 more shards had too much \(asked for\): [0-9]+ slots \([0-9 ]+ \.\.\.\) with [0-9.]+ % of all moved$", log[8]);
        Assert.Matches($@"^slot {hot[0]} alone has 0\.[0-9]{{2}} % of the load, 1\.[0-9] times a shard's average, and cannot be split: others leave its shard 0$", log[9]);
        Assert.StartsWith("120 more slots alone have more than a shard may have, and cannot be split: 120 slots (", log[17], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SHARDS SET 0", "ERR the number of shards must be between 1 and 4096")]
    [InlineData("SHARDS SET 4097", "ERR the number of shards must be between 1 and 4096")]
    [InlineData("SHARDS SET x", "ERR value is not an integer or out of range")]
    [InlineData("SHARDS MOVE 16384 0", "ERR slot is out of range, it must be between 0 and 16383")]
    [InlineData("SHARDS MOVE 0 4", "ERR there is no such shard")]
    [InlineData("SHARDS MOVE 0 -1", "ERR there is no such shard")]
    [InlineData("SHARDS MOVE -1 0", "ERR slot is out of range, it must be between 0 and 16383")]
    [InlineData("SHARDS SET 9223372036854775808", "ERR value is not an integer or out of range")]
    [InlineData("SHARDS REBALANCE LATER", "ERR syntax error")]
    [InlineData("SHARDS REBALANCE NOW NOW", "ERR syntax error")]
    [InlineData("SHARDS LOG 1 2", "ERR syntax error")]
    [InlineData("CONFIG SET load-factor 1", "ERR CONFIG SET failed (possibly related to argument 'load-factor') - argument must be a number above 1 and up to 100")]
    public async Task Refuses(string command, string error)
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        Assert.Equal(new RespError(error), await client.AskAsync(command));
    }

    private static long Field(object? shard, string name)
    {
        var cells = (object?[])shard!;
        return (long)cells[Array.IndexOf(cells, name) + 1]!;
    }
}
