using System.Diagnostics;
using System.Diagnostics.Metrics;
using Memstore.Server.Metrics;

namespace Memstore.Server.Telemetry;

/// <summary>The server's figures as instruments of System.Diagnostics.Metrics: read when somebody collects them, from the counters that are there anyway.</summary>
internal sealed class TelemetryInstruments : IDisposable
{
    /// <summary>The name of the meter.</summary>
    public const string Name = "Memstore";

    private static readonly double[] Quantiles = [0.5, 0.99, 0.999];

    private readonly ServerState _server;
    private readonly Meter _meter = new(Name, ProductVersion.Text);

    /// <summary>Makes the instruments of a server.</summary>
    public TelemetryInstruments(ServerState server)
    {
        _server = server;
        AddCommands();
        AddClients();
        AddStore();
        AddShards();
        AddKeys();
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private static Measurement<double> Of(double value, string tag, object? label) => new(value, new KeyValuePair<string, object?>(tag, label));

    private void AddCommands()
    {
        _meter.CreateObservableCounter("memstore.commands", () => Commands(static counters => counters.Calls), "{command}", "Commands that ran.");
        _meter.CreateObservableCounter("memstore.command.errors", () => Commands(static counters => counters.Failed), "{command}", "Commands that answered with an error.");
        _meter.CreateObservableCounter("memstore.command.rejected", () => Commands(static counters => counters.Rejected), "{command}", "Commands that were refused before they ran.");
        _meter.CreateObservableCounter("memstore.command.time", () => Commands(static counters => counters.Ticks / (double)Stopwatch.Frequency), "s", "Time in commands.");
        _meter.CreateObservableGauge("memstore.command.latency", Latencies, "s", "Time below which a part of the calls stayed, since the start.");
    }

    private IEnumerable<Measurement<double>> Commands(Func<CommandCounters, double> value) =>
        _server.Metrics.Commands().Select(pair => Of(value(pair.Counters), "db.operation.name", pair.Row.Name));

    private IEnumerable<Measurement<double>> Latencies()
    {
        foreach (var (row, counters) in _server.Metrics.Commands())
        {
            if (counters.Calls == 0) continue;
            foreach (var quantile in Quantiles)
            {
                yield return new Measurement<double>(
                    InfoReport.Percentile(counters.Histogram!, quantile * 100) / 1e6,
                    new KeyValuePair<string, object?>("db.operation.name", row.Name), new KeyValuePair<string, object?>("quantile", quantile));
            }
        }
    }

    private void AddClients()
    {
        _meter.CreateObservableUpDownCounter("memstore.clients", () => _server.Sessions.Count, "{client}", "Clients that are connected.");
        _meter.CreateObservableCounter("memstore.connections", () => _server.Sessions.Accepted, "{connection}", "Connections that were accepted.");
        _meter.CreateObservableCounter("memstore.connections.rejected", () => _server.Metrics.RejectedConnections, "{connection}", "Connections that were refused.");
        _meter.CreateObservableCounter("memstore.network.io", Network, "By", "Bytes of requests and replies.");
        _meter.CreateObservableCounter("memstore.lookups", Lookups, "{lookup}", "Lookups of keys.");
        _meter.CreateObservableGauge("memstore.slow_log.length", () => _server.SlowLog.Count, "{command}", "Slow commands that are kept.");
    }

    private IEnumerable<Measurement<double>> Network()
    {
        var totals = _server.Metrics.Totals();
        return [Of(totals.InputBytes, "network.io.direction", "receive"), Of(totals.OutputBytes, "network.io.direction", "transmit")];
    }

    private IEnumerable<Measurement<double>> Lookups()
    {
        var totals = _server.Metrics.Totals();
        return [Of(totals.Hits, "memstore.lookup.result", "hit"), Of(totals.Misses, "memstore.lookup.result", "miss")];
    }

    private void AddStore()
    {
        _meter.CreateObservableUpDownCounter("memstore.keys", Keys, "{key}", "Keys by database.");
        _meter.CreateObservableUpDownCounter("memstore.memory.used", () => _server.Store.UsedBytes, "By", "What the data occupies.");
        _meter.CreateObservableUpDownCounter("memstore.memory.resident", () => Environment.WorkingSet, "By", "Resident memory of the process.");
        _meter.CreateObservableCounter("memstore.commits", () => _server.Store.Statistics().Commits, "{transaction}", "Transactions that committed.");
        _meter.CreateObservableCounter("memstore.conflicts", () => _server.Store.Statistics().Conflicts, "{transaction}", "Transactions that failed validation.");
        _meter.CreateObservableCounter("memstore.keys.expired", () => _server.Store.Statistics().ExpiredKeys, "{key}", "Keys that expired.");
        _meter.CreateObservableUpDownCounter("memstore.snapshots", () => _server.Store.Statistics().OpenSnapshots, "{snapshot}", "Snapshots that are open.");
        _meter.CreateObservableGauge("memstore.ready", () => Health.Read(_server).IsReady ? 1 : 0, "1", "Whether commands are served.");
        _meter.CreateObservableCounter("memstore.gc.pause", static () => GC.GetTotalPauseDuration().TotalSeconds, "s", "Time for which collections stopped the process.");
        if (_server.Persistence is not { } persistence) return;
        _meter.CreateObservableCounter("memstore.journal.written", () => persistence.Journal?.Figures.WrittenBytes ?? 0, "By", "Bytes written to the journal.");
        _meter.CreateObservableGauge("memstore.journal.pending", () => persistence.Journal?.Figures.PendingRecords ?? 0, "{record}", "Commits that have not been written.");
    }

    private IEnumerable<Measurement<double>> Keys() =>
        _server.Store.Statistics().Databases.Select(static (database, index) => Of(database.Keys, "db.namespace", index)).Where(static (measurement, index) => index == 0 || measurement.Value > 0);

    private void AddShards()
    {
        _meter.CreateObservableUpDownCounter("memstore.shard.keys", () => Shards(static shard => shard.Keys), "{key}", "Keys by shard.");
        _meter.CreateObservableUpDownCounter("memstore.shard.memory", () => Shards(static shard => shard.Bytes), "By", "Bytes by shard.");
        _meter.CreateObservableGauge("memstore.shard.load", () => Shards(static shard => shard.Load), "1", "Part of the whole load by shard.");
        _meter.CreateObservableGauge("memstore.shard.queue", () => Shards(static shard => shard.QueueDepth), "{transaction}", "Transactions that wait for the shard.");
        _meter.CreateObservableCounter("memstore.shard.commits", () => Shards(static shard => shard.Commits), "{transaction}", "Commits by shard.");
        _meter.CreateObservableCounter("memstore.shard.conflicts", () => Shards(static shard => shard.Conflicts), "{transaction}", "Failed validations by shard.");
    }

    private IEnumerable<Measurement<double>> Shards(Func<Engine.ShardStatistics, double> value) =>
        _server.Store.ShardStatistics().Select(shard => Of(value(shard), "memstore.shard", shard.Index));

    private void AddKeys()
    {
        const int Shown = 10;
        _meter.CreateObservableGauge("memstore.hot_key.commands", () => _server.HotKeys.Top(HotKeyMeasure.Commands, Shown).Select(static key => OfKey(key.CommandsPerSecond, key.Name.Database, key.Key)),
            "{command}/s", "Commands a second on the keys with most of them.");
        _meter.CreateObservableGauge("memstore.big_key.size", () => _server.Store.BigKeys(Shown).Select(static key => OfKey(key.Bytes, key.Database, key.Key)), "By", "Bytes of the biggest keys.");
    }

    private static Measurement<double> OfKey(double value, int database, byte[] key) => new(
        value, new KeyValuePair<string, object?>("db.namespace", database), new KeyValuePair<string, object?>("memstore.key", System.Text.Encoding.UTF8.GetString(key)));
}
