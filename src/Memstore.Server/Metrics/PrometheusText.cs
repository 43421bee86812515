using System.Buffers;
using System.Globalization;
using System.Text;

namespace Memstore.Server.Metrics;

/// <summary>Writes families of samples in Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).</summary>
internal sealed class PrometheusText(IBufferWriter<byte> output)
{
    /// <summary>What the text is, for the HTTP header.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private const string Prefix = "memstore_";

    private readonly StringBuilder _labels = new();
    private readonly HashSet<string> _series = [];
    private string _name = "";

    /// <summary>Starts a counter; its name ends in _total.</summary>
    public void Counter(string name, string help) => Family(Prefix + name, "counter", help);

    /// <summary>Starts a gauge.</summary>
    public void Gauge(string name, string help) => Family(Prefix + name, "gauge", help);

    /// <summary>Starts a histogram.</summary>
    public void Histogram(string name, string help) => Family(Prefix + name, "histogram", help);

    /// <summary>Starts a family whose name is not ours (process_...).</summary>
    public void Family(string name, string type, string help)
    {
        _name = name;
        _series.Clear();
        Write($"# HELP {name} {help}\n# TYPE {name} {type}\n");
    }

    /// <summary>A counter without labels.</summary>
    public void Counter(string name, string help, double value)
    {
        Counter(name, help);
        Sample(value);
    }

    /// <summary>A gauge without labels.</summary>
    public void Gauge(string name, string help, double value)
    {
        Gauge(name, help);
        Sample(value);
    }

    /// <summary>Adds a label to the next sample.</summary>
    public PrometheusText With(string label, string value)
    {
        _labels.Append(_labels.Length == 0 ? '{' : ',').Append(label).Append("=\"");
        foreach (var symbol in value) Escape(symbol);
        _labels.Append('"');
        return this;
    }

    /// <summary>Adds a number as a label to the next sample.</summary>
    public PrometheusText With(string label, long value) => With(label, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>
    /// Adds any bytes as a label to the next sample: what is readable UTF-8 as it is, of the rest, of backslashes and of what has no picture each byte as \xNN, so
    /// that different bytes look different.
    /// </summary>
    public PrometheusText With(string label, ReadOnlySpan<byte> value)
    {
        _labels.Append(_labels.Length == 0 ? '{' : ',').Append(label).Append("=\"");
        Span<char> symbols = stackalloc char[2];
        while (!value.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(value, out var rune, out var length);
            if (status == OperationStatus.Done && rune.Value != '\\' && !IsBlank(rune))
                foreach (var symbol in symbols[..rune.EncodeToUtf16(symbols)]) Escape(symbol);
            else
                foreach (var one in value[..length]) _labels.Append(CultureInfo.InvariantCulture, $"\\\\x{one:x2}");
            value = value[length..];
        }
        _labels.Append('"');
        return this;
    }

    /// <summary>A sample of the family, with the labels that were added. A second one with the same labels is left out: it would spoil the whole text.</summary>
    /// <param name="value">Its value.</param>
    /// <param name="suffix">What follows the family's name (_bucket, _sum, _count).</param>
    public void Sample(double value, string suffix = "")
    {
        if (_labels.Length > 0) _labels.Append('}');
        var series = _labels.Insert(0, suffix).Insert(0, _name).ToString();
        _labels.Clear();
        if (_series.Add(series)) Write($"{series} {Number(value)}\n");
    }

    /// <summary>A number as the format wants it.</summary>
    public static string Number(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        double.NaN => "NaN",
        _ => value.ToString("R", CultureInfo.InvariantCulture),
    };

    private static bool IsBlank(Rune rune) => Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.OtherNotAssigned;

    private void Escape(char symbol)
    {
        if (symbol is '"' or '\\') _labels.Append('\\');
        if (symbol == '\n') _labels.Append("\\n");
        else _labels.Append(symbol);
    }

    private void Write(string text) => Encoding.UTF8.GetBytes(text, output);
}
