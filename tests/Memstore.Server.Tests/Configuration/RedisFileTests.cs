using Memstore.Server.Configuration;
using Xunit;

namespace Memstore.Server.Tests.Configuration;

/// <summary>Files in the syntax of redis.conf.</summary>
public sealed class RedisFileTests : IDisposable
{
    /// <summary>The directives that a fresh installation of Redis 7.0 has, as Debian packages it.</summary>
    internal const string Installed = """
        bind 127.0.0.1 -::1
        protected-mode yes
        port 6379
        tcp-backlog 511
        timeout 0
        tcp-keepalive 300
        daemonize yes
        pidfile /run/redis/redis-server.pid
        loglevel notice
        logfile /var/log/redis/redis-server.log
        databases 16
        always-show-logo no
        set-proc-title yes
        proc-title-template "{title} {listen-addr} {server-mode}"
        stop-writes-on-bgsave-error yes
        rdbcompression yes
        rdbchecksum yes
        dbfilename dump.rdb
        rdb-del-sync-files no
        dir /var/lib/redis
        replica-serve-stale-data yes
        replica-read-only yes
        repl-diskless-sync yes
        repl-diskless-sync-delay 5
        repl-diskless-sync-max-replicas 0
        repl-diskless-load disabled
        repl-disable-tcp-nodelay no
        replica-priority 100
        acllog-max-len 128
        lazyfree-lazy-eviction no
        lazyfree-lazy-expire no
        lazyfree-lazy-server-del no
        replica-lazy-flush no
        lazyfree-lazy-user-del no
        lazyfree-lazy-user-flush no
        oom-score-adj no
        oom-score-adj-values 0 200 800
        disable-thp yes
        appendonly no
        appendfilename "appendonly.aof"
        appenddirname "appendonlydir"
        appendfsync everysec
        no-appendfsync-on-rewrite no
        auto-aof-rewrite-percentage 100
        auto-aof-rewrite-min-size 64mb
        aof-load-truncated yes
        aof-use-rdb-preamble yes
        aof-timestamp-enabled no
        slowlog-log-slower-than 10000
        slowlog-max-len 128
        latency-monitor-threshold 0
        notify-keyspace-events ""
        hash-max-listpack-entries 512
        hash-max-listpack-value 64
        list-max-listpack-size -2
        list-compress-depth 0
        set-max-intset-entries 512
        zset-max-listpack-entries 128
        zset-max-listpack-value 64
        hll-sparse-max-bytes 3000
        stream-node-max-bytes 4096
        stream-node-max-entries 100
        activerehashing yes
        client-output-buffer-limit normal 0 0 0
        client-output-buffer-limit replica 256mb 64mb 60
        client-output-buffer-limit pubsub 32mb 8mb 60
        hz 10
        dynamic-hz yes
        aof-rewrite-incremental-fsync yes
        rdb-save-incremental-fsync yes
        jemalloc-bg-thread yes

        """;

    private readonly ConfigurationFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_an_installation_has_is_read_and_what_cannot_be_done_is_reported()
    {
        _folder.Write("redis.conf", Installed);
        var settings = _folder.Load("redis.conf").Settings;
        Assert.Equal("127.0.0.1 -::1", settings["bind"]);
        Assert.Equal("no", settings["appendonly"]);
        Assert.Equal("/var/log/redis/redis-server.log", settings["logfile"]);
        Assert.Equal(
            [
                "redis.conf:7: daemonize yes: the server stays in the foreground; let systemd or a container keep it",
                "redis.conf:20: dir /var/lib/redis: the data is kept in the directory that data names",
                "redis.conf:2: protected-mode yes: there is no protected mode: who reaches an address that bind names needs requirepass and nothing else",
                "these settings change nothing here: pidfile",
            ],
            _folder.Reports("redis.conf"));
    }

    [Fact]
    public void Who_turns_the_journal_off_and_does_not_say_when_to_save_gets_images_when_Redis_would_write_them()
    {
        _folder.Write("redis.conf", "appendonly no");
        Assert.Equal("3600 1 300 100 60 10000", _folder.Load("redis.conf").Settings["save"]);
        _folder.Write("redis.conf", "appendonly no\nsave \"\"");
        Assert.Equal("", _folder.Load("redis.conf").Settings["save"]);
        _folder.Write("redis.conf", "port 1");
        Assert.Equal("", _folder.Load("redis.conf").Settings["save"]);
    }

    [Theory]
    [InlineData("save 900 1\nsave 300 10", "save", "900 1 300 10")]
    [InlineData("save 900 1\nsave \"\"\nsave 60 5", "save", "60 5")]
    [InlineData("bind 10.0.0.1 ::1\nbind 127.0.0.1 ::1", "bind", "127.0.0.1 ::1")]
    [InlineData("client-output-buffer-limit replica 1kb 2 3\nclient-output-buffer-limit pubsub 4mb 5 6", "client-output-buffer-limit", "normal 0 0 0 slave 1024 2 3 pubsub 4194304 5 6")]
    [InlineData("client-output-buffer-limit normal 1 2 3\nclient-output-buffer-limit normal 4 5 6", "client-output-buffer-limit", "normal 4 5 6 slave 268435456 67108864 60 pubsub 33554432 8388608 60")]
    [InlineData("MaxMemory 2GB", "maxmemory", "2147483648")]
    [InlineData("maxmemory 100k", "maxmemory", "100000")]
    [InlineData("\t port\t1234  \r\n", "port", "1234")]
    [InlineData("requirepass 'it\\'s'", "requirepass", "it's")]
    [InlineData("requirepass \"a\\\"b\\x41 # c\"", "requirepass", "a\"bA # c")]
    [InlineData("slave-priority 7", "replica-priority", "7")]
    [InlineData("latency-tracking-info-percentiles 50 90", "latency-tracking-info-percentiles", "50 90")]
    [InlineData("notify-keyspace-events \"\"", "notify-keyspace-events", "")]
    [InlineData("\uFEFFport 5", "port", "5")]
    public void A_directive_means_what_it_means_to_Redis(string text, string setting, string expected)
    {
        _folder.Write("redis.conf", text);
        Assert.Equal(expected, _folder.Load("redis.conf").Settings[setting]);
    }

    [Fact]
    public void What_is_unknown_is_reported_with_its_place_and_the_rest_holds()
    {
        _folder.Write("redis.conf", "port 7\nloadmodule /x.so\nno\x1bsuch 1\n");
        Assert.Equal("7", _folder.Load("redis.conf").Settings["port"]);
        Assert.Equal(
            [
                "redis.conf:2: loadmodule: there are no modules; the line is ignored",
                "redis.conf:3: no?such: there is no such setting; the line is ignored",
            ],
            _folder.Reports("redis.conf"));
    }

    [Theory]
    [InlineData("rename-command FLUSHALL \"\"")]
    [InlineData("user alice on >secret ~* +@all")]
    [InlineData("ACLFILE /etc/redis/users.acl")]
    public void What_keeps_somebody_out_is_not_ignored(string line)
    {
        _folder.Write("redis.conf", $"port 7\n{line}\n");
        var error = Assert.Throws<ConfigurationException>(() => _folder.Load("redis.conf"));
        Assert.StartsWith($"{_folder.PathOf("redis.conf")}:2: {line.Split(' ')[0]}: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_flood_of_unknown_lines_is_cut()
    {
        _folder.Write("redis.conf", string.Concat(Enumerable.Range(0, 5000).Select(i => $"nosuch{i} 1\n")));
        Assert.Equal((101, "and 4900 more such lines"), (_folder.Reports("redis.conf").Length, _folder.Reports("redis.conf")[^1]));
    }

    [Fact]
    public void Included_files_are_read_where_they_stand()
    {
        Directory.CreateDirectory(_folder.PathOf("d"));
        _folder.Write("d/1.conf", "port 1\ntimeout 1\n");
        _folder.Write("d/2.conf", "timeout 2\nnosuch x\n");
        _folder.Write("d/3.txt", "timeout 3\n");
        _folder.Write("redis.conf", "port 5\ninclude {folder}/d/*.conf\ninclude {folder}/none/*.conf\nmaxclients 6\nport 7\n");
        var settings = _folder.Load("redis.conf").Settings;
        Assert.Equal(("7", "2", "6"), (settings["port"], settings["timeout"], settings["maxclients"]));
        Assert.Equal(["d/2.conf:2: nosuch: there is no such setting; the line is ignored"], _folder.Reports("redis.conf"));
    }

    [Fact]
    public void A_rewrite_keeps_lines_and_comments_and_changes_what_was_changed()
    {
        _folder.Write("redis.conf", """
            # mine
            port 7
            maxmemory 1mb
              # indented
            save 900 1
            save 300 10
            nosuch thing
            client-output-buffer-limit pubsub 1 2 3

            """);
        Rewrite("redis.conf", ("maxmemory", "2mb"), ("save", "60 5 30 7"), ("timeout", "9"), ("slowlog-max-len", "128"), ("requirepass", "a b\"#\u00ff"));
        Assert.Equal("""
            # mine
            port 7
            maxmemory 2097152
              # indented
            save 60 5 30 7
            nosuch thing
            client-output-buffer-limit pubsub 1 2 3
            # Written by CONFIG REWRITE
            requirepass "a b\"#\xff"
            timeout 9

            """, _folder.Read("redis.conf"));
        var settings = _folder.Load("redis.conf").Settings;
        Assert.Equal(("2097152", "60 5 30 7", "9", "a b\"#\u00ff"), (settings["maxmemory"], settings["save"], settings["timeout"], settings.Password));
        Rewrite("redis.conf", ("client-output-buffer-limit", "normal 1 2 3"), ("timeout", "8"), ("maxclients", "5"), ("save", ""));
        Assert.Equal("""
            # mine
            port 7
            maxmemory 2097152
              # indented
            save ""
            nosuch thing
            client-output-buffer-limit normal 1 2 3
            client-output-buffer-limit slave 268435456 67108864 60
            client-output-buffer-limit pubsub 1 2 3
            # Written by CONFIG REWRITE
            requirepass "a b\"#\xff"
            timeout 8
            maxclients 5

            """, _folder.Read("redis.conf"));
    }

    [Fact]
    public void A_rewrite_wins_over_what_an_included_file_says()
    {
        _folder.Write("more.conf", "timeout 1\nmaxclients 7\n");
        _folder.Write("redis.conf", "timeout 2\r\ninclude {folder}/more.conf\r\n");
        Rewrite("redis.conf", ("timeout", "3"), ("maxclients", "10000"));
        Assert.EndsWith("more.conf\r\n# Written by CONFIG REWRITE\r\nmaxclients 10000\r\ntimeout 3\r\n", _folder.Read("redis.conf"), StringComparison.Ordinal);
        var settings = _folder.Load("redis.conf").Settings;
        Assert.Equal(("3", "10000"), (settings["timeout"], settings["maxclients"]));
        Assert.Equal("timeout 1\nmaxclients 7\n", _folder.Read("more.conf"));
    }

    [Fact]
    public void A_rewrite_of_a_list_quotes_its_words()
    {
        const string Origins = "https://a  b\" c#\nrequirepass";
        _folder.Write("redis.conf", "port 7\n");
        Rewrite("redis.conf", ("http-allowed-origins", Origins), ("latency-tracking-info-percentiles", "50 90"));
        Assert.Equal(
            "port 7\n# Written by CONFIG REWRITE\nhttp-allowed-origins https://a \"\" \"b\\\"\" \"c#\\x0arequirepass\"\nlatency-tracking-info-percentiles 50 90\n",
            _folder.Read("redis.conf"));
        Assert.Equal(Origins, _folder.Load("redis.conf").Settings["http-allowed-origins"]);
    }

    [Theory]
    [InlineData("\"save\" 900 1\n")]
    [InlineData("save\r900 1\n")]
    public void A_rewrite_finds_the_lines_that_are_read(string text)
    {
        _folder.Write("redis.conf", text);
        Rewrite("redis.conf", ("save", "5 5"));
        Assert.Equal("save 5 5\n", _folder.Read("redis.conf"));
    }

    [Fact]
    public void A_rewrite_keeps_that_nothing_is_saved_where_no_line_says_when_to_save()
    {
        _folder.Write("redis.conf", "appendonly no\n");
        Rewrite("redis.conf", ("save", ""));
        Assert.Equal("appendonly no\n# Written by CONFIG REWRITE\nsave \"\"\n", _folder.Read("redis.conf"));
        Assert.Equal("", _folder.Load("redis.conf").Settings["save"]);
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("", "\"\"")]
    [InlineData("a b", "\"a b\"")]
    [InlineData("it's", "\"it's\"")]
    [InlineData("a\\b", "\"a\\\\b\"")]
    [InlineData("\n", "\"\\x0a\"")]
    [InlineData("\u00c3\u00a4", "\"ä\"")]
    [InlineData("\u00e4", "\"\\xe4\"")]
    public void A_word_is_quoted_so_that_it_comes_back(string bytes, string expected) => Assert.Equal(expected, RedisFile.Quoted(bytes));

    private void Rewrite(string file, params (string, string)[] changes)
    {
        var settings = _folder.Load(file).Settings;
        Assert.True(settings.TrySet(changes, out var error), error);
        settings.File!.Rewrite(settings.ChangedByClients());
    }
}
