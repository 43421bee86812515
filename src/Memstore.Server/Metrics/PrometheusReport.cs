using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Memstore.Server.Metrics;

/// <summary>All figures of the server as Prometheus reads them. Reads the counters that are there anyway; nobody waits for it.</summary>
internal sealed partial class PrometheusReport
{
    private readonly ServerState _server;
    private readonly PrometheusText _text;

    private PrometheusReport(ServerState server, IBufferWriter<byte> output)
    {
        _server = server;
        _text = new PrometheusText(output);
    }

    /// <summary>Writes all families. May be called by any thread, by several at once.</summary>
    public static void Write(ServerState server, IBufferWriter<byte> output)
    {
        var report = new PrometheusReport(server, output);
        report.WriteServer();
        report.WriteCommands();
        report.WriteLatencies();
        report.WriteClients();
        report.WriteStore();
        report.WriteMemory();
        report.WriteShards();
        report.WriteKeys();
        report.WritePersistence();
        report.WriteRuntime();
    }

    private void WriteServer()
    {
        _text.Gauge("build_info", "Always 1; the labels say what runs.");
        _text.With("version", ProductVersion.Text).With("dotnet", Environment.Version.ToString()).With("transport", _server.TransportName)
            .With("os", RuntimeInformation.OSDescription).Sample(1);
        _text.Gauge("uptime_seconds", "Seconds since the start.", (_server.Time.GetUtcNow() - _server.Metrics.StartedAt).TotalSeconds);
        _text.Gauge("ready", "Whether commands are served: it listens, has loaded, and the disk takes what is written.", Health.Read(_server).IsReady ? 1 : 0);
        _text.Gauge("loading", "Whether the data is being loaded.", _server.Is(ServerStates.Loading) ? 1 : 0);
    }

    private void WriteCommands()
    {
        var commands = _server.Metrics.Commands().ToArray();
        _text.Counter("commands_total", "Commands that ran.");
        foreach (var (row, counters) in commands) _text.With("command", row.Name).Sample(counters.Calls);
        _text.Counter("command_errors_total", "Commands that ran and answered with an error.");
        foreach (var (row, counters) in commands) _text.With("command", row.Name).Sample(counters.Failed);
        _text.Counter("command_rejected_total", "Commands that were refused before they ran.");
        foreach (var (row, counters) in commands) _text.With("command", row.Name).Sample(counters.Rejected);
        _text.Counter("errors_total", "Error replies by their codes.");
        foreach (var (code, count) in _server.Metrics.Errors()) _text.With("code", code).Sample(count);
    }

    // The counters' classes are powers of two in nanoseconds. From a microsecond to seventeen seconds each is a bucket.
    private void WriteLatencies()
    {
        const int First = 9;
        const int Last = 33;
        _text.Histogram("command_duration_seconds", "Time in commands. Fast commands and SET in a pipeline share the time of the pipeline.");
        foreach (var (row, counters) in _server.Metrics.Commands())
        {
            var count = 0L;
            for (var i = 0; i < counters.Histogram!.Length; i++)
            {
                count += counters.Histogram[i];
                if (i is >= First and <= Last) _text.With("command", row.Name).With("le", PrometheusText.Number((2L << i) / 1e9)).Sample(count, "_bucket");
            }
            _text.With("command", row.Name).With("le", "+Inf").Sample(count, "_bucket");
            _text.With("command", row.Name).Sample(counters.Ticks / (double)Stopwatch.Frequency, "_sum");
            _text.With("command", row.Name).Sample(count, "_count");
        }
    }

    private void WriteClients()
    {
        var totals = _server.Metrics.Totals();
        var sessions = _server.Sessions.Unordered().ToArray();
        _text.Gauge("connected_clients", "Clients that are connected.", _server.Sessions.Count);
        _text.Gauge("clients_max", "Clients that may be connected at once.", _server.Settings.ClientsMax);
        _text.Counter("connections_total", "Connections that were accepted.", _server.Sessions.Accepted);
        _text.Counter("rejected_connections_total", "Connections that were refused because there were too many.", _server.Metrics.RejectedConnections);
        _text.Gauge("open_transactions", "Clients between BEGIN and COMMIT.", sessions.Count(static session => session.Is(Sessions.SessionState.Open)));
        _text.Counter("net_input_bytes_total", "Bytes of requests.", totals.InputBytes);
        _text.Counter("net_output_bytes_total", "Bytes of replies.", totals.OutputBytes);
        _text.Counter("net_reads_total", "Batches of requests.", totals.Reads);
        _text.Counter("net_writes_total", "Batches of replies.", totals.Writes);
        _text.Counter("keyspace_hits_total", "Lookups that found a key.", totals.Hits);
        _text.Counter("keyspace_misses_total", "Lookups that found none.", totals.Misses);
        _text.Gauge("pubsub_channels", "Channels that somebody listens to.", _server.PubSub.CountOf(PubSub.SubscriptionKind.Channel));
        _text.Gauge("pubsub_patterns", "Patterns that somebody listens to.", _server.PubSub.CountOf(PubSub.SubscriptionKind.Pattern));
        _text.Gauge("pubsub_shard_channels", "Shard channels that somebody listens to.", _server.PubSub.CountOf(PubSub.SubscriptionKind.ShardChannel));
        _text.Gauge("slow_log_length", "Slow commands that are kept.", _server.SlowLog.Count);
        _text.Gauge("event_loop_longest_turn_seconds", "Longest turn of an event thread since the last CONFIG RESETSTAT.", _server.Turns.LongestNs / 1e9);
    }

    private void WriteStore()
    {
        var store = _server.Store.Statistics();
        _text.Gauge("keys", "Keys by database.");
        for (var i = 0; i < store.Databases.Count; i++)
            if (i == 0 || store.Databases[i].Keys > 0) _text.With("database", i).Sample(store.Databases[i].Keys);
        _text.Gauge("keys_with_deadline", "Keys that will expire, by database.");
        for (var i = 0; i < store.Databases.Count; i++)
            if (i == 0 || store.Databases[i].Keys > 0) _text.With("database", i).Sample(store.Databases[i].WithDeadline);
        _text.Counter("expired_keys_total", "Keys that expired.", store.ExpiredKeys);
        _text.Counter("commits_total", "Transactions that committed.", store.Commits);
        _text.Counter("combined_commits_total", "Transactions that had queued for a shard and were committed by whoever left it.", store.CombinedCommits);
        _text.Counter("conflicts_total", "Transactions on a snapshot that failed validation.", store.Conflicts);
        _text.Gauge("open_snapshots", "Snapshots that are open.", store.OpenSnapshots);
        _text.Gauge("oldest_snapshot_seconds", "Age of the oldest open snapshot.", store.OldestSnapshotAge.TotalSeconds);
        _text.Gauge("longest_hold_seconds", "Longest time for which a transaction held a shard, since the last CONFIG RESETSTAT.", store.LongestHold.TotalSeconds);
        _text.Counter("long_holds_total", "Timed holds of more than 100 microseconds.", store.LongHolds);
    }

    private void WriteMemory()
    {
        var memory = MemoryFigures.Read(_server);
        var owners = _server.Store.Statistics().Memory;
        _text.Gauge("memory_used_bytes", "What the data occupies; maxmemory is compared with it.", memory.Used);
        _text.Gauge("memory_peak_bytes", "The most that it occupied.", memory.Peak);
        _text.Gauge("memory_max_bytes", "What it may occupy; 0 for no limit.", _server.Settings.MemoryMax);
        _text.Gauge("memory_committed_bytes", "What the allocator of the data has taken from the system.", memory.Committed);
        _text.Gauge("memory_owner_bytes", "Memory by what it is for.");
        (string Owner, long Bytes)[] all =
        [
            ("records", owners.Records), ("indexes", owners.Indexes), ("trees", owners.Trees), ("deadlines", owners.Deadlines),
            ("waiting", owners.Waiting), ("free", owners.Free), ("databases", owners.Databases), ("queues", owners.Queues),
            ("page_tables", owners.PageTables), ("big_keys", owners.BigKeys), ("hot_keys", _server.HotKeys.Bytes), ("clients", memory.Clients),
            ("journal_buffers", _server.Persistence?.Journal?.Figures.PendingBytes ?? 0), ("managed_heap", GC.GetTotalMemory(forceFullCollection: false)),
        ];
        foreach (var (owner, bytes) in all) _text.With("owner", owner).Sample(bytes);
    }
}
