namespace Memstore.Server.Metrics;

/// <summary>The newest and the worst of a kind of slow event.</summary>
/// <param name="Name">The kind: <c>command</c>, <c>fast-command</c> or <c>journal-sync</c>.</param>
/// <param name="Samples">Unix seconds and milliseconds, the oldest first.</param>
/// <param name="MaxMs">The worst since the start or the last reset.</param>
internal sealed record LatencyEvent(string Name, List<(long UnixSeconds, long Ms)> Samples, long MaxMs);

/// <summary>Events that took longer than <c>latency-monitor-threshold</c>. Thread-safe.</summary>
internal sealed class LatencyMonitor
{
    private const int SamplesMax = 160;

    private readonly Lock _lock = new();
    private long _lastSyncUnixMs;
    private readonly SortedDictionary<string, LatencyEvent> _events = new(StringComparer.Ordinal);

    /// <summary>Keeps an event; of those in the same second the worst.</summary>
    public void Add(string name, long unixSeconds, long ms)
    {
        lock (_lock)
        {
            if (!_events.TryGetValue(name, out var kept)) kept = new LatencyEvent(name, [], 0);
            if (kept.Samples.Count > 0 && kept.Samples[^1].UnixSeconds == unixSeconds)
                kept.Samples[^1] = (unixSeconds, Math.Max(kept.Samples[^1].Ms, ms));
            else
                kept.Samples.Add((unixSeconds, ms));
            if (kept.Samples.Count > SamplesMax) kept.Samples.RemoveAt(0);
            _events[name] = kept with { MaxMs = Math.Max(kept.MaxMs, ms) };
        }
    }

    /// <summary>Looks whether the journal was synced slowly. About ten times a second; of several syncs in between the last one counts.</summary>
    public void KeepHouse(ServerState server)
    {
        if (server.Settings.LatencyThresholdMs == 0 || server.Persistence?.Journal is not { } journal) return;
        var figures = journal.Figures;
        NoteSync(figures.LastSyncUnixMs, figures.LastSyncTime, server.Settings.LatencyThresholdMs);
    }

    /// <summary>Keeps the last sync of the journal if it is another one than before and was slow. By housekeeping.</summary>
    /// <param name="endedUnixMs">When it ended; 0 if there was none.</param>
    /// <param name="time">How long it took.</param>
    /// <param name="thresholdMs">From when on it was slow.</param>
    internal void NoteSync(long endedUnixMs, TimeSpan time, long thresholdMs)
    {
        if (endedUnixMs == _lastSyncUnixMs) return;
        _lastSyncUnixMs = endedUnixMs;
        var ms = (long)time.TotalMilliseconds;
        if (ms >= thresholdMs) Add("journal-sync", endedUnixMs / 1_000, ms);
    }

    /// <summary>All kinds of events.</summary>
    public LatencyEvent[] All()
    {
        lock (_lock) return [.. _events.Values.Select(kept => kept with { Samples = [.. kept.Samples] })];
    }

    /// <summary>Forgets a kind of event, or all.</summary>
    /// <returns>How many kinds were forgotten.</returns>
    public int Reset(string? name)
    {
        lock (_lock)
        {
            if (name is not null) return _events.Remove(name) ? 1 : 0;
            var count = _events.Count;
            _events.Clear();
            return count;
        }
    }
}
