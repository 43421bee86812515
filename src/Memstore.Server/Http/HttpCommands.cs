using System.Buffers;
using System.Globalization;
using System.Net;
using Memstore.Engine.Journaling;
using Memstore.Protocol;
using Memstore.Server.Commands;
using Memstore.Server.Sessions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.ObjectPool;

namespace Memstore.Server.Http;

/// <summary>
/// Runs the commands of REST requests: each in a session of a client inside the process, through the same gates, transactions and figures as
/// those of RESP. Thread-safe.
/// </summary>
internal sealed class HttpCommands(ServerState server)
{
    /// <summary>A copy of replies that is longer is not pooled, in bytes.</summary>
    private const int CopyPooled = 1024 * 1024;

    private readonly LocalClientPool _clients = new(server);
    private readonly ObjectPool<HttpExchange> _exchanges = new DefaultObjectPool<HttpExchange>(new ExchangePolicy(), 64);

    /// <summary>The headers that every request may have.</summary>
    public static readonly RestParameter[] Parameters =
    [
        new("Memstore-Database", "header", "The number of the database.", "integer"),
        new("Memstore-Durability", "header", "How safe commits must be before the answer: none, everysec or always."),
    ];

    /// <summary>What the server's sessions share.</summary>
    public ServerState Server => server;

    /// <summary>The longest argument, in bytes.</summary>
    public long ArgumentSizeMax => server.Settings.RequestLimits.BulkSizeMax;

    /// <summary>An empty exchange.</summary>
    public HttpExchange RentExchange() => _exchanges.Get();

    /// <summary>Takes an exchange back.</summary>
    public void Return(HttpExchange exchange) => _exchanges.Return(exchange);

    /// <summary>Uses the replies while they are there.</summary>
    public delegate void UseReplies<in T>(ReadOnlySpan<byte> replies, T state);

    /// <summary>Runs the commands of a request in one session and gives their replies to <paramref name="use"/>.</summary>
    /// <exception cref="HttpUnavailableException">There are as many clients as may be, or the client was disconnected.</exception>
    /// <exception cref="BadRequestException">The request's headers make no sense.</exception>
    public async Task RunAsync<T>(HttpContext context, RequestList requests, int protocol, UseReplies<T> use, T state)
    {
        var client = Connect(context, protocol);
        try
        {
            await RunAsync(client, requests, use, state, context.RequestAborted).ConfigureAwait(false);
        }
        finally
        {
            Disconnect(client);
        }
    }

    /// <summary>A session for several runs, as the request's headers want it. <see cref="Disconnect"/> ends it.</summary>
    /// <exception cref="HttpUnavailableException">There are as many clients as may be.</exception>
    /// <exception cref="BadRequestException">The request's headers make no sense.</exception>
    public LocalClient Connect(HttpContext context, int protocol)
    {
        var connection = context.Connection;
        return _clients.Rent(EndPoint(connection.RemoteIpAddress, connection.RemotePort), EndPoint(connection.LocalIpAddress, connection.LocalPort), TermsOf(context, protocol))
            ?? throw new HttpUnavailableException("max number of clients reached");
    }

    /// <summary>Ends a session; what it left open is rolled back.</summary>
    public void Disconnect(LocalClient client) => _clients.Return(client);

    /// <summary>
    /// Runs commands in a session and gives their replies to <paramref name="use"/>: fewer than there are commands if the session ended between them.
    /// </summary>
    /// <exception cref="HttpUnavailableException">The client was disconnected.</exception>
    public static async Task RunAsync<T>(LocalClient client, RequestList requests, UseReplies<T> use, T state, CancellationToken cancelled)
    {
        var replies = await AskAsync(client, requests, cancelled).ConfigureAwait(false);
        try
        {
            Use(replies, use, state);
        }
        finally
        {
            // Whatever became of them: the next request in this session must not find them.
            client.Taken();
        }
    }

    /// <summary>Runs commands in a session and gives their replies where they are; they hold until the client is told that they are taken, which must be done.</summary>
    /// <exception cref="HttpUnavailableException">The client was disconnected.</exception>
    public static async Task<ReadOnlySequence<byte>> AskAsync(LocalClient client, RequestList requests, CancellationToken cancelled)
    {
        try
        {
            var replies = await client.RunAsync(requests, cancelled).ConfigureAwait(false);
            if (replies.IsEmpty && requests.Count > 0) throw new HttpUnavailableException("the connection was closed before there was an answer");
            return replies;
        }
        catch (LocalClientException error)
        {
            throw new HttpUnavailableException($"the connection was closed: {error.Message}");
        }
    }

    /// <summary>Why one of these commands cannot be run by a request that is answered at once; null if all can.</summary>
    public string? RefusalOf(RequestList requests)
    {
        for (var i = 0; i < requests.Count; i++)
            if (RefusalOf(requests[i]) is { } refusal) return refusal;
        return null;
    }

    /// <summary>The same of the commands between a MULTI and an EXEC that are the first and the last: what does not queue would end the transaction before its end.</summary>
    public string? RefusalOfTransaction(RequestList requests)
    {
        for (var i = 1; i < requests.Count - 1; i++)
        {
            if (server.Commands.Resolve(requests[i], out _) is { } row && (row.Flags & CommandFlags.Unqueued) != 0) return $"ERR {row.Name} is not allowed inside a transaction";
            if (RefusalOf(requests[i]) is { } refusal) return refusal;
        }
        return null;
    }

    private string? RefusalOf(in Request request)
    {
        if (server.Commands.Resolve(request, out _) is not { } row) return null;
        const CommandFlags Subscribes = CommandFlags.PubSub | CommandFlags.WhileSubscribed;
        if ((row.Flags & Subscribes) == Subscribes || row.Name == "monitor") return $"ERR {row.Name} has no end: use the event streams";
        if (row.Name == "hello" || row.Name == "client|reply") return $"ERR {row.Name} changes a connection, and a request has none";
        return null;
    }

    /// <summary>What a request's headers ask for.</summary>
    private LocalTerms TermsOf(HttpContext context, int protocol)
    {
        var headers = context.Request.Headers;
        var database = 0;
        if (headers.TryGetValue("Memstore-Database", out var number)
            && (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out database) || database >= server.Store.DatabaseCount))
            throw new BadRequestException($"Memstore-Database must be a number from 0 to {server.Store.DatabaseCount - 1}.");
        Durability? durability = null;
        if (headers.TryGetValue("Memstore-Durability", out var level))
        {
            durability = level.ToString() switch
            {
                "none" => Durability.None,
                "everysec" => Durability.EverySecond,
                "always" => Durability.Always,
                _ => throw new BadRequestException("Memstore-Durability must be none, everysec or always."),
            };
        }
        return new LocalTerms(protocol, database, durability);
    }

    private static void Use<T>(ReadOnlySequence<byte> replies, UseReplies<T> use, T state)
    {
        if (replies.IsSingleSegment)
        {
            use(replies.FirstSpan, state);
            return;
        }

        if (replies.Length > Array.MaxLength) throw new BadRequestException("The answer is longer than 2 GB; ask for less at once.");
        var length = (int)replies.Length;

        // The pool would keep what is very long for a long time.
        var copy = length > CopyPooled ? GC.AllocateUninitializedArray<byte>(length) : ArrayPool<byte>.Shared.Rent(length);
        replies.CopyTo(copy);
        try
        {
            use(copy.AsSpan(0, length), state);
        }
        finally
        {
            if (length <= CopyPooled) ArrayPool<byte>.Shared.Return(copy);
        }
    }

    private static IPEndPoint? EndPoint(IPAddress? address, int port) => address is null ? null : new IPEndPoint(address, port);

    private sealed class ExchangePolicy : IPooledObjectPolicy<HttpExchange>
    {
        public HttpExchange Create() => new();

        public bool Return(HttpExchange exchange)
        {
            var isKept = exchange.Requests.ArgumentCount <= LocalClient.ArgumentsKept;
            exchange.Clear();
            return isKept;
        }
    }
}

/// <summary>Thrown when a request cannot be served now; the message is for the client.</summary>
internal sealed class HttpUnavailableException(string message) : Exception(message);
