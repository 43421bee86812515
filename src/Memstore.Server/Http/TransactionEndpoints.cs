using System.Buffers;
using System.Text;
using System.Text.Json;
using Memstore.Protocol;
using Memstore.Server.Sessions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Memstore.Server.Http;

/// <summary>
/// Transactions that stay open between requests: BEGIN, commands that are answered at once, COMMIT or ROLLBACK, in a session of their own.
/// </summary>
internal sealed class TransactionEndpoints
{
    private const int Protocol = 2;
    private const string Tag = "Transactions";
    private const string ProblemType = "application/problem+json";

    private static readonly RestParameter Id = new("id", "path", "What opening it answered.");

    private static readonly RestAnswer Unknown = new(404, "There is none.", "Problem", ProblemType);
    private static readonly RestAnswer Expired = new(410, "Its time was over.", "Problem", ProblemType);

    // Commands that would end the transaction or leave it, behind the back of its ID.
    private static readonly string[] OtherRoutes = ["begin", "commit", "rollback", "reset", "quit"];

    private readonly HttpCommands _commands;
    private readonly OpenTransactions _open;

    private TransactionEndpoints(HttpCommands commands, OpenTransactions open)
    {
        _commands = commands;
        _open = open;
    }

    /// <summary>Adds the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes, HttpCommands commands)
    {
        var open = new OpenTransactions(commands);
        routes.ServiceProvider.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(open.Dispose);
        var endpoints = new TransactionEndpoints(commands, open);
        routes.MapPost("/v1/transactions", endpoints.BeginAsync).Describe(new(Tag, "Opens a transaction that stays open between requests, for as long as transaction-timeout allows.")
        {
            Parameters = HttpCommands.Parameters,
            Body = "Begin",
            IsBodyOptional = true,
            Answers = [new(201, "It is open.", "Transaction") { Headers = [new("Location", "header", "Its path.")] }],
        });
        routes.MapPost("/v1/transactions/{id}/commands", endpoints.RunAsync).Describe(new(Tag, "Runs one command or several in it.")
        {
            Parameters = [Id, CommandEndpoints.Encoding],
            Body = "CommandOrCommands",
            Answers = [new(200, "What they answer.", "ResultOrResults"), new(400, "One of them was refused.", "Result"), Unknown, Expired],
            ErrorSchema = "Result",
        });
        routes.MapPost("/v1/transactions/{id}/commit", context => endpoints.UseAsync(context, endpoints.CommitAsync)).Describe(new(Tag, "Makes everything that it wrote visible at once.")
        {
            Parameters = [Id],
            Answers = [new(200, "It is done.", "Result"), new(409, "Something that it read has changed; nothing was written.", "Problem", ProblemType), Unknown, Expired],
        });
        var rollback = new RestOperation(Tag, "Forgets everything that it wrote.") { Parameters = [Id], Answers = [new(204, "It is gone."), Unknown, Expired] };
        routes.MapPost("/v1/transactions/{id}/rollback", context => endpoints.UseAsync(context, endpoints.RollbackAsync)).Describe(rollback);
        routes.MapDelete("/v1/transactions/{id}", context => endpoints.UseAsync(context, endpoints.RollbackAsync)).Describe(rollback);
    }

    private async Task BeginAsync(HttpContext context)
    {
        var exchange = _commands.RentExchange();
        try
        {
            var begin = exchange.Requests;
            begin.Start();
            begin.Add("BEGIN"u8);
            await exchange.ReadAsync(context, _commands.ArgumentSizeMax, ReadOptions).ConfigureAwait(false);
            if (!_open.TryReserve()) throw new HttpUnavailableException("as many transactions are open as http-transactions-max allows");
            var transaction = await OpenAsync(context, exchange).ConfigureAwait(false);
            if (transaction is null) return;
            context.Response.Headers.Location = $"/v1/transactions/{transaction.Id}";
            exchange.Json.WriteStartObject();
            exchange.Json.WriteString("id"u8, transaction.Id);
            exchange.Json.WriteNumber("timeout_ms"u8, _commands.Server.Settings.TransactionTimeoutMs);
            exchange.Json.WriteBoolean("readonly"u8, begin[0].ArgumentCount > 1);
            exchange.Json.WriteEndObject();
            await exchange.SendAsync(context, StatusCodes.Status201Created).ConfigureAwait(false);
        }
        finally
        {
            _commands.Return(exchange);
        }
    }

    // Answers if it cannot be opened.
    private async Task<OpenTransaction?> OpenAsync(HttpContext context, HttpExchange exchange)
    {
        LocalClient? client = null;
        try
        {
            client = _commands.Connect(context, Protocol);
            var outcome = new Outcome();
            await HttpCommands.RunAsync(client, exchange.Requests, Outcome.Take, outcome, context.RequestAborted).ConfigureAwait(false);
            if (outcome.Error is null)
            {
                var transaction = _open.Add(client);
                client = null;
                return transaction;
            }
            await Problem.SendErrorAsync(context, outcome.Error).ConfigureAwait(false);
        }
        catch
        {
            _open.Release();
            if (client is not null) _commands.Disconnect(client);
            throw;
        }

        _open.Release();
        _commands.Disconnect(client);
        return null;
    }

    // Nothing, or {"readonly":true}.
    private static void ReadOptions(ReadOnlySequence<byte> body, RequestList requests, long argumentSizeMax)
    {
        if (body.IsEmpty) return;
        JsonRequests.Read(body, requests, argumentSizeMax, static (ref Utf8JsonReader reader, RequestList requests, long _) =>
        {
            const string Expected = "The body must be empty or {\"readonly\":true}.";
            if (reader.TokenType != JsonTokenType.StartObject) throw new BadRequestException(Expected);
            var seen = false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (seen || !reader.ValueTextEquals("readonly"u8)) throw new BadRequestException(Expected);
                seen = true;
                reader.Read();
                if (reader.TokenType == JsonTokenType.True) requests.Add("READONLY"u8);
                else if (reader.TokenType != JsonTokenType.False) throw new BadRequestException(Expected);
            }
        });
    }

    // One request after the other, each when it has come whole: a body that comes slowly keeps nobody waiting and no transaction open.
    private async Task UseAsync(HttpContext context, Func<HttpContext, OpenTransaction, HttpExchange, Task> use, HttpExchange.ReadBody? read = null)
    {
        if (!_open.TryGet((string)context.Request.RouteValues["id"]!, out var transaction))
        {
            await UnknownAsync(context).ConfigureAwait(false);
            return;
        }

        var exchange = _commands.RentExchange();
        try
        {
            if (read is not null) await exchange.ReadAsync(context, _commands.ArgumentSizeMax, read).ConfigureAwait(false);
            await transaction.Turn.WaitAsync(context.RequestAborted).ConfigureAwait(false);
            try
            {
                _open.ExpireIfDue(transaction);
                if (transaction.HasEnded) await UnknownAsync(context).ConfigureAwait(false);
                else if (transaction.HasExpired) await ExpiredAsync(context).ConfigureAwait(false);
                else await use(context, transaction, exchange).ConfigureAwait(false);
            }
            finally
            {
                _open.Leave(transaction);
            }
        }
        finally
        {
            _commands.Return(exchange);
        }
    }

    private Task RunAsync(HttpContext context)
    {
        var isOne = false;
        return UseAsync(
            context,
            (context, transaction, exchange) => RunAsync(context, transaction, exchange, isOne),
            (body, requests, argumentSizeMax) => isOne = JsonRequests.ReadOneOrMany(body, requests, argumentSizeMax));
    }

    private async Task RunAsync(HttpContext context, OpenTransaction transaction, HttpExchange exchange, bool isOne)
    {
        if (RefusalOf(exchange.Requests) is { } refusal)
        {
            await Problem.SendErrorAsync(context, refusal).ConfigureAwait(false);
            return;
        }

        var answer = new CommandAnswer(exchange.Json, CommandAnswer.WantsBase64(context)) { Commands = exchange.Requests.Count };
        if (exchange.Requests.Count > 0)
        {
            await RunAsync(transaction, exchange.Requests, (replies, answer) =>
            {
                if (isOne) answer.WriteOne(replies);
                else answer.WriteMany(replies);
            }, answer).ConfigureAwait(false);
        }
        else
        {
            answer.WriteMany([]);
        }

        if (answer.HasExpired)
        {
            _open.Expire(transaction);
            await ExpiredAsync(context).ConfigureAwait(false);
            return;
        }
        await exchange.SendAsync(context, answer.Status).ConfigureAwait(false);
    }

    private async Task CommitAsync(HttpContext context, OpenTransaction transaction, HttpExchange exchange)
    {
        exchange.Requests.Start();
        exchange.Requests.Add("COMMIT"u8);
        var outcome = new Outcome();
        try
        {
            await RunAsync(transaction, exchange.Requests, Outcome.Take, outcome).ConfigureAwait(false);
        }
        finally
        {
            if (!transaction.HasExpired) _open.End(transaction);
        }

        if (outcome.Error is not null)
        {
            await Problem.SendErrorAsync(context, outcome.Error).ConfigureAwait(false);
            return;
        }
        exchange.Json.WriteStartObject();
        exchange.Json.WriteString("result"u8, "OK"u8);
        exchange.Json.WriteEndObject();
        await exchange.SendAsync(context, StatusCodes.Status200OK).ConfigureAwait(false);
    }

    // Giving its session back rolls it back.
    private Task RollbackAsync(HttpContext context, OpenTransaction transaction, HttpExchange exchange)
    {
        _open.End(transaction);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    // A client that hangs up has not ended its transaction, so nothing is cancelled.
    private async Task RunAsync<T>(OpenTransaction transaction, RequestList requests, HttpCommands.UseReplies<T> use, T state)
    {
        try
        {
            await HttpCommands.RunAsync(transaction.Client, requests, use, state, CancellationToken.None).ConfigureAwait(false);
        }
        catch (HttpUnavailableException)
        {
            _open.Expire(transaction);
            throw;
        }
    }

    private string? RefusalOf(RequestList requests)
    {
        for (var i = 0; i < requests.Count; i++)
        {
            if (_commands.Server.Commands.Resolve(requests[i], out _) is { } row && OtherRoutes.Contains(row.Name))
                return $"ERR {row.Name} is not a command of a transaction: post to its commit or its rollback";
        }
        return _commands.RefusalOf(requests);
    }

    private static Task UnknownAsync(HttpContext context) =>
        Problem.SendAsync(context, StatusCodes.Status404NotFound, "There is no open transaction with this ID.");

    private static Task ExpiredAsync(HttpContext context) =>
        Problem.SendAsync(context, StatusCodes.Status410Gone, "TXTIMEOUT the transaction was open for too long and was rolled back.");

    private sealed class Outcome
    {
        public string? Error { get; private set; }

        public static void Take(ReadOnlySpan<byte> replies, Outcome outcome)
        {
            if (replies.StartsWith("-"u8)) outcome.Error = Encoding.UTF8.GetString(replies[1..replies.IndexOf("\r\n"u8)]);
        }
    }
}
