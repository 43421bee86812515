using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Memstore.Server.Tests.Configuration;

/// <summary>CONFIG REWRITE over the wire, and what happens to the file.</summary>
public sealed class ConfigRewriteTests : IDisposable
{
    private readonly ConfigurationFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("memstore.yaml", "# c\nport: 0\ndata: none\n", "timeout: 9\n")]
    [InlineData("redis.conf", "# c\nport 0\ndata none\n", "timeout 9\n")]
    public async Task It_writes_what_clients_changed(string name, string text, string added)
    {
        _folder.Write(name, text);
        await using var host = await StartAsync(name);
        using var client = await ServerFixture.ConnectAsync(host);
        Assert.Equal("OK", await client.AskAsync("CONFIG REWRITE"));
        Assert.Equal(text, _folder.Read(name));
        Assert.Equal("OK", await client.AskAsync("CONFIG SET timeout 9"));
        Assert.Equal("OK", await client.AskAsync("CONFIG REWRITE"));
        Assert.Equal(text + "# Written by CONFIG REWRITE\n" + added, _folder.Read(name));
        Assert.Contains($"config_file:{_folder.PathOf(name)}", (string)(await client.AskAsync("INFO server"))!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_works_inside_a_transaction()
    {
        _folder.Write("redis.conf", "port 0\ndata none\n");
        await using var host = await StartAsync("redis.conf");
        using var client = await ServerFixture.ConnectAsync(host);
        foreach (var (command, reply) in new[] { ("MULTI", "OK"), ("CONFIG SET timeout 9", "QUEUED"), ("CONFIG REWRITE", "QUEUED") })
            Assert.Equal(reply, await client.AskAsync(command));
        Assert.Equal(["OK", "OK"], (object?[]?)await client.AskAsync("EXEC"));
        Assert.EndsWith("timeout 9\n", _folder.Read("redis.conf"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_has_gone_is_an_error_and_not_made_anew()
    {
        _folder.Write("redis.conf", "port 0\ndata none\n");
        await using var host = await StartAsync("redis.conf");
        using var client = await ServerFixture.ConnectAsync(host);
        File.Delete(_folder.PathOf("redis.conf"));
        await client.AskAsync("CONFIG SET timeout 9");
        var error = Assert.IsType<RespError>(await client.AskAsync("CONFIG REWRITE"));
        Assert.Equal($"ERR Rewriting config file: {_folder.PathOf("redis.conf")}: there is no such file.", error.Text);
        Assert.False(File.Exists(_folder.PathOf("redis.conf")));
    }

    [Fact]
    public async Task The_number_of_shards_that_was_chosen_is_kept()
    {
        _folder.Write("memstore.yaml", "port: 0\nhttp-port: 0\ndata: none\nshards: auto\n");
        await using (var host = await StartAsync("memstore.yaml"))
        {
            using var client = await ServerFixture.ConnectAsync(host);
            Assert.Equal("OK", await client.AskAsync("SHARDS SET 7"));
            Assert.Equal("OK", await client.AskAsync("CONFIG REWRITE"));
        }

        Assert.Equal("port: 0\nhttp-port: 0\ndata: none\nshards: 7\n", _folder.Read("memstore.yaml"));
        await using var next = await StartAsync("memstore.yaml");
        Assert.Equal(7, next.State.Store.ShardCount);
    }

    [Fact]
    public void Links_are_followed_and_permissions_stay()
    {
        if (OperatingSystem.IsWindows()) return;
        var target = _folder.Write("real.conf", "port 1\n");
        File.SetUnixFileMode(target, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
        File.CreateSymbolicLink(_folder.PathOf("link.conf"), target);
        var settings = _folder.Load("link.conf").Settings;
        Assert.True(settings.TrySet([("timeout", "9")], out _));
        settings.File!.Rewrite(settings.ChangedByClients());
        Assert.NotNull(new FileInfo(_folder.PathOf("link.conf")).LinkTarget);
        Assert.Equal("port 1\n# Written by CONFIG REWRITE\ntimeout 9\n", _folder.Read("real.conf"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite, File.GetUnixFileMode(target));
        Assert.Equal(2, Directory.GetFiles(Path.GetDirectoryName(target)!).Length);
    }

    private async Task<ServerHost> StartAsync(string file)
    {
        // Without REST, whose usual port may be taken, whatever the file says.
        var host = new ServerHost(_folder.Load(file, options: "http-port=0").Settings, TimeProvider.System, NullLogger.Instance);
        await host.StartAsync();
        return host;
    }
}
