using System.Text.Json;

namespace Memstore.Server.CommandLine.Bench;

/// <summary>The result of a load for programs: one object of JSON, times in milliseconds.</summary>
internal static class BenchReport
{
    /// <summary>Writes it to a stream.</summary>
    public static void Write(Stream to, BenchOptions options, BenchFigures figures, TimeSpan elapsed)
    {
        using var json = new Utf8JsonWriter(to, new JsonWriterOptions { Indented = true });
        var all = new Histogram();
        foreach (var (_, latencies) in figures.ByRequest()) all.Add(latencies);
        json.WriteStartObject();
        json.WriteString("server", options.Target.ToString());
        json.WriteNumber("clients", options.Clients);
        json.WriteNumber("pipeline", options.Pipeline);
        json.WriteNumber("rate", options.Rate);
        json.WriteString("mix", options.Mix.ToString());
        json.WriteNumber("keys", options.Keys);
        json.WriteBoolean("fill", options.Fill);
        json.WriteString("distribution", options.Distribution == Distribution.Zipf ? "zipf" : "uniform");
        json.WriteNumber("value_size", options.ValueSize);
        json.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 3));
        json.WriteNumber("errors", figures.Errors);
        WriteFigures(json, all, elapsed);
        json.WriteStartObject("by_request");
        foreach (var (request, latencies) in figures.ByRequest())
        {
            json.WriteStartObject(BenchMix.NameOf(request));
            WriteFigures(json, latencies, elapsed);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteFigures(Utf8JsonWriter json, Histogram latencies, TimeSpan elapsed)
    {
        json.WriteNumber("requests", latencies.Count);
        json.WriteNumber("requests_per_second", Math.Round(latencies.Count / elapsed.TotalSeconds, 1));
        json.WriteStartObject("latency_ms");
        json.WriteNumber("p50", Ms(latencies.ValueAt(0.5)));
        json.WriteNumber("p95", Ms(latencies.ValueAt(0.95)));
        json.WriteNumber("p99", Ms(latencies.ValueAt(0.99)));
        json.WriteNumber("p99.9", Ms(latencies.ValueAt(0.999)));
        json.WriteNumber("max", Ms(latencies.Max));
        json.WriteEndObject();
    }

    private static double Ms(long nanoseconds) => Math.Round(nanoseconds / 1e6, 4);
}
