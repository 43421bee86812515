using System.Text;
using Memstore.Server.Metrics;
using Xunit;

namespace Memstore.Server.Tests.Metrics;

/// <summary>The sketch finds the heaviest keys of a stream in bounded memory.</summary>
public sealed class HotKeySketchTests
{
    // Always the same stream and the same coins: how far an estimate is off has a distribution, and a test is not to meet its tail some day.
    private const int Seed = 20_261_123;

    [Theory]
    [InlineData(1.2)]
    [InlineData(0.99)]
    public void The_heaviest_keys_of_a_skewed_stream_are_found_and_weighed(double exponent)
    {
        const int Keys = 100_000;
        const int Uses = 400_000;
        var random = new Random(Seed);
        var sums = Cumulative(Keys, exponent);
        var counts = new int[Keys];
        var sketch = new HotKeySketch(HotKeyMeasure.Commands);
        for (var i = 0; i < Uses; i++)
        {
            var key = Draw(sums, random.NextDouble());
            counts[key]++;
            Add(sketch, key, 1, random.NextDouble());
        }

        var weights = Weights(sketch);
        for (var key = 0; key < 10; key++)
        {
            Assert.True(weights.TryGetValue(key, out var weight), $"Key {key} of {counts[key]} uses is missing.");
            Assert.True(Math.Abs(weight - counts[key]) < (counts[key] * 0.15) + 100, $"Key {key}: {weight} instead of {counts[key]}.");
        }

        Assert.InRange(sketch.Count, 1, HotKeySketch.Capacity);
    }

    [Fact]
    public void A_heavy_key_among_very_many_that_come_once_stays()
    {
        var random = new Random(Seed);
        var sketch = new HotKeySketch(HotKeyMeasure.Bytes);
        for (var i = 0; i < 300_000; i++) Add(sketch, i % 100 == 0 ? -1 : i, i % 100 == 0 ? 1_000 : 10, random.NextDouble());
        Assert.True(Weights(sketch).TryGetValue(-1, out var weight));
        Assert.True(weight is > 2_700_000 and < 3_300_000, $"{weight}");
    }

    [Fact]
    public void What_fades_leaves()
    {
        var sketch = new HotKeySketch(HotKeyMeasure.Commands);
        for (var key = 0; key < 50; key++) Add(sketch, key, key == 7 ? 1_000 : 1, 0);
        for (var i = 0; i < 5; i++) sketch.Fade(0.5);
        Assert.Equal([7], Weights(sketch).Keys);
        Assert.Equal(1_000 / 32.0, Weights(sketch)[7], 6);
        Add(sketch, 8, 1, 0);
        Assert.Equal(2, sketch.Count);
    }

    [Fact]
    public void A_long_key_is_cut_and_told_from_others_by_its_hash()
    {
        var sketch = new HotKeySketch(HotKeyMeasure.Commands);
        var key = Encoding.ASCII.GetBytes(new string('k', 1_000));
        HotKeyWeights weights = default;
        weights[0] = 1;
        sketch.Add(new HotKeyName(1, 0, 0, 1_000), key, weights, 0);
        sketch.Add(new HotKeyName(2, 0, 0, 1_000), key, weights, 0);
        Assert.Equal(2, sketch.Count);
        Assert.Equal(HotKeySketch.KeySizeMax, sketch.KeyAt(0).Length);
    }

    private static void Add(HotKeySketch sketch, int key, double weight, double chance)
    {
        HotKeyWeights weights = default;
        for (var i = 0; i < HotKeyWeights.Measures; i++) weights[i] = weight;
        Span<byte> bytes = stackalloc byte[4];
        BitConverter.TryWriteBytes(bytes, key);
        sketch.Add(new HotKeyName((ulong)key, 0, 0, 4), bytes, weights, chance);
    }

    private static Dictionary<int, double> Weights(HotKeySketch sketch) =>
        Enumerable.Range(0, sketch.Count).ToDictionary(i => BitConverter.ToInt32(sketch.KeyAt(i)), i => Own(sketch, i));

    // All measures get the same weights here, so the largest is the one that the sketch ranks by.
    private static double Own(HotKeySketch sketch, int index)
    {
        var weights = sketch[index].Weights;
        return Math.Max(weights[0], Math.Max(weights[1], weights[2]));
    }

    private static double[] Cumulative(int keys, double exponent)
    {
        var sums = new double[keys];
        var sum = 0.0;
        for (var i = 0; i < keys; i++) sums[i] = sum += 1 / Math.Pow(i + 1, exponent);
        for (var i = 0; i < keys; i++) sums[i] /= sum;
        return sums;
    }

    private static int Draw(double[] sums, double chance)
    {
        var at = Array.BinarySearch(sums, chance);
        return Math.Min(sums.Length - 1, at < 0 ? ~at : at);
    }
}
