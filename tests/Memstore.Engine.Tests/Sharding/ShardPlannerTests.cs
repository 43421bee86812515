using Memstore.Engine.Shards;
using Xunit;

namespace Memstore.Engine.Tests.Sharding;

/// <summary>What consistent hashing with bounded loads promises (Mirrokni, Thorup, Zadimoghaddam 2016).</summary>
public sealed class ShardPlannerTests
{
    private const int Slots = 16_384;

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(7)]
    [InlineData(64)]
    [InlineData(1_024)]
    [InlineData(4_096)]
    public void No_shard_gets_more_than_its_bound(int shards)
    {
        var owners = ShardPlanner.Assign(new HashRing(shards), Slots);
        var counts = owners.CountBy(static owner => owner).ToDictionary();
        Assert.True(counts.Values.Max() <= Math.Ceiling(1.2 * Slots / shards));
        Assert.Equal(shards, counts.Count);
    }

    [Theory]
    [InlineData(4, 5)]
    [InlineData(4, 16)]
    [InlineData(16, 17)]
    [InlineData(64, 65)]
    [InlineData(5, 4)]
    [InlineData(17, 16)]
    [InlineData(64, 4)]
    [InlineData(1, 4_096)]
    [InlineData(4_096, 1)]
    public void A_change_of_the_number_moves_about_as_much_as_it_must_and_nothing_else(int before, int after)
    {
        var owners = ShardPlanner.Assign(new HashRing(before), Slots);
        var moves = ShardPlanner.Plan(new HashRing(after), before, owners, Uniform(), 1.2);
        var must = after > before ? (double)(after - before) / after : (double)(before - after) / before;
        Assert.InRange(moves.Count / (double)Slots, 0.5 * must, Math.Min(1, 1.5 * must));
        // Only to shards that are new, or away from one that is above the bound, or away from one that goes.
        var loads = ShardPlanner.LoadsOf(before, owners, Uniform());
        Assert.All(moves, move => Assert.True(move.To >= before || move.From >= after || loads[move.From] > 1.2 / after, $"{move}"));
        Apply(owners, moves);
        Assert.True(ShardPlanner.LoadsOf(after, owners, Uniform()).Max() <= (1.2 / after) + 1e-6);
        Assert.Empty(ShardPlanner.Plan(new HashRing(after), after, owners, Uniform(), 1.2));
    }

    [Fact]
    public void The_same_input_gives_the_same_plan()
    {
        var owners = ShardPlanner.Assign(new HashRing(8), Slots);
        var loads = Skewed(new Random(7), 1.2);
        var first = ShardPlanner.Plan(new HashRing(8), 8, owners, loads, 1.2);
        Assert.Equal(first, ShardPlanner.Plan(new HashRing(8), 8, owners, loads, 1.2));
        Assert.NotEmpty(first);
    }

    [Theory]
    [InlineData(4, 0.99)]
    [InlineData(4, 1.2)]
    [InlineData(64, 0.99)]
    [InlineData(256, 0.8)]
    public void Measured_loads_come_within_the_bound_in_one_plan_as_far_as_single_slots_allow(int shards, double skew)
    {
        for (var seed = 0; seed < 5; seed++)
        {
            var loads = Skewed(new Random(seed), skew);
            var owners = ShardPlanner.Assign(new HashRing(shards), Slots);
            var moves = ShardPlanner.Plan(new HashRing(shards), shards, owners, loads, 1.2);
            Apply(owners, moves);
            var sums = ShardPlanner.LoadsOf(shards, owners, loads);
            var least = sums.Min();
            for (var shard = 0; shard < shards; shard++)
            {
                if (sums[shard] <= (1.2 / shards) + 1e-6) continue;
                var others = Enumerable.Range(0, Slots).Where(slot => owners[slot] == shard).OrderByDescending(slot => loads[slot]).Skip(1);
                Assert.All(others, slot => Assert.True(least + loads[slot] > 1.2 / shards, $"seed {seed}: slot {slot} of shard {shard} would fit elsewhere"));
            }

            // What is balanced stays where it is: no plan follows another.
            var heavy = sums.Count(sum => sum > 1.2 / shards);
            Assert.True(heavy > 0 || ShardPlanner.Plan(new HashRing(shards), shards, owners, loads, 1.2).Count == 0, $"seed {seed}");
        }
    }

    [Fact]
    public void A_slot_that_is_too_much_alone_keeps_its_shard_and_the_others_leave_it()
    {
        var loads = Uniform();
        for (var i = 0; i < Slots; i++) loads[i] *= 0.4;
        var owners = ShardPlanner.Assign(new HashRing(4), Slots);
        loads[100] += 0.6;
        var moves = ShardPlanner.Plan(new HashRing(4), 4, owners, loads, 1.2);
        Assert.DoesNotContain(moves, static move => move.Slot == 100);
        Assert.All(moves, move => Assert.Equal(owners[100], move.From));
        Apply(owners, moves);
        Assert.InRange(ShardPlanner.LoadsOf(4, owners, loads)[owners[100]], 0.6, 0.6 + 0.05);
    }

    [Fact]
    public void Two_heavy_slots_that_fit_nowhere_part_all_the_same()
    {
        var loads = Uniform();
        var owners = ShardPlanner.Assign(new HashRing(4), Slots);
        var home = owners[100];
        var other = Array.LastIndexOf(owners, home);
        for (var i = 0; i < Slots; i++) loads[i] *= 0.4;
        loads[100] += 0.35;
        loads[other] += 0.25;
        var moves = ShardPlanner.Plan(new HashRing(4), 4, owners, loads, 1.2);
        Apply(owners, moves);
        Assert.Equal(home, owners[100]);
        Assert.NotEqual(home, owners[other]);
        var sums = ShardPlanner.LoadsOf(4, owners, loads);
        Assert.True(sums.Where((_, shard) => shard != home).Max() <= 0.3 + 1e-6, string.Join(' ', sums));
        Assert.InRange(sums[home], 0.35, 0.35 + 0.01);
        Assert.DoesNotContain(ShardPlanner.Plan(new HashRing(4), 4, owners, loads, 1.2), move => move.Slot == 100 || move.Slot == other);
    }

    private static double[] Uniform()
    {
        var loads = new double[Slots];
        Array.Fill(loads, 1.0 / Slots);
        return loads;
    }

    // Zipf over slots in a random order, as a hash spreads keys.
    private static double[] Skewed(Random random, double exponent)
    {
        var loads = Enumerable.Range(1, Slots).Select(rank => Math.Pow(rank, -exponent)).ToArray();
        random.Shuffle(loads);
        var sum = loads.Sum();
        return [.. loads.Select(load => load / sum)];
    }

    private static void Apply(ushort[] owners, List<SlotMove> moves)
    {
        foreach (var move in moves) owners[move.Slot] = (ushort)move.To;
    }
}
