using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Memstore.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Memstore.Server.Http;

/// <summary><c>GET /v1/keys?match=&amp;cursor=&amp;type=&amp;count=</c>: a part of the keys, and the cursor of the next part, as SCAN has them.</summary>
internal static class KeyListEndpoint
{
    /// <summary>Adds the route.</summary>
    public static void Map(IEndpointRouteBuilder routes, HttpCommands commands)
    {
        var keys = new KeyEndpoints(commands);

        // Routing does not tell a trailing slash, after which comes the empty key.
        routes.Map("/v1/keys", context => ServeEmptyKeyAsync(keys, context));
        routes.MapMethods("/v1/keys", ["GET", "HEAD"], context => KeyPath.IsOfKey(context) ? keys.GetAsync(context) : ListAsync(commands, context)).Describe(new(KeyEndpoints.Tag, "Lists a part of the keys.")
        {
            Parameters =
            [
                new("match", "query", "A pattern of keys: page:*"),
                new("cursor", "query", "What the part before answered; 0 begins."),
                new("type", "query", "string or hash."),
                new("count", "query", "About how many.", "integer"),
                KeyEndpoints.EncodingParameter,
                .. HttpCommands.Parameters,
            ],
            Answers = [new(200, "Keys, and where to go on.", "KeyList")],
        });
    }

    private static Task ServeEmptyKeyAsync(KeyEndpoints keys, HttpContext context) => context.Request.Method switch
    {
        _ when !KeyPath.IsOfKey(context) => Problem.SendMethodsAsync(context, "GET, HEAD"),
        "PUT" => keys.PutAsync(context),
        "DELETE" => keys.DeleteAsync(context),
        _ => Problem.SendMethodsAsync(context, "DELETE, GET, HEAD, PUT"),
    };

    private static async Task ListAsync(HttpCommands commands, HttpContext context)
    {
        var exchange = commands.RentExchange();
        try
        {
            Ask(context.Request.Query, exchange.Requests);
            var list = new KeyList(exchange.Json, KeyPath.IsBase64(context.Request));
            await commands.RunAsync(context, exchange.Requests, protocol: 3, static (replies, list) => list.Write(replies), list).ConfigureAwait(false);
            if (list.Error is { } error) await Problem.SendErrorAsync(context, error).ConfigureAwait(false);
            else await exchange.SendAsync(context, StatusCodes.Status200OK).ConfigureAwait(false);
        }
        finally
        {
            commands.Return(exchange);
        }
    }

    private static void Ask(IQueryCollection query, RequestList requests)
    {
        requests.Start();
        requests.Add("SCAN"u8);
        requests.Add(query.TryGetValue("cursor", out var cursor) ? cursor.ToString() : "0");
        foreach (var option in (ReadOnlySpan<string>)["match", "count", "type"])
        {
            if (!query.TryGetValue(option, out var value)) continue;
            requests.Add(option);
            requests.Add(value.ToString());
        }
    }

    private sealed class KeyList(Utf8JsonWriter json, bool isBase64)
    {
        public string? Error { get; private set; }

        public void Write(ReadOnlySpan<byte> bytes)
        {
            var replies = new JsonReplies(bytes, json, base64: false);
            if (replies.IsError)
            {
                Error = Encoding.UTF8.GetString(replies.TakeLine());
                return;
            }

            replies.TakeArray();
            json.WriteStartObject();
            json.WriteString("cursor"u8, replies.TakeString());
            json.WriteStartArray("keys"u8);
            for (var count = replies.TakeArray(); count > 0; count--)
            {
                if (isBase64) json.WriteStringValue(Base64Url.EncodeToString(replies.TakeString()));
                else json.WriteStringValue(replies.TakeString());
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
    }
}
