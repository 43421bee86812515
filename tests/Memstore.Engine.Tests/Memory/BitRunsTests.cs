using Memstore.Engine.Memory;
using Xunit;

namespace Memstore.Engine.Tests.Memory;

/// <summary>Runs of ones against a loop over the bits.</summary>
public sealed class BitRunsTests
{
    [Fact]
    public void Longest_and_first_runs_are_those_that_a_loop_finds()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 20_000; round++)
        {
            var bits = RandomBits(random);
            var (longest, firstOf) = Scan(bits);
            Assert.True(longest == BitRuns.Longest(bits), $"seed {seed}: longest run of {bits:x}");
            for (var count = 1; count <= longest; count++)
            {
                Assert.True(firstOf[count] == BitRuns.Find(bits, count), $"seed {seed}: run of {count} in {bits:x}");
                Assert.Equal(UInt128.Zero, BitRuns.Mask(firstOf[count], count) & ~bits);
            }
        }
    }

    private static UInt128 RandomBits(Random random)
    {
        var bits = random.Next(50) == 0 ? UInt128.MaxValue : UInt128.Zero;
        for (var i = random.Next(8); i > 0; i--)
        {
            var at = random.Next(128);
            bits ^= BitRuns.Mask(at, 1 + random.Next(128 - at));
        }

        return bits;
    }

    private static (int Longest, int[] FirstOf) Scan(UInt128 bits)
    {
        var firstOf = new int[129];
        Array.Fill(firstOf, -1);
        var length = 0;
        var longest = 0;
        for (var i = 0; i < 128; i++)
        {
            length = (bits >> i & 1) == 1 ? length + 1 : 0;
            if (length <= longest) continue;
            longest = length;
            firstOf[length] = i - length + 1;
        }

        return (longest, firstOf);
    }
}
