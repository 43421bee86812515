using System.Diagnostics;
using System.Globalization;
using System.Text;
using Memstore.Server.Commands;
using Memstore.Server.Sessions;

namespace Memstore.Server.Telemetry;

/// <summary>Spans of commands: one in so many, chosen before it runs, so that all others cost a countdown. Thread-safe, as its chance must be.</summary>
// Attributes as OpenTelemetry's conventions for databases name them: https://opentelemetry.io/docs/specs/semconv/database/.
internal sealed class Tracer(double ratio, Random random) : IDisposable
{
    /// <summary>The name of the source of spans.</summary>
    public const string Name = "Memstore";

    private readonly ActivitySource _source = new(Name, ProductVersion.Text);
    private readonly double _gap = ratio <= 0 ? double.PositiveInfinity : 1 / ratio;

    /// <summary>How many commands go by until the next one that is traced: at random, this ratio on average.</summary>
    public long NextGap()
    {
        if (_gap <= 1) return 1;
        return double.IsPositiveInfinity(_gap) ? long.MaxValue : 1 + (long)(random.NextDouble() * 2 * (_gap - 1));
    }

    /// <summary>Begins the span of a command; null if nobody listens.</summary>
    public Activity? Begin(Command row, Session session)
    {
        var span = _source.StartActivity(row.Name.ToUpperInvariant().Replace('|', ' '), ActivityKind.Server, default(ActivityContext));
        if (span is null) return null;
        span.SetTag("db.system.name", "memstore");
        span.SetTag("db.operation.name", row.Name);
        span.SetTag("db.namespace", session.Database.ToString(CultureInfo.InvariantCulture));
        span.SetTag("network.peer.address", session.Address);
        if (session.QueuedCount > 0 && row.Name == "exec") span.SetTag("db.operation.batch.size", session.QueuedCount);
        return span;
    }

    /// <summary>Ends the span of a command that has answered.</summary>
    /// <param name="span">The span.</param>
    /// <param name="reply">What it answered.</param>
    /// <param name="shard">The shard of its key; -1 if it has none.</param>
    public static void End(Activity span, ReadOnlySpan<byte> reply, int shard)
    {
        if (shard >= 0) span.SetTag("memstore.shard", shard);
        span.SetTag("memstore.reply.size", reply.Length);
        if (reply.Length > 0 && reply[0] == (byte)'-')
        {
            var text = reply[1..];
            var end = text.IndexOfAny((byte)' ', (byte)'\r');
            span.SetTag("error.type", Encoding.ASCII.GetString(end < 0 ? text : text[..end]));
            span.SetStatus(ActivityStatusCode.Error);
        }

        // Not Dispose: a span that is handed between threads must not become or leave the current one of a thread that it is not on.
        span.Stop();
    }

    /// <inheritdoc/>
    public void Dispose() => _source.Dispose();
}
