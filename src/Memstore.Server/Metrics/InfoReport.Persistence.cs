using System.Globalization;
using Memstore.Storage.Journals;

namespace Memstore.Server.Metrics;

// The section "persistence". Where Redis speaks of RDB it is about images, where it speaks of AOF about the journal.
internal sealed partial class InfoReport
{
    private void WritePersistence()
    {
        var persistence = _server.Persistence;
        var isLoading = _server.Is(ServerStates.Loading);
        Line("loading", isLoading ? 1 : 0);
        Zero("async_loading", "current_cow_peak", "current_cow_size", "current_cow_size_age");
        Line("current_fork_perc", 0.0);
        WriteImages(persistence);
        WriteJournal(persistence);
        Zero("aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size");
        if (isLoading && persistence is not null) WriteLoading(persistence);
    }

    private void WriteImages(Persistence? persistence)
    {
        var isSaving = persistence?.IsSaving == true;
        Line("current_save_keys_processed", isSaving ? persistence!.SaveProgress.Keys : 0);
        Line("current_save_keys_total", isSaving ? _server.Store.Statistics().Databases.Sum(static database => database.Keys) : 0);
        Line("rdb_changes_since_last_save", persistence?.ChangesSinceSave ?? 0);
        Line("rdb_bgsave_in_progress", isSaving ? 1 : 0);
        Line("rdb_last_save_time", (persistence?.LastSave ?? _server.Metrics.StartedAt).ToUnixTimeSeconds());
        Line("rdb_last_bgsave_status", persistence?.SaveError is null ? "ok" : "err");
        Line("rdb_last_bgsave_time_sec", persistence?.LastSaveDuration is { } duration ? (long)duration.TotalSeconds : -1);
        Line("rdb_current_bgsave_time_sec", isSaving ? (long)(_server.Time.GetUtcNow() - persistence!.SavingSince).TotalSeconds : -1);
        Line("rdb_saves", SavesOf(persistence));
        Line("rdb_last_cow_size", 0);
        Line("rdb_last_load_keys_expired", 0);
        Line("rdb_last_load_keys_loaded", persistence?.Loaded?.ImageKeys ?? 0);
        Line("image_bytes", persistence?.ImageBytes ?? 0);
    }

    private long SavesOf(Persistence? persistence) => Math.Max(0, (persistence?.Saves ?? 0) - _server.Metrics.Baseline.Saves);

    private void WriteJournal(Persistence? persistence)
    {
        var isJournaled = persistence?.IsJournaled == true;
        Line("aof_enabled", isJournaled ? 1 : 0);
        Line("aof_rewrite_in_progress", isJournaled && persistence!.IsSaving ? 1 : 0);
        Line("aof_rewrite_scheduled", 0);
        Line("aof_last_rewrite_time_sec", isJournaled && persistence!.LastSaveDuration is { } duration ? (long)duration.TotalSeconds : -1);
        Line("aof_current_rewrite_time_sec", isJournaled && persistence!.IsSaving ? (long)(_server.Time.GetUtcNow() - persistence.SavingSince).TotalSeconds : -1);
        Line("aof_last_bgrewrite_status", persistence?.SaveError is null ? "ok" : "err");
        Line("aof_rewrites", isJournaled ? SavesOf(persistence) : 0);
        Line("aof_rewrites_consecutive_failures", persistence?.SaveError is null ? 0 : 1);
        var journal = persistence?.Journal;
        Line("aof_last_write_status", journal?.Fault is null ? "ok" : "err");
        if (journal is not null) WriteFigures(persistence!, journal, journal.Figures);
    }

    private void WriteFigures(Persistence persistence, Journal journal, in JournalFigures figures)
    {
        Line("aof_current_size", persistence.JournalBytes);
        Line("aof_base_size", persistence.ImageBytes);
        Line("aof_pending_rewrite", 0);
        Line("aof_buffer_length", figures.PendingBytes);
        Line("aof_pending_bio_fsync", 0);
        Line("aof_delayed_fsync", figures.DelayedSyncs - _server.Metrics.Baseline.DelayedSyncs);
        Line("journal_segment", figures.Segment);
        Line("journal_last_sequence", journal.LastSequence);
        Line("journal_durable_sequence", journal.DurableSequence);
        Line("journal_written_bytes", figures.WrittenBytes);
        Line("journal_pending_records", figures.PendingRecords);
        Line("journal_syncs", figures.Syncs);
        Line("journal_last_sync_us", (long)figures.LastSyncTime.TotalMicroseconds);
        Line("journal_last_sync_unix_ms", figures.LastSyncUnixMs);
        Line("journal_last_error", figures.LastFault is { } fault ? fault.Reason.ReplaceLineEndings(" ") : "");
    }

    private void WriteLoading(Persistence persistence)
    {
        var progress = persistence.Loading;
        var (done, total) = (progress.BytesDone, progress.BytesTotal);
        var elapsed = Math.Max(0, (_server.Time.GetUtcNow() - persistence.LoadingSince).TotalSeconds);
        Line("loading_start_time", persistence.LoadingSince.ToUnixTimeSeconds());
        Line("loading_total_bytes", total);
        Line("loading_rdb_used_mem", 0);
        Line("loading_loaded_bytes", done);
        _text.Append(CultureInfo.InvariantCulture, $"loading_loaded_perc:{(total == 0 ? 0 : 100.0 * done / total):f2}\r\n");
        Line("loading_eta_seconds", done == 0 ? 1 : (long)(elapsed * (total - done) / done));
    }
}
