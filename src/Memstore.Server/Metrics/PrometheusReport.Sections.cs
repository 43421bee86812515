using System.Diagnostics;
using System.Globalization;
using System.Text;
using Memstore.Engine;
using Memstore.Server.Commands;

namespace Memstore.Server.Metrics;

// Shards, keys, the disk and the runtime.
internal sealed partial class PrometheusReport
{
    private const int KeysShown = 10;

    private void WriteShards()
    {
        var shards = _server.Store.ShardStatistics();
        _text.Gauge("shards", "Number of shards.", shards.Count);
        Each("shard_slots", "Slots by shard.", shards, isCounter: false, static shard => shard.Slots);
        Each("shard_keys", "Keys by shard, over all databases.", shards, isCounter: false, static shard => shard.Keys);
        Each("shard_bytes", "Bytes of the keys by shard.", shards, isCounter: false, static shard => shard.Bytes);
        Each("shard_commands_per_second", "Commands a second by shard, fading over some seconds.", shards, isCounter: false, static shard => shard.Commands);
        Each("shard_load_ratio", "Part of the whole load by shard.", shards, isCounter: false, static shard => shard.Load);
        Each("shard_heaviest_slot_load_ratio", "Part of the whole load that a shard's heaviest slot has.", shards, isCounter: false, static shard => shard.HeaviestSlotLoad);
        Each("shard_turns_total", "How often a shard was left or handed on.", shards, isCounter: true, static shard => shard.Turns);
        Each("shard_commits_total", "Transactions that committed while they held the shard.", shards, isCounter: true, static shard => shard.Commits);
        Each("shard_combined_commits_total", "Of them those that had queued.", shards, isCounter: true, static shard => shard.Combined);
        Each("shard_conflicts_total", "Transactions that failed validation because of a key of the shard.", shards, isCounter: true, static shard => shard.Conflicts);
        Each("shard_lost_watches_total", "EXECs that ran nothing because a watched key of the shard was touched.", shards, isCounter: true, static shard => shard.LostWatches);
        Each("shard_queue_depth", "Transactions that wait for the shard.", shards, isCounter: false, static shard => shard.QueueDepth);
        Each("shard_longest_queue", "The most that waited at once since the last CONFIG RESETSTAT.", shards, isCounter: false, static shard => shard.LongestQueue);
    }

    private void Each(string name, string help, IReadOnlyList<ShardStatistics> shards, bool isCounter, Func<ShardStatistics, double> value)
    {
        if (isCounter) _text.Counter(name, help);
        else _text.Gauge(name, help);
        foreach (var shard in shards) _text.With("shard", shard.Index).Sample(value(shard));
    }

    private void WriteKeys()
    {
        Hot(HotKeyMeasure.Commands, "hot_key_commands_per_second", "Commands a second on the keys with most of them.", static key => key.CommandsPerSecond);
        Hot(HotKeyMeasure.Bytes, "hot_key_bytes_per_second", "Bytes of arguments and replies a second of the keys with most of them.", static key => key.BytesPerSecond);
        Hot(HotKeyMeasure.Cpu, "hot_key_cpu_ratio", "Seconds of time a second in commands on the keys with most of it.", static key => key.CpuUsPerSecond / 1e6);
        _text.Gauge("big_key_bytes", "Bytes of the biggest keys.");
        foreach (var key in _server.Store.BigKeys(KeysShown))
        {
            _text.With("database", key.Database).With("slot", key.Slot).With("type", Encoding.ASCII.GetString(KeyCommands.NameOf(key.Type)))
                .With("key", key.Key).Sample(key.Bytes);
        }
    }

    private void Hot(HotKeyMeasure measure, string name, string help, Func<HotKey, double> value)
    {
        _text.Gauge(name, help);
        foreach (var key in _server.HotKeys.Top(measure, KeysShown))
            _text.With("database", key.Name.Database).With("slot", key.Name.Slot).With("key", key.Key).Sample(value(key));
    }

    private void WritePersistence()
    {
        _text.Gauge("persistence_enabled", "Whether the data is kept on disk.", _server.Persistence is null ? 0 : 1);
        if (_server.Persistence is not { } persistence) return;
        _text.Gauge("disk_failed", "Whether writes are refused because of the disk.", _server.Is(ServerStates.DiskFailed) ? 1 : 0);
        _text.Counter("saves_total", "Images that were written.", persistence.Saves);
        _text.Gauge("save_in_progress", "Whether an image is being written.", persistence.IsSaving ? 1 : 0);
        _text.Gauge("last_save_success", "Whether the last image was written.", persistence.SaveError is null ? 1 : 0);
        _text.Gauge("last_save_timestamp_seconds", "When the last image was written, or the start.", persistence.LastSave.ToUnixTimeMilliseconds() / 1e3);
        _text.Gauge("last_save_duration_seconds", "How long the last image took.", persistence.LastSaveDuration?.TotalSeconds ?? 0);
        _text.Gauge("changes_since_save", "Commits since the last image.", persistence.ChangesSinceSave);
        _text.Gauge("image_bytes", "Bytes of the last image.", persistence.ImageBytes);
        _text.Gauge("journal_enabled", "Whether commits are journaled.", persistence.IsJournaled ? 1 : 0);
        if (persistence.Journal is not { } journal) return;
        var figures = journal.Figures;
        _text.Gauge("journal_bytes", "Bytes of the journal since the last image.", persistence.JournalBytes);
        _text.Counter("journal_written_bytes_total", "Bytes written to the journal.", figures.WrittenBytes);
        _text.Gauge("journal_pending_records", "Commits that have not been written.", figures.PendingRecords);
        _text.Gauge("journal_pending_bytes", "Bytes of them in memory.", figures.PendingBytes);
        _text.Counter("journal_syncs_total", "Syncs of the journal.", figures.Syncs);
        _text.Counter("journal_delayed_syncs_total", "Syncs that took more than a second.", figures.DelayedSyncs);
        _text.Gauge("journal_last_sync_duration_seconds", "How long the last sync took.", figures.LastSyncTime.TotalSeconds);
        _text.Gauge("journal_last_sequence", "Sequence number of the last commit.", journal.LastSequence);
        _text.Gauge("journal_durable_sequence", "Sequence number of the last commit that is on disk.", journal.DurableSequence);
        _text.Gauge("journal_failed", "Whether the journal has a fault.", journal.Fault is null ? 0 : 1);
    }

    private void WriteRuntime()
    {
        _text.Counter("gc_collections_total", "Collections of the managed heap by generation.");
        for (var generation = 0; generation <= GC.MaxGeneration; generation++)
            _text.With("generation", generation.ToString(CultureInfo.InvariantCulture)).Sample(GC.CollectionCount(generation));
        _text.Counter("gc_pause_seconds_total", "Time for which collections stopped the process.", GC.GetTotalPauseDuration().TotalSeconds);
        _text.Counter("gc_allocated_bytes_total", "Bytes allocated on the managed heap.", GC.GetTotalAllocatedBytes());
        _text.Gauge("thread_pool_threads", "Threads of the pool.", ThreadPool.ThreadCount);
        _text.Gauge("thread_pool_queue_length", "What waits for the pool.", ThreadPool.PendingWorkItemCount);
        using var process = Process.GetCurrentProcess();
        Standard("process_cpu_seconds_total", "counter", "Processor time of the process.", process.TotalProcessorTime.TotalSeconds);
        Standard("process_resident_memory_bytes", "gauge", "Resident memory of the process.", process.WorkingSet64);
        Standard("process_start_time_seconds", "gauge", "When the process began, in seconds of Unix time.", new DateTimeOffset(process.StartTime).ToUnixTimeMilliseconds() / 1e3);
        Standard("process_threads", "gauge", "Threads of the process.", process.Threads.Count);
    }

    private void Standard(string name, string type, string help, double value)
    {
        _text.Family(name, type, help);
        _text.Sample(value);
    }
}
