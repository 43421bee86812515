using System.Buffers;
using System.Globalization;
using System.Text;
using Memstore.Protocol;
using Memstore.Server.Sessions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace Memstore.Server.Http;

/// <summary>
/// Keys as resources: <c>GET</c>, <c>HEAD</c>, <c>PUT</c> and <c>DELETE /v1/keys/{key}</c>. The body is the value. Conditions on what a key holds
/// are looked at and the key is changed in one transaction: the key is watched, and EXEC does nothing if somebody was faster.
/// </summary>
internal sealed class KeyEndpoints(HttpCommands commands)
{
    /// <summary>What is left of a key's time to live, in milliseconds; of PUT, what it shall be.</summary>
    public const string TtlHeader = "Memstore-Ttl-Ms";

    private const int Protocol = 3;

    internal const string Tag = "Keys";
    private const string ProblemType = "application/problem+json";

    internal static readonly RestParameter EncodingParameter = new("encoding", "query", "base64url: keys are written in Base64url.");
    private static readonly RestParameter Key = new("key", "path", "The key, percent-encoded.");
    private static readonly RestParameter Match = new("If-Match", "header", "Entity tags, of which the key must have one.");
    private static readonly RestParameter NoneMatch = new("If-None-Match", "header", "Entity tags that the key may not have; * if it must be missing.");

    private static readonly RestParameter[] Times =
    [
        new("ex", "query", "Seconds to live.", "integer"),
        new("px", "query", "Milliseconds to live.", "integer"),
        new("exat", "query", "When it ends, in seconds since 1970.", "integer"),
        new("pxat", "query", "When it ends, in milliseconds since 1970.", "integer"),
        new("keepttl", "query", "It lives as long as before."),
        new(TtlHeader, "header", "Milliseconds to live.", "integer"),
    ];

    private static readonly RestParameter ETag = new("ETag", "header", "The entity tag of what it holds.");
    private static readonly RestParameter TtlLeft = new(TtlHeader, "header", "Milliseconds that it has left to live, if it has an end.", "integer");
    private static readonly RestAnswer Missing = new(404, "The key is missing.", "Problem", ProblemType);
    private static readonly RestAnswer Failed = new(412, "It does not hold what the conditions say.", "Problem", ProblemType);

    /// <summary>The web server copies what it is given at once, in bytes.</summary>
    private const int PieceMax = 256 * 1024;

    /// <summary>How often a change is tried again because others were faster.</summary>
    private const int AttemptsMax = 16;

    /// <summary>Adds the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes, HttpCommands commands)
    {
        var keys = new KeyEndpoints(commands);
        const string Path = "/v1/keys/{**key}";
        routes.MapMethods(Path, ["GET", "HEAD"], keys.GetAsync).Describe(new(Tag, "Answers what a key holds, with its entity tag and time to live: a string as it is, a hash as a JSON object.")
        {
            Parameters = [Key, EncodingParameter, Match, NoneMatch, .. HttpCommands.Parameters],
            Answers = [new(200, "The value.", MediaType: "*/*") { Headers = [ETag, TtlLeft] }, new(304, "It is what If-None-Match says.") { Headers = [ETag, TtlLeft] }, Missing, Failed],
        });
        routes.MapPut(Path, keys.PutAsync).Describe(new(Tag, "Gives a key the body as its value.")
        {
            Parameters = [Key, EncodingParameter, Match, NoneMatch, .. Times, .. HttpCommands.Parameters],
            Body = "",
            BodyType = "*/*",
            Answers = [new(201, "It was missing before.") { Headers = [ETag] }, new(204, "It has another value now.") { Headers = [ETag] }, Failed, new(428, "It holds no string; If-Match is needed.", "Problem", ProblemType)],
        });
        routes.MapDelete(Path, keys.DeleteAsync).Describe(new(Tag, "Deletes a key.")
        {
            Parameters = [Key, EncodingParameter, Match, NoneMatch, .. HttpCommands.Parameters],
            Answers = [new(204, "It is gone."), Missing, Failed],
        });
    }

    /// <summary>Answers what a key holds.</summary>
    public async Task GetAsync(HttpContext context)
    {
        var key = KeyPath.KeyOf(context);
        var conditions = new Preconditions(context.Request.Headers);
        var exchange = commands.RentExchange();
        try
        {
            var client = commands.Connect(context, Protocol);
            try
            {
                await GetAsync(context, exchange, client, key, conditions).ConfigureAwait(false);
            }
            finally
            {
                commands.Disconnect(client);
            }
        }
        finally
        {
            commands.Return(exchange);
        }
    }

    // Almost all values are strings, which are sent from where the replies are. Each read is a transaction; what a key holds may change in between.
    private static async Task GetAsync(HttpContext context, HttpExchange exchange, LocalClient client, byte[] key, Preconditions conditions)
    {
        var reading = new KeyReading(exchange);
        var isRead = false;
        while (!isRead)
        {
            exchange.Requests.Clear();
            KeyReading.AskForString(exchange.Requests, key);
            var replies = await HttpCommands.AskAsync(client, exchange.Requests, context.RequestAborted).ConfigureAwait(false);
            try
            {
                if (reading.TakeString(replies))
                {
                    await AnswerAsync(context, exchange, reading, conditions).ConfigureAwait(false);
                    return;
                }
            }
            finally
            {
                client.Taken();
            }

            exchange.Requests.Clear();
            KeyReading.AskForOther(exchange.Requests, key);
            await HttpCommands.RunAsync(client, exchange.Requests, (replies, reading) => isRead = reading.TakeOther(replies), reading, context.RequestAborted).ConfigureAwait(false);
        }
        await AnswerAsync(context, exchange, reading, conditions).ConfigureAwait(false);
    }

    private static Task AnswerAsync(HttpContext context, HttpExchange exchange, KeyReading reading, Preconditions conditions)
    {
        if (reading.Error is { } error) return Problem.SendErrorAsync(context, error);

        // First: conditions are for answers that would be good ones without them (RFC 9110, section 13.2.1).
        if (!reading.Exists) return MissingAsync(context);
        if (!conditions.MatchHolds(reading.Tag)) return FailAsync(context, reading.Tag);
        var headers = context.Response.Headers;
        headers.ETag = reading.Tag;
        headers.CacheControl = "no-cache";
        if (reading.TtlMs >= 0) headers[TtlHeader] = reading.TtlMs.ToString(CultureInfo.InvariantCulture);
        if (!conditions.NoneMatchHolds(reading.Tag))
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        // A value comes from anybody: a browser must not take it for a page of this server.
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
        return reading.Type == "string" ? SendAsync(context, reading.Value, reading.ContentType) : exchange.SendAsync(context, StatusCodes.Status200OK, reading.ContentType);
    }

    private static async Task SendAsync(HttpContext context, ReadOnlySequence<byte> value, string contentType)
    {
        var response = context.Response;
        response.ContentType = contentType;
        response.ContentLength = value.Length;
        for (; value.Length > PieceMax; value = value.Slice(PieceMax)) await WriteAsync(value.Slice(0, PieceMax)).ConfigureAwait(false);
        await WriteAsync(value).ConfigureAwait(false);

        async ValueTask WriteAsync(ReadOnlySequence<byte> piece)
        {
            foreach (var part in piece) await response.Body.WriteAsync(part, context.RequestAborted).ConfigureAwait(false);
        }
    }

    /// <summary>Gives a key the body as its value.</summary>
    public Task PutAsync(HttpContext context)
    {
        // Whoever sends it has only a part (RFC 9110, section 14.5).
        if (context.Request.Headers.ContentRange.Count > 0) throw new BadRequestException("Content-Range is not taken: the body replaces all of the value.");
        return ChangeAsync(context, isPut: true);
    }

    /// <summary>Deletes a key.</summary>
    public Task DeleteAsync(HttpContext context) => ChangeAsync(context, isPut: false);

    private async Task ChangeAsync(HttpContext context, bool isPut)
    {
        var key = KeyPath.KeyOf(context);
        var exchange = commands.RentExchange();
        try
        {
            var requests = exchange.Requests;
            requests.Start();
            requests.Add("MULTI"u8);
            requests.Start();
            requests.Add(isPut ? "SET"u8 : "DEL"u8);
            requests.Add(key);
            var mediaType = "";
            if (isPut)
            {
                await exchange.ReadAsync(context, commands.ArgumentSizeMax, AddValue).ConfigureAwait(false);
                AddTimeToLive(context.Request, requests);
                mediaType = MediaTypeToKeep(context.Request, requests[1][2]);
                if (mediaType.Length > 0)
                {
                    requests.Add("MEDIATYPE"u8);
                    requests.Add(mediaType);
                }
            }

            requests.Start();
            requests.Add("EXEC"u8);
            await ChangeAsync(context, exchange, key, isPut, mediaType).ConfigureAwait(false);
        }
        finally
        {
            commands.Return(exchange);
        }
    }

    private static void AddValue(ReadOnlySequence<byte> body, RequestList requests, long sizeMax)
    {
        if (body.Length > sizeMax) throw new BadHttpRequestException("The value is longer than proto-max-bulk-len.", StatusCodes.Status413PayloadTooLarge);
        body.CopyTo(requests.Reserve((int)body.Length));
        requests.Commit((int)body.Length);
    }

    // ?ex=60 as in SET, or Memstore-Ttl-Ms: 60000. SET itself checks the number.
    private static void AddTimeToLive(HttpRequest request, RequestList requests)
    {
        var count = 0;
        foreach (var option in (ReadOnlySpan<string>)["ex", "px", "exat", "pxat"])
        {
            if (!request.Query.TryGetValue(option, out var time)) continue;
            requests.Add(option);
            requests.Add(time.ToString());
            count++;
        }

        if (request.Headers.TryGetValue(TtlHeader, out var ttlMs))
        {
            requests.Add("PX"u8);
            requests.Add(ttlMs.ToString());
            count++;
        }

        if (request.Query.ContainsKey("keepttl"))
        {
            requests.Add("KEEPTTL"u8);
            count++;
        }
        if (count > 1) throw new BadRequestException($"Only one of ex, px, exat, pxat, keepttl and {TtlHeader} may be given.");
    }

    // What the bytes tell of themselves is not kept, nor what curl says of all that it sends when nobody has told it more.
    private static string MediaTypeToKeep(HttpRequest request, ReadOnlySpan<byte> body)
    {
        if (request.ContentType is not { } text || text.Equals(MediaType.Form, StringComparison.OrdinalIgnoreCase)) return "";
        return MediaTypeHeaderValue.TryParse(text, out var given) && given.Equals(MediaTypeHeaderValue.Parse(MediaType.Of(body))) ? "" : text;
    }

    private async Task ChangeAsync(HttpContext context, HttpExchange exchange, byte[] key, bool isPut, string mediaType)
    {
        var conditions = new Preconditions(context.Request.Headers);
        var reading = new KeyReading(exchange);
        var client = commands.Connect(context, Protocol);
        using var look = new RequestList();
        try
        {
            for (var attempt = 0; attempt < AttemptsMax; attempt++)
            {
                if (!await MayChangeAsync(context, client, look, reading, conditions, key, isPut).ConfigureAwait(false)) return;
                var change = new Change();
                await HttpCommands.RunAsync(client, exchange.Requests, change.Take, reading, context.RequestAborted).ConfigureAwait(false);
                if (change.Error is { } error)
                {
                    await Problem.SendErrorAsync(context, error).ConfigureAwait(false);
                    return;
                }

                if (change.IsLost) continue;
                if (isPut) context.Response.Headers.ETag = EntityTag.Of("string", exchange.Requests[1][2], Encoding.ASCII.GetBytes(mediaType));
                context.Response.StatusCode = isPut && !reading.Exists ? StatusCodes.Status201Created : StatusCodes.Status204NoContent;
                return;
            }
        }
        finally
        {
            commands.Disconnect(client);
        }
        await Problem.SendAsync(context, StatusCodes.Status409Conflict, "Others change the key faster than its conditions can be looked at; try again.").ConfigureAwait(false);
    }

    // Watches the key and looks at the conditions; answers if they do not hold.
    private static async Task<bool> MayChangeAsync(HttpContext context, LocalClient client, RequestList look, KeyReading reading, Preconditions conditions, byte[] key, bool isPut)
    {
        look.Clear();
        KeyReading.Watch(look, key);
        await HttpCommands.RunAsync(client, look, static (replies, reading) => reading.TakeType(replies), reading, context.RequestAborted).ConfigureAwait(false);
        if (reading.Error is { } error)
        {
            await Problem.SendErrorAsync(context, error).ConfigureAwait(false);
            return false;
        }

        if (!reading.Exists && !isPut)
        {
            await MissingAsync(context).ConfigureAwait(false);
            return false;
        }

        if (conditions.NeedTag && reading.Exists)
        {
            look.Clear();
            reading.AskForTag(look, key);
            await HttpCommands.RunAsync(client, look, static (replies, reading) => reading.TakeTag(replies), reading, context.RequestAborted).ConfigureAwait(false);
        }

        // "*" is any tag there may be.
        var tag = reading.Exists ? reading.Tag ?? EntityTag.Unknown : null;
        if (!conditions.MatchHolds(tag) || !conditions.NoneMatchHolds(tag))
        {
            await FailAsync(context, reading.Tag).ConfigureAwait(false);
            return false;
        }

        if (!isPut || reading.Type is "none" or "string" || conditions.NamesCurrent) return true;
        await Problem.SendAsync(context, StatusCodes.Status428PreconditionRequired, $"The key holds a {reading.Type}; If-Match says that it may be replaced.")
            .ConfigureAwait(false);
        return false;
    }

    private static Task MissingAsync(HttpContext context) =>
        Problem.SendAsync(context, StatusCodes.Status404NotFound, "The key is missing.");

    private static Task FailAsync(HttpContext context, string? tag)
    {
        if (tag is not null) context.Response.Headers.ETag = tag;
        return Problem.SendAsync(context, StatusCodes.Status412PreconditionFailed, "The key does not hold what If-Match or If-None-Match says.");
    }

    // What EXEC says of the one command.
    private sealed class Change
    {
        public bool IsLost { get; private set; }

        public string? Error { get; private set; }

        public void Take(ReadOnlySpan<byte> bytes, KeyReading reading)
        {
            var replies = reading.RepliesOf(bytes);
            IsLost = replies.TakeTransaction(queued: 1, out var error) < 0;
            if (error.IsEmpty && !IsLost && replies.IsError) error = replies.TakeLine();
            if (!error.IsEmpty) Error = Encoding.UTF8.GetString(error);
        }
    }
}
