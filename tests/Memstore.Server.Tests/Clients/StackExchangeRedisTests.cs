using StackExchange.Redis;
using Xunit;

namespace Memstore.Server.Tests.Clients;

/// <summary>The client that most .NET programs use, over both versions of the protocol.</summary>
public sealed class StackExchangeRedisTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Theory]
    [InlineData(RedisProtocol.Resp2)]
    [InlineData(RedisProtocol.Resp3)]
    public async Task It_connects_and_knows_what_it_talks_to(RedisProtocol protocol)
    {
        await using var connection = await ConnectAsync(protocol);
        var peer = connection.GetServers()[0];
        Assert.True(peer.IsConnected);
        Assert.Equal(ServerType.Standalone, peer.ServerType);
        Assert.False(peer.IsReplica);
        Assert.Equal(new Version(7, 0, 15), peer.Version);
        Assert.Equal(16, peer.DatabaseCount);
    }

    [Theory]
    [InlineData(RedisProtocol.Resp2)]
    [InlineData(RedisProtocol.Resp3)]
    public async Task Strings_expire_and_count(RedisProtocol protocol)
    {
        await using var connection = await ConnectAsync(protocol);
        var db = connection.GetDatabase(1);
        var key = Key();
        Assert.True(await db.StringSetAsync(key, "1", TimeSpan.FromMinutes(1)));
        Assert.Equal(2, await db.StringIncrementAsync(key));
        Assert.NotNull(await db.KeyTimeToLiveAsync(key));
        Assert.False(await db.StringSetAsync(key, "x", when: When.NotExists));
        Assert.Equal("2", await db.StringGetDeleteAsync(key));
        Assert.True((await db.StringGetAsync(key)).IsNull);
    }

    [Theory]
    [InlineData(RedisProtocol.Resp2)]
    [InlineData(RedisProtocol.Resp3)]
    public async Task Many_tasks_share_the_connection(RedisProtocol protocol)
    {
        await using var connection = await ConnectAsync(protocol);
        var db = connection.GetDatabase(2);
        var key = Key();
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(async () =>
        {
            for (var i = 0; i < 100; i++) await db.StringIncrementAsync(key);
        }))).WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(1600, (long)await db.StringGetAsync(key));
    }

    [Theory]
    [InlineData(RedisProtocol.Resp2)]
    [InlineData(RedisProtocol.Resp3)]
    public async Task A_batch_is_sent_as_one(RedisProtocol protocol)
    {
        await using var connection = await ConnectAsync(protocol);
        var db = connection.GetDatabase(3);
        var batch = db.CreateBatch();
        var key = Key();
        var set = batch.StringSetAsync(key, "v");
        var get = batch.StringGetAsync(key);
        batch.Execute();
        Assert.True(await set);
        Assert.Equal("v", await get);
    }

    [Theory]
    [InlineData(RedisProtocol.Resp2)]
    [InlineData(RedisProtocol.Resp3)]
    public async Task Transactions_obey_their_conditions(RedisProtocol protocol)
    {
        await using var connection = await ConnectAsync(protocol);
        var db = connection.GetDatabase(4);
        var key = Key();
#pragma warning disable SER300, SER301 // There are shorter ways to say it; the transaction is what is tested.
        var first = db.CreateTransaction();
        first.AddCondition(Condition.KeyNotExists(key));
        var set = first.StringSetAsync(key, "1");
        Assert.True(await first.ExecuteAsync());
        Assert.True(await set);

        var second = db.CreateTransaction();
        second.AddCondition(Condition.StringEqual(key, "2"));
        var lost = second.StringSetAsync(key, "3");
#pragma warning restore SER300, SER301
        Assert.False(await second.ExecuteAsync());
        await Assert.ThrowsAsync<TaskCanceledException>(() => lost);
        Assert.Equal("1", await db.StringGetAsync(key));
    }

    [Theory]
    [InlineData(RedisProtocol.Resp2)]
    [InlineData(RedisProtocol.Resp3)]
    public async Task A_lock_has_one_holder(RedisProtocol protocol)
    {
        await using var connection = await ConnectAsync(protocol);
        var db = connection.GetDatabase(5);
        var key = Key();
        Assert.True(await db.LockTakeAsync(key, "a", TimeSpan.FromMinutes(1)));
        Assert.False(await db.LockTakeAsync(key, "b", TimeSpan.FromMinutes(1)));
        Assert.False(await db.LockReleaseAsync(key, "b"));
        Assert.True(await db.LockExtendAsync(key, "a", TimeSpan.FromMinutes(2)));
        Assert.True(await db.LockReleaseAsync(key, "a"));
        Assert.True(await db.LockTakeAsync(key, "b", TimeSpan.FromMinutes(1)));
    }

    [Theory]
    [InlineData(RedisProtocol.Resp2)]
    [InlineData(RedisProtocol.Resp3)]
    public async Task Messages_arrive(RedisProtocol protocol)
    {
        await using var connection = await ConnectAsync(protocol);
        await using var other = await ConnectAsync(protocol);
        var name = (string)Key()!;
        var received = new TaskCompletionSource<string>();
        var byPattern = new TaskCompletionSource<string>();
        var subscriber = connection.GetSubscriber();
        await subscriber.SubscribeAsync(RedisChannel.Literal(name), (_, value) => received.TrySetResult(value!));
        await subscriber.SubscribeAsync(RedisChannel.Pattern(name + "*"), (_, value) => byPattern.TrySetResult(value!));
        Assert.Equal(2, await other.GetSubscriber().PublishAsync(RedisChannel.Literal(name), "hello"));
        Assert.Equal("hello", await received.Task.WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken));
        Assert.Equal("hello", await byPattern.Task.WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken));
        await subscriber.UnsubscribeAsync(RedisChannel.Literal(name));
        Assert.Equal(1, await other.GetSubscriber().PublishAsync(RedisChannel.Literal(name), "again"));
    }

    [Theory]
    [InlineData(RedisProtocol.Resp2)]
    [InlineData(RedisProtocol.Resp3)]
    public async Task Fire_and_forget_is_done_before_what_follows(RedisProtocol protocol)
    {
        await using var connection = await ConnectAsync(protocol);
        var db = connection.GetDatabase(6);
        var key = Key();
        for (var i = 0; i < 100; i++) _ = db.StringIncrementAsync(key, flags: CommandFlags.FireAndForget);
        Assert.Equal(100, (long)await db.StringGetAsync(key));
    }

    [Fact]
    public async Task Begin_works_over_a_connection_of_its_own()
    {
        await using var mine = await ConnectAsync(RedisProtocol.Resp3);
        await using var other = await ConnectAsync(RedisProtocol.Resp3);
        var key = Key();
        var db = mine.GetDatabase();
        await db.ExecuteAsync("BEGIN");
        await db.StringIncrementAsync(key);
        Assert.True((await other.GetDatabase().StringGetAsync(key)).IsNull);
        await other.GetDatabase().StringSetAsync(key, "7");
        var error = await Assert.ThrowsAsync<RedisServerException>(() => db.ExecuteAsync("COMMIT"));
        Assert.StartsWith("CONFLICT", error.Message);
        Assert.Equal(7, (long)await db.StringGetAsync(key));
    }

    private static RedisKey Key() => "test:" + Guid.NewGuid().ToString("n");

    private async Task<ConnectionMultiplexer> ConnectAsync(RedisProtocol protocol)
    {
        var options = new ConfigurationOptions
        {
            EndPoints = { server.EndPoint },
            Protocol = protocol,
            AllowAdmin = true,
            AsyncTimeout = (int)ServerFixture.Patience.TotalMilliseconds,
            ConnectTimeout = (int)ServerFixture.Patience.TotalMilliseconds,
        };
        return await ConnectionMultiplexer.ConnectAsync(options);
    }
}
