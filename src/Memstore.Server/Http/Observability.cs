using System.Text.Json;
using Memstore.Server.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Memstore.Server.Http;

/// <summary>What machines ask a server about itself: its figures, whether it lives, whether it serves.</summary>
internal static class Observability
{
    private static readonly string[] Methods = ["GET", "HEAD"];

    /// <summary>Maps GET /metrics, /health/live and /health/ready.</summary>
    public static IEndpointRouteBuilder MapObservability(this IEndpointRouteBuilder routes, ServerState server)
    {
        routes.MapMethods("/metrics", Methods, context => MetricsAsync(context, server));
        routes.MapMethods("/health/live", Methods, context => AnswerAsync(context, StatusCodes.Status200OK, "live", []));
        routes.MapMethods("/health/ready", Methods, context =>
        {
            var health = Health.Read(server);
            var code = health.IsReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            return AnswerAsync(context, code, health.IsReady ? "ready" : "not ready", health.Reasons);
        });
        return routes;
    }

    private static async Task MetricsAsync(HttpContext context, ServerState server)
    {
        context.Response.ContentType = PrometheusText.ContentType;
        context.Response.Headers.CacheControl = "no-store";
        PrometheusReport.Write(server, context.Response.BodyWriter);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }

    private static async Task AnswerAsync(HttpContext context, int code, string status, IReadOnlyList<string> reasons)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = "application/json";
        context.Response.Headers.CacheControl = "no-store";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteString("status", status);
        if (reasons.Count > 0)
        {
            json.WriteStartArray("reasons");
            foreach (var reason in reasons) json.WriteStringValue(reason);
            json.WriteEndArray();
        }
        json.WriteEndObject();
        await json.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }
}
