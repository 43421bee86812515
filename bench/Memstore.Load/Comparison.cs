using System.Globalization;

namespace Memstore.Load;

/// <summary>One line of the comparison.</summary>
internal readonly record struct Cell(WorkloadKind Workload, int Pipeline);

/// <summary>Several servers, measured in turn so that what the machine does meanwhile meets them all.</summary>
// A machine's speed drifts by more than the servers differ, so ratios are taken inside a round and only then their median.
internal sealed class Comparison((string Name, LoadSettings Settings)[] servers, string subject)
{
    private static readonly (string Title, string Format, Func<LoadResult, double> Read)[] Figures =
    [
        ("k/s", "f0", result => result.PerSecond / 1e3),
        ("p50 ms", "f3", result => result.P50 / 1e6),
        ("p99 ms", "f3", result => result.P99 / 1e6),
        ("p99.9 ms", "f3", result => result.P999 / 1e6),
        ("CPU us", "f2", result => result.ServerCpu ?? double.NaN),
    ];

    // One result for each server and round.
    private readonly Dictionary<Cell, List<LoadResult[]>> _results = [];
    private readonly List<string> _cold = [];

    public long Errors { get; private set; }

    /// <summary>Measures each server cold for a second, fills it, and runs mixed load until its code is compiled.</summary>
    public void WarmUp(double seconds)
    {
        foreach (var (name, settings) in servers)
        {
            var cold = Check(name, LoadRun.Execute(settings with { Seconds = 1 }));
            _cold.Add(string.Create(CultureInfo.InvariantCulture, $"{name} {cold.PerSecond / 1e3:f0} k/s, {cold.ServerCpu:f2} us"));
            FillCommand.Fill(settings, 0, settings.Keys);
            FillCommand.Fill(settings, 0, settings.Keys, WorkloadKind.FillCounters);
            foreach (var workload in new[] { WorkloadKind.Mixed, WorkloadKind.Multi, WorkloadKind.MSet, WorkloadKind.MGet })
            {
                var pipeline = workload is WorkloadKind.Mixed ? 1 : 16;
                Check(name, LoadRun.Execute(settings with { Workload = workload, Pipeline = pipeline, Seconds = seconds / 4 }));
            }
        }
    }

    public void Run(Cell[] cells, int rounds, double seconds)
    {
        for (var round = 1; round <= rounds; round++)
        {
            Console.Error.WriteLine($"round {round} of {rounds}");
            foreach (var cell in cells)
            {
                if (!_results.TryGetValue(cell, out var results)) _results[cell] = results = [];
                results.Add([.. servers.Select(server => Measure(server.Name, server.Settings, cell, seconds, round))]);
            }
        }
    }

    public void Print(TextWriter to)
    {
        to.WriteLine($"Cold (the first second of GET, pipeline 1, after the start): {string.Join("; ", _cold)}.\n");
        PrintRatios(to);
        PrintFigures(to);
        if (Errors > 0) to.WriteLine($"\n**{Errors} requests were answered with an error.**");
    }

    private LoadResult Measure(string name, LoadSettings settings, Cell cell, double seconds, int round) =>
        Check(name, LoadRun.Execute(settings with
        {
            Workload = cell.Workload,
            Pipeline = cell.Pipeline,
            WarmSeconds = 0.1,
            Seconds = seconds,
            Seed = (ulong)round * 1_000,
        }));

    private LoadResult Check(string name, LoadResult result)
    {
        Errors += result.Errors;
        if (result.Errors > 0) Console.Error.WriteLine($"{name}: {result.Errors} errors; the first: {result.FirstError}");
        return result;
    }

    private void PrintRatios(TextWriter to)
    {
        var self = Array.FindIndex(servers, server => server.Name == subject);
        var others = Enumerable.Range(0, servers.Length).Where(i => i != self).ToArray();
        if (self < 0 || others.Length == 0) return;

        to.WriteLine($"Ratios {subject} / other, medians over the rounds (throughput: more is better; the rest: less is better).\n");
        var columns = others.SelectMany(other => Figures.Select(figure => $"{figure.Title.Split(' ')[0]} /{servers[other].Name}")).ToArray();
        PrintRow(to, ["workload", "P", .. columns]);
        PrintRow(to, ["---", .. Enumerable.Repeat("---:", columns.Length + 1)]);
        foreach (var (cell, rounds) in _results)
        {
            var ratios = others.SelectMany(other => Figures.Select(figure =>
                Median(rounds.Select(round => figure.Read(round[self]) / figure.Read(round[other]))).ToString("f2", CultureInfo.InvariantCulture)));
            PrintRow(to, [Report.Name(cell.Workload), $"{cell.Pipeline}", .. ratios]);
        }

        to.WriteLine();
    }

    private void PrintFigures(TextWriter to)
    {
        to.WriteLine("Medians (CPU us: user and system time of the whole server process per command).\n");
        PrintRow(to, ["workload", "P", "server", .. Figures.Select(figure => figure.Title)]);
        PrintRow(to, ["---", "---:", "---", .. Enumerable.Repeat("---:", Figures.Length)]);
        foreach (var (cell, rounds) in _results)
        {
            for (var i = 0; i < servers.Length; i++)
            {
                var medians = Figures.Select(figure =>
                    Median(rounds.Select(round => figure.Read(round[i]))).ToString(figure.Format, CultureInfo.InvariantCulture));
                PrintRow(to, [Report.Name(cell.Workload), $"{cell.Pipeline}", servers[i].Name, .. medians]);
            }
        }
    }

    private static void PrintRow(TextWriter to, string[] cells) => to.WriteLine($"| {string.Join(" | ", cells)} |");

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
