using Memstore.Server.CommandLine.Bench;
using Xunit;

namespace Memstore.Load.Tests;

public sealed class HistogramTests
{
    [Fact]
    public void A_quantile_is_within_one_percent_of_the_exact_one()
    {
        var random = new Random(7);
        var values = Enumerable.Range(0, 100_000).Select(_ => (long)Math.Exp(random.NextDouble() * 25)).ToArray();
        var histogram = new Histogram();
        foreach (var value in values) histogram.Record(value);

        Array.Sort(values);
        foreach (var quantile in new[] { 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999 })
        {
            var exact = values[(int)Math.Ceiling(quantile * values.Length) - 1];
            Assert.InRange(histogram.ValueAt(quantile), exact, (exact * 1.01) + 1);
        }

        Assert.Equal(values[^1], histogram.ValueAt(1));
        Assert.Equal(values[^1], histogram.Max);
    }

    [Fact]
    public void Every_small_value_has_a_bucket_of_its_own()
    {
        for (var value = 0; value < 256; value++)
        {
            var histogram = new Histogram();
            histogram.Record(value);
            histogram.Record(1_000);
            Assert.Equal(value, histogram.ValueAt(0.5));
        }
    }

    [Fact]
    public void The_largest_durations_fit()
    {
        var histogram = new Histogram();
        histogram.Record(long.MaxValue);
        histogram.Record(-1);
        Assert.Equal(long.MaxValue, histogram.ValueAt(1));
        Assert.Equal(0, histogram.ValueAt(0.5));
    }

    [Fact]
    public void Adding_is_recording_all_in_one()
    {
        var (left, right, both) = (new Histogram(), new Histogram(), new Histogram());
        for (var i = 1; i < 10_000; i++)
        {
            (i % 3 == 0 ? left : right).Record(i * 17L);
            both.Record(i * 17L);
        }

        left.Add(right);
        Assert.Equal(both.Count, left.Count);
        Assert.Equal(both.ValueAt(0.99), left.ValueAt(0.99));
        Assert.Equal(both.Max, left.Max);
    }

    [Fact]
    public void An_empty_one_answers_zero() => Assert.Equal(0, new Histogram().ValueAt(0.99));
}
