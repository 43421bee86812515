using System.Buffers;
using System.Text.Json;
using Memstore.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Memstore.Server.Http;

/// <summary>
/// Any command over REST, in the dialect of Upstash's REST API (https://upstash.com/docs/redis/features/restapi): a command is a JSON array,
/// its answer <c>{"result":…}</c> or <c>{"error":…}</c>.
/// </summary>
internal static class CommandEndpoints
{
    // The dialect has no maps: HGETALL answers names and values in turn, as in RESP2.
    private const int Protocol = 2;

    /// <summary>A pipeline that accepts this type is answered with the replies as they are in RESP2: types and bytes that JSON cannot tell apart.</summary>
    private const string RespType = "application/x-resp";

    /// <summary>How strings are given.</summary>
    public static readonly RestParameter Encoding = new("Upstash-Encoding", "header", "base64 for strings in Base64.");

    private static readonly RestOperation One = new("Commands", "Runs a command.")
    {
        Parameters = [Encoding, .. HttpCommands.Parameters],
        Body = "Command",
        Example = """["SET","page:1","hello","EX",60]""",
        Answers = [new(200, "What it answers.", "Result"), new(400, "It was refused.", "Result")],
        ErrorSchema = "Result",
    };

    private static readonly RestOperation Many = new("Commands", "Runs commands one after the other; others may run between them.")
    {
        Parameters = [Encoding, .. HttpCommands.Parameters],
        Body = "Commands",
        Example = """[["INCR","visits"],["GET","page:1"]]""",
        Answers = [new(200, "What each answers.", "Results") { OtherMediaType = RespType }, new(400, "One of them can never be run, so none was.", "Result")],
        ErrorSchema = "Result",
    };

    private static readonly RestOperation Transaction = new("Commands", "Runs commands as one transaction.")
    {
        Parameters = [Encoding, .. HttpCommands.Parameters],
        Body = "Commands",
        Example = """[["INCR","visits"],["GET","page:1"]]""",
        Answers = [new(200, "What each answers.", "Results"), new(400, "One of them was refused, so none was run.", "Result")],
        ErrorSchema = "Result",
    };

    /// <summary>Adds the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes, HttpCommands commands)
    {
        foreach (var path in (ReadOnlySpan<string>)["/", "/v1/commands"]) routes.MapPost(path, context => RunOneAsync(commands, context)).Describe(One);
        foreach (var path in (ReadOnlySpan<string>)["/pipeline", "/v1/pipeline"]) routes.MapPost(path, context => RunManyAsync(commands, context)).Describe(Many);
        foreach (var path in (ReadOnlySpan<string>)["/multi-exec", "/v1/transaction"])
            routes.MapPost(path, context => RunTransactionAsync(commands, context)).Describe(Transaction);
    }

    private static Task RunOneAsync(HttpCommands commands, HttpContext context) =>
        RunAsync(commands, context, JsonRequests.ReadCommand, commands.RefusalOf, static (replies, answer) => answer.WriteOne(replies));

    private static Task RunManyAsync(HttpCommands commands, HttpContext context) =>
        RunAsync(commands, context, JsonRequests.ReadCommands, commands.RefusalOf, static (replies, answer) => answer.WriteMany(replies), WantsResp(context));

    private static Task RunTransactionAsync(HttpCommands commands, HttpContext context)
    {
        return RunAsync(commands, context, Read, commands.RefusalOfTransaction, static (replies, answer) => answer.WriteTransaction(replies), isTransaction: true);

        static void Read(ReadOnlySequence<byte> body, RequestList requests, long argumentSizeMax)
        {
            requests.Start();
            requests.Add("MULTI"u8);
            JsonRequests.ReadCommands(body, requests, argumentSizeMax);
            requests.Start();
            requests.Add("EXEC"u8);
        }
    }

    private static async Task RunAsync(
        HttpCommands commands,
        HttpContext context,
        HttpExchange.ReadBody read,
        Func<RequestList, string?> refusalOf,
        HttpCommands.UseReplies<CommandAnswer> write,
        bool wantsResp = false,
        bool isTransaction = false)
    {
        var exchange = commands.RentExchange();
        try
        {
            await exchange.ReadAsync(context, commands.ArgumentSizeMax, read).ConfigureAwait(false);
            if (refusalOf(exchange.Requests) is { } refusal)
            {
                await exchange.SendErrorAsync(context, StatusCodes.Status400BadRequest, refusal).ConfigureAwait(false);
                return;
            }

            if (wantsResp)
            {
                await commands.RunAsync(context, exchange.Requests, Protocol, WriteResp, exchange).ConfigureAwait(false);
                await exchange.SendAsync(context, StatusCodes.Status200OK, RespType).ConfigureAwait(false);
                return;
            }

            var answer = new CommandAnswer(exchange.Json, CommandAnswer.WantsBase64(context)) { Commands = exchange.Requests.Count - (isTransaction ? 2 : 0) };
            await commands.RunAsync(context, exchange.Requests, Protocol, write, answer).ConfigureAwait(false);
            await exchange.SendAsync(context, answer.Status).ConfigureAwait(false);
        }
        finally
        {
            commands.Return(exchange);
        }
    }

    private static void WriteResp(ReadOnlySpan<byte> replies, HttpExchange exchange)
    {
        exchange.Write(replies);
        CommandAnswer.CompleteResp(replies, exchange.Requests.Count, exchange.Bytes);
    }

    private static bool WantsResp(HttpContext context) => context.Request.Headers.Accept.ToString().Equals(RespType, StringComparison.OrdinalIgnoreCase);
}
