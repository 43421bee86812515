using System.Net;
using System.Net.Sockets;
using Memstore.Engine;
using Memstore.Server.Tests.Conformance;
using Xunit;

namespace Memstore.Server.Tests.Sessions;

/// <summary>
/// Bad inputs, by the numbers of the list, that meet a server at its limit of files or a client that waits: it is sent away, leaves, or loses its
/// rights meanwhile.
/// </summary>
public sealed class BadInputWaitingTests
{
    private const int FilesMax = 240;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Transports => BadInputTests.Transports;

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_10_a_server_out_of_descriptors_serves_who_is_there_and_accepts_again_later(string transport)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs ulimit.");
        // Not on the thread that brought the last reply: it may be the one that all sockets of the process depend on, its pipes included.
        var server = await Task.Run(() => ServerProcess.StartMemstoreWithFiles(FilesMax, "--transport", transport), Cancellation);
        try
        {
            await RunOutOfDescriptorsAsync(server);
        }
        finally
        {
            Assert.Equal(0, await Task.Run(server.Stop, CancellationToken.None));
        }
    }

    private static async Task RunOutOfDescriptorsAsync(ServerProcess server)
    {
        using var early = await ConnectAsync(server.EndPoint);
        Assert.Equal("PONG", await early.AskAsync("PING"));
        var clients = new List<RespClient>();
        for (var i = 0; i < 400; i++) clients.Add(await ConnectAsync(server.EndPoint));
        Assert.Equal("OK", await early.AskAsync("SET x 1"));
        // The kernel took them all; those that the server had no descriptor for are told so.
        Assert.Equal(new RespError("ERR max number of clients reached"), await clients[^1].ReadAsync());
        Assert.Equal("1", await early.AskAsync("GET x"));
        foreach (var client in clients) client.Dispose();
        while (((string)(await early.AskAsync("CLIENT LIST"))!).Count('\n') > 1) await Task.Yield();

        // A socket is closed a while after its session has left the list.
        var end = Environment.TickCount64 + (long)ServerFixture.Patience.TotalMilliseconds;
        while (server.OpenFiles > FilesMax / 2 && Environment.TickCount64 < end) await Task.Yield();
        using var late = await ConnectAsync(server.EndPoint);
        Assert.Equal("1", await late.AskAsync("GET x"));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_14_a_password_set_between_queueing_and_Exec_concerns_those_who_come_later(string transport)
    {
        await using var host = await BadInputTests.StartAsync(transport);
        using var client = await ServerFixture.ConnectAsync(host);
        using var other = await ServerFixture.ConnectAsync(host);
        await client.WriteAsync(RespClient.Pipeline("MULTI", "SET x 1"));
        for (var i = 0; i < 2; i++) await client.ReadAsync();
        Assert.Equal("OK", await other.AskAsync("CONFIG SET requirepass secret"));
        Assert.Equal(new object?[] { "OK" }, await client.AskAsync("EXEC"));
        using var late = await ServerFixture.ConnectAsync(host);
        Assert.Equal(new RespError("NOAUTH Authentication required."), await late.AskAsync("MULTI"));
        Assert.Equal("RESET", await client.AskAsync("RESET"));
        Assert.Equal(new RespError("NOAUTH Authentication required."), await client.AskAsync("GET x"));
        Assert.Equal("OK", await late.AskAsync("AUTH secret"));
        Assert.Equal("1", await late.AskAsync("GET x"));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_14_what_was_queued_does_not_run_once_memory_is_full(string transport)
    {
        await using var host = await BadInputTests.StartAsync(transport);
        using var client = await ServerFixture.ConnectAsync(host);
        using var other = await ServerFixture.ConnectAsync(host);
        await other.AskAsync("SET y " + new string('y', 100_000));
        await client.WriteAsync(RespClient.Pipeline("MULTI", "SET x 1"));
        for (var i = 0; i < 2; i++) await client.ReadAsync();
        Assert.Equal("OK", await other.AskAsync("CONFIG SET maxmemory 1"));
        Assert.IsType<RespError>(await client.AskAsync("EXEC"));
        Assert.Null(await other.AskAsync("GET x"));
        Assert.Equal("PONG", await client.AskAsync("PING"));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_15_a_client_killed_while_it_is_paused_does_not_run_what_it_sent(string transport)
    {
        await using var host = await BadInputTests.StartAsync(transport);
        using var other = await ServerFixture.ConnectAsync(host);
        using var client = await ServerFixture.ConnectAsync(host);
        var id = await client.AskAsync("CLIENT ID");
        Assert.Equal("OK", await other.AskAsync("CLIENT PAUSE 100000 WRITE"));
        await client.SendAsync("SET x 1");
        Assert.Equal(1L, await other.AskAsync($"CLIENT KILL ID {id}"));
        await other.AskAsync($"CLIENT KILL ID {id}");
        Assert.True(await client.IsClosedAsync());
        await GoneAsync(other, id);
        Assert.Equal("OK", await other.AskAsync("CLIENT UNPAUSE"));
        Assert.Null(await other.AskAsync("GET x"));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_15_a_client_killed_just_when_it_may_go_on_harms_nobody(string transport)
    {
        await using var host = await BadInputTests.StartAsync(transport);
        using var other = await ServerFixture.ConnectAsync(host);
        for (var round = 0; round < 40; round++)
        {
            using var client = await ServerFixture.ConnectAsync(host);
            var id = await client.AskAsync("CLIENT ID");
            await other.AskAsync("CLIENT PAUSE 100000 WRITE");
            await client.SendAsync("INCR x");
            await other.WriteAsync(round % 2 == 0
                ? RespClient.Pipeline("CLIENT UNPAUSE", $"CLIENT KILL ID {id}")
                : RespClient.Pipeline($"CLIENT KILL ID {id}", "CLIENT UNPAUSE"));
            for (var i = 0; i < 2; i++) await other.ReadAsync();
            await GoneAsync(other, id);
        }

        Assert.True(long.Parse((string?)await other.AskAsync("GET x") ?? "0") <= 40);
        Assert.Equal("OK", await other.AskAsync("SET x 1"));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_15_a_client_killed_while_it_waits_for_a_shard_is_closed_and_the_shard_goes_on(string transport)
    {
        await using var host = await BadInputTests.StartAsync(transport);
        using var other = await ServerFixture.ConnectAsync(host);
        using var client = await ServerFixture.ConnectAsync(host);
        var id = await client.AskAsync("CLIENT ID");
        using (var hold = new HeldKey(host.State.Store, "x"))
        {
            await client.SendAsync("SET x 1");
            await hold.WaitForQueueAsync();
            Assert.Equal(1L, await other.AskAsync($"CLIENT KILL ID {id}"));
            Assert.True(await client.IsClosedAsync());
        }

        await GoneAsync(other, id);
        // Its transaction had been submitted: it ran. What matters is that nobody waits for ever.
        Assert.Equal("1", await other.AskAsync("GET x"));
        Assert.Equal("OK", await other.AskAsync("SET x 2"));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_15_an_open_transaction_is_rolled_back_when_its_client_leaves(string transport)
    {
        await using var host = await BadInputTests.StartAsync(transport);
        using var other = await ServerFixture.ConnectAsync(host);
        object? id;
        using (var client = await ServerFixture.ConnectAsync(host))
        {
            id = await client.AskAsync("CLIENT ID");
            await client.AskAsync("BEGIN");
            Assert.Equal("OK", await client.AskAsync("SET x 1"));
            Assert.Equal(1, host.State.Store.Statistics().OpenSnapshots);
        }

        await GoneAsync(other, id);
        Assert.Equal(0, host.State.Store.Statistics().OpenSnapshots);
        Assert.Null(await other.AskAsync("GET x"));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_15_a_client_that_leaves_while_its_commit_or_its_Begin_waits_leaves_no_snapshot(string transport)
    {
        await using var host = await BadInputTests.StartAsync(transport);
        using var other = await ServerFixture.ConnectAsync(host);
        var ids = new List<object?>();
        using (var hold = new HeldKey(host.State.Store, "x"))
        {
            using var beginner = await ServerFixture.ConnectAsync(host);
            ids.Add(await beginner.AskAsync("CLIENT ID"));
            await beginner.SendAsync("BEGIN");
            await hold.WaitForQueueAsync();
        }

        using (var committer = await ServerFixture.ConnectAsync(host))
        {
            ids.Add(await committer.AskAsync("CLIENT ID"));
            await committer.AskAsync("BEGIN");
            await committer.AskAsync("SET x 1");
            await committer.AskAsync("SET y 1");
            using var hold = new HeldKey(host.State.Store, "x");
            await committer.SendAsync("COMMIT");
            await hold.WaitForQueueAsync();
            committer.Dispose();
        }

        foreach (var id in ids) await GoneAsync(other, id);
        Assert.Equal(0, host.State.Store.Statistics().OpenSnapshots);
        var both = Assert.IsType<object?[]>(await other.AskAsync("MGET x y"));
        Assert.Equal(both[0], both[1]);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_11_a_slow_monitor_is_cut_and_the_others_go_on(string transport)
    {
        await using var host = await BadInputTests.StartAsync(transport, ("client-output-buffer-limit", "normal 1mb 0 0 pubsub 1mb 0 0"));
        using var slow = new TcpClient { ReceiveBufferSize = 4096 };
        await slow.ConnectAsync((IPEndPoint)host.EndPoints[0], Cancellation);
        await slow.GetStream().WriteAsync(RespClient.Pipeline("MONITOR"), Cancellation);
        using var client = await ServerFixture.ConnectAsync(host);
        while (!host.State.Monitors.Any) await client.AskAsync("PING");
        var payload = new string('x', 100_000);
        // It is over its limit soon, and gone when its owner has had its turn.
        var end = Environment.TickCount64 + (long)ServerFixture.Patience.TotalMilliseconds;
        while (host.State.Monitors.Any && Environment.TickCount64 < end) Assert.Equal("OK", await client.AskAsync("SET x " + payload));
        Assert.False(host.State.Monitors.Any);
        Assert.Equal("PONG", await client.AskAsync("PING"));
    }

    private static async Task<RespClient> ConnectAsync(IPEndPoint endPoint)
    {
        var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(endPoint, Cancellation);
        return new RespClient(client.GetStream());
    }

    private static async Task GoneAsync(RespClient other, object? id)
    {
        while (await other.AskAsync($"CLIENT LIST ID {id}") is not "") await Task.Yield();
    }
}
