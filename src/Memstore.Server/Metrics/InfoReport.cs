using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Memstore.Server.Commands;
using Memstore.Server.Sessions;

namespace Memstore.Server.Metrics;

/// <summary>The text that INFO answers: sections of lines <c>name:value</c>, named as Redis 7.0 names them.</summary>
internal sealed partial class InfoReport
{
    private delegate void Section(InfoReport report);

    // In the order of the text. Those that are not usual come only with "all", "everything" or their name.
    private static readonly (string Name, string Title, bool IsUsual, Section Write)[] Sections =
    [
        ("server", "Server", true, static report => report.WriteServer()),
        ("clients", "Clients", true, static report => report.WriteClients()),
        ("memory", "Memory", true, static report => report.WriteMemory()),
        ("persistence", "Persistence", true, static report => report.WritePersistence()),
        ("stats", "Stats", true, static report => report.WriteStats()),
        ("replication", "Replication", true, static report => report.WriteReplication()),
        ("cpu", "CPU", true, static report => report.WriteCpu()),
        ("modules", "Modules", true, static _ => { }),
        ("commandstats", "Commandstats", false, static report => report.WriteCommandStats()),
        ("errorstats", "Errorstats", true, static report => report.WriteErrorStats()),
        ("latencystats", "Latencystats", false, static report => report.WriteLatencyStats()),
        ("memstore", "Memstore", true, static report => report.WriteMemstore()),
        ("cluster", "Cluster", true, static report => report.WriteCluster()),
        ("keyspace", "Keyspace", true, static report => report.WriteKeyspace()),
    ];

    private readonly ServerState _server;
    private readonly StringBuilder _text = new(4096);

    private InfoReport(ServerState server) => _server = server;

    /// <summary>Writes sections; none means the usual ones.</summary>
    public static string Write(ServerState server, IReadOnlySet<string> names)
    {
        var report = new InfoReport(server);
        var everything = names.Contains("everything");
        var all = names.Contains("all");
        var usual = names.Count == 0 || names.Contains("default");
        foreach (var (name, title, isUsual, write) in Sections)
        {
            // "all" leaves out what modules add.
            var wanted = everything || (all && name != "modules") || (usual && isUsual) || names.Contains(name);
            if (!wanted) continue;
            if (report._text.Length > 0) report._text.Append("\r\n");
            report._text.Append(CultureInfo.InvariantCulture, $"# {title}\r\n");
            write(report);
        }
        return report._text.ToString();
    }

    private void Line(string name, string value) => _text.Append(name).Append(':').Append(value).Append("\r\n");

    private void Line(string name, long value) => _text.Append(CultureInfo.InvariantCulture, $"{name}:{value}\r\n");

    private void Line(string name, double value) => _text.Append(CultureInfo.InvariantCulture, $"{name}:{value:f2}\r\n");

    private void Zero(params ReadOnlySpan<string> names)
    {
        foreach (var name in names) Line(name, 0);
    }

    private void WriteServer()
    {
        var uptime = (_server.Time.GetUtcNow() - _server.Metrics.StartedAt).TotalSeconds;
        Line("redis_version", ConnectionCommands.RedisVersion);
        Line("memstore_version", ProductVersion.Text);
        Line("redis_git_sha1", "00000000");
        Line("redis_git_dirty", 0);
        Line("redis_build_id", ProductVersion.Text);
        Line("redis_mode", "standalone");
        Line("os", RuntimeInformation.OSDescription + " " + RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant());
        Line("arch_bits", nint.Size * 8);
        Line("monotonic_clock", "POSIX clock_gettime");
        Line("multiplexing_api", _server.TransportName);
        Line("atomicvar_api", "dotnet");
        Line("gcc_version", "0.0.0");
        Line("dotnet_version", Environment.Version.ToString());
        Line("process_id", Environment.ProcessId);
        Line("process_supervised", "no");
        Line("run_id", _server.RunId);
        Line("tcp_port", _server.Port);
        Line("server_time_usec", (_server.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / 10);
        Line("uptime_in_seconds", (long)uptime);
        Line("uptime_in_days", (long)(uptime / 86_400));
        Line("hz", _server.Settings["hz"]);
        Line("configured_hz", _server.Settings["hz"]);
        Line("lru_clock", _server.Time.GetUtcNow().ToUnixTimeSeconds() & 0xff_ffff);
        Line("executable", Environment.ProcessPath ?? "");
        Line("config_file", _server.Settings.File?.FullPath ?? "");
        Line("io_threads_active", 0);
    }

    private void WriteClients()
    {
        Line("connected_clients", _server.Sessions.Count);
        Line("cluster_connections", 0);
        Line("maxclients", _server.Settings.ClientsMax);
        var sessions = _server.Sessions.Unordered().ToArray();
        Line("client_recent_max_input_buffer", sessions.Select(session => session.QueryBufferSize).DefaultIfEmpty().Max());
        Line("client_recent_max_output_buffer", sessions.Select(session => session.OutputSize).DefaultIfEmpty().Max());
        Zero("blocked_clients", "tracking_clients", "clients_in_timeout_table");
    }

    private void WriteStats()
    {
        var totals = _server.Metrics.Totals();
        var (commands, input, output) = _server.Metrics.Rates();
        var store = _server.Store.Statistics();
        Line("total_connections_received", _server.Sessions.Accepted - _server.Metrics.Baseline.Connections);
        Line("total_commands_processed", totals.Commands);
        Line("instantaneous_ops_per_sec", (long)commands);
        Line("total_net_input_bytes", totals.InputBytes);
        Line("total_net_output_bytes", totals.OutputBytes);
        Zero("total_net_repl_input_bytes", "total_net_repl_output_bytes");
        Line("instantaneous_input_kbps", input / 1024);
        Line("instantaneous_output_kbps", output / 1024);
        Line("instantaneous_input_repl_kbps", 0.0);
        Line("instantaneous_output_repl_kbps", 0.0);
        Line("rejected_connections", _server.Metrics.RejectedConnections);
        Zero("sync_full", "sync_partial_ok", "sync_partial_err");
        Line("expired_keys", store.ExpiredKeys - _server.Metrics.Baseline.ExpiredKeys);
        Line("expired_stale_perc", 0.0);
        Zero("expired_time_cap_reached_count", "expire_cycle_cpu_milliseconds", "evicted_keys", "evicted_clients");
        Zero("total_eviction_exceeded_time", "current_eviction_exceeded_time");
        Line("keyspace_hits", totals.Hits);
        Line("keyspace_misses", totals.Misses);
        Line("pubsub_channels", _server.PubSub.CountOf(PubSub.SubscriptionKind.Channel));
        Line("pubsub_patterns", _server.PubSub.CountOf(PubSub.SubscriptionKind.Pattern));
        Line("pubsubshard_channels", _server.PubSub.CountOf(PubSub.SubscriptionKind.ShardChannel));
        Zero("latest_fork_usec", "total_forks", "migrate_cached_sockets", "slave_expires_tracked_keys");
        Zero("active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits", "active_defrag_key_misses");
        Zero("total_active_defrag_time", "current_active_defrag_time");
        Zero("tracking_total_keys", "tracking_total_items", "tracking_total_prefixes", "unexpected_error_replies");
        Line("total_error_replies", _server.Metrics.Errors().Sum(error => error.Count));
        Line("dump_payload_sanitizations", 0);
        Line("total_reads_processed", totals.Reads);
        Line("total_writes_processed", totals.Writes);
        Zero("io_threaded_reads_processed", "io_threaded_writes_processed", "reply_buffer_shrinks", "reply_buffer_expands");
    }

    private void WriteReplication()
    {
        Line("role", "master");
        Line("connected_slaves", 0);
        Line("master_failover_state", "no-failover");
        Line("master_replid", _server.ReplicationId);
        Line("master_replid2", new string('0', 40));
        Line("master_repl_offset", 0);
        Line("second_repl_offset", -1);
        Line("repl_backlog_active", 0);
        Line("repl_backlog_size", _server.Settings["repl-backlog-size"]);
        Line("repl_backlog_first_byte_offset", 0);
        Line("repl_backlog_histlen", 0);
    }

    private void WriteCpu()
    {
        using var process = Process.GetCurrentProcess();
        _text.Append(CultureInfo.InvariantCulture, $"used_cpu_sys:{process.PrivilegedProcessorTime.TotalSeconds:f6}\r\n");
        _text.Append(CultureInfo.InvariantCulture, $"used_cpu_user:{process.UserProcessorTime.TotalSeconds:f6}\r\n");
        Line("used_cpu_sys_children", "0.000000");
        Line("used_cpu_user_children", "0.000000");
    }

    private void WriteErrorStats()
    {
        foreach (var (code, count) in _server.Metrics.Errors())
            _text.Append(CultureInfo.InvariantCulture, $"errorstat_{code}:count={count}\r\n");
    }

    private void WriteMemstore()
    {
        var store = _server.Store.Statistics();
        Line("transport", _server.TransportName);
        Line("shards", _server.Store.ShardCount);
        Line("commits", store.Commits);
        Line("combined_commits", store.CombinedCommits);
        Line("conflicts", store.Conflicts);
        Line("longest_hold_us", (long)store.LongestHold.TotalMicroseconds);
        Line("holds_over_100_us", store.LongHolds);
        Line("longest_turn_us", _server.Turns.LongestNs / 1_000);
        Line("longest_undisturbed_hold_us", (long)(store.LongestUndisturbedHold?.Time.TotalMicroseconds ?? 0));
        Line("undisturbed_holds_over_100_us", store.UndisturbedLongHolds);
        Line("memory_records", store.Memory.Records);
        Line("memory_indexes", store.Memory.Indexes);
        Line("memory_trees", store.Memory.Trees);
        Line("memory_deadlines", store.Memory.Deadlines);
        Line("memory_waiting", store.Memory.Waiting);
        Line("memory_free", store.Memory.Free);
        Line("memory_databases", store.Memory.Databases);
        Line("memory_queues", store.Memory.Queues);
        Line("memory_page_tables", store.Memory.PageTables);
        Line("memory_hot_keys", _server.HotKeys.Bytes);
        Line("memory_big_keys", store.Memory.BigKeys);
        Line("open_snapshots", store.OpenSnapshots);
        Line("oldest_snapshot_ms", (long)store.OldestSnapshotAge.TotalMilliseconds);
        Line("open_transactions", _server.Sessions.Unordered().Count(session => session.Is(SessionState.Open)));
        Line("managed_heap_bytes", GC.GetTotalMemory(forceFullCollection: false));
        Line("collections_gen0", GC.CollectionCount(0));
        Line("collections_gen2", GC.CollectionCount(2));
    }

    private void WriteCluster() => Line("cluster_enabled", 0);

    private void WriteKeyspace()
    {
        var databases = _server.Store.Statistics().Databases;
        for (var i = 0; i < databases.Count; i++)
        {
            var (keys, withDeadline, meanTtlMs) = databases[i];
            if (keys > 0) _text.Append(CultureInfo.InvariantCulture, $"db{i}:keys={keys},expires={withDeadline},avg_ttl={meanTtlMs}\r\n");
        }
    }
}
