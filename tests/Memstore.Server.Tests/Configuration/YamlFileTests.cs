using Memstore.Server.Configuration;
using Xunit;

namespace Memstore.Server.Tests.Configuration;

/// <summary>Files in YAML.</summary>
public sealed class YamlFileTests : IDisposable
{
    private readonly ConfigurationFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("port: 7 # comment", "port", "7")]
    [InlineData("bind: [127.0.0.1, '::1']", "bind", "127.0.0.1 ::1")]
    [InlineData("bind:\n  - 127.0.0.1\n  - \"::1\"", "bind", "127.0.0.1 ::1")]
    [InlineData("save:\n- 900 1\n- 300 10\n", "save", "900 1 300 10")]
    [InlineData("client-output-buffer-limit:\n  - normal 1kb 2 3\n  - pubsub 4 5 6", "client-output-buffer-limit", "normal 1024 2 3 slave 268435456 67108864 60 pubsub 4 5 6")]
    [InlineData("appendonly: no", "appendonly", "no")]
    [InlineData("appendonly: false", "appendonly", "no")]
    [InlineData("appendonly: 'true'", "appendonly", "yes")]
    [InlineData("appendonly: off", "appendonly", "no")]
    [InlineData("rebalance: On", "rebalance", "yes")]
    [InlineData("appendfsync: no", "appendfsync", "no")]
    [InlineData("MAXMEMORY: 2GB", "maxmemory", "2147483648")]
    [InlineData("slave-priority: 7", "replica-priority", "7")]
    [InlineData("unixsocket:", "unixsocket", "")]
    [InlineData("unixsocket: ~", "unixsocket", "")]
    [InlineData("unixsocket: 'null'", "unixsocket", "null")]
    [InlineData("requirepass: !!str 0x12", "requirepass", "0x12")]
    [InlineData("{\"shards\": 8, \"bind\": [\"127.0.0.1\"]}", "shards", "8")]
    [InlineData("---\r\nport: 5\r\n...\r\n", "port", "5")]
    [InlineData("# nothing", "port", "6379")]
    [InlineData("", "port", "6379")]
    public void A_value_is_read(string text, string setting, string expected)
    {
        _folder.Write("memstore.yaml", text);
        Assert.Equal(expected, _folder.Load().Settings[setting]);
    }

    [Fact]
    public void What_is_unknown_is_reported_with_its_line()
    {
        _folder.Write("memstore.yaml", "# c\nprot: 7\nport: 8\ncluster-enabled: yes\n");
        Assert.Equal("8", _folder.Load().Settings["port"]);
        Assert.Equal(
            [
                "memstore.yaml:2: prot: there is no such setting; the line is ignored",
                "memstore.yaml:4: cluster-enabled yes: this server is no node of a cluster",
            ],
            _folder.Reports());
    }

    [Fact]
    public void A_rewrite_keeps_everything_else()
    {
        _folder.Write("memstore.yaml", """
            # mine
            port: 7      # the port
            maxmemory:   1mb   # the limit

            save:
              - 900 1
              # often
              - 300 10
            prot: typo
            requirepass: |
              long
            bind: [127.0.0.1]   # here
            notify-keyspace-events:
            """);
        Rewrite(("maxmemory", "2mb"), ("save", "60 5"), ("notify-keyspace-events", "KEA"), ("requirepass", "a: \"b\"\n#"), ("slowlog-max-len", "4"), ("latency-tracking", "yes"));
        Assert.Equal("""
            # mine
            port: 7      # the port
            maxmemory: 2097152   # the limit

            save: 60 5
            prot: typo
            requirepass: "a: \"b\"\u000a#"
            bind: [127.0.0.1]   # here
            notify-keyspace-events: AKE
            # Written by CONFIG REWRITE
            slowlog-max-len: 4

            """, _folder.Read("memstore.yaml"));
        var settings = _folder.Load().Settings;
        Assert.Equal(("AKE", "a: \"b\"\n#", "60 5"), (settings["notify-keyspace-events"], settings.Password, settings["save"]));
        Rewrite(("slowlog-max-len", "5"), ("maxclients", "6"), ("requirepass", ""));
        Assert.EndsWith("notify-keyspace-events: AKE\n# Written by CONFIG REWRITE\nslowlog-max-len: 5\nmaxclients: 6\n", _folder.Read("memstore.yaml"), StringComparison.Ordinal);
        Assert.Equal("", _folder.Load().Settings.Password);
    }

    [Theory]
    [InlineData("[900 1, 300 10]   # flow\nport: 1\n", "60 5   # flow\nport: 1\n")]
    [InlineData("'900 1'\n", "60 5\n")]
    [InlineData("900\n  1\nport: 1\n", "60 5\nport: 1\n")]
    public void A_rewrite_replaces_any_form_of_value(string before, string after)
    {
        _folder.Write("memstore.yaml", "save: " + before);
        Rewrite(("save", "60 5"));
        Assert.Equal("save: " + after, _folder.Read("memstore.yaml"));
    }

    [Theory]
    [InlineData("{port: 7}\n")]
    [InlineData("port: 7\n...\n")]
    public void A_file_that_cannot_be_changed_by_lines_stays_as_it_is(string text)
    {
        _folder.Write("memstore.yaml", text);
        var error = Assert.Throws<ConfigurationException>(() => Rewrite(("timeout", "9")));
        Assert.Equal("the file has a form that cannot be changed; write one setting on each line", error.Message);
        Assert.Equal(text, _folder.Read("memstore.yaml"));
    }

    [Fact]
    public void A_rewrite_of_random_passwords_comes_back_in_both_syntaxes()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var password = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => (char)random.Next(1, 0x2000)));
            foreach (var (file, text) in ((string, string)[])[("memstore.yaml", "port: 1\nrequirepass: x\n"), ("redis.conf", "port 1\nrequirepass x\n")])
            {
                _folder.Write(file, text);
                var settings = _folder.Load(file).Settings;
                Assert.True(settings.TrySet([("requirepass", SettingText.Bytes(password))], out var error), error);
                settings.File!.Rewrite(settings.ChangedByClients());
                Assert.True(SettingText.Bytes(password) == _folder.Load(file).Settings.Password, $"seed {seed}, {file}, round {round}: {_folder.Read(file)}");
            }
        }
    }

    private void Rewrite(params (string, string)[] changes)
    {
        var settings = _folder.Load().Settings;
        Assert.True(settings.TrySet(changes, out var error), error);
        settings.File!.Rewrite(settings.ChangedByClients());
    }
}
