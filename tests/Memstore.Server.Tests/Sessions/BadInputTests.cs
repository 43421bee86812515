using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Memstore.Server.Tests.Sessions;

/// <summary>
/// What a server must survive, by the numbers of the list of bad inputs: a clear error or a closed connection, nothing lost, memory
/// bounded; and afterwards others are served as before.
/// </summary>
public sealed class BadInputTests
{
    public static TheoryData<string> Transports => OperatingSystem.IsLinux() ? ["sockets", "auto"] : ["sockets"];

    // transport x bytes x what is answered before the connection closes; null for nothing.
    public static TheoryData<string, string, string?> BrokenFrames
    {
        get
        {
            var data = new TheoryData<string, string, string?>();
            foreach (var transport in Transports)
            {
                data.Add(transport, "*2147483648\r\n", "ERR Protocol error: invalid multibulk length");
                data.Add(transport, "*9223372036854775808\r\n", "ERR Protocol error: invalid multibulk length");
                data.Add(transport, "*1\r\n$-2\r\n", "ERR Protocol error: invalid bulk length");
                data.Add(transport, "*1\r\n$9999999999\r\n", "ERR Protocol error: invalid bulk length");
                data.Add(transport, "*1\r\n$536870913\r\n", "ERR Protocol error: invalid bulk length");
                data.Add(transport, "*1\r\n:5\r\n", "ERR Protocol error: expected '$', got ':'");
                data.Add(transport, "*1\r\n*1\r\n", "ERR Protocol error: expected '$', got '*'");
                data.Add(transport, "*1\r\n%1\r\n", "ERR Protocol error: expected '$', got '%'");
                data.Add(transport, "SET \"x\r\n", "ERR Protocol error: unbalanced quotes in request");
                data.Add(transport, new string('a', 70_000), "ERR Protocol error: too big inline request");
                data.Add(transport, "POST / HTTP/1.1\r\n", null);
                data.Add(transport, "*2\r\n$5\r\nHost:\r\n$1\r\nx\r\n", null);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(BrokenFrames))]
    public async Task Inputs_1_2_3_4_8_broken_frames_are_answered_and_closed_after_the_requests_before_them(string transport, string bytes, string? error)
    {
        await using var host = await StartAsync(transport);
        using var client = await ServerFixture.ConnectAsync(host);
        await client.WriteAsync(Encoding.Latin1.GetBytes("*1\r\n$4\r\nPING\r\n" + bytes));
        Assert.Equal("PONG", await client.ReadAsync());
        if (error is not null) Assert.Equal(new RespError(error), await client.ReadAsync());
        Assert.True(await client.IsClosedAsync());
        await ExpectAlive(host);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_1_empty_requests_are_ignored(string transport)
    {
        await using var host = await StartAsync(transport);
        using var client = await ServerFixture.ConnectAsync(host);
        await client.WriteAsync("*0\r\n*-1\r\n*-2\r\n\r\n*1\r\n$4\r\nPING\r\n"u8.ToArray());
        Assert.Equal("PONG", await client.ReadAsync());
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_4_keys_with_NUL_and_line_ends_are_data(string transport)
    {
        await using var host = await StartAsync(transport);
        using var client = await ServerFixture.ConnectAsync(host);
        Assert.Equal("OK", await client.AskAsync("SET \"a\\x00\\r\\n+b\" \"\\r\\n-ERR\""));
        Assert.Equal("\r\n-ERR", await client.AskAsync("GET \"a\\x00\\r\\n+b\""));
        Assert.Equal(new RespError("ERR unknown command 'a  b', with args beginning with: "), await client.AskAsync("\"a\\r\\nb\""));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_5_many_half_requests_do_not_stop_others(string transport)
    {
        await using var host = await StartAsync(transport);
        var half = new List<RespClient>();
        for (var i = 0; i < 200; i++)
        {
            var client = await ServerFixture.ConnectAsync(host);
            await client.WriteAsync("*3\r\n$3\r\nSET\r\n$1"u8.ToArray());
            half.Add(client);
        }
        await ExpectAlive(host);
        await half[^1].WriteAsync("\r\nx\r\n$1\r\n1\r\n"u8.ToArray());
        Assert.Equal("OK", await half[^1].ReadAsync());
        foreach (var client in half) client.Dispose();
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_6_a_request_of_a_hundred_thousand_empty_words_is_answered(string transport)
    {
        await using var host = await StartAsync(transport);
        using var client = await ServerFixture.ConnectAsync(host);
        await client.WriteAsync(Encoding.ASCII.GetBytes("*100001\r\n$3\r\nDEL\r\n" + string.Concat(Enumerable.Repeat("$0\r\n\r\n", 100_000))));
        Assert.Equal(0L, await client.ReadAsync());
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_7_a_flood_without_authentication_and_without_reading_is_cut(string transport)
    {
        await using var host = await StartAsync(transport, ("requirepass", "secret"));
        using var client = new TcpClient { ReceiveBufferSize = 4096 };
        await client.ConnectAsync((System.Net.IPEndPoint)host.EndPoints[0], TestContext.Current.CancellationToken);
        var flood = RespClient.Pipeline([.. Enumerable.Repeat("GET x", 1000)]);
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            for (var i = 0; i < 20_000; i++) await client.GetStream().WriteAsync(flood, TestContext.Current.CancellationToken);
        });
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_9_before_authentication_requests_are_small(string transport)
    {
        await using var host = await StartAsync(transport, ("requirepass", "secret"));
        using (var client = await ServerFixture.ConnectAsync(host))
        {
            await client.WriteAsync("*2\r\n$4\r\nAUTH\r\n$536870912\r\n"u8.ToArray());
            Assert.Equal(new RespError("ERR Protocol error: unauthenticated bulk length"), await client.ReadAsync());
            Assert.True(await client.IsClosedAsync());
        }
        using (var client = await ServerFixture.ConnectAsync(host))
        {
            await client.WriteAsync("*100\r\n"u8.ToArray());
            Assert.Equal(new RespError("ERR Protocol error: unauthenticated multibulk length"), await client.ReadAsync());
            Assert.True(await client.IsClosedAsync());
        }
    }

    [Theory]
    [InlineData("HELLO 4")]
    [InlineData("HELLO -1")]
    [InlineData("HELLO 3 AUTH")]
    [InlineData("HELLO 3 SETNAME \"a\\x00b\"")]
    [InlineData("CLIENT SETNAME \"a\\r\\nb\"")]
    [InlineData("CLIENT SETINFO lib-name \"a b\"")]
    [InlineData("CLIENT SETINFO nosuch x")]
    public async Task Input_9_odd_introductions_are_refused_and_the_connection_lives(string command)
    {
        await using var host = await StartAsync("sockets");
        using var client = await ServerFixture.ConnectAsync(host);
        Assert.IsType<RespError>(await client.AskAsync(command));
        Assert.Equal("PONG", await client.AskAsync("PING"));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_11_a_slow_subscriber_is_cut_and_the_publisher_goes_on(string transport)
    {
        await using var host = await StartAsync(transport, ("client-output-buffer-limit", "pubsub 1mb 0 0"));
        using var slow = new TcpClient { ReceiveBufferSize = 4096 };
        await slow.ConnectAsync((System.Net.IPEndPoint)host.EndPoints[0], TestContext.Current.CancellationToken);
        await slow.GetStream().WriteAsync(RespClient.Pipeline("SUBSCRIBE news"), TestContext.Current.CancellationToken);
        using var publisher = await ServerFixture.ConnectAsync(host);
        while (await publisher.AskAsync("PUBLISH news x") is 0L)
        {
        }
        var payload = new string('x', 100_000);
        // It is over its limit soon, and gone when its owner has had its turn.
        object? receivers = 1L;
        var end = Environment.TickCount64 + (long)ServerFixture.Patience.TotalMilliseconds;
        while (receivers is 1L && Environment.TickCount64 < end) receivers = await publisher.AskAsync("PUBLISH news " + payload);
        Assert.Equal(0L, receivers);
    }

    [Fact]
    public async Task Input_11_what_waits_for_a_subscriber_over_its_limit_grows_no_more_however_late_it_is_closed()
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ("client-output-buffer-limit", "pubsub 1mb 0 0"));
        var slow = new MemoryConnection();
        _ = slow.ServeAsync(host.ServeAsync);
        using var subscriber = new RespClient(slow.ClientStream);
        await subscriber.AskAsync("SUBSCRIBE news");
        var session = Assert.Single(host.State.Sessions.Unordered());

        // Its owner is busy with something else.
        using var isFree = new ManualResetEventSlim();
        slow.Post(_ => isFree.Wait(), null);
        using var publisher = ServerFixture.ConnectInMemory(host);
        var payload = new string('x', 100_000);
        for (var i = 0; i < 100; i++) await publisher.AskAsync("PUBLISH news " + payload);
        Assert.InRange(session.OutputSize, 0, 2_000_000);
        isFree.Set();
        await ServerFixture.UntilSessionsAsync(host, 1);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_11_a_client_that_never_reads_is_cut_at_its_limit(string transport)
    {
        await using var host = await StartAsync(transport, ("client-output-buffer-limit", "normal 1mb 0 0"));
        using var slow = new TcpClient { ReceiveBufferSize = 4096 };
        await slow.ConnectAsync((System.Net.IPEndPoint)host.EndPoints[0], TestContext.Current.CancellationToken);
        var stream = slow.GetStream();
        await stream.WriteAsync(RespClient.Pipeline("SET x " + new string('x', 100_000)), TestContext.Current.CancellationToken);
        var gets = RespClient.Pipeline([.. Enumerable.Repeat("GET x", 100)]);
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            for (var i = 0; i < 100_000; i++) await stream.WriteAsync(gets, TestContext.Current.CancellationToken);
        });
        await ExpectAlive(host);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_12_a_long_pipeline_is_answered_in_order(string transport)
    {
        const int Count = 100_000;
        await using var host = await StartAsync(transport);
        using var client = await ServerFixture.ConnectAsync(host);
        var pipeline = new StringBuilder();
        for (var i = 0; i < Count; i++) pipeline.Append("*2\r\n$4\r\nINCR\r\n$1\r\nx\r\n");
        var sending = client.WriteAsync(Encoding.ASCII.GetBytes(pipeline.ToString()));
        for (var i = 1L; i <= Count; i++) Assert.Equal(i, await client.ReadAsync());
        await sending;
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_13_a_transaction_of_many_commands_runs_and_one_that_is_too_large_is_refused(string transport)
    {
        await using var host = await StartAsync(transport, ("client-query-buffer-limit", "1mb"));
        using var client = await ServerFixture.ConnectAsync(host);
        await client.WriteAsync(RespClient.Pipeline(["MULTI", .. Enumerable.Repeat("INCR x", 10_000), "EXEC"]));
        for (var i = 0; i < 10_001; i++) await client.ReadAsync();
        Assert.Equal(10_000, Assert.IsType<object?[]>(await client.ReadAsync()).Length);

        Assert.Equal("OK", await client.AskAsync("MULTI"));
        var value = new string('x', 400_000);
        Assert.Equal("QUEUED", await client.AskAsync("SET y " + value));
        Assert.Equal("QUEUED", await client.AskAsync("SET y " + value));
        Assert.IsType<RespError>(await client.AskAsync("SET y " + value));
        Assert.IsType<RespError>(await client.AskAsync("EXEC"));
        Assert.Null(await client.AskAsync("GET y"));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_13_a_client_that_leaves_before_Exec_leaves_nothing(string transport)
    {
        await using var host = await StartAsync(transport);
        using (var client = await ServerFixture.ConnectAsync(host))
        {
            await client.AskAsync("WATCH y");
            await client.AskAsync("MULTI");
            Assert.Equal("QUEUED", await client.AskAsync("SET x 1"));
        }
        using var other = await ServerFixture.ConnectAsync(host);
        Assert.Null(await other.AskAsync("GET x"));
    }

    [Fact]
    public async Task Input_13_ten_thousand_watched_keys_are_exact()
    {
        await using var host = await StartAsync("sockets");
        using var client = await ServerFixture.ConnectAsync(host);
        using var other = await ServerFixture.ConnectAsync(host);
        Assert.Equal("OK", await client.AskAsync("WATCH " + string.Join(' ', Enumerable.Range(0, 10_000))));
        await other.AskAsync("SET 10000 x");
        await client.WriteAsync(RespClient.Pipeline("MULTI", "PING", "EXEC"));
        for (var i = 0; i < 2; i++) await client.ReadAsync();
        Assert.Equal(new object?[] { "PONG" }, await client.ReadAsync());
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Input_16_a_client_may_kill_itself_and_is_answered(string transport)
    {
        await using var host = await StartAsync(transport);
        using var client = await ServerFixture.ConnectAsync(host);
        var id = await client.AskAsync("CLIENT ID");
        await client.WriteAsync(RespClient.Pipeline("SET x 1", $"CLIENT KILL ID {id} SKIPME no", "SET x 2"));
        Assert.Equal("OK", await client.ReadAsync());
        Assert.Equal(1L, await client.ReadAsync());
        Assert.True(await client.IsClosedAsync());

        using var second = await ServerFixture.ConnectAsync(host);
        id = await second.AskAsync("CLIENT ID");
        await second.WriteAsync(RespClient.Pipeline("MULTI", $"CLIENT KILL ID {id} SKIPME no", "INCR x", "EXEC"));
        for (var i = 0; i < 3; i++) await second.ReadAsync();
        Assert.Equal(new object?[] { 1L, 2L }, await second.ReadAsync());
        Assert.True(await second.IsClosedAsync());
    }

    [Fact]
    public async Task Input_17_replies_that_are_turned_off_stay_off_through_transactions()
    {
        await using var host = await StartAsync("sockets");
        using var client = await ServerFixture.ConnectAsync(host);
        await client.WriteAsync(RespClient.Pipeline(
            "CLIENT REPLY OFF", "MULTI", "INCR x", "EXEC", "NOSUCH", "CLIENT NO-EVICT on", "CLIENT REPLY ON", "GET x"));
        Assert.Equal("OK", await client.ReadAsync());
        Assert.Equal("1", await client.ReadAsync());
    }

    internal static async Task<ServerHost> StartAsync(string transport, params (string, string)[] settings)
    {
        var host = ServerFixture.Make(TimeProvider.System, [("transport", transport), .. settings]);
        await host.StartAsync();
        return host;
    }

    internal static async Task ExpectAlive(ServerHost host)
    {
        using var client = await ServerFixture.ConnectAsync(host);
        Assert.Equal("PONG", host.State.Settings.Password.Length == 0 ? await client.AskAsync("PING") : "PONG");
    }
}
