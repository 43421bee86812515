using System.Buffers;
using Memstore.Protocol;
using Memstore.Server.Sessions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Memstore.Server.Http;

/// <summary>
/// Streams of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): messages of channels, and what MONITOR shows.
/// Each is a session that subscribes as one of RESP does; what waits for a slow reader counts against the limits of the class pubsub.
/// </summary>
internal sealed class EventStreams
{
    /// <summary>So often something is sent, so that whoever stands between does not take the stream for dead.</summary>
    internal static readonly TimeSpan HeartbeatInterval = TimeSpan.FromSeconds(15);

    private const int Protocol = 3;
    private const string Tag = "Streams";
    private const string EventType = "text/event-stream";

    /// <summary>At most so much of what waits is turned into events at once, in bytes, if it holds a whole reply.</summary>
    private const int PartSize = 256 * 1024;

    private readonly HttpCommands _commands;
    private readonly CancellationToken _stopping;

    private EventStreams(HttpCommands commands, CancellationToken stopping)
    {
        _commands = commands;
        _stopping = stopping;
    }

    /// <summary>Adds the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes, HttpCommands commands)
    {
        var streams = new EventStreams(commands, routes.ServiceProvider.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        routes.MapGet("/v1/subscribe", context => streams.StreamAsync(context, Subscriptions(context.Request.Query), new EventWriter(EventWriter.WantsBase64(context)))).Describe(new(Tag, "Streams the messages of channels.")
        {
            Parameters =
            [
                new("channel", "query", "A channel; may be repeated.", "array"),
                new("pattern", "query", "A pattern of channels; may be repeated.", "array"),
                new("encoding", "query", "base64: names and messages in Base64."),
            ],
            Answers = [new(200, "Server-sent events.", MediaType: EventType)],
        });
        routes.MapGet("/v1/monitor", context => streams.StreamAsync(context, Only("MONITOR"), new EventWriter(isBase64: false)))
            .Describe(new(Tag, "Streams the commands that run.") { Answers = [new(200, "Server-sent events.", MediaType: EventType)] });

        var lines = new RestOperation(Tag, "Streams the messages of a channel or a pattern in the dialect of Upstash.")
        {
            Parameters = [new("name", "path", "The channel or the pattern.")],
            Answers = [new(200, "Server-sent events.", MediaType: EventType)],
        };

        // What the npm client @upstash/redis asks for.
        routes.MapMethods("/subscribe/{name}", ["GET", "POST"], context => streams.StreamAsync(context, Only("SUBSCRIBE", NameOf(context)), new LineEventWriter())).Describe(lines);
        routes.MapMethods("/psubscribe/{name}", ["GET", "POST"], context => streams.StreamAsync(context, Only("PSUBSCRIBE", NameOf(context)), new LineEventWriter())).Describe(lines);
    }

    private static string NameOf(HttpContext context) => (string)context.Request.RouteValues["name"]!;

    // ?channel=a&channel=b&pattern=p*
    private static RequestList Subscriptions(IQueryCollection query)
    {
        var requests = new RequestList();
        foreach (var (parameter, command) in (ReadOnlySpan<(string, string)>)[("channel", "SUBSCRIBE"), ("pattern", "PSUBSCRIBE")])
        {
            if (!query.TryGetValue(parameter, out var names)) continue;
            requests.Start();
            requests.Add(command);
            foreach (var name in names) requests.Add(name);
        }

        if (requests.Count > 0) return requests;
        requests.Dispose();
        throw new BadRequestException("There is no channel and no pattern: /v1/subscribe?channel=a&pattern=b*");
    }

    private static RequestList Only(params ReadOnlySpan<string> words)
    {
        var requests = new RequestList();
        requests.Start();
        foreach (var word in words) requests.Add(word);
        return requests;
    }

    private async Task StreamAsync(HttpContext context, RequestList requests, EventWriter writer)
    {
        using var owned = requests;
        var client = _commands.Connect(context, Protocol);
        try
        {
            // They are read again, as the first events.
            var replies = await client.RunAsync(requests, context.RequestAborted).ConfigureAwait(false);
            var error = replies.IsEmpty || replies.FirstSpan[0] != (byte)'-' ? null : System.Text.Encoding.UTF8.GetString(replies.Slice(1, replies.Length - 3).ToArray());
            if (!replies.IsEmpty) client.Sent.AdvanceTo(replies.Start);
            if (error is null) await StreamAsync(context, client, writer).ConfigureAwait(false);
            else await Problem.SendErrorAsync(context, error).ConfigureAwait(false);
        }
        catch (LocalClientException error)
        {
            throw new HttpUnavailableException($"the connection was closed: {error.Message}");
        }
        finally
        {
            // Not for another request: what was sent and not read is still in its pipe.
            client.Dispose();
        }
    }

    private async Task StreamAsync(HttpContext context, LocalClient client, EventWriter writer)
    {
        Begin(context);
        var sent = client.Sent;
        var wake = static (object? state) => ((LocalClient)state!).Sent.CancelPendingRead();

        // Whoever does not read is cut off when the session is killed for it; until then its own connection holds it back.
        using var killed = client.Closed.UnsafeRegister(static state => ((HttpContext)state!).Abort(), context);
        using var left = context.RequestAborted.UnsafeRegister(wake, client);
        using var stopping = _stopping.UnsafeRegister(wake, client);
        await using var heartbeat = _commands.Server.Time.CreateTimer(state => wake(state), client, HeartbeatInterval, HeartbeatInterval).ConfigureAwait(false);
        var output = context.Response.BodyWriter;
        await output.FlushAsync(context.RequestAborted).ConfigureAwait(false);
        while (client.IsOpen && !_stopping.IsCancellationRequested && !context.RequestAborted.IsCancellationRequested)
        {
            var read = await sent.ReadAsync(CancellationToken.None).ConfigureAwait(false);
            var isAlive = false;
            var consumed = read.Buffer.GetPosition(Write(read.Buffer, writer, output, ref isAlive));
            client.Taken(read.Buffer, consumed);
            if (read.IsCompleted) break;
            if (!isAlive && read.IsCanceled && !_stopping.IsCancellationRequested) output.Write(":\n\n"u8);
            if ((await output.FlushAsync(context.RequestAborted).ConfigureAwait(false)).IsCompleted) break;
        }
    }

    private static void Begin(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.ContentType = "text/event-stream; charset=utf-8";
        headers.CacheControl = "no-store";
        headers.XContentTypeOptions = "nosniff";
        headers["X-Accel-Buffering"] = "no";

        // The session's limits on output decide who is too slow, as for clients of RESP.
        if (context.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate) rate.MinDataRate = null;
    }

    // Replies that are whole become events; how many bytes they were.
    private static long Write(ReadOnlySequence<byte> buffer, EventWriter writer, IBufferWriter<byte> output, ref bool isAny)
    {
        if (buffer.Length > PartSize && Write(buffer.Slice(0, PartSize), writer, output, ref isAny) is > 0 and var written) return written;
        if (buffer.IsSingleSegment) return Write(buffer.FirstSpan, writer, output, ref isAny);
        var length = checked((int)buffer.Length);
        var copy = ArrayPool<byte>.Shared.Rent(length);
        buffer.CopyTo(copy);
        try
        {
            return Write(copy.AsSpan(0, length), writer, output, ref isAny);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(copy);
        }
    }

    private static int Write(ReadOnlySpan<byte> bytes, EventWriter writer, IBufferWriter<byte> output, ref bool isAny)
    {
        var consumed = 0;
        while (consumed < bytes.Length && ReplyReader.TryRead(bytes[consumed..], out var reply, out var length))
        {
            isAny |= writer.Write(reply, output);
            consumed += length;
        }
        return consumed;
    }
}
