using System.Globalization;
using System.Text;

namespace Memstore.Server.CommandLine.Bench;

/// <summary>Prints what a load measures: a table that is written over each second on a terminal, a line each second elsewhere, and a table at the end.</summary>
internal sealed class BenchTable(BenchOptions options)
{
    private const int RowsShown = 10;
    private const string Columns = "requests/s    p50 ms    p99 ms  p99.9 ms    max ms  errors";

    private static readonly TimeSpan LengthMin = TimeSpan.FromMilliseconds(100);

    private readonly Queue<string> _rows = new();
    private int _linesShown;
    private double _seconds;

    /// <summary>What is about to be done.</summary>
    public void Begin()
    {
        Console.WriteLine(Inv($"{options.Target}: {options.Clients} clients, pipeline {options.Pipeline}, {options.Mix}, {options.Keys} keys ({(options.Distribution == Distribution.Zipf ? "zipf" : "uniform")}), values of {options.ValueSize} bytes{(options.Rate > 0 ? Inv($", {options.Rate} requests/s wanted") : "")}"));
        Console.WriteLine(Terminal.Bold("    second  " + Columns));
    }

    /// <summary>The figures of about a second.</summary>
    public void Show(Histogram latencies, long errors, TimeSpan length)
    {
        // The rest after the last full second is too short for a rate of its own, unless it is all there is.
        if (_seconds > 0 && length < LengthMin) return;
        _seconds += length.TotalSeconds;
        var row = Inv($"{_seconds,10:f1}  ") + Row(latencies, errors, length.TotalSeconds);
        if (!Terminal.IsLive)
        {
            Console.WriteLine(row);
            return;
        }

        _rows.Enqueue(row);
        if (_rows.Count > RowsShown) _rows.Dequeue();
        var screen = new StringBuilder();
        if (_linesShown > 0) screen.Append(CultureInfo.InvariantCulture, $"\e[{_linesShown}A");
        foreach (var line in _rows) screen.Append("\e[2K").Append(line).Append('\n');
        _linesShown = _rows.Count;
        Console.Write(screen.ToString());
    }

    /// <summary>The figures of all.</summary>
    public static void End(BenchFigures figures, TimeSpan elapsed)
    {
        Console.WriteLine();
        Console.WriteLine(Terminal.Bold("   request  " + Columns));
        var all = new Histogram();
        var byRequest = figures.ByRequest();
        foreach (var (_, latencies) in byRequest) all.Add(latencies);
        if (byRequest.Count > 1)
            foreach (var (request, latencies) in byRequest)
                Console.WriteLine($"{BenchMix.NameOf(request),11} {Row(latencies, null, elapsed.TotalSeconds)}");
        Console.WriteLine($"{"all",11} {Row(all, figures.Errors, elapsed.TotalSeconds)}");
        Console.WriteLine(Inv($"{all.Count} requests in {elapsed.TotalSeconds:f2} s"));
    }

    private static string Row(Histogram latencies, long? errors, double seconds)
    {
        var row = Inv($"{latencies.Count / Math.Max(seconds, 1e-9),10:f0}{Ms(latencies.ValueAt(0.5)),10}{Ms(latencies.ValueAt(0.99)),10}{Ms(latencies.ValueAt(0.999)),10}{Ms(latencies.Max),10}");
        if (errors is null) return row;
        var shown = Inv($"{errors,8}");
        return row + (errors > 0 ? Terminal.Bad(shown) : Terminal.Faint(shown));
    }

    private static string Ms(long nanoseconds) => (nanoseconds / 1e6).ToString("f3", CultureInfo.InvariantCulture);

    private static string Inv(FormattableString text) => FormattableString.Invariant(text);
}
