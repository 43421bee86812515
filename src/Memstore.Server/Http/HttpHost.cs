using System.Net;
using System.Net.Sockets;
using Memstore.Server.Http.Console;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Memstore.Server.Http;

/// <summary>REST and everything else that is served over HTTP, on Kestrel, in the server's process.</summary>
internal sealed class HttpHost : IAsyncDisposable
{
    private const int HeadersMax = 32 * 1024;

    /// <summary>How long requests that run may take when the server stops.</summary>
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(2);

    private readonly WebApplication _application;

    private HttpHost(WebApplication application) => _application = application;

    /// <summary>Where it listens.</summary>
    public IReadOnlyList<IPEndPoint> EndPoints { get; private set; } = [];

    /// <summary>Listens.</summary>
    /// <param name="server">Whose data is served.</param>
    /// <param name="endPoints">Where; port 0 picks a free one.</param>
    /// <param name="patience">How slow clients may be; null is as slow as the documentation says.</param>
    /// <exception cref="IOException">It cannot listen; the message is for the operator.</exception>
    public static async Task<HttpHost> StartAsync(ServerState server, IReadOnlyList<IPEndPoint> endPoints, HttpPatience? patience = null)
    {
        patience ??= new HttpPatience();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<ILoggerFactory>(new HttpLoggerFactory(server.Logger));
        builder.WebHost.UseKestrelCore();
        builder.Services.AddSingleton<IConnectionListenerFactory, UnreachableTransport>();

        // A request runs on the thread of the pool that received it. What blocks there blocks no other connection: the runtime asks for another
        // thread before it handles a socket's event.
        builder.Services.Configure<SocketTransportOptions>(static options =>
        {
            options.UnsafePreferInlineScheduling = true;
            options.CreateBoundListenSocket = Bind;
        });
        builder.WebHost.ConfigureKestrel(options =>
        {
            Limit(options.Limits, server, patience);
            options.AddServerHeader = false;
            options.RequestHeaderEncodingSelector = ContentLengthEncoding.Of;
            Http2Choice.Listen(options, endPoints, new ConnectionPlaces(server), patience.FirstBytes);
        });

        var application = builder.Build();
        application.Use(next => new HttpGuard(server, next).InvokeAsync);
        application.UseRouting();
        MapEndpoints(application, server);
        var host = new HttpHost(application);
        try
        {
            await application.StartAsync().ConfigureAwait(false);
        }
        catch
        {
            await host.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        var addresses = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? [];
        host.EndPoints = [.. addresses.Select(static address => Uri.TryCreate(address, UriKind.Absolute, out var uri) && IPEndPoint.TryParse(uri.Authority, out var bound) ? bound : null).OfType<IPEndPoint>()];
        return host;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(StopTimeout);
        try
        {
            await _application.StopAsync(patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Requests that have no end are cut off.
        }

        await _application.DisposeAsync().ConfigureAwait(false);
    }

    // Kestrel's own :: takes the addresses of IPv4 too, and then there is no room for * beside it.
    private static Socket Bind(EndPoint endPoint)
    {
        if (endPoint is not IPEndPoint { AddressFamily: AddressFamily.InterNetworkV6 }) return SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
        var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = false };
        try
        {
            socket.Bind(endPoint);
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }

    private static void Limit(KestrelServerLimits limits, ServerState server, HttpPatience patience)
    {
        // A value travels in Base64 or with every byte escaped: \u0000.
        limits.MaxRequestBodySize = Math.Min(int.MaxValue, server.Settings.Number("http-max-body"));
        limits.MaxRequestHeadersTotalSize = HeadersMax;
        limits.RequestHeadersTimeout = patience.Headers;
        limits.MinRequestBodyDataRate = new MinDataRate(patience.BodyBytesPerSecond, patience.BodyGrace);
        limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
    }

    private static void MapEndpoints(IEndpointRouteBuilder routes, ServerState server)
    {
        var commands = new HttpCommands(server);
        ExecuteEndpoint.Map(routes, commands);
        CommandEndpoints.Map(routes, commands);
        TransactionEndpoints.Map(routes, commands);
        EventStreams.Map(routes, commands);
        KeyListEndpoint.Map(routes, commands);
        KeyEndpoints.Map(routes, commands);
        Documentation.Map(routes, server);
        routes.MapObservability(server);
        ConsoleEndpoints.Map(routes);
    }

    // The log of the server, whatever the category; but that there is no REST API is one line of ours, and the host's would be a page.
    private sealed class HttpLoggerFactory(ILogger logger) : ILoggerFactory
    {
        public void AddProvider(ILoggerProvider provider)
        {
        }

        public ILogger CreateLogger(string categoryName) =>
            categoryName.StartsWith("Microsoft.Extensions.Hosting", StringComparison.Ordinal) ? NullLogger.Instance : new QuietLogger(logger);

        public void Dispose()
        {
        }
    }

    // What a client does wrong is Kestrel's information; the operator wants warnings and worse.
    private sealed class QuietLogger(ILogger logger) : ILogger
    {
        // Of these it makes critical errors all the same, dozens for each connection: a client that resets streams as fast as it begins them.
        private static readonly string[] Floods = ["Http2QueueOperationsExceeded", "ApplicationNeverCompleted"];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning && logger.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel) && !Floods.Contains(eventId.Name)) logger.Log(logLevel, eventId, state, exception, formatter);
        }
    }
}

/// <summary>How slow clients may be before they are cut off. The web server looks once a second.</summary>
internal sealed record HttpPatience
{
    /// <summary>From connecting to the bytes that tell the version of HTTP.</summary>
    public TimeSpan FirstBytes { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>From a request's first byte to the end of its headers.</summary>
    public TimeSpan Headers { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The rate below which a body may not fall.</summary>
    public double BodyBytesPerSecond { get; init; } = 240;

    /// <summary>For so long a body may come at any rate.</summary>
    public TimeSpan BodyGrace { get; init; } = TimeSpan.FromSeconds(5);
}
