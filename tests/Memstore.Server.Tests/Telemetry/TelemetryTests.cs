using System.Collections;
using Memstore.Server.Configuration;
using Memstore.Server.Telemetry;
using Xunit;

namespace Memstore.Server.Tests.Telemetry;

/// <summary>A collector receives true metrics and spans, and nothing is exported unless somebody asks for it.</summary>
public sealed class TelemetryTests
{
    [Theory]
    [InlineData("http/protobuf")]
    [InlineData("grpc")]
    public async Task A_collector_receives_metrics_and_spans(string protocol)
    {
        // All that is sent at the stop is to arrive, however busy the machine is.
        TelemetryExport.StopTimeoutMs = (int)ServerFixture.Patience.TotalMilliseconds;
        await using var collector = await Collector.StartAsync(protocol == "grpc", TestContext.Current.CancellationToken);
        await using (var host = ServerFixture.Make(
            TimeProvider.System, ("otlp-endpoint", collector.Address), ("otlp-protocol", protocol), ("otlp-trace-ratio", "1"), ("shards", "2")))
        {
            await host.StartAsync();
            await host.TelemetryStarting;
            using var client = await ServerFixture.ConnectAsync(host);
            for (var i = 0; i < 10; i++) await client.AskAsync($"SET key{i} v");
            await client.AskAsync("GET key1");
            await client.AskAsync("HGET key1 f");
            await client.AskAsync("MULTI");
            await client.AskAsync("INCR n");
            await client.AskAsync("INCR n");
            await client.AskAsync("EXEC");
        }

        var metrics = collector.Metrics();
        Assert.Equal(10, metrics["memstore.commands"]["db.operation.name=set"]);
        Assert.Equal(1, metrics["memstore.command.errors"]["db.operation.name=hget"]);
        Assert.True(metrics["memstore.command.time"]["db.operation.name=set"] > 0);
        Assert.Equal(11, metrics["memstore.keys"]["db.namespace=0"]);
        Assert.Equal(11, metrics["memstore.shard.keys"]["memstore.shard=0"] + metrics["memstore.shard.keys"]["memstore.shard=1"]);
        Assert.Equal(1, metrics["memstore.ready"][""]);
        var spans = collector.Spans();
        Assert.Equal(10, spans.Count(static span => span.Name == "SET"));
        Assert.All(spans, static span => Assert.True(span.Time > TimeSpan.Zero && span.Time < TimeSpan.FromMinutes(1)));
        Assert.Contains("memstore.shard=", spans.First(static span => span.Name == "GET").Attributes, StringComparison.Ordinal);
        Assert.Contains("error.type=WRONGTYPE", spans.Single(static span => span.Name == "HGET").Attributes, StringComparison.Ordinal);
        Assert.Contains("db.operation.batch.size=2", spans.Single(static span => span.Name == "EXEC").Attributes, StringComparison.Ordinal);
        Assert.All(collector.Resources(), static resource => Assert.Contains("service.name=memstore", resource, StringComparison.Ordinal));
    }

    [Fact]
    public void Nothing_is_exported_unless_the_settings_or_the_environment_ask_for_it()
    {
        Assert.Null(Read([]));
        Assert.Null(Read([], ("OTEL_SERVICE_NAME", "x")));
        Assert.Null(Read([], ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"), ("OTEL_SDK_DISABLED", "true")));
        Assert.Equal(new TelemetrySettings(null, null, null, null, 0.001), Read([], ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")));
    }

    [Fact]
    public void Settings_go_before_the_environment_and_paths_are_those_of_the_protocol()
    {
        var http = Read([("otlp-endpoint", "http://h:1/base"), ("otlp-interval", "500"), ("otlp-trace-ratio", "0.5")], ("OTEL_TRACES_SAMPLER", "always_off"));
        Assert.Equal(new TelemetrySettings(new Uri("http://h:1/base/v1/metrics"), new Uri("http://h:1/base/v1/traces"), false, 500, 0.5), http);
        var grpc = Read([("otlp-endpoint", "http://h:1"), ("otlp-protocol", "grpc")], ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.25"));
        Assert.Equal(new TelemetrySettings(new Uri("http://h:1/"), new Uri("http://h:1/"), true, null, 0.25), grpc);
        Assert.True(Read([("otlp-endpoint", "http://h:1")], ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"))!.IsGrpc);
    }

    [Theory]
    [InlineData("otlp-endpoint", "localhost")]
    [InlineData("otlp-endpoint", "ftp://localhost")]
    [InlineData("otlp-trace-ratio", "2")]
    [InlineData("otlp-trace-ratio", "much")]
    [InlineData("otlp-protocol", "json")]
    public void Settings_refuse(string name, string value) => Assert.False(new Settings().TrySetAtStart(name, value, out _));

    [Fact]
    public void Gaps_between_traced_commands_have_the_ratio_on_average()
    {
        var random = new Random(1);
        using var tracer = new Tracer(0.01, random);
        Assert.InRange(Enumerable.Range(0, 20_000).Average(_ => tracer.NextGap()), 95, 105);
        using var all = new Tracer(1, random);
        Assert.Equal(1, all.NextGap());
        using var none = new Tracer(0, random);
        Assert.Equal(long.MaxValue, none.NextGap());
    }

    private static TelemetrySettings? Read((string Name, string Value)[] settings, params (string Name, string Value)[] environment)
    {
        var all = new Settings();
        foreach (var (name, value) in settings) Assert.True(all.TrySetAtStart(name, value, out var error), error);
        return TelemetrySettings.Read(all, new Hashtable(environment.ToDictionary(static pair => pair.Name, static pair => pair.Value)));
    }
}
