using Memstore.Engine;
using static Memstore.Server.Configuration.SettingKind;

namespace Memstore.Server.Configuration;

/// <summary>
/// The settings that Memstore obeys, and those that clients, exporters and administrators of Redis ask for: the latter answer what is
/// true of Memstore and are marked so in docs/configuration.md.
/// </summary>
internal static partial class SettingTable
{
    private const long IntMax = int.MaxValue;

    /// <summary>The number of shards that <c>auto</c> stands for: one for each processor that the process may use.</summary>
    public static long AutomaticShards => Math.Clamp(Environment.ProcessorCount, 1, Store.ShardsMax);

    private static readonly Lazy<(Setting[] All, OrderedDictionary<string, Setting> Names)> Joined = new(Join);

    /// <summary>All settings.</summary>
    public static IReadOnlyList<Setting> All => Joined.Value.All;

    /// <summary>All settings by name and by alias, in the order in which they are listed; case does not count.</summary>
    public static IReadOnlyDictionary<string, Setting> Names => Joined.Value.Names;

    /// <summary>Settings that change what the server does.</summary>
    public static readonly Setting[] Obeyed =
    [
        new("port", Integer, "6379") { Max = 65535, Changes = Changeability.Same, About = "The TCP port; 0 picks a free one, or none where there is a unixsocket." },
        new("bind", Text, "127.0.0.1") { IsList = true, Changes = Changeability.Same, About = "The IP addresses to listen on." },
        new("unixsocket", Text, "") { Changes = Changeability.Start, About = "The path of a Unix socket to listen on as well." },
        new("unixsocketperm", Octal, "0") { Max = 511, Changes = Changeability.Start, About = "Permissions of the Unix socket in octal digits, such as 700; 0 leaves them." },
        new("http-port", Integer, "8080") { Max = 65535, Changes = Changeability.Start, About = "The TCP port of the REST API; 0 turns it off." },
        new("http-bind", Text, "127.0.0.1") { IsList = true, Changes = Changeability.Start, About = "The IP addresses of the REST API." },
        new("http-max-body", Bytes, "67108864") { Min = 1024, Max = IntMax, Changes = Changeability.Start, About = "The longest body of a REST request." },
        new("http-transactions-max", Integer, "256") { Min = 1, Max = IntMax, About = "How many transactions REST clients may have open at once." },
        new("http-allowed-origins", Text, "") { IsList = true, About = "Origins whose pages may use the REST API from a browser, such as https://example.org; others may not." },
        new("transport", Choice, "auto") { Choices = ["auto", "uring", "sockets"], Changes = Changeability.Start, About = "How connections are served." },
        new("event-threads", Integer, "0") { Max = 256, Changes = Changeability.Start, About = "Threads that serve connections with transport uring; 0 for one per two processors." },
        new("shards", Integer, "4")
        {
            Min = 1, Max = Store.ShardsMax, Changes = Changeability.Start, Auto = static () => AutomaticShards,
            About = "The number of shards at the start, or auto for one per processor; SHARDS SET changes it.",
        },
        new("rebalance", Flag, "yes") { TakesOnAndOff = true, About = "Whether slots move when a shard has too much of the load." },
        new("load-factor", Text, "1.2") { Check = SettingChecks.LoadFactor, About = "What a shard may have of the load, as a multiple of the average; above 1." },
        new("replication-factor", Integer, "40") { Min = 1, Max = 1000, About = "Points of each shard on the ring; obeyed by the next change of the number of shards." },
        new("databases", Integer, "16") { Min = 1, Max = 1024, Changes = Changeability.Start, About = "The number of databases." },
        new("data", Text, "memstore-data") { Changes = Changeability.Protected, Check = SettingChecks.Folder, About = "The directory that keeps the data; none keeps it in memory only." },
        new("appendonly", Flag, "yes") { Changes = Changeability.Same, About = "Whether commits are journaled in that directory; if not, only images are written." },
        new("appendfsync", Choice, "everysec") { Choices = ["everysec", "always", "no"], About = "How safe a commit must be before its reply leaves: no does not wait, everysec does not wait but syncs every second, always waits for the disk." },
        new("durability-min", Choice, "none") { Choices = ["none", "everysec", "always"], About = "The least that CLIENT DURABILITY can ask for." },
        new("durability-max", Choice, "always") { Choices = ["none", "everysec", "always"], About = "The most that CLIENT DURABILITY can ask for." },
        new("save", Text, "") { IsList = true, Repeats = true, Check = SettingChecks.Save, About = "When an image is written in the background: pairs of seconds and changes." },
        new("stop-writes-on-bgsave-error", Flag, "yes") { About = "Whether writes are refused when an image that save asked for could not be written." },
        new("auto-aof-rewrite-percentage", Integer, "100") { Max = IntMax, About = "Growth of the journal, in percent of the last image, at which it is rewritten; 0 for never." },
        new("auto-aof-rewrite-min-size", Bytes, "67108864") { About = "The journal is not rewritten for its growth below this size." },
        new("journal-segment-size", Bytes, "268435456") { Min = 1024 * 1024, Changes = Changeability.Start, About = "The size at which the journal begins another file." },
        new("journal-keep", Integer, "0") { Max = IntMax, About = "Seconds for which replaced images and journals are kept, so that restore can go back." },
        new("enable-debug-command", Choice, "no") { Choices = ["no", "yes", "local"], Changes = Changeability.Start, About = "Who may use DEBUG." },
        new("tcp-backlog", Integer, "511") { Max = IntMax, Changes = Changeability.Start, About = "How many connections may wait to be accepted." },
        new("tcp-keepalive", Integer, "300") { Max = IntMax, Changes = Changeability.Same, About = "Seconds of silence before a client is probed; 0 for never." },
        new("requirepass", Text, "") { IsSecret = true, About = "The password that clients must give." },
        new("maxclients", Integer, "10000") { Min = 1, Max = uint.MaxValue, About = "How many clients may be connected." },
        new("timeout", Integer, "0") { Max = IntMax, About = "Seconds of silence after which a client is disconnected; 0 for never." },
        new("transaction-timeout", Integer, "5000") { Min = 1, Max = IntMax, About = "How long a BEGIN may stay open, in milliseconds." },
        new("maxmemory", Bytes, "0") { About = "What the data may occupy; 0 for no limit." },
        new("maxmemory-policy", Choice, "noeviction") { Choices = MaxMemoryPolicies, About = "What happens at that limit; every policy refuses writes, as noeviction says.", Instead = "nothing is evicted; writes are refused at maxmemory" },
        new("proto-max-bulk-len", Bytes, "536870912") { Min = 1024 * 1024, About = "The largest string." },
        new("client-query-buffer-limit", Bytes, "1073741824") { Min = 1024 * 1024, About = "The largest request." },
        new("client-output-buffer-limit", Text, "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60")
        {
            About = "What may wait for clients: class, hard limit, soft limit, seconds; monitors obey the class pubsub.",
            IsList = true,
            Repeats = true,
            Check = OutputLimits.Normalize,
        },
        new("slowlog-log-slower-than", Integer, "10000") { Min = -1, About = "Microseconds from which on a command is logged as slow; -1 for never." },
        new("slowlog-max-len", Integer, "128") { About = "How many slow commands are kept." },
        new("latency-monitor-threshold", Integer, "0") { About = "Milliseconds from which on an event is kept; 0 turns it off." },
        new("latency-tracking", Flag, "yes") { About = "Whether INFO shows percentiles of latency." },
        new("latency-tracking-info-percentiles", Text, "50 99 99.9") { IsList = true, Check = SettingChecks.Percentiles, About = "The percentiles that INFO shows." },
        new("notify-keyspace-events", Text, "") { Check = SettingChecks.KeyspaceEvents, About = "The classes of keyspace events that are published; empty for none." },
        new("min-replicas-max-lag", Integer, "10") { Max = IntMax, Alias = "min-slaves-max-lag", About = "How old the word of a replica may be, in seconds; 0 turns min-replicas-to-write off." },
        new("min-replicas-to-write", Integer, "0") { Max = IntMax, Alias = "min-slaves-to-write", About = "Writes are refused with fewer replicas; there is no replication, so above 0 all are." },
        new("hash-max-listpack-entries", Integer, "512") { Alias = "hash-max-ziplist-entries", About = "The most fields of a packed hash." },
        new("hash-max-listpack-value", Integer, "64") { Alias = "hash-max-ziplist-value", About = "The longest field or value of a packed hash, in bytes." },
        new("otlp-endpoint", Text, "") { Changes = Changeability.Start, Check = SettingChecks.HttpAddress, About = "Where metrics and traces are sent over OTLP, such as http://localhost:4318; empty sends none, unless OTEL_EXPORTER_OTLP_ENDPOINT is set." },
        new("otlp-protocol", Choice, "auto") { Choices = ["auto", "http/protobuf", "grpc"], Changes = Changeability.Start, About = "How they are sent; auto obeys OTEL_EXPORTER_OTLP_PROTOCOL, without which otlp-endpoint is sent http/protobuf." },
        new("otlp-interval", Integer, "0") { Max = IntMax, Changes = Changeability.Start, About = "Milliseconds between exports of metrics; 0 obeys OTEL_METRIC_EXPORT_INTERVAL, without which it is a minute." },
        new("otlp-trace-ratio", Text, "") { Changes = Changeability.Start, Check = SettingChecks.Ratio, About = "The part of commands that is traced, from 0 to 1; empty obeys OTEL_TRACES_SAMPLER, without which it is 0.001." },
        new("loglevel", Choice, "notice") { Choices = ["debug", "verbose", "notice", "warning"], About = "What is logged: from debug, everything, to warning, only what an operator should look at." },
        new("logfile", Text, "") { Changes = Changeability.Start, About = "The file that the log is appended to, opened anew for each line; empty for standard error." },
        new("log-format", Choice, "plain") { Choices = ["plain", "json"], About = "How a line of the log is written: as Redis does, or as a JSON object." },
    ];

    private static string[] MaxMemoryPolicies =>
        ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction"];

    private static (Setting[] All, OrderedDictionary<string, Setting> Names) Join()
    {
        var names = new OrderedDictionary<string, Setting>(StringComparer.OrdinalIgnoreCase);
        Setting[] all = [.. Obeyed, .. Remembered];
        foreach (var row in all)
        {
            names.Add(row.Name, row);
            if (row.Alias is not null) names.Add(row.Alias, row);
        }

        return (all, names);
    }
}
