using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Memstore.Server.Tests.Metrics;

/// <summary>A strict reader of Prometheus' text format 0.0.4: refuses whatever Prometheus or promtool would refuse or complain about.</summary>
internal sealed partial class PrometheusChecker
{
    private readonly Dictionary<string, string> _types = [];
    private readonly HashSet<string> _helped = [];
    private readonly HashSet<string> _ended = [];
    private string _family = "";

    /// <summary>Value by series, as written.</summary>
    public Dictionary<string, double> Samples { get; } = [];

    /// <summary>Reads a text.</summary>
    /// <exception cref="FormatException">What is wrong, and in which line.</exception>
    public static PrometheusChecker Read(string text)
    {
        var checker = new PrometheusChecker();
        if (!text.EndsWith('\n')) throw new FormatException("The text does not end with a line feed.");
        foreach (var line in text[..^1].Split('\n')) checker.ReadLine(line);
        checker.CheckHistograms();
        return checker;
    }

    /// <summary>The value of a series.</summary>
    public double this[string series] => Samples.TryGetValue(series, out var value)
        ? value
        : throw new KeyNotFoundException($"{series} is missing; there are {string.Join(", ", Samples.Keys.Where(key => key.StartsWith(series.Split('{')[0], StringComparison.Ordinal)))}");

    private void ReadLine(string line)
    {
        if (line.StartsWith("# HELP ", StringComparison.Ordinal)) ReadHelp(line);
        else if (line.StartsWith("# TYPE ", StringComparison.Ordinal)) ReadType(line);
        else ReadSample(line);
    }

    private void ReadHelp(string line)
    {
        var cells = line.Split(' ', 4);
        Must(cells.Length == 4 && cells[3].Length > 0 && Name().IsMatch(cells[2]), line, "malformed HELP");
        Must(_helped.Add(cells[2]), line, "a second HELP");
        Must(cells[3].EndsWith('.') && !cells[3].Contains('\\', StringComparison.Ordinal), line, "help that is no sentence");
        if (_family.Length > 0) _ended.Add(_family);
        _family = cells[2];
    }

    private void ReadType(string line)
    {
        var cells = line.Split(' ');
        Must(cells is [_, _, _, "counter" or "gauge" or "histogram"], line, "malformed TYPE");
        Must(cells[2] == _family && _types.TryAdd(cells[2], cells[3]), line, "TYPE without HELP, or a second one");
        Must(cells[3] == "counter" == cells[2].EndsWith("_total", StringComparison.Ordinal), line, "counters end in _total and others do not");
        Must(!MilliUnits().IsMatch(cells[2]), line, "a unit that is not a base unit");
    }

    private void ReadSample(string line)
    {
        var match = Sample().Match(line);
        Must(match.Success, line, "malformed sample");
        var name = match.Groups["name"].Value;
        var family = _types.GetValueOrDefault(_family) == "histogram" ? Suffix().Replace(name, "") : name;
        Must(family == _family && _types.ContainsKey(family) && !_ended.Contains(family), line, "a sample outside its family");
        var labels = match.Groups["label"].Captures.Select(static capture => capture.Value).ToArray();
        Must(labels.Distinct().Count() == labels.Length, line, "a label twice");
        var value = match.Groups["value"].Value switch
        {
            "+Inf" => double.PositiveInfinity,
            "-Inf" => double.NegativeInfinity,
            var number => double.Parse(number, NumberStyles.Float, CultureInfo.InvariantCulture),
        };
        Must(_types[family] != "counter" || value >= 0, line, "a negative counter");
        Must(Samples.TryAdd(line[..line.LastIndexOf(' ')], value), line, "a series twice");
    }

    private void CheckHistograms()
    {
        foreach (var (family, _) in _types.Where(static pair => pair.Value == "histogram"))
        {
            foreach (var group in Samples.Where(pair => pair.Key.StartsWith(family + "_bucket{", StringComparison.Ordinal)).GroupBy(static pair => Le().Replace(pair.Key, "")))
            {
                var buckets = group.Select(static pair => (Le: Border(pair.Key), pair.Value)).ToArray();
                Must(buckets.Zip(buckets.Skip(1)).All(static pair => pair.First.Le < pair.Second.Le && pair.First.Value <= pair.Second.Value), group.Key, "buckets that do not ascend");
                Must(double.IsPositiveInfinity(buckets[^1].Le), group.Key, "no bucket +Inf");
                var labels = group.Key[(family.Length + "_bucket".Length)..].Replace(",}", "}", StringComparison.Ordinal);
                Must(Samples.TryGetValue($"{family}_count{labels}", out var count) && count == buckets[^1].Value, group.Key, "_count is not the bucket +Inf");
                Must(Samples.ContainsKey($"{family}_sum{labels}"), group.Key, "no _sum");
            }
        }
    }

    private static double Border(string series)
    {
        var text = Le().Match(series).Groups[1].Value;
        return text == "+Inf" ? double.PositiveInfinity : double.Parse(text, CultureInfo.InvariantCulture);
    }

    private static void Must(bool condition, string line, string otherwise)
    {
        if (!condition) throw new FormatException($"{otherwise}: {line}");
    }

    /// <summary>The text of bytes, which must be UTF-8.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes) => new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);

    [GeneratedRegex("^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
    private static partial Regex Name();

    [GeneratedRegex("_(ms|us|ns|milliseconds|microseconds|kilobytes|kb|mb|percent)(_|$)")]
    private static partial Regex MilliUnits();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex Suffix();

    [GeneratedRegex("le=\"([^\"]+)\",?")]
    private static partial Regex Le();

    [GeneratedRegex("""^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{((?<label>[a-zA-Z_][a-zA-Z0-9_]*)="([^"\\\n]|\\["\\n])*"(,(?!\})|(?=\})))+\})? (?<value>[+-]Inf|NaN|-?[0-9.]+([eE][+-]?[0-9]+)?)$""")]
    private static partial Regex Sample();
}
