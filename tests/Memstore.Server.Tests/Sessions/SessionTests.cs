using System.Text;
using Xunit;

namespace Memstore.Server.Tests.Sessions;

/// <summary>The loop of a session, over a pipe in memory and over every transport.</summary>
public sealed class SessionTests
{
    public static TheoryData<string> Connections => OperatingSystem.IsLinux() ? ["memory", "sockets", "auto"] : ["memory", "sockets"];

    [Theory]
    [MemberData(nameof(Connections))]
    public async Task Replies_come_in_the_order_of_requests(string connection)
    {
        await using var host = await StartAsync(connection);
        using var client = await ConnectAsync(host, connection);
        await client.WriteAsync(RespClient.Pipeline([.. Enumerable.Range(0, 3000).Select(i => $"ECHO {i}")]));
        for (var i = 0; i < 3000; i++) Assert.Equal(i.ToString(), await client.ReadAsync());
    }

    [Theory]
    [MemberData(nameof(Connections))]
    public async Task A_request_may_come_byte_by_byte(string connection)
    {
        await using var host = await StartAsync(connection);
        using var client = await ConnectAsync(host, connection);
        foreach (var part in RespClient.Pipeline("SET x hello", "GET x")) await client.WriteAsync(new[] { part });
        Assert.Equal("OK", await client.ReadAsync());
        Assert.Equal("hello", await client.ReadAsync());
    }

    [Theory]
    [MemberData(nameof(Connections))]
    public async Task Large_values_come_back_whole(string connection)
    {
        await using var host = await StartAsync(connection);
        using var client = await ConnectAsync(host, connection);
        var value = new byte[3_000_000];
        new Random(7).NextBytes(value);
        Assert.Equal("OK", await client.AskAsync("SET"u8.ToArray(), "x"u8.ToArray(), value));
        Assert.Equal(Encoding.Latin1.GetString(value), await client.AskAsync("GET x"));
    }

    [Theory]
    [MemberData(nameof(Connections))]
    public async Task Many_clients_increment_one_key(string connection)
    {
        await using var host = await StartAsync(connection);
        var clients = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => ConnectAsync(host, connection)));
        var pipeline = RespClient.Pipeline([.. Enumerable.Range(0, 500).Select(_ => "INCR x")]);
        await Task.WhenAll(clients.Select(client => Task.Run(async () =>
        {
            await client.WriteAsync(pipeline);
            for (var i = 0; i < 500; i++) Assert.IsType<long>(await client.ReadAsync());
        })));
        Assert.Equal("4000", await clients[0].AskAsync("GET x"));
        foreach (var client in clients) client.Dispose();
    }

    [Theory]
    [MemberData(nameof(Connections))]
    public async Task Transactions_over_all_shards_are_never_seen_half(string connection)
    {
        await using var host = await StartAsync(connection);
        using var writer = await ConnectAsync(host, connection);
        using var reader = await ConnectAsync(host, connection);
        await writer.AskAsync("MSET a 0 b 0 c 0 d 0");
        var writing = Task.Run(async () =>
        {
            for (var i = 1; i <= 300; i++)
            {
                await writer.WriteAsync(RespClient.Pipeline("MULTI", "INCR a", "INCR b", "INCR c", "INCR d", "EXEC"));
                for (var reply = 0; reply < 6; reply++) await writer.ReadAsync();
            }
        }, TestContext.Current.CancellationToken);
        while (!writing.IsCompleted)
        {
            var seen = Assert.IsType<object?[]>(await reader.AskAsync("MGET a b c d"));
            Assert.All(seen, value => Assert.Equal(seen[0], value));
        }
        await writing;
    }

    [Theory]
    [MemberData(nameof(Connections))]
    public async Task Stopping_answers_what_has_begun_and_closes(string connection)
    {
        var host = await StartAsync(connection);
        using var client = await ConnectAsync(host, connection);
        Assert.Equal("PONG", await client.AskAsync("PING"));
        await host.DisposeAsync();
        Assert.True(await client.IsClosedAsync());
    }

    [Fact]
    public async Task Clients_above_the_limit_are_told_and_closed()
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ("maxclients", "2"));
        await host.StartAsync();
        using var first = await ServerFixture.ConnectAsync(host);
        using var second = await ServerFixture.ConnectAsync(host);
        await first.AskAsync("PING");
        await second.AskAsync("PING");
        using var third = await ServerFixture.ConnectAsync(host);
        Assert.Equal(new RespError("ERR max number of clients reached"), await third.ReadAsync());
        Assert.True(await third.IsClosedAsync());
    }

    [Fact]
    public async Task Replies_wait_until_their_commits_are_safe_and_execution_goes_on()
    {
        var log = new DelayedLog();
        await using var host = ServerFixture.Make(TimeProvider.System, log, new NoEffects());
        using var writer = ServerFixture.ConnectInMemory(host);
        using var other = ServerFixture.ConnectInMemory(host);
        await writer.WriteAsync(RespClient.Pipeline("SET x 1", "PING"));
        await log.WaitedFor.Task.WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken);
        // Another client depends on nothing that is unsafe.
        Assert.Equal("PONG", await other.AskAsync("PING"));
        var first = writer.ReadAsync();
        Assert.False(first.IsCompleted);
        log.MakeSafe();
        Assert.Equal("OK", await first);
        Assert.Equal("PONG", await writer.ReadAsync());
    }

    [Fact]
    public async Task A_commit_that_can_never_be_safe_is_answered_as_unknown()
    {
        var log = new DelayedLog();
        await using var host = ServerFixture.Make(TimeProvider.System, log, new NoEffects());
        using var writer = ServerFixture.ConnectInMemory(host);
        await writer.SendAsync("SET x 1");
        await log.WaitedFor.Task.WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken);
        log.Fail();
        Assert.Equal(new RespError("ERR the outcome is unknown: the commit could not be made durable"), await writer.ReadAsync());
        Assert.True(await writer.IsClosedAsync());
    }

    private static async Task<ServerHost> StartAsync(string connection)
    {
        var host = ServerFixture.Make(TimeProvider.System, ("transport", connection == "memory" ? "sockets" : connection));
        if (connection != "memory") await host.StartAsync();
        return host;
    }

    private static Task<RespClient> ConnectAsync(ServerHost host, string connection) =>
        connection == "memory" ? Task.FromResult(ServerFixture.ConnectInMemory(host)) : ServerFixture.ConnectAsync(host);
}
