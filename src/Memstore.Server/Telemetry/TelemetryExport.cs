using System.Diagnostics.Tracing;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Memstore.Server.Telemetry;

/// <summary>Sends metrics and spans to a collector over OTLP. Nothing of OpenTelemetry is loaded unless it is wanted.</summary>
internal sealed class TelemetryExport : IDisposable
{
    private readonly TelemetryInstruments _instruments;
    private readonly Tracer _tracer;
    private readonly MeterProvider? _metrics;
    private readonly TracerProvider? _traces;
    private readonly ServerState _server;
    private readonly FailureLog _failures;

    private TelemetryExport(ServerState server, TelemetrySettings wanted)
    {
        _server = server;
        _failures = new FailureLog(server.Logger);
        _instruments = new TelemetryInstruments(server);
        _tracer = new Tracer(wanted.TraceRatio, server.Random);
        var resource = ResourceBuilder.CreateEmpty()
            .AddService("memstore", serviceVersion: ProductVersion.Text, autoGenerateServiceInstanceId: false, serviceInstanceId: server.RunId)
            .AddTelemetrySdk().AddEnvironmentVariableDetector();
        _metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(TelemetryInstruments.Name)
            .AddOtlpExporter((exporter, reader) =>
            {
                Apply(exporter, wanted, wanted.MetricsEndpoint);
                if (wanted.IntervalMs is { } interval) reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = interval;
            }).Build();
        // What is traced has been chosen already.
        _traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(Tracer.Name).SetSampler(new AlwaysOnSampler())
            .AddOtlpExporter(exporter => Apply(exporter, wanted, wanted.TracesEndpoint)).Build();
        server.Tracer = _tracer;
    }

    /// <summary>How long stopping waits for the collector, in milliseconds.</summary>
    internal static int StopTimeoutMs { get; set; } = 2_000;

    /// <summary>Starts to export.</summary>
    /// <returns>What stops it; null if it failed, which the log then says.</returns>
    public static IDisposable? Start(ServerState server, TelemetrySettings wanted)
    {
        try
        {
            return new TelemetryExport(server, wanted);
        }
        catch (Exception error)
        {
            ServerLog.ExportFailed(server.Logger, error.Message);
            return null;
        }
    }

    /// <summary>Sends what there is, waiting a little.</summary>
    public void Dispose()
    {
        _server.Tracer = null;
        _metrics?.ForceFlush(StopTimeoutMs);
        _traces?.ForceFlush(StopTimeoutMs);
        _metrics?.Dispose();
        _traces?.Dispose();
        _tracer.Dispose();
        _instruments.Dispose();
        _failures.Dispose();
    }

    private static void Apply(OtlpExporterOptions exporter, TelemetrySettings wanted, Uri? endpoint)
    {
        if (wanted.IsGrpc is { } isGrpc) exporter.Protocol = isGrpc ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        if (endpoint is not null) exporter.Endpoint = endpoint;
    }

    // The exporter tells of its failures through an event source only; the operator reads the log.
    private sealed class FailureLog(ILogger logger) : EventListener
    {
        private const long PauseMs = 60_000;

        private long _lastTick = -PauseMs;

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == "OpenTelemetry-Exporter-OpenTelemetryProtocol") EnableEvents(eventSource, EventLevel.Error);
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            if (logger is null || Environment.TickCount64 - _lastTick < PauseMs) return;
            _lastTick = Environment.TickCount64;
            var details = string.Join(' ', eventData.Payload?.Select(static part => part?.ToString()?.Split('\n')[0]) ?? []);
            ServerLog.ExportFailed(logger, details);
        }
    }
}
