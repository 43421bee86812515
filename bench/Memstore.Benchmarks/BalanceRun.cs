using System.Globalization;
using System.Text;
using Memstore.Engine.Keys;
using Memstore.Engine.Shards;

namespace Memstore.Benchmarks;

/// <summary>
/// <c>balance [plot.svg]</c>: how far apart are the loads of shards without and with the balancer, and how many slots does it move? A simulation of policy and
/// planner over a thousand million requests on a million keys, without sockets: a load that stays (Zipf), and one whose hot keys change every few seconds.
/// </summary>
internal static class BalanceRun
{
    private const int Keys = 1_000_000;
    private const double Requests = 1e9;
    private const int Steps = 400;
    private const int StepsShown = 40;

    // Requests in a step, which is a second, and of how many one is counted.
    private const double Rate = Requests / Steps;
    private const int Weight = 16;

    private static readonly int[] ShardCounts = [4, 16, 64, 256, 1_024];

    /// <summary>Runs, prints a table, and draws a plot if a path is given.</summary>
    public static void Run(string? plot)
    {
        Console.WriteLine("| load | shards | busiest / average without | with | heaviest slot alone | slots moved | plans | second of the last |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        var series = new List<(string Name, double[] Without, double[] With)>();
        foreach (var (name, at) in Loads())
        {
            foreach (var shards in ShardCounts)
            {
                var (without, with) = Simulate(name, shards, at);
                if (shards == 64) series.Add((name, without, with));
            }
        }

        if (plot is not null) File.WriteAllText(plot, Draw(series));
    }

    private static IEnumerable<(string Name, Func<int, double[]> At)> Loads()
    {
        var slots = Enumerable.Range(0, Keys).Select(static key => (int)SlotHash.Of(Encoding.ASCII.GetBytes($"key:{key}"))).ToArray();
        foreach (var exponent in (double[])[0.99, 1.2])
        {
            var load = Zipf(slots, exponent);
            yield return (Text($"Zipf {exponent}"), _ => load);
        }

        foreach (var seconds in (int[])[10, 5, 1])
        {
            var loads = Enumerable.Range(0, Steps / seconds).Select(shift => Hot(slots, shift)).ToArray();
            yield return (Text($"hot 1 %, other keys every {seconds} s"), step => loads[step / seconds]);
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static (double[] Without, double[] With) Simulate(string name, int shards, Func<int, double[]> at)
    {
        var ring = new HashRing(shards);
        var owners = ShardPlanner.Assign(ring, SlotHash.Slots);
        var still = (ushort[])owners.Clone();
        var (loads, policy, random) = (new SlotLoads(SlotHash.Slots), new BalancePolicy(SlotHash.Slots), new Random(1));
        var bytes = Enumerable.Repeat(1.0, SlotHash.Slots).ToArray();
        var (without, with) = (new double[Steps], new double[Steps]);
        var (moved, plans, heaviest, last) = (0, 0, 0.0, -1);
        for (var step = 0; step < Steps; step++)
        {
            var now = at(step);
            var load = Load(now);
            without[step] = ShardPlanner.LoadsOf(shards, still, load).Max() * shards;
            with[step] = ShardPlanner.LoadsOf(shards, owners, load).Max() * shards;
            heaviest = Math.Max(heaviest, load.Max() * shards);
            for (var slot = 0; slot < now.Length; slot++) loads.Count(slot, Sampled(now[slot] * Rate, random));
            loads.Fold();
            var count = Act(policy.Look(loads, bytes, owners, shards, ShardPlanner.LoadFactor, Weight), policy, loads, ring, owners);
            if (count == 0) continue;
            moved += count;
            plans++;
            last = step;
        }

        Console.WriteLine(Text($"| {name} | {shards} | {without.Average():f2} | {with.Average():f2} | {heaviest:f2} | {moved} | {plans} | {last + 1} |"));
        return (without[..StepsShown], with[..StepsShown]);
    }

    // Commands are most of a load; bytes and being there are here the same for all slots.
    private static double[] Load(double[] commands) =>
        [.. commands.Select(static part => (SlotLoads.CommandsPart * part) + ((1 - SlotLoads.CommandsPart) / SlotHash.Slots))];

    // What the store does on such advice; the number of slots that moved.
    private static int Act(BalanceAdvice advice, BalancePolicy policy, SlotLoads loads, HashRing ring, ushort[] owners)
    {
        var moves = advice switch
        {
            BalanceAdvice.Move => Plan(policy, loads, ring, owners),
            BalanceAdvice.TakeBack => policy.TakeBack(owners),
            _ => [],
        };
        foreach (var move in moves) owners[move.Slot] = (ushort)move.To;
        return moves.Count;
    }

    private static List<SlotMove> Plan(BalancePolicy policy, SlotLoads loads, HashRing ring, ushort[] owners)
    {
        var shares = Enumerable.Repeat(1.0, SlotHash.Slots).ToArray();
        loads.ToShares(shares);
        policy.Planned(owners);
        return ShardPlanner.Plan(ring, ring.Shards, owners, shares, ShardPlanner.LoadFactor);
    }

    private static double[] Zipf(int[] slots, double exponent)
    {
        var loads = new double[SlotHash.Slots];
        for (var key = 0; key < slots.Length; key++) loads[slots[key]] += Math.Pow(key + 1, -exponent);
        return Parts(loads);
    }

    // A hundredth of the keys has nine tenths of the load; which ones changes with each shift.
    private static double[] Hot(int[] slots, int shift)
    {
        var loads = new double[SlotHash.Slots];
        var hot = Keys / 100;
        var first = (int)((long)shift * 123_457 % (Keys - hot));
        for (var key = 0; key < slots.Length; key++) loads[slots[key]] += key >= first && key < first + hot ? 0.9 / hot : 0.1 / Keys;
        return Parts(loads);
    }

    private static double[] Parts(double[] loads)
    {
        var sum = loads.Sum();
        return [.. loads.Select(load => load / sum)];
    }

    // So many are counted of that many requests: the deviation of the number of samples is its root.
    private static int Sampled(double requests, Random random)
    {
        var samples = requests / Weight;
        return Weight * (int)Math.Max(0, Math.Round(samples + (Math.Sqrt(samples) * Normal(random))));
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private static string Draw(List<(string Name, double[] Without, double[] With)> series)
    {
        const int Width = 300;
        const int Height = 160;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {series.Count * (Width + 40)} {Height + 60}\" font-family=\"sans-serif\" font-size=\"11\">\n");
        svg.Append("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
        for (var i = 0; i < series.Count; i++)
        {
            var (name, without, with) = series[i];
            var top = Math.Ceiling(Math.Max(without.Max(), with.Max()) + 0.2);
            svg.Append(CultureInfo.InvariantCulture, $"<g transform=\"translate({(i * (Width + 40)) + 30} 30)\">\n");
            svg.Append(CultureInfo.InvariantCulture, $"<text y=\"-12\">{name}, 64 shards: busiest / average</text>\n<path d=\"M0 0V{Height}H{Width}\" fill=\"none\" stroke=\"black\"/>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"-22\" y=\"10\">{top:f0}</text><text x=\"-22\" y=\"{Height}\">0</text><text x=\"{Width - 60}\" y=\"{Height + 16}\">{StepsShown} seconds</text>\n");
            svg.Append(Line(Enumerable.Repeat(ShardPlanner.LoadFactor, StepsShown).ToArray(), top, "gray", "4 3")).Append(Line(without, top, "firebrick", "")).Append(Line(with, top, "steelblue", ""));
            svg.Append("</g>\n");
        }

        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"30\" y=\"{Height + 50}\">red: without the balancer; blue: with it; dashed: the bound</text>\n</svg>\n");
        return svg.ToString();

        static string Line(double[] values, double top, string colour, string dash)
        {
            var points = string.Join(' ', values.Select((value, step) =>
                string.Create(CultureInfo.InvariantCulture, $"{(double)step * Width / (StepsShown - 1):f1},{Height - (value / top * Height):f1}")));
            return $"<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-dasharray=\"{dash}\"/>\n";
        }
    }
}
