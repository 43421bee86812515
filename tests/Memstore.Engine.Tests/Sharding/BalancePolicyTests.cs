using Memstore.Engine.Shards;
using Xunit;

namespace Memstore.Engine.Tests.Sharding;

/// <summary>Seconds of loads that were counted by samples, without a server: when do slots move, and what does it bring?</summary>
public sealed class BalancePolicyTests(ITestOutputHelper output)
{
    private const int Slots = 16_384;
    private const int Weight = 16;
    private const double Factor = 1.2;

    [Theory]
    [InlineData(4, 5_000, 1)]
    [InlineData(4, 1_000_000, 0)]
    [InlineData(16, 100_000, 0)]
    [InlineData(64, 5_000, 2)]
    [InlineData(64, 1_000_000, 0)]
    [InlineData(256, 1_000_000, 1)]
    public void A_load_that_stays_needs_few_plans_and_is_then_left_alone(int shards, int rate, int later)
    {
        for (var seed = 0; seed < 3; seed++)
        {
            var load = Zipf(new Random(seed), 1.0);
            var world = new World(shards, rate, seed);
            for (var second = 0; second < 200; second++) world.Run(load);
            output.WriteLine($"seed {seed}: {world}");
            Assert.True(world.Plans <= 3 + later, $"seed {seed}: {world}");
            var plans = world.Plans;
            for (var second = 0; second < 200; second++) world.Run(load);
            Assert.True(world.Plans <= plans + later, $"seed {seed}: {world}");
            if (rate == 1_000_000) Assert.True(world.Excess(load) < 0.03, $"seed {seed}: {world}");
        }
    }

    [Fact]
    public void An_even_load_moves_nothing()
    {
        foreach (var rate in (int[])[1_000, 20_000, 2_000_000])
        {
            var world = new World(64, rate, seed: 3);
            var load = Enumerable.Repeat(1.0 / Slots, Slots).ToArray();
            for (var second = 0; second < 500; second++) world.Run(load);
            Assert.Equal(0, world.Plans);
        }
    }

    [Theory]
    [InlineData(16)]
    [InlineData(64)]
    public void Hot_slots_that_change_every_five_seconds_are_followed(int shards)
    {
        for (var seed = 0; seed < 3; seed++)
        {
            var world = new World(shards, 500_000, seed);
            RunShifting(world, 300, 5, seed);
            output.WriteLine($"seed {seed}: {world}");
            Assert.True(world.ExcessWith < 0.75 * world.ExcessWithout, $"seed {seed}: {world}");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Hot_slots_that_change_faster_than_slots_can_follow_are_left_alone_more_and_more(int secondsEach)
    {
        for (var seed = 0; seed < 3; seed++)
        {
            var world = new World(64, 500_000, seed);
            RunShifting(world, 600, secondsEach, seed);
            output.WriteLine($"seed {seed}: {world}");
            Assert.True(world.Plans <= 25, $"seed {seed}: {world}");
            Assert.True(world.ExcessWith < 1.1 * world.ExcessWithout, $"seed {seed}: {world}");
        }
    }

    [Fact]
    public void Two_loads_in_turn_do_not_make_slots_go_to_and_fro()
    {
        double[][] loads = [Zipf(new Random(1), 0.9), Zipf(new Random(2), 0.9)];
        var world = new World(16, 500_000, seed: 1);
        for (var second = 0; second < 600; second++) world.Run(loads[second / 3 % 2]);
        output.WriteLine($"{world}");
        Assert.True(world.Plans <= 25, $"{world}");
    }

    [Fact]
    public void A_slot_that_is_too_much_alone_is_left_alone_by_one_plan()
    {
        var load = Enumerable.Repeat(0.5 / Slots, Slots).ToArray();
        load[77] += 0.5;
        var world = new World(8, 200_000, seed: 1);
        var home = world.OwnerOf(77);
        for (var second = 0; second < 200; second++) world.Run(load);
        Assert.Equal((1, home), (world.Plans, world.OwnerOf(77)));
        Assert.True(world.Excess(load) < 0.01, $"{world}");
    }

    [Fact]
    public void A_load_that_ends_is_no_reason_to_move()
    {
        var world = new World(8, 200_000, seed: 1);
        var load = Zipf(new Random(1), 1.0);
        for (var second = 0; second < 60; second++) world.Run(load);
        var plans = world.Plans;
        for (var second = 0; second < 100; second++) world.Run(load, part: 0.001);
        Assert.Equal(plans, world.Plans);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_hot_key_that_changes_faster_than_slots_can_follow_leaves_the_others_where_they_were(int secondsEach)
    {
        foreach (var shards in (int[])[4, 16])
        {
            var world = new World(shards, 500_000, seed: 1);
            var random = new Random(5);
            var hot = 0;
            for (var second = 0; second < 600; second++)
            {
                if (second % secondsEach == 0) hot = random.Next(Slots);
                var load = Enumerable.Repeat(0.5 / Slots, Slots).ToArray();
                load[hot] += 0.5;
                world.Run(load);
            }

            output.WriteLine($"{shards} shards: {world}");
            Assert.True(world.Plans <= 25, $"{shards} shards: {world}");
            Assert.True(world.ExcessWith < 1.1 * world.ExcessWithout, $"{shards} shards: {world}");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(1_000)]
    public void Few_keys_are_spread_by_few_plans(int keys)
    {
        const int Shards = 64;
        var load = new double[Slots];
        var random = new Random(keys);
        for (var i = 0; i < keys; i++) load[random.Next(Slots)] += 1.0 / keys;
        var world = new World(Shards, 500_000, seed: 1);
        for (var second = 0; second < 60; second++) world.Run(load);
        var plans = world.Plans;
        for (var second = 0; second < 300; second++) world.Run(load);
        output.WriteLine($"{world}");
        Assert.InRange(plans, 1, 3);
        Assert.Equal(plans, world.Plans);
        Assert.True(world.Excess(load) < 0.01, $"{world}");
    }

    private static void RunShifting(World world, int seconds, int each, int seed)
    {
        var load = Zipf(new Random(seed), 0.8);
        var random = new Random(seed);
        for (var second = 0; second < seconds; second++)
        {
            if (second % each == 0) random.Shuffle(load);
            world.Run(load);
        }
    }

    // Zipf over slots in a random order, as a hash spreads keys.
    private static double[] Zipf(Random random, double exponent)
    {
        var loads = Enumerable.Range(1, Slots).Select(rank => Math.Pow(rank, -exponent)).ToArray();
        random.Shuffle(loads);
        var sum = loads.Sum();
        return [.. loads.Select(load => load / sum)];
    }

    /// <summary>Shards, and the balancer with its one look a second.</summary>
    private sealed class World(int shards, int rate, int seed)
    {
        private readonly Random _random = new(seed);
        private readonly HashRing _ring = new(shards);
        private readonly SlotLoads _loads = new(Slots);
        private readonly BalancePolicy _policy = new(Slots);
        private readonly double[] _bytes = Enumerable.Repeat(1.0, Slots).ToArray();
        private readonly ushort[] _still = ShardPlanner.Assign(new HashRing(shards), Slots);
        private readonly ushort[] _owners = ShardPlanner.Assign(new HashRing(shards), Slots);
        private int _moved;
        private int _takenBack;

        public int Plans { get; private set; }

        public double ExcessWith { get; private set; }

        public double ExcessWithout { get; private set; }

        public int OwnerOf(int slot) => _owners[slot];

        public void Run(double[] load, double part = 1)
        {
            ExcessWith += Excess(load);
            ExcessWithout += Excess(load, _still);
            for (var slot = 0; slot < Slots; slot++)
            {
                _loads.Count(slot, Weight * Sampled(load[slot] * rate * part / Weight));
            }

            _loads.Fold();
            var advice = _policy.Look(_loads, _bytes, _owners, shards, Factor, Weight);
            var moves = advice switch
            {
                BalanceAdvice.Move => Plan(),
                BalanceAdvice.TakeBack => _policy.TakeBack(_owners),
                _ => [],
            };
            foreach (var move in moves) _owners[move.Slot] = (ushort)move.To;
            if (advice == BalanceAdvice.TakeBack) _takenBack++;
            if (advice != BalanceAdvice.Move) return;
            _moved += moves.Count;
            if (moves.Count > 0) Plans++;
        }

        private List<SlotMove> Plan()
        {
            var shares = (double[])_bytes.Clone();
            _loads.ToShares(shares);
            _policy.Planned(_owners);
            return ShardPlanner.Plan(_ring, shards, _owners, shares, Factor);
        }

        // What is above the bound and could be elsewhere.
        public double Excess(double[] load) => Excess(load, _owners);

        private double Excess(double[] load, ushort[] owners)
        {
            var sums = ShardPlanner.LoadsOf(shards, owners, load);
            var heaviest = new double[shards];
            for (var slot = 0; slot < Slots; slot++) heaviest[owners[slot]] = Math.Max(heaviest[owners[slot]], load[slot]);
            return Enumerable.Range(0, shards).Sum(shard => Math.Max(0, sums[shard] - Math.Max(Factor / shards, heaviest[shard])));
        }

        // Poisson's law.
        private int Sampled(double mean)
        {
            if (mean > 50) return (int)Math.Max(0, mean + (Math.Sqrt(mean) * Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble())));
            var (count, product, limit) = (0, _random.NextDouble(), Math.Exp(-mean));
            for (; product > limit; count++) product *= _random.NextDouble();
            return count;
        }

        public override string ToString() =>
            FormattableString.Invariant($"{Plans} plans, {_takenBack} taken back, {_moved} slots moved, wait {_policy.Wait} s, above the bound {ExcessWith:f3} with and {ExcessWithout:f3} without");
    }
}
