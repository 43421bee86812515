using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Memstore.Server.Tests.Commands;

public sealed class KeyUseCommandTests
{
    [Fact]
    public async Task Hot_keys_are_ranked_by_commands_by_bytes_and_by_time()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        await client.AskAsync("SET large " + new string('v', 100_000));
        for (var i = 0; i < 300; i++)
        {
            await client.AskAsync("INCR often");
            if (i % 3 == 0) await client.AskAsync($"MSET pair{i % 2} 1 {{pair}}x 2");
        }
        for (var i = 0; i < 10; i++) await client.AskAsync("GET large");
        await client.AskAsync("SELECT 1");
        await client.AskAsync("INCR often");

        var byCommands = await KeysAsync(client, "HOTKEYS COUNT 3");
        Assert.Equal(3, byCommands.Length);
        Assert.Equal(("often", 0L), (byCommands[0]["key"], byCommands[0]["database"]));
        Assert.True(Number(byCommands[0]["commands-per-second"]) > 0);
        Assert.Equal((long)host.State.Store.RouteOf("often"u8).Slot, byCommands[0]["slot"]);
        Assert.Equal((long)host.State.Store.ShardOf(host.State.Store.RouteOf("often"u8).Slot), byCommands[0]["shard"]);
        Assert.InRange(Number(byCommands[0]["share"]), 0.4, 0.8);

        var byBytes = await KeysAsync(client, "HOTKEYS BY BYTES");
        Assert.Equal(("large", 5L), (byBytes[0]["key"], byBytes[0]["key-length"]));
        Assert.InRange(Number(byBytes[0]["share"]), 0.9, 1);
        Assert.All(await KeysAsync(client, "HOTKEYS BY CPU COUNT 5"), static key => Assert.True(Number(key["cpu-us-per-second"]) > 0));

        Assert.Equal("OK", await client.AskAsync("HOTKEYS RESET"));
        Assert.Empty(await KeysAsync(client, "HOTKEYS"));
    }

    [Fact]
    public async Task Hot_keys_fade_with_time()
    {
        var clock = new FakeTimeProvider();
        await using var host = ServerFixture.Make(clock);
        using var client = ServerFixture.ConnectInMemory(host);
        for (var i = 0; i < 20; i++) await client.AskAsync("MULTI");
        await client.AskAsync("GET inside");
        await client.AskAsync("GET inside");
        await client.AskAsync("EXEC");
        Assert.Equal("inside", (await KeysAsync(client, "HOTKEYS"))[0]["key"]);
        for (var i = 0; i < 10; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(30));
            host.State.HotKeys.KeepHouse();
        }
        Assert.Empty(await KeysAsync(client, "HOTKEYS"));
    }

    [Fact]
    public async Task Big_keys_are_found_and_deleted_ones_are_not_shown()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        await client.AskAsync("SET large " + new string('v', 300_000));
        for (var i = 0; i < 1_000; i++) await client.AskAsync($"HSET hash field{i} {new string('v', 50)}");
        await client.AskAsync("SET small v");
        for (var i = 0; i < 400; i++) host.State.Store.Maintain();

        var keys = await KeysAsync(client, "BIGKEYS COUNT 2");
        Assert.Equal(["large", "hash"], keys.Select(static key => key["key"]));
        Assert.Equal(("hash", 1_000L), (keys[1]["type"], keys[1]["elements"]));
        Assert.True((long)keys[1]["bytes"]! > 50_000);
        await client.AskAsync("DEL large");
        Assert.Equal("hash", (await KeysAsync(client, "BIGKEYS"))[0]["key"]);
    }

    [Theory]
    [InlineData("HOTKEYS COUNT 0", "ERR count must be between 1 and 1000")]
    [InlineData("HOTKEYS COUNT x", "ERR value is not an integer or out of range")]
    [InlineData("HOTKEYS COUNT", "ERR syntax error")]
    [InlineData("HOTKEYS BY LUCK", "ERR syntax error")]
    [InlineData("HOTKEYS NONSENSE", "ERR syntax error")]
    [InlineData("BIGKEYS COUNT 1001", "ERR count must be between 1 and 1000")]
    [InlineData("BIGKEYS BY BYTES", "ERR syntax error")]
    public async Task Refuses(string command, string error)
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        Assert.Equal(new RespError(error), await client.AskAsync(command));
    }

    [Fact]
    public async Task Help_shows_every_form()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        Assert.Contains("RESET", (object?[])(await client.AskAsync("HOTKEYS HELP"))!);
        Assert.Contains("HELP", (object?[])(await client.AskAsync("BIGKEYS HELP"))!);
    }

    private static async Task<Dictionary<string, object?>[]> KeysAsync(RespClient client, string command)
    {
        var maps = (object?[])(await client.AskAsync(command))!;
        return [.. maps.Select(static map => ((object?[])map!).Chunk(2).ToDictionary(static pair => (string)pair[0]!, static pair => pair[1]))];
    }

    private static double Number(object? text) => double.Parse((string)text!, CultureInfo.InvariantCulture);
}
