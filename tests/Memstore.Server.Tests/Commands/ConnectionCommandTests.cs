using Xunit;

namespace Memstore.Server.Tests.Commands;

public sealed class ConnectionCommandTests(ServerFixture server) : CommandTests(server)
{
    [Fact]
    public async Task Ping_answers_PONG_or_its_argument()
    {
        await Expect("PING", "PONG");
        await Expect("PING hello", "hello");
        await ExpectError("PING a b", "ERR wrong number of arguments for 'ping' command");
    }

    [Fact]
    public Task Echo_answers_any_bytes() => Expect("ECHO \"a\\x00\\r\\nb\\xff\"", "a\0\r\nb\u00ff");

    [Theory]
    [InlineData("HELLO 4", "NOPROTO unsupported protocol version")]
    [InlineData("HELLO abc", "ERR Protocol version is not an integer or out of range")]
    [InlineData("HELLO 2 AUTH default", "ERR Syntax error in HELLO option 'AUTH'")]
    [InlineData("HELLO 2 SETNAME \"a b\"", "ERR Client names cannot contain spaces, newlines or special characters.")]
    [InlineData("AUTH foo", "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")]
    [InlineData("AUTH bob foo", "WRONGPASS invalid username-password pair or user is disabled.")]
    [InlineData("AUTH a b c", "ERR syntax error")]
    [InlineData("SELECT x", "ERR value is not an integer or out of range")]
    [InlineData("SELECT 16", "ERR DB index is out of range")]
    [InlineData("SELECT -1", "ERR DB index is out of range")]
    [InlineData("NOSUCH", "ERR unknown command 'NOSUCH', with args beginning with: ")]
    [InlineData("NOSUCH a b", "ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' ")]
    [InlineData("CLIENT NOSUCH", "ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.")]
    public Task Refuses(string command, string error) => ExpectError(command, error);

    [Fact]
    public async Task Hello_changes_the_protocol_and_describes_the_server()
    {
        var two = Assert.IsType<object?[]>(await Client.AskAsync("HELLO"));
        Assert.Equal(["server", "redis", "version", "7.0.15", "proto", 2L, "id"], two[..7]);
        Assert.Equal((byte)'*', Client.Raw[0]);
        await Client.AskAsync("HELLO 3");
        Assert.Equal((byte)'%', Client.Raw[0]);
        await Client.AskAsync("GET absent");
        Assert.Equal("_\r\n"u8.ToArray(), Client.Raw);
        await Client.AskAsync("HELLO 2");
        Assert.Equal((byte)'*', Client.Raw[0]);
    }

    [Fact]
    public async Task Reset_makes_the_connection_new()
    {
        await Expect("SELECT 2", "OK");
        await Expect("CLIENT SETNAME me", "OK");
        await Ask("SUBSCRIBE channel");
        await Expect("RESET", "RESET");
        await Expect("CLIENT GETNAME", null);
        await Expect("SET x 1", "OK");
        await Expect("SELECT 0", "OK");
        await Expect("GET x", "1");
    }

    [Fact]
    public async Task Quit_answers_and_closes_whatever_its_arguments()
    {
        using var client = await ConnectAsync();
        await client.WriteAsync(RespClient.Pipeline("QUIT now", "SET x 1"));
        Assert.Equal("OK", await client.ReadAsync());
        Assert.True(await client.IsClosedAsync());
        await Expect("EXISTS x", 0);
    }

    [Fact]
    public async Task A_password_is_needed_when_one_is_set()
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ("requirepass", "secret"));
        await host.StartAsync();
        using var client = await ServerFixture.ConnectAsync(host);
        Assert.Equal(new RespError("NOAUTH Authentication required."), await client.AskAsync("PING"));
        Assert.IsType<RespError>(await client.AskAsync("AUTH wrong"));
        Assert.IsType<RespError>(await client.AskAsync("HELLO 3"));
        Assert.Equal("OK", await client.AskAsync("AUTH default secret"));
        Assert.Equal("PONG", await client.AskAsync("PING"));
        using var second = await ServerFixture.ConnectAsync(host);
        Assert.IsType<object?[]>(await second.AskAsync("HELLO 3 AUTH default secret SETNAME second"));
        Assert.Equal("second", await second.AskAsync("CLIENT GETNAME"));
    }
}
