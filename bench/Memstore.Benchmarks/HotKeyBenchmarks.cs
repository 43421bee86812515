using BenchmarkDotNet.Attributes;
using Memstore.Engine;
using Memstore.Server.Metrics;

namespace Memstore.Benchmarks;

/// <summary>What does it cost to take a key for HOTKEYS, into all three sketches? A thread takes about 20,000 a second, at most one command in 256.</summary>
[MemoryDiagnoser]
public class HotKeyBenchmarks
{
    private const int Batch = 64;

    private readonly HotKeySampler _sampler = new(seed: 1);
    private readonly byte[] _key = new byte[16];
    private readonly Random _random = new(1);

    /// <summary>Keys that all come as often as each other.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Batch)]
    public void UniformKeys() => Take(static random => random.Next(1_000_000));

    /// <summary>Keys of which some come often.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public void SkewedKeys() => Take(static random => (int)Math.Exp(random.NextDouble() * 13.8));

    private void Take(Func<Random, int> choose)
    {
        for (var i = 0; i < Batch; i++)
        {
            var key = choose(_random);
            BitConverter.TryWriteBytes(_key, key);
            _sampler.EndGap(out _);
            _sampler.Take(0, new KeyRoute((ulong)key * 0x9E3779B97F4A7C15, (ushort)(key & 16_383)), _key, 1, 48, 1, canBeSlow: false);
            // A turn has a few samples.
            if (i % 4 == 3) _sampler.Timed(20);
        }
    }
}
