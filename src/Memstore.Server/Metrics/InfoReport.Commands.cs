using System.Diagnostics;
using System.Globalization;

namespace Memstore.Server.Metrics;

// The sections about commands and memory.
internal sealed partial class InfoReport
{
    private static readonly double UsPerTick = 1e6 / Stopwatch.Frequency;

    /// <summary>The time below which a share of the calls stayed, in microseconds: the upper border of its class.</summary>
    internal static double Percentile(long[] histogram, double percent)
    {
        var total = histogram.Sum();
        var rank = Math.Max(1, (long)Math.Ceiling(total * percent / 100));
        var seen = 0L;
        for (var i = 0; i < histogram.Length; i++)
        {
            seen += histogram[i];
            if (seen >= rank) return (2L << i) / 1000.0;
        }
        return 0;
    }

    private void WriteCommandStats()
    {
        foreach (var (row, counters) in _server.Metrics.Commands())
        {
            var us = counters.Ticks * UsPerTick;
            _text.Append(CultureInfo.InvariantCulture, $"cmdstat_{row.Name}:calls={counters.Calls},usec={(long)us},")
                .Append(CultureInfo.InvariantCulture, $"usec_per_call={(counters.Calls == 0 ? 0 : us / counters.Calls):f2},")
                .Append(CultureInfo.InvariantCulture, $"rejected_calls={counters.Rejected},failed_calls={counters.Failed}\r\n");
        }
    }

    private void WriteLatencyStats()
    {
        var percentiles = _server.Settings["latency-tracking-info-percentiles"].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (_server.Settings["latency-tracking"] == "no") return;
        foreach (var (row, counters) in _server.Metrics.Commands())
        {
            if (counters.Calls == 0) continue;
            var values = percentiles.Select(percentile => string.Create(
                CultureInfo.InvariantCulture,
                $"p{percentile}={Percentile(counters.Histogram!, double.Parse(percentile, CultureInfo.InvariantCulture)):f3}"));
            _text.Append(CultureInfo.InvariantCulture, $"latency_percentiles_usec_{row.Name}:{string.Join(',', values)}\r\n");
        }
    }

    private void WriteMemory()
    {
        var memory = MemoryFigures.Read(_server);
        Sized("used_memory", memory.Used);
        Sized("used_memory_rss", memory.Resident);
        Sized("used_memory_peak", memory.Peak);
        Line("used_memory_peak_perc", Percent(memory.Used, memory.Peak));
        Line("used_memory_overhead", memory.Clients + memory.Overhead);
        Line("used_memory_startup", 0);
        Line("used_memory_dataset", memory.Used);
        Line("used_memory_dataset_perc", "100.00%");
        Line("allocator_allocated", memory.Used);
        Line("allocator_active", memory.Committed);
        Line("allocator_resident", memory.Committed);
        Sized("total_system_memory", memory.Machine);
        Zero("used_memory_lua", "used_memory_vm_eval");
        Line("used_memory_lua_human", "0B");
        Zero("used_memory_scripts_eval", "number_of_cached_scripts", "number_of_functions", "number_of_libraries");
        Zero("used_memory_vm_functions", "used_memory_vm_total");
        Line("used_memory_vm_total_human", "0B");
        Zero("used_memory_functions", "used_memory_scripts");
        Line("used_memory_scripts_human", "0B");
        Sized("maxmemory", _server.Settings.MemoryMax);
        Line("maxmemory_policy", _server.Settings["maxmemory-policy"]);
        Line("allocator_frag_ratio", Ratio(memory.Committed, memory.Used));
        Line("allocator_frag_bytes", memory.Committed - memory.Used);
        Line("allocator_rss_ratio", 1.0);
        Line("allocator_rss_bytes", 0);
        Line("rss_overhead_ratio", Ratio(memory.Resident, memory.Committed));
        Line("rss_overhead_bytes", memory.Resident - memory.Committed);
        Line("mem_fragmentation_ratio", Ratio(memory.Resident, memory.Used));
        Line("mem_fragmentation_bytes", memory.Resident - memory.Used);
        Zero("mem_not_counted_for_evict", "mem_replication_backlog", "mem_total_replication_buffers", "mem_clients_slaves");
        Line("mem_clients_normal", memory.Clients);
        Zero("mem_cluster_links");
        Line("mem_aof_buffer", _server.Persistence?.Journal?.Figures.PendingBytes ?? 0);
        Line("mem_allocator", "memstore");
        Zero("active_defrag_running", "lazyfree_pending_objects", "lazyfreed_objects");
    }

    private void Sized(string name, long bytes)
    {
        Line(name, bytes);
        Line(name + "_human", MemoryFigures.ForPeople(bytes));
    }

    private static string Percent(long part, long whole) =>
        string.Create(CultureInfo.InvariantCulture, $"{(whole == 0 ? 100 : part * 100.0 / whole):f2}%");

    private static double Ratio(long a, long b) => b <= 0 ? 1 : (double)a / b;
}
