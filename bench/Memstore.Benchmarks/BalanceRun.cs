using System.Globalization;
using System.Text;
using Memstore.Engine.Keys;
using Memstore.Engine.Shards;

namespace Memstore.Benchmarks;

/// <summary>
/// <c>balance [plot.svg]</c>: how far apart are the loads of shards without and with the balancer, and how many slots does it move? A simulation of the
/// planner over a thousand million requests on a million keys, without sockets: a load that stays (Zipf), and one whose hot keys change every few seconds.
/// </summary>
internal static class BalanceRun
{
    private const int Keys = 1_000_000;
    private const double Requests = 1e9;
    private const int Steps = 40;
    private const int StepsPerShift = 10;

    // A count fades to this part of itself in a step, as in the store.
    private const double Kept = 0.87;

    private static readonly int[] ShardCounts = [4, 16, 64, 256, 1_024];

    /// <summary>Runs, prints a table, and draws a plot if a path is given.</summary>
    public static void Run(string? plot)
    {
        Console.WriteLine("| load | shards | busiest / average before | after | heaviest slot alone | slots moved | plans until still |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
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
            var load = Noisy(Zipf(slots, exponent), new Random(1));
            yield return ($"Zipf {exponent.ToString(CultureInfo.InvariantCulture)}", _ => load);
        }

        yield return ("hot 1 % that shifts", step => Noisy(Hot(slots, step / StepsPerShift), new Random(step)));
    }

    private static (double[] Without, double[] With) Simulate(string name, int shards, Func<int, double[]> at)
    {
        var ring = new HashRing(shards);
        var owners = ShardPlanner.Assign(ring, SlotHash.Slots);
        var still = (ushort[])owners.Clone();
        var faded = new double[SlotHash.Slots];
        var (without, with) = (new double[Steps], new double[Steps]);
        var (moved, plans, heaviest) = (0, 0, 0.0);
        for (var step = 0; step < Steps; step++)
        {
            var now = at(step);
            for (var slot = 0; slot < faded.Length; slot++) faded[slot] = (faded[slot] * Kept) + now[slot];
            var sum = faded.Sum();
            var shares = faded.Select(load => load / sum).ToArray();
            without[step] = ShardPlanner.LoadsOf(shards, still, now).Max() * shards;
            with[step] = ShardPlanner.LoadsOf(shards, owners, now).Max() * shards;
            heaviest = now.Max() * shards;
            var moves = ShardPlanner.Plan(ring, shards, owners, shares, ShardPlanner.LoadFactor);
            if (moves.Count > 0) plans++;
            moved += moves.Count;
            foreach (var move in moves) owners[move.Slot] = (ushort)move.To;
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {shards} | {without.Average():f2} | {with.Skip(1).Average():f2} | {heaviest:f2} | {moved} | {plans} |"));
        return (without, with);
    }

    private static double[] Zipf(int[] slots, double exponent)
    {
        var loads = new double[SlotHash.Slots];
        for (var key = 0; key < slots.Length; key++) loads[slots[key]] += Math.Pow(key + 1, -exponent);
        return loads;
    }

    // A hundredth of the keys has nine tenths of the load; which ones changes with each shift.
    private static double[] Hot(int[] slots, int shift)
    {
        var loads = new double[SlotHash.Slots];
        var hot = Keys / 100;
        var first = (int)((long)shift * 123_457 % (Keys - hot));
        for (var key = 0; key < slots.Length; key++) loads[slots[key]] += key >= first && key < first + hot ? 0.9 / hot : 0.1 / Keys;
        return loads;
    }

    // The counts of so many requests: their deviation is the root of their number.
    private static double[] Noisy(double[] loads, Random random)
    {
        var sum = loads.Sum();
        var counts = loads.Select(load => load / sum * Requests).Select(count => Math.Max(0, count + (Math.Sqrt(count) * Normal(random)))).ToArray();
        var total = counts.Sum();
        return [.. counts.Select(count => count / total)];
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
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"-22\" y=\"10\">{top:f0}</text><text x=\"-22\" y=\"{Height}\">0</text><text x=\"{Width - 60}\" y=\"{Height + 16}\">seconds, 40</text>\n");
            svg.Append(Line(Enumerable.Repeat(1.2, Steps).ToArray(), top, "gray", "4 3")).Append(Line(without, top, "firebrick", "")).Append(Line(with, top, "steelblue", ""));
            svg.Append("</g>\n");
        }

        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"30\" y=\"{Height + 50}\">red: without the balancer; blue: with it; dashed: the bound</text>\n</svg>\n");
        return svg.ToString();

        static string Line(double[] values, double top, string colour, string dash)
        {
            var points = string.Join(' ', values.Select((value, step) =>
                string.Create(CultureInfo.InvariantCulture, $"{(double)step * Width / (Steps - 1):f1},{Height - (value / top * Height):f1}")));
            return $"<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-dasharray=\"{dash}\"/>\n";
        }
    }
}
