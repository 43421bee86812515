using Memstore.Server.Configuration;
using Xunit;

namespace Memstore.Server.Tests.Configuration;

/// <summary>Where settings come from and which place wins.</summary>
public sealed class SettingLoaderTests : IDisposable
{
    private readonly ConfigurationFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(null, "", "", "0")]
    [InlineData("maxmemory: 1mb", "", "", "1048576")]
    [InlineData("maxmemory: 1mb", "MEMSTORE_MAXMEMORY=2mb", "", "2097152")]
    [InlineData("maxmemory: 1mb", "MEMSTORE_MAXMEMORY=2mb", "maxmemory=3mb", "3145728")]
    [InlineData("maxmemory: 1mb", "", "maxmemory=3mb", "3145728")]
    [InlineData(null, "MEMSTORE_MAXMEMORY=2mb", "", "2097152")]
    public void A_later_place_wins(string? yaml, string variables, string options, string expected)
    {
        if (yaml is not null) _folder.Write("memstore.yaml", yaml);
        var settings = _folder.Load(options: options, variables: variables).Settings;
        Assert.Equal(expected, settings["maxmemory"]);
        Assert.True(settings.TrySet([("maxmemory", "5")], out _));
        Assert.Equal("5", settings["maxmemory"]);
    }

    [Fact]
    public void The_usual_files_are_read_in_order_and_only_when_none_is_named()
    {
        _folder.Write(".memstore.yaml", "port: 1");
        Assert.Equal("1", _folder.Load().Settings["port"]);
        _folder.Write("memstore.yaml", "port: 2");
        Assert.Equal("2", _folder.Load().Settings["port"]);
        _folder.Write("other.yaml", "port: 3");
        Assert.Equal("3", _folder.Load("other.yaml").Settings["port"]);
        Assert.Equal("3", _folder.Load(variables: "MEMSTORE_CONFIG=" + _folder.PathOf("other.yaml")).Settings["port"]);
        Assert.Equal("6379", _folder.Load("none").Settings["port"]);
        Assert.Null(_folder.Load("none").Settings.File);
    }

    [Theory]
    [InlineData("memstore.yaml")]
    [InlineData(".memstore.yaml")]
    public void A_usual_file_that_cannot_be_read_is_not_passed_over(string name)
    {
        Directory.CreateDirectory(_folder.PathOf(name));
        Assert.Equal($"{name}: it is a directory and not a file.", _folder.Refusal());
        Directory.Delete(_folder.PathOf(name));
        if (OperatingSystem.IsWindows()) return;
        File.CreateSymbolicLink(_folder.PathOf(name), _folder.PathOf("nowhere"));
        Assert.Equal($"{name}: there is no such file.", _folder.Refusal());
    }

    [Theory]
    [InlineData("<(echo shards 7)")]
    [InlineData("<(echo shards: 7)")]
    [InlineData("/dev/stdin <<<'shards: 7'")]
    public async Task What_a_pipe_says_is_read_and_not_written_back(string file)
    {
        if (OperatingSystem.IsWindows()) return;
        var script = $$"""
            dotnet "$MEMSTORE_DLL" serve --port 0 --http-port 0 --data none --config {{file}} > >(
              read -r line
              echo "$line" | grep -o '7 shards'
              port=${line#*127.0.0.1:}
              exec 3<>"/dev/tcp/127.0.0.1/${port%% *}"
              printf 'CONFIG REWRITE\r\n' >&3
              head -1 <&3
              printf 'SHUTDOWN\r\n' >&3
            )
            wait
            """;
        var (_, output, _) = await CommandLine.ProgramRun.RunAsync("bash", ["-c", script]);
        Assert.Equal("7 shards\n-ERR The server is running without a config file\r\n", output);
    }

    [Theory]
    [InlineData("a.yml", "port: 7")]
    [InlineData("a.json", "{\"port\": 7}")]
    [InlineData("a.conf", "port 7")]
    [InlineData("yaml", "# settings\n\nport: 7")]
    [InlineData("yaml2", "---\nport: 7")]
    [InlineData("redis", "# settings\nport 7\nunixsocket /tmp/a:b")]
    public void The_syntax_follows_from_the_name_or_from_what_is_in_it(string name, string text)
    {
        _folder.Write(name, text);
        Assert.Equal("7", _folder.Load(name).Settings["port"]);
    }

    [Fact]
    public void Variables_have_the_names_of_settings_and_of_their_aliases()
    {
        var settings = _folder.Load(variables: "MEMSTORE_MAXMEMORY_POLICY=allkeys-lru MEMSTORE_SLAVE_PRIORITY=7 MEMSTORE_APPENDONLY=false PATH=x").Settings;
        Assert.Equal(("allkeys-lru", "7", "no"), (settings["maxmemory-policy"], settings["replica-priority"], settings["appendonly"]));
    }

    [Theory]
    [InlineData("true", "yes")]
    [InlineData("Off", "no")]
    public void Flags_are_said_in_the_same_words_everywhere_but_in_the_file_of_Redis(string word, string expected)
    {
        _folder.Write("a.yaml", $"appendonly: {word}");
        Assert.Equal(expected, _folder.Load("a.yaml").Settings["appendonly"]);
        Assert.Equal(expected, _folder.Load(variables: $"MEMSTORE_APPENDONLY={word}").Settings["appendonly"]);
        Assert.Equal(expected, _folder.Load(options: $"appendonly={word}").Settings["appendonly"]);
        _folder.Write("a.conf", $"appendonly {word}");
        Assert.Equal($"a.conf:1: appendonly {word}: argument must be 'yes' or 'no'.", _folder.Refusal("a.conf"));
    }

    [Fact]
    public void Unknown_variables_are_reported_and_those_of_Kubernetes_do_no_harm()
    {
        var reports = _folder.Reports(variables: "MEMSTORE_MAXMEMRY=1 MEMSTORE_PORT=tcp://10.0.0.1:6379 MEMSTORE_SERVICE_HOST=10.0.0.1 MEMSTORE_PORT_6379_TCP=x");
        Assert.Equal(
            ["MEMSTORE_MAXMEMRY: there is no such setting; the variable is ignored", "MEMSTORE_PORT is about a service of Kubernetes; it is ignored"],
            reports);
    }

    [Theory]
    [InlineData("port: 70000", "", "", "memstore.yaml:1: port 70000: argument must be between 0 and 65535 inclusive.")]
    [InlineData("\n\nmaxmemory: lots", "", "maxmemory=1", "memstore.yaml:3: maxmemory lots: argument must be a memory value.")]
    [InlineData("", "MEMSTORE_SHARDS=0", "", "MEMSTORE_SHARDS=0: argument must be between 1 and 4096 inclusive.")]
    [InlineData("", "", "appendfsync=maybe", "--appendfsync maybe: argument(s) must be one of the following: everysec, always, no.")]
    [InlineData("", "MEMSTORE_DATA=", "", "MEMSTORE_DATA=: argument must be a directory, or none.")]
    [InlineData("data: \"a\\0\"", "", "", "memstore.yaml:1: data a?: argument must be a directory, or none.")]
    [InlineData("proto-max-bulk-len: \"a\\nb\"", "", "", "memstore.yaml:1: proto-max-bulk-len a?b: argument must be a memory value.")]
    public void A_bad_value_is_refused_with_its_place_even_if_another_wins(string yaml, string variables, string options, string message)
    {
        _folder.Write("memstore.yaml", yaml);
        Assert.Equal(message, _folder.Refusal(options: options, variables: variables));
    }

    [Fact]
    public void Shards_auto_is_one_for_each_processor() =>
        Assert.Equal(Environment.ProcessorCount.ToString(), _folder.Load(options: "shards=auto").Settings["shards"]);

    [Fact]
    public void The_balancer_is_switched_with_on_and_off_and_flags_of_Redis_are_not()
    {
        var settings = _folder.Load(options: "rebalance=off").Settings;
        Assert.Equal("no", settings["rebalance"]);
        Assert.True(settings.TrySet([("rebalance", "ON")], out var error), error);
        Assert.Equal("yes", settings["rebalance"]);
        Assert.False(settings.TrySet([("lazyfree-lazy-expire", "on")], out error));
        Assert.Equal("CONFIG SET failed (possibly related to argument 'lazyfree-lazy-expire') - argument must be 'yes' or 'no'", error);
    }

    [Theory]
    [InlineData("port", "6379", "6380")]
    [InlineData("bind", "127.0.0.1", "0.0.0.0")]
    [InlineData("tcp-keepalive", "300", "60")]
    [InlineData("tls-port", "0", "6380")]
    public void What_only_the_start_decides_may_be_said_again_but_not_changed(string name, string same, string other)
    {
        var settings = _folder.Load().Settings;
        Assert.True(settings.TrySet([(name, same)], out var error), error);
        Assert.False(settings.TrySet([(name, other)], out error));
        Assert.Equal($"CONFIG SET failed (possibly related to argument '{name}') - can't be changed while the server runs", error);
    }

    [Fact]
    public void Permissions_are_octal()
    {
        Assert.Equal(Convert.ToInt64("770", 8), _folder.Load(options: "unixsocketperm=0770").Settings.Number("unixsocketperm"));
        Assert.Equal("--unixsocketperm 778: argument couldn't be parsed as an octal number of permissions.", _folder.Refusal(options: "unixsocketperm=778"));
        Assert.Equal("--unixsocketperm 7777: argument couldn't be parsed as an octal number of permissions.", _folder.Refusal(options: "unixsocketperm=7777"));
    }

    [Fact]
    public void A_password_is_the_same_bytes_wherever_it_stands_and_shows_in_no_message()
    {
        _folder.Write("memstore.yaml", "requirepass: pässwörd");
        _folder.Write("redis.conf", "requirepass \"p\\xc3\\xa4sswörd\"");
        var yaml = _folder.Load().Settings.Password;
        Assert.Equal("p\u00c3\u00a4ssw\u00c3\u00b6rd", yaml);
        Assert.Equal(yaml, _folder.Load("redis.conf").Settings.Password);
        Assert.Equal(yaml, _folder.Load("none", variables: "MEMSTORE_REQUIREPASS=pässwörd").Settings.Password);
        Assert.Equal(yaml, _folder.Load("none", options: "requirepass=pässwörd").Settings.Password);
    }

    [Fact]
    public void Text_that_is_no_password_is_UTF8()
    {
        _folder.Write("redis.conf", "data \"dät\\xc3\\xa4\"");
        Assert.Equal("dätä", _folder.Load("redis.conf").Settings["data"]);
        _folder.Write("redis.conf", "data \"\\xff\"");
        Assert.Equal("redis.conf:1: data ÿ: argument must be UTF-8 text.", _folder.Refusal("redis.conf"));
    }
}
