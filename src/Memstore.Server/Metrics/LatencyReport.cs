using System.Globalization;
using System.Text;

namespace Memstore.Server.Metrics;

/// <summary>Slow events in words and as a picture: LATENCY DOCTOR and LATENCY GRAPH.</summary>
internal static class LatencyReport
{
    private const int ColumnsMax = 80;
    private const int Rows = 4;

    // A column of that many filled rows: its top, in the order of how full the top row is.
    private const string Tops = "_o#";

    /// <summary>Samples as columns, the oldest first, over their ages.</summary>
    /// <param name="event">What is drawn; it has samples.</param>
    /// <param name="nowUnixSeconds">When.</param>
    public static string Graph(LatencyEvent @event, long nowUnixSeconds)
    {
        var samples = @event.Samples.Skip(Math.Max(0, @event.Samples.Count - ColumnsMax)).ToArray();
        var (low, high) = (samples.Min(static sample => sample.Ms), samples.Max(static sample => sample.Ms));
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{@event.Name} - high {high} ms, low {low} ms (all time high {@event.MaxMs} ms)\n");
        text.Append('-', ColumnsMax).Append('\n');
        var steps = Rows * Tops.Length;
        var heights = samples.Select(sample => high == low ? steps : 1 + (int)((sample.Ms - low) * (steps - 1) / (high - low))).ToArray();
        for (var row = Rows - 1; row >= 0; row--) AppendLine(text, heights.Select(height => SymbolAt(height - (row * Tops.Length))));
        text.Append('\n');
        var ages = samples.Select(sample => Age(Math.Max(0, nowUnixSeconds - sample.UnixSeconds))).ToArray();
        for (var i = 0; i < ages.Max(static age => age.Length); i++) AppendLine(text, ages.Select(age => i < age.Length ? age[i] : ' '));
        return text.ToString();
    }

    /// <summary>What was slow, and what an operator can look at.</summary>
    /// <param name="events">All slow events.</param>
    /// <param name="server">Whose they are.</param>
    public static string Doctor(IReadOnlyList<LatencyEvent> events, ServerState server)
    {
        var threshold = server.Settings.LatencyThresholdMs;
        if (threshold == 0 && events.Count == 0)
            return "The latency monitor is off. CONFIG SET latency-monitor-threshold <milliseconds> turns it on; events that take as long are kept from then on.\n";
        if (events.Count == 0)
            return string.Create(CultureInfo.InvariantCulture, $"Nothing has taken {threshold} ms or longer since the start or the last LATENCY RESET.\n");
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{events.Count} kinds of events took {threshold} ms or longer:\n\n");
        foreach (var kept in events) Describe(text, kept);
        text.Append("\nWhat may help:\n");
        foreach (var advice in Advice(events, server)) text.Append("- ").Append(advice).Append('\n');
        return text.ToString();
    }

    private static void Describe(StringBuilder text, LatencyEvent kept)
    {
        var average = kept.Samples.Average(static sample => sample.Ms);
        var deviation = kept.Samples.Average(sample => Math.Abs(sample.Ms - average));
        var span = kept.Samples[^1].UnixSeconds - kept.Samples[0].UnixSeconds;
        text.Append(CultureInfo.InvariantCulture, $"{kept.Name}: {kept.Samples.Count} seconds with slow events, {average:f0} ms on average (mean deviation {deviation:f0} ms), ")
            .Append(CultureInfo.InvariantCulture, $"the worst {kept.MaxMs} ms");
        if (kept.Samples.Count > 1) text.Append(CultureInfo.InvariantCulture, $", one each {span / (double)(kept.Samples.Count - 1):f1} seconds");
        text.Append(".\n");
    }

    private static IEnumerable<string> Advice(IReadOnlyList<LatencyEvent> events, ServerState server)
    {
        var names = events.Select(static kept => kept.Name).ToHashSet();
        if (names.Contains("command"))
        {
            yield return server.Settings.SlowLogThresholdUs < 0
                ? "The slow log is off: CONFIG SET slowlog-log-slower-than 10000 shows which commands are slow."
                : "SLOWLOG GET shows which commands were slow, HOTKEYS BY CPU on which keys.";
        }
        if (names.Contains("fast-command")) yield return "Commands that take constant time were slow: the machine was busy, or others held their shard. SHARDS INFO shows queues, INFO memstore the longest hold.";
        if (names.Contains("journal-sync")) yield return "The disk took long to sync the journal: look at what else uses it, or let appendfsync be everysec if it is always.";
        if (server.Store.ShardStatistics().Any(static shard => shard.LongestQueue > 64)) yield return "Transactions have queued for a shard: see longest-queue in SHARDS INFO, and HOTKEYS.";
        if (server.Persistence?.IsSaving == true) yield return "An image is being written now.";
    }

    private static void AppendLine(StringBuilder text, IEnumerable<char> symbols) =>
        text.Append(string.Concat(symbols).TrimEnd()).Append('\n');

    // What is left of a column above the rows below this one.
    private static char SymbolAt(int height) => height <= 0 ? ' ' : height > Tops.Length ? '|' : Tops[height - 1];

    private static string Age(long seconds) => seconds switch
    {
        < 60 => $"{seconds}s",
        < 3_600 => $"{seconds / 60}m",
        < 86_400 => $"{seconds / 3_600}h",
        _ => $"{seconds / 86_400}d",
    };
}
