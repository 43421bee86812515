using System.Runtime.InteropServices;

namespace Memstore.Server.Metrics;

/// <summary>A hot key. The rates are over the last half minute, the recent counting more.</summary>
/// <param name="Key">Its first bytes; all of them if it has not more than are kept.</param>
/// <param name="Name">Which key it is.</param>
/// <param name="CommandsPerSecond">Commands on it.</param>
/// <param name="BytesPerSecond">Bytes of their arguments and replies.</param>
/// <param name="CpuUsPerSecond">Microseconds in them.</param>
/// <param name="Share">Its part of all keys' weight, by what was asked for, from 0 to 1.</param>
internal sealed record HotKey(byte[] Key, HotKeyName Name, double CommandsPerSecond, double BytesPerSecond, double CpuUsPerSecond, double Share);

/// <summary>The keys that are used most, over all threads. Thread-safe; threads that run commands never wait for it.</summary>
internal sealed class HotKeys(ServerState server)
{
    /// <summary>More are not known.</summary>
    public const int CountMax = HotKeySketch.Capacity;

    private const double HalfLifeSeconds = 30;

    private readonly Lock _lock = new();
    private long _startedAt = server.Time.GetTimestamp();
    private long _fadedAt = server.Time.GetTimestamp();

    /// <summary>Bytes that it occupies.</summary>
    public long Bytes => Samplers().Count() * (long)HotKeySampler.Size;

    /// <summary>The hottest keys, the hottest first.</summary>
    public HotKey[] Top(HotKeyMeasure measure, int count)
    {
        var merged = new Dictionary<HotKeyName, (HotKeyWeights Weights, byte[] Key)>();
        var total = 0.0;
        foreach (var sampler in Samplers()) total += Merge(sampler, measure, merged);
        var perSecond = PerSecond();
        return [.. merged
            .OrderByDescending(pair => pair.Value.Weights[(int)measure]).ThenBy(static pair => pair.Key.Hash).Take(count)
            .Select(pair => Describe(pair.Key, pair.Value.Key, pair.Value.Weights, measure, perSecond, total))];
    }

    /// <summary>Forgets all keys (HOTKEYS RESET).</summary>
    public void Reset()
    {
        lock (_lock)
        {
            foreach (var sampler in Samplers()) sampler.Clear();
            _startedAt = _fadedAt = server.Time.GetTimestamp();
        }
    }

    /// <summary>Lets the past fade; uses one call a second.</summary>
    public void KeepHouse()
    {
        lock (_lock)
        {
            var seconds = server.Time.GetElapsedTime(_fadedAt).TotalSeconds;
            if (seconds < 1) return;
            _fadedAt = server.Time.GetTimestamp();
            var kept = Math.Pow(2, -seconds / HalfLifeSeconds);
            foreach (var sampler in Samplers()) sampler.KeepHouse(kept, seconds);
        }
    }

    private IEnumerable<HotKeySampler> Samplers() => server.Metrics.Threads.Select(static thread => thread.HotKeys).OfType<HotKeySampler>();

    // A steady rate weighs, after a time, rate * (1 - 2^(-time / half-life)) * half-life / ln 2.
    private double PerSecond()
    {
        double age;
        lock (_lock) age = Math.Max(1, server.Time.GetElapsedTime(_startedAt).TotalSeconds);
        return Math.Log(2) / HalfLifeSeconds / (1 - Math.Pow(2, -age / HalfLifeSeconds));
    }

    private static double Merge(HotKeySampler sampler, HotKeyMeasure measure, Dictionary<HotKeyName, (HotKeyWeights Weights, byte[] Key)> merged)
    {
        lock (sampler.Lock)
        {
            var sketch = sampler.Sketch(measure);
            for (var i = 0; i < sketch.Count; i++)
            {
                ref readonly var entry = ref sketch[i];
                ref var sum = ref CollectionsMarshal.GetValueRefOrAddDefault(merged, entry.Name, out _);
                sum.Key ??= sketch.KeyAt(i).ToArray();
                for (var each = 0; each < HotKeyWeights.Measures; each++) sum.Weights[each] += entry.Weights[each];
            }

            return sampler.Totals[(int)measure];
        }
    }

    private static HotKey Describe(HotKeyName name, byte[] key, in HotKeyWeights weights, HotKeyMeasure measure, double perSecond, double total) => new(
        key,
        name,
        weights[(int)HotKeyMeasure.Commands] * perSecond,
        weights[(int)HotKeyMeasure.Bytes] * perSecond,
        weights[(int)HotKeyMeasure.Cpu] * perSecond / 1_000,
        total <= 0 ? 0 : Math.Min(1, weights[(int)measure] / total));
}
