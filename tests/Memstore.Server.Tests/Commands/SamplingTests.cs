using Memstore.Server.Commands;
using Xunit;

namespace Memstore.Server.Tests.Commands;

/// <summary>Random choices are distinct, in range, and take all alike.</summary>
public sealed class SamplingTests
{
    [Theory]
    [InlineData(0, 5)]
    [InlineData(1, 1)]
    [InlineData(1, 10)]
    [InlineData(3, 10)]
    [InlineData(4, 10)]
    [InlineData(10, 10)]
    public void Choices_are_distinct_and_alike(int count, int size)
    {
        const int seed = 20_261_122;
        const int rounds = 20_000;
        var random = new Random(seed);
        var hits = new int[size];
        for (var round = 0; round < rounds; round++)
        {
            var chosen = Sampling.Distinct(random, count, size).ToArray();
            Assert.Equal(count, chosen.Distinct().Count());
            Assert.Equal(count, chosen.Length);
            foreach (var index in chosen) hits[index]++;
        }

        // Six standard deviations of a binomial distribution.
        var p = (double)count / size;
        var allowed = 6 * Math.Sqrt(rounds * p * (1 - p)) + 1;
        foreach (var hit in hits) Assert.True(Math.Abs(hit - rounds * p) < allowed, $"seed {seed}: {hit} of {rounds} rounds, expected {rounds * p}");
    }
}
