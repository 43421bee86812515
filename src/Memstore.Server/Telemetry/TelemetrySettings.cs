using System.Collections;
using System.Globalization;
using Memstore.Server.Configuration;

namespace Memstore.Server.Telemetry;

/// <summary>
/// Where metrics and traces go over OTLP, and how many commands are traced. The server's settings come first, then the environment variables that
/// OpenTelemetry defines (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
/// </summary>
/// <param name="MetricsEndpoint">Where metrics go; null leaves it to the environment.</param>
/// <param name="TracesEndpoint">Where spans go; null leaves it to the environment.</param>
/// <param name="IsGrpc">Whether over gRPC, else as protobuf over HTTP; null leaves it to the environment.</param>
/// <param name="IntervalMs">Milliseconds between exports of metrics; null leaves it to the environment.</param>
/// <param name="TraceRatio">The part of commands that is traced, from 0 to 1.</param>
internal sealed record TelemetrySettings(Uri? MetricsEndpoint, Uri? TracesEndpoint, bool? IsGrpc, int? IntervalMs, double TraceRatio)
{
    private const double TraceRatioUsual = 0.001;

    /// <summary>What is wanted; null if nothing is to be exported.</summary>
    /// <param name="settings">The server's settings.</param>
    /// <param name="environment">The variables of the process.</param>
    public static TelemetrySettings? Read(Settings settings, IDictionary environment)
    {
        var endpoint = settings["otlp-endpoint"];
        if (endpoint.Length == 0 && !IsWantedBy(environment)) return null;
        var protocol = settings["otlp-protocol"];
        var isGrpc = protocol switch { "grpc" => true, "http/protobuf" => false, _ => (bool?)null };
        var interval = (int)settings.Number("otlp-interval");
        var ratio = RatioOf(settings["otlp-trace-ratio"], environment);
        if (endpoint.Length == 0) return new TelemetrySettings(null, null, isGrpc, interval == 0 ? null : interval, ratio);
        isGrpc ??= Text(environment, "OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc";
        var root = new Uri(endpoint.TrimEnd('/') + "/");
        return new TelemetrySettings(
            isGrpc.Value ? root : new Uri(root, "v1/metrics"), isGrpc.Value ? root : new Uri(root, "v1/traces"), isGrpc, interval == 0 ? null : interval, ratio);
    }

    private static bool IsWantedBy(IDictionary environment) =>
        !string.Equals(Text(environment, "OTEL_SDK_DISABLED"), "true", StringComparison.OrdinalIgnoreCase)
        && (Text(environment, "OTEL_EXPORTER_OTLP_ENDPOINT") + Text(environment, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") + Text(environment, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")).Length > 0;

    private static double RatioOf(string setting, IDictionary environment)
    {
        if (setting.Length > 0) return double.Parse(setting, CultureInfo.InvariantCulture);
        return Text(environment, "OTEL_TRACES_SAMPLER").Replace("parentbased_", "", StringComparison.Ordinal) switch
        {
            "always_on" => 1,
            "always_off" => 0,
            "traceidratio" when double.TryParse(Text(environment, "OTEL_TRACES_SAMPLER_ARG"), CultureInfo.InvariantCulture, out var ratio) => Math.Clamp(ratio, 0, 1),
            _ => TraceRatioUsual,
        };
    }

    private static string Text(IDictionary environment, string name) => environment[name] as string ?? "";
}
