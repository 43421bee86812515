using Xunit;

namespace Memstore.Server.Tests.Commands;

public sealed class ClientCommandTests(ServerFixture server) : CommandTests(server)
{
    [Theory]
    [InlineData("CLIENT SETNAME \"a b\"", "ERR Client names cannot contain spaces, newlines or special characters.")]
    [InlineData("CLIENT SETNAME \"a\\nb\"", "ERR Client names cannot contain spaces, newlines or special characters.")]
    [InlineData("CLIENT LIST TYPE foo", "ERR Unknown client type 'foo'")]
    [InlineData("CLIENT LIST TYPE", "ERR syntax error")]
    [InlineData("CLIENT LIST ID", "ERR syntax error")]
    [InlineData("CLIENT LIST ID a", "ERR Invalid client ID")]
    [InlineData("CLIENT KILL 1.2.3.4:5", "ERR No such client")]
    [InlineData("CLIENT KILL ID 0", "ERR client-id should be greater than 0")]
    [InlineData("CLIENT KILL TYPE foo", "ERR Unknown client type 'foo'")]
    [InlineData("CLIENT KILL USER bob", "ERR No such user 'bob'")]
    [InlineData("CLIENT KILL SKIPME foo", "ERR syntax error")]
    [InlineData("CLIENT NO-EVICT foo", "ERR syntax error")]
    [InlineData("CLIENT PAUSE a", "ERR timeout is not an integer or out of range")]
    [InlineData("CLIENT PAUSE -1", "ERR timeout is negative")]
    [InlineData("CLIENT PAUSE 1 foo", "ERR CLIENT PAUSE mode must be WRITE or ALL")]
    [InlineData("CLIENT REPLY foo", "ERR syntax error")]
    [InlineData("CLIENT UNBLOCK a", "ERR value is not an integer or out of range")]
    [InlineData("CLIENT UNBLOCK 99 foo", "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")]
    [InlineData("CLIENT TRACKING foo", "ERR syntax error")]
    [InlineData("CLIENT MAINT_NOTIFICATIONS ON", "ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.")]
    public Task Refuses(string command, string error) => ExpectError(command, error);

    [Fact]
    public async Task Names_are_kept_and_shown()
    {
        await Expect("CLIENT GETNAME", null);
        await Expect("CLIENT SETNAME me", "OK");
        await Expect("CLIENT GETNAME", "me");
        await Expect("CLIENT SETNAME \"\"", "OK");
        await Expect("CLIENT GETNAME", null);
    }

    [Fact]
    public async Task Info_and_List_describe_connections()
    {
        await Client.AskAsync("CLIENT SETNAME described");
        await Client.AskAsync("CLIENT SETINFO lib-name tests");
        await Client.AskAsync("SELECT 3");
        var info = Assert.IsType<string>(await Client.AskAsync("CLIENT INFO"));
        Assert.Contains(" name=described ", info);
        Assert.Contains(" db=3 ", info);
        Assert.Contains(" cmd=client|info ", info);
        Assert.Contains(" lib-name=tests ", info);
        var id = await Client.AskAsync("CLIENT ID");
        var list = Assert.IsType<string>(await Client.AskAsync($"CLIENT LIST ID {id}"));
        Assert.StartsWith($"id={id} ", list);
        Assert.Single(list.TrimEnd('\n').Split('\n'));
    }

    [Theory]
    [InlineData("CLIENT KILL ID {0}", 1L)]
    [InlineData("CLIENT KILL ADDR {1}", 1L)]
    [InlineData("CLIENT KILL {1}", "OK")]
    [InlineData("CLIENT KILL TYPE normal ID {0} SKIPME no", 1L)]
    public async Task Kill_disconnects_those_it_names(string command, object reply)
    {
        using var victim = await ConnectAsync();
        var id = await victim.AskAsync("CLIENT ID");
        var info = Assert.IsType<string>(await victim.AskAsync("CLIENT INFO"));
        var address = info.Split(' ')[1]["addr=".Length..];
        Assert.Equal(reply, await Client.AskAsync(string.Format(null, command, id, address)));
        Assert.True(await victim.IsClosedAsync());
    }

    [Fact]
    public async Task Reply_off_and_skip_keep_silent()
    {
        await Client.WriteAsync(RespClient.Pipeline(
            "CLIENT REPLY SKIP", "PING not", "PING first", "CLIENT REPLY OFF", "PING not", "CLIENT REPLY ON", "PING second"));
        Assert.Equal("first", await Client.ReadAsync());
        Assert.Equal("OK", await Client.ReadAsync());
        Assert.Equal("second", await Client.ReadAsync());
    }

    [Fact]
    public async Task Pause_holds_writes_back_until_its_end()
    {
        using var other = await ConnectAsync();
        await Expect("CLIENT PAUSE 100000 WRITE", "OK");
        await other.SendAsync("SET x 1");
        await Expect("GET x", null);
        await Expect("CLIENT UNPAUSE", "OK");
        Assert.Equal("OK", await other.ReadAsync());
        await Expect("GET x", "1");
    }

    [Fact]
    public async Task Pause_ends_when_its_time_is_over()
    {
        using var other = await ConnectAsync();
        await Expect("CLIENT PAUSE 1000 ALL", "OK");
        await other.SendAsync("PING");
        Clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("PONG", await other.ReadAsync());
    }
}
