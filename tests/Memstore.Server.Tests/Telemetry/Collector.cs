using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Memstore.Server.Tests.Telemetry;

/// <summary>A collector of OTLP, as protobuf over HTTP or over gRPC, that keeps what it is sent. Thread-safe.</summary>
internal sealed class Collector : IAsyncDisposable
{
    private readonly WebApplication _web;
    private readonly Lock _lock = new();
    private readonly List<(string Path, byte[] Body)> _received = [];

    private Collector(WebApplication web) => _web = web;

    /// <summary>Where it listens.</summary>
    public string Address => _web.Urls.Single();

    public static async Task<Collector> StartAsync(bool isGrpc, CancellationToken cancel)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = isGrpc ? HttpProtocols.Http2 : HttpProtocols.Http1));
        var web = builder.Build();
        var collector = new Collector(web);
        web.MapPost("/{**path}", collector.ReceiveAsync);
        await web.StartAsync(cancel);
        return collector;
    }

    public async ValueTask DisposeAsync() => await _web.DisposeAsync();

    /// <summary>All metrics that came, by name: the value of each data point by its attributes.</summary>
    public Dictionary<string, Dictionary<string, double>> Metrics()
    {
        var metrics = new Dictionary<string, Dictionary<string, double>>();
        foreach (var metric in Scopes("/v1/metrics").SelectMany(static scope => scope.Messages(2)))
        {
            // Gauges are field 5, sums field 7; the data points of both field 1.
            foreach (var point in metric.Messages(5).Concat(metric.Messages(7)).SelectMany(static data => data.Messages(1)))
            {
                if (!metrics.TryGetValue(metric.Text(1), out var points)) metrics[metric.Text(1)] = points = [];
                points[Attributes(point, 7)] = point.Number(4) is { } real ? BitConverter.UInt64BitsToDouble(real) : (long)(point.Number(6) ?? 0);
            }
        }
        return metrics;
    }

    /// <summary>All spans that came: name and attributes.</summary>
    public (string Name, string Attributes, TimeSpan Time)[] Spans() =>
    [
        .. Scopes("/v1/traces").SelectMany(static scope => scope.Messages(2))
            .Select(static span => (span.Text(5), Attributes(span, 9), TimeSpan.FromMicroseconds((span.Number(8)!.Value - span.Number(7)!.Value) / 1e3))),
    ];

    /// <summary>Attributes of the resources that sent anything.</summary>
    public string[] Resources() => [.. Bodies("/v1/metrics").Concat(Bodies("/v1/traces")).SelectMany(static body => body.Messages(1)).Select(static each => Attributes(each.Messages(1).First(), 1)).Distinct()];

    private IEnumerable<Protobuf> Scopes(string path) => Bodies(path).SelectMany(static body => body.Messages(1)).SelectMany(static resource => resource.Messages(2));

    private Protobuf[] Bodies(string path)
    {
        lock (_lock) return [.. _received.Where(each => each.Path == path).Select(static each => new Protobuf(each.Body))];
    }

    // string_value is field 1 of a value, int_value 3, double_value 4.
    private static string Attributes(Protobuf message, int field) => string.Join(' ', message.Messages(field).Select(static pair =>
    {
        var value = pair.Messages(2).First();
        var text = value.Text(1).Length > 0 ? value.Text(1) : value.Number(3)?.ToString() ?? (value.Number(4) is { } real ? BitConverter.UInt64BitsToDouble(real).ToString() : "");
        return $"{pair.Text(1)}={text}";
    }).Order(StringComparer.Ordinal));

    private async Task ReceiveAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        if (context.Request.ContentType != "application/grpc")
        {
            lock (_lock) _received.Add((context.Request.Path, body.ToArray()));
            return;
        }

        // A message of gRPC has a flag and its length before it; the answer is an empty one, and the status comes after it.
        var signal = context.Request.Path.Value!.Contains("Metrics", StringComparison.Ordinal) ? "/v1/metrics" : "/v1/traces";
        lock (_lock) _received.Add((signal, body.ToArray()[5..]));
        context.Response.ContentType = "application/grpc";
        await context.Response.Body.WriteAsync(new byte[5]);
        context.Response.AppendTrailer("grpc-status", "0");
    }
}
