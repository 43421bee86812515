using static Memstore.Server.Configuration.SettingKind;

namespace Memstore.Server.Configuration;

/// <summary>
/// The settings that Memstore obeys, and those that clients, exporters and administrators of Redis ask for: the latter answer what is
/// true of Memstore and are marked so in docs/configuration.md.
/// </summary>
internal static class SettingTable
{
    private const long IntMax = int.MaxValue;

    /// <summary>Settings that change what the server does.</summary>
    public static readonly Setting[] Obeyed =
    [
        new("port", Integer, "6379") { Max = 65535, Changes = Changeability.Start, About = "The TCP port; 0 picks a free one." },
        new("bind", Text, "127.0.0.1") { Changes = Changeability.Start, About = "The IP addresses to listen on." },
        new("unixsocket", Text, "") { Changes = Changeability.Start, About = "The path of a Unix socket to listen on as well." },
        new("unixsocketperm", Integer, "0") { Max = 511, Changes = Changeability.Start, About = "Permissions of the Unix socket, as a decimal number; 0 leaves them." },
        new("transport", Choice, "auto") { Choices = ["auto", "uring", "sockets"], Changes = Changeability.Start, About = "How connections are served." },
        new("event-threads", Integer, "0") { Max = 256, Changes = Changeability.Start, About = "Threads that serve connections with transport uring; 0 for one per two processors." },
        new("shards", Integer, "4") { Min = 1, Max = 4096, Changes = Changeability.Start, About = "The number of shards at the start; SHARDS SET changes it." },
        new("rebalance", Flag, "yes") { About = "Whether slots move when a shard has too much of the load." },
        new("load-factor", Text, "1.2") { Check = SettingChecks.LoadFactor, About = "What a shard may have of the load, as a multiple of the average; above 1." },
        new("replication-factor", Integer, "40") { Min = 1, Max = 1000, About = "Points of each shard on the ring; obeyed by the next change of the number of shards." },
        new("databases", Integer, "16") { Min = 1, Max = 1024, Changes = Changeability.Start, About = "The number of databases." },
        new("data", Text, "memstore-data") { Changes = Changeability.Protected, About = "The directory that keeps the data; none keeps it in memory only." },
        new("appendonly", Flag, "yes") { Changes = Changeability.Same, About = "Whether commits are journaled in that directory; if not, only images are written." },
        new("appendfsync", Choice, "everysec") { Choices = ["everysec", "always", "no"], About = "How safe a commit must be before its reply leaves: no does not wait, everysec does not wait but syncs every second, always waits for the disk." },
        new("durability-min", Choice, "none") { Choices = ["none", "everysec", "always"], About = "The least that CLIENT DURABILITY can ask for." },
        new("durability-max", Choice, "always") { Choices = ["none", "everysec", "always"], About = "The most that CLIENT DURABILITY can ask for." },
        new("save", Text, "") { Check = SettingChecks.Save, About = "When an image is written in the background: pairs of seconds and changes." },
        new("stop-writes-on-bgsave-error", Flag, "yes") { About = "Whether writes are refused when an image that save asked for could not be written." },
        new("auto-aof-rewrite-percentage", Integer, "100") { Max = IntMax, About = "Growth of the journal, in percent of the last image, at which it is rewritten; 0 for never." },
        new("auto-aof-rewrite-min-size", Bytes, "67108864") { About = "The journal is not rewritten for its growth below this size." },
        new("journal-segment-size", Bytes, "268435456") { Min = 1024 * 1024, Changes = Changeability.Start, About = "The size at which the journal begins another file." },
        new("journal-keep", Integer, "0") { Max = IntMax, About = "Seconds for which replaced images and journals are kept, so that restore can go back." },
        new("enable-debug-command", Choice, "no") { Choices = ["no", "yes", "local"], Changes = Changeability.Start, About = "Who may use DEBUG." },
        new("tcp-backlog", Integer, "511") { Max = IntMax, Changes = Changeability.Start, About = "How many connections may wait to be accepted." },
        new("tcp-keepalive", Integer, "300") { Max = IntMax, Changes = Changeability.Start, About = "Seconds of silence before a client is probed; 0 for never." },
        new("requirepass", Text, "") { About = "The password that clients must give." },
        new("maxclients", Integer, "10000") { Min = 1, Max = uint.MaxValue, About = "How many clients may be connected." },
        new("timeout", Integer, "0") { Max = IntMax, About = "Seconds of silence after which a client is disconnected; 0 for never." },
        new("transaction-timeout", Integer, "5000") { Min = 1, Max = IntMax, About = "How long a BEGIN may stay open, in milliseconds." },
        new("maxmemory", Bytes, "0") { About = "What the data may occupy; 0 for no limit." },
        new("maxmemory-policy", Choice, "noeviction") { Choices = MaxMemoryPolicies, About = "What happens at that limit; every policy refuses writes, as noeviction says." },
        new("proto-max-bulk-len", Bytes, "536870912") { Min = 1024 * 1024, About = "The largest string." },
        new("client-query-buffer-limit", Bytes, "1073741824") { Min = 1024 * 1024, About = "The largest request." },
        new("client-output-buffer-limit", Text, "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60")
        {
            About = "What may wait for clients: class, hard limit, soft limit, seconds.",
            Check = OutputLimits.Normalize,
        },
        new("slowlog-log-slower-than", Integer, "10000") { Min = -1, About = "Microseconds from which on a command is logged as slow; -1 for never." },
        new("slowlog-max-len", Integer, "128") { About = "How many slow commands are kept." },
        new("latency-monitor-threshold", Integer, "0") { About = "Milliseconds from which on an event is kept; 0 turns it off." },
        new("latency-tracking", Flag, "yes") { About = "Whether INFO shows percentiles of latency." },
        new("min-replicas-max-lag", Integer, "10") { Max = IntMax, Alias = "min-slaves-max-lag", About = "How old the word of a replica may be, in seconds; 0 turns min-replicas-to-write off." },
        new("min-replicas-to-write", Integer, "0") { Max = IntMax, Alias = "min-slaves-to-write", About = "Writes are refused with fewer replicas; there is no replication, so above 0 all are." },
        new("hash-max-listpack-entries", Integer, "512") { Alias = "hash-max-ziplist-entries", About = "The most fields of a packed hash." },
        new("hash-max-listpack-value", Integer, "64") { Alias = "hash-max-ziplist-value", About = "The longest field or value of a packed hash, in bytes." },
        new("loglevel", Choice, "notice") { Choices = ["debug", "verbose", "notice", "warning"], About = "What is logged." },
    ];

    /// <summary>Settings of Redis that are remembered and change nothing here.</summary>
    public static readonly Setting[] Remembered =
    [
        new("acllog-max-len", Integer, "128"),
        new("activedefrag", Flag, "no"),
        new("activerehashing", Flag, "yes"),
        new("active-expire-effort", Integer, "1") { Min = 1, Max = 10 },
        new("acl-pubsub-default", Choice, "resetchannels") { Choices = ["allchannels", "resetchannels"] },
        new("aclfile", Text, "") { Changes = Changeability.Start },
        new("always-show-logo", Flag, "no") { Changes = Changeability.Start },
        new("aof-use-rdb-preamble", Flag, "yes"),
        new("appenddirname", Text, "appendonlydir") { Changes = Changeability.Start },
        new("appendfilename", Text, "appendonly.aof") { Changes = Changeability.Start },
        new("busy-reply-threshold", Integer, "5000") { Alias = "lua-time-limit" },
        new("close-on-replica-write", Flag, "yes"),
        new("cluster-enabled", Flag, "no") { Changes = Changeability.Start },
        new("cluster-node-timeout", Integer, "15000"),
        new("cluster-require-full-coverage", Flag, "yes"),
        new("daemonize", Flag, "no") { Changes = Changeability.Start },
        new("dbfilename", Text, "dump.rdb") { Changes = Changeability.Protected },
        new("dir", Text, "") { Changes = Changeability.Protected },
        new("dynamic-hz", Flag, "yes"),
        new("hll-sparse-max-bytes", Bytes, "3000"),
        new("hz", Integer, "10") { Min = long.MinValue, Check = SettingChecks.Hz },
        new("io-threads", Integer, "1") { Min = 1, Max = 128, Changes = Changeability.Start },
        new("latency-tracking-info-percentiles", Text, "50 99 99.9") { Check = SettingChecks.Percentiles },
        new("lazyfree-lazy-eviction", Flag, "no"),
        new("lazyfree-lazy-expire", Flag, "no"),
        new("lazyfree-lazy-server-del", Flag, "no"),
        new("lazyfree-lazy-user-del", Flag, "no"),
        new("lazyfree-lazy-user-flush", Flag, "no"),
        new("lfu-decay-time", Integer, "1") { Max = IntMax },
        new("lfu-log-factor", Integer, "10") { Max = IntMax },
        new("list-compress-depth", Integer, "0") { Max = IntMax },
        new("list-max-listpack-size", Integer, "-2") { Min = int.MinValue, Max = IntMax, Alias = "list-max-ziplist-size" },
        new("logfile", Text, "") { Changes = Changeability.Start },
        new("masterauth", Text, ""),
        new("masteruser", Text, ""),
        new("maxmemory-clients", Text, "0"),
        new("maxmemory-eviction-tenacity", Integer, "10") { Max = 100 },
        new("maxmemory-samples", Integer, "5") { Min = 1, Max = IntMax },
        new("notify-keyspace-events", Text, "") { Check = SettingChecks.KeyspaceEvents },
        new("pidfile", Text, "") { Changes = Changeability.Start },
        new("protected-mode", Flag, "no"),
        new("rdbchecksum", Flag, "yes") { Changes = Changeability.Start },
        new("rdbcompression", Flag, "yes"),
        new("repl-backlog-size", Bytes, "1048576") { Min = 1 },
        new("repl-backlog-ttl", Integer, "3600"),
        new("repl-diskless-sync", Flag, "yes"),
        new("repl-diskless-sync-delay", Integer, "5") { Max = IntMax },
        new("repl-timeout", Integer, "60") { Min = 1, Max = IntMax },
        new("replica-priority", Integer, "100") { Max = IntMax, Alias = "slave-priority" },
        new("replica-read-only", Flag, "yes") { Alias = "slave-read-only" },
        new("replica-serve-stale-data", Flag, "yes") { Alias = "slave-serve-stale-data" },
        new("replicaof", Text, "") { Changes = Changeability.Start, Alias = "slaveof" },
        new("sanitize-dump-payload", Choice, "no") { Choices = ["no", "yes", "clients"] },
        new("set-max-intset-entries", Integer, "512"),
        new("set-max-listpack-entries", Integer, "128"),
        new("set-max-listpack-value", Integer, "64"),
        new("shutdown-timeout", Integer, "10") { Max = IntMax },
        new("stream-node-max-bytes", Bytes, "4096"),
        new("stream-node-max-entries", Integer, "100"),
        new("supervised", Choice, "no") { Choices = ["upstart", "systemd", "auto", "no"], Changes = Changeability.Start },
        new("tls-port", Integer, "0") { Max = 65535, Changes = Changeability.Start },
        new("tracking-table-max-keys", Integer, "1000000"),
        new("zset-max-listpack-entries", Integer, "128") { Alias = "zset-max-ziplist-entries" },
        new("zset-max-listpack-value", Integer, "64") { Alias = "zset-max-ziplist-value" },
    ];

    private static string[] MaxMemoryPolicies =>
        ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction"];
}
