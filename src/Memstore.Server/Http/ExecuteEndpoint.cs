using System.Text;
using System.Text.Json;
using Memstore.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Memstore.Server.Http;

/// <summary>
/// <c>POST /v1/execute</c>: <c>{"commands":[{"cmd_type":"SET","key":"k","value":"v"},{"cmd_type":"GET","key":"k"}]}</c> is one transaction and
/// answers <c>{"results":["v","v"]}</c>. SET answers its value if it has set it, and GET of a missing key "". Other commands take the members <c>key</c>,
/// <c>value</c> and <c>args</c>, as far as they are there, as their arguments, and answer as JSON.
/// </summary>
internal static class ExecuteEndpoint
{
    /// <summary>Adds the route.</summary>
    public static void Map(IEndpointRouteBuilder routes, HttpCommands commands) =>
        routes.MapPost("/v1/execute", context => ExecuteAsync(commands, context)).Describe(new RestOperation("Commands", "Runs commands as one transaction, each given by name, key and value.")
        {
            Parameters = HttpCommands.Parameters,
            Body = "ExecuteRequest",
            Example = """{"commands":[{"cmd_type":"SET","key":"k","value":"v"},{"cmd_type":"GET","key":"k"}]}""",
            Answers = [new(200, "A result for each.", "ExecuteAnswer"), new(400, "What cannot be bound or run; nothing happened.", "Result")],
            ErrorSchema = "Result",
        });

    private static async Task ExecuteAsync(HttpCommands commands, HttpContext context)
    {
        var exchange = commands.RentExchange();
        try
        {
            var requests = exchange.Requests;
            requests.Start();
            requests.Add("MULTI"u8);
            try
            {
                await exchange.ReadAsync(
                    context,
                    commands.ArgumentSizeMax,
                    static (body, requests, argumentSizeMax) => JsonRequests.Read(body, requests, argumentSizeMax, ReadBody)).ConfigureAwait(false);
            }
            catch (BadRequestException error)
            {
                await exchange.SendErrorAsync(context, StatusCodes.Status400BadRequest, error.Message).ConfigureAwait(false);
                return;
            }

            requests.Start();
            requests.Add("EXEC"u8);
            if (commands.RefusalOfTransaction(requests) is { } refusal)
            {
                await exchange.SendErrorAsync(context, StatusCodes.Status400BadRequest, refusal).ConfigureAwait(false);
                return;
            }

            var answer = new Answer(exchange);
            await commands.RunAsync(context, requests, protocol: 3, static (replies, answer) => answer.Write(replies), answer).ConfigureAwait(false);
            await exchange.SendAsync(context, answer.Status).ConfigureAwait(false);
        }
        finally
        {
            commands.Return(exchange);
        }
    }

    private static void ReadBody(ref Utf8JsonReader reader, RequestList requests, long argumentSizeMax)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw new BadRequestException("The body must be an object with the member \"commands\".");
        var seen = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!reader.ValueTextEquals("commands"u8)) throw new BadRequestException("The body has only the member \"commands\".");
            if (seen) throw new BadRequestException("\"commands\" is there twice.");
            seen = true;
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartArray) throw new BadRequestException("\"commands\" must be an array.");
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) ReadCommand(ref reader, requests, argumentSizeMax);
        }

        if (!seen) throw new BadRequestException("\"commands\" is missing.");
    }

    // The members may come in any order, so the reader goes over them once for each argument's place.
    private static void ReadCommand(ref Utf8JsonReader reader, RequestList requests, long argumentSizeMax)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw new BadRequestException("A command must be an object.");
        requests.Start();
        var start = reader;
        var members = CheckMembers(ref reader);
        if ((members & 1) == 0) throw new BadRequestException("A command has no \"cmd_type\".");
        for (var member = 0; member < 4; member++)
        {
            if ((members & (1 << member)) == 0) continue;
            var at = start;
            FindMember(ref at, member);
            if (member < 3) JsonRequests.AddArgument(ref at, requests, argumentSizeMax);
            else ReadArguments(ref at, requests, argumentSizeMax);
        }
    }

    // Leaves the reader at the end of the object; the bits say which members there are.
    private static int CheckMembers(ref Utf8JsonReader reader)
    {
        var members = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = MemberOf(ref reader);
            if (member < 0) throw new BadRequestException($"A command has no member \"{reader.GetString()}\".");
            if ((members & (1 << member)) != 0) throw new BadRequestException($"\"{reader.GetString()}\" is there twice.");
            members |= 1 << member;
            reader.Read();
            reader.Skip();
        }
        return members;
    }

    private static void FindMember(ref Utf8JsonReader reader, int wanted)
    {
        while (reader.Read())
        {
            var member = MemberOf(ref reader);
            reader.Read();
            if (member == wanted) return;
            reader.Skip();
        }
    }

    private static int MemberOf(ref Utf8JsonReader reader) =>
        reader.ValueTextEquals("cmd_type"u8) ? 0
        : reader.ValueTextEquals("key"u8) ? 1
        : reader.ValueTextEquals("value"u8) ? 2
        : reader.ValueTextEquals("args"u8) ? 3
        : -1;

    private static void ReadArguments(ref Utf8JsonReader reader, RequestList requests, long argumentSizeMax)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw new BadRequestException("\"args\" must be an array.");
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) JsonRequests.AddArgument(ref reader, requests, argumentSizeMax);
    }

    private sealed class Answer(HttpExchange exchange)
    {
        public int Status { get; private set; } = StatusCodes.Status200OK;

        public void Write(ReadOnlySpan<byte> bytes)
        {
            var json = exchange.Json;
            var replies = new JsonReplies(bytes, json, base64: false);
            var count = replies.TakeTransaction(exchange.Requests.Count - 2, out var error);
            json.WriteStartObject();
            if (!error.IsEmpty)
            {
                Status = Problem.StatusOfCommand(error);
                json.WriteString("error"u8, error);
            }
            else
            {
                json.WriteStartArray("results"u8);
                for (var i = 0; i < count; i++) WriteResult(exchange.Requests[i + 1], ref replies, json);
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }

        private static void WriteResult(in Request request, ref JsonReplies replies, Utf8JsonWriter json)
        {
            if (replies.IsNull && Ascii.EqualsIgnoreCase(request[0], "GET"u8))
            {
                replies.SkipLine();
                json.WriteStringValue(""u8);
            }
            else if (replies.IsOk && Ascii.EqualsIgnoreCase(request[0], "SET"u8))
            {
                replies.SkipLine();
                json.WriteStringValue(request[2]);
            }
            else
            {
                replies.WriteValue();
            }
        }
    }
}
