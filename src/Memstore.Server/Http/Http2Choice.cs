using System.Buffers;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Memstore.Server.Http;

/// <summary>
/// HTTP/1.1 and HTTP/2 on one port without TLS: a client that knows that the server speaks HTTP/2 begins with the preface of RFC 9113,
/// section 3.4, and its first three letters are no method of HTTP/1.1. The web server itself takes only one of the two per endpoint, so there
/// is an endpoint for HTTP/2 that nobody can connect to, and connections of the others are handed to it.
/// </summary>
internal sealed class Http2Choice
{
    private readonly ConnectionPlaces _places;
    private readonly TimeSpan _patience;
    private ConnectionDelegate? _http2;

    private Http2Choice(ConnectionPlaces places, TimeSpan patience)
    {
        _places = places;
        _patience = patience;
    }

    private static ReadOnlySpan<byte> Preface => "PRI"u8;

    /// <summary>Adds the endpoints. <see cref="UnreachableTransport"/> must be among the transports.</summary>
    /// <param name="options">Where they are added.</param>
    /// <param name="endPoints">Where to listen.</param>
    /// <param name="places">How many connections there may be; one beyond is closed.</param>
    /// <param name="patience">A connection that has not said by then what it speaks is closed.</param>
    public static void Listen(KestrelServerOptions options, IReadOnlyList<IPEndPoint> endPoints, ConnectionPlaces places, TimeSpan patience)
    {
        var choice = new Http2Choice(places, patience);
        options.Listen(UnreachableTransport.EndPoint, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.Use(next => choice._http2 = next);
        });
        foreach (var endPoint in endPoints)
        {
            options.Listen(endPoint, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use(next => connection => choice.ChooseAsync(connection, next));
            });
        }
    }

    private async Task ChooseAsync(ConnectionContext connection, ConnectionDelegate http1)
    {
        if (!_places.TryTake(connection)) return;
        if (await SpeaksHttp2Async(connection).ConfigureAwait(false) is { } isHttp2) await (isHttp2 ? _http2! : http1)(connection).ConfigureAwait(false);
    }

    // Null if it never says.
    private async ValueTask<bool?> SpeaksHttp2Async(ConnectionContext connection)
    {
        var input = connection.Transport.Input;
        var closing = connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? default;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed, closing);
        patience.CancelAfter(_patience);
        try
        {
            while (true)
            {
                var read = await input.ReadAsync(patience.Token).ConfigureAwait(false);
                var decided = Decide(read.Buffer);
                if (read.IsCompleted) decided ??= false;

                // Nothing is consumed: whoever serves the connection reads it again.
                input.AdvanceTo(read.Buffer.Start, decided is null ? read.Buffer.End : read.Buffer.Start);
                if (decided is not null) return decided;
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ConnectionAbortedException or IOException)
        {
            return null;
        }
    }

    // Null if more must come.
    private static bool? Decide(ReadOnlySequence<byte> buffer)
    {
        Span<byte> start = stackalloc byte[Preface.Length];
        start = start[..(int)Math.Min(buffer.Length, start.Length)];
        buffer.Slice(0, start.Length).CopyTo(start);
        if (!Preface.StartsWith(start)) return false;
        return start.Length == Preface.Length ? true : null;
    }
}

/// <summary>The transport of an endpoint that accepts no connection.</summary>
internal sealed class UnreachableTransport : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    /// <summary>The only endpoint that it knows.</summary>
    public static EndPoint EndPoint { get; } = new Nowhere();

    /// <inheritdoc/>
    public bool CanBind(EndPoint endpoint) => endpoint is Nowhere;

    /// <inheritdoc/>
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) => new(new Listener());

    private sealed class Nowhere : EndPoint
    {
        public override string ToString() => "nowhere";
    }

    private sealed class Listener : IConnectionListener
    {
        private readonly TaskCompletionSource<ConnectionContext?> _never = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public EndPoint EndPoint => UnreachableTransport.EndPoint;

        public ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) => new(_never.Task);

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            _never.TrySetResult(null);
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }
}
