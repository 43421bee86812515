using System.Text;
using Memstore.Engine;
using Memstore.Server.Metrics;
using Xunit;

namespace Memstore.Server.Tests.Metrics;

/// <summary>Which commands a sampler takes, and what it keeps of them, follows from its seed.</summary>
public sealed class HotKeySamplerTests
{
    [Fact]
    public void The_same_commands_and_the_same_seed_give_the_same_sketches()
    {
        var seed = (uint)Environment.TickCount;
        var first = Run(seed);
        Assert.Equal(first, Run(seed));
        Assert.True(first != Run(seed + 1), $"Another seed takes other commands (seed {seed}).");
    }

    // 200,000 commands over more keys than a sketch holds, at gaps as under load; what the sketch of commands and the gaps came to.
    private static string Run(uint seed)
    {
        var sampler = new HotKeySampler(seed);
        for (var i = 0; i < 100_000; i++) sampler.EndGap(out _);
        sampler.KeepHouse(kept: 1, seconds: 0.1);
        var shown = new StringBuilder();
        for (var i = 0; i < 200_000;)
        {
            var key = i % 997;
            var standsFor = sampler.EndGap(out var until);
            sampler.Take(0, new KeyRoute((ulong)key, (ushort)key), Encoding.ASCII.GetBytes($"key:{key}"), standsFor, 32, 1, canBeSlow: true);
            sampler.Timed(ticks: 10);
            shown.Append(until).Append(' ');
            i += until;
        }

        var sketch = sampler.Sketch(HotKeyMeasure.Commands);
        for (var i = 0; i < sketch.Count; i++) shown.Append($"{Encoding.ASCII.GetString(sketch.KeyAt(i))}={sketch[i].Weights[0]} ");
        return shown.ToString();
    }
}
