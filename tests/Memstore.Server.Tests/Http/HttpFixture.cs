using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Memstore.Server.Http;
using Memstore.Server.Tests.Transports;
using Microsoft.Extensions.Time.Testing;

namespace Memstore.Server.Tests.Http;

/// <summary>A server in the test's process that serves REST on a free port, and a client of it.</summary>
internal sealed class HttpFixture : IAsyncDisposable
{
    private HttpFixture(ServerHost host, FakeTimeProvider clock, ConcurrentQueue<string> log)
    {
        Host = host;
        Clock = clock;
        Log = log;
        Client = new HttpClient { BaseAddress = new Uri($"http://{EndPoint}") };
    }

    public ServerHost Host { get; }

    /// <summary>The clock of everything but Kestrel's own limits.</summary>
    public FakeTimeProvider Clock { get; }

    /// <summary>What the server has logged.</summary>
    public ConcurrentQueue<string> Log { get; }

    public IPEndPoint EndPoint => Host.HttpEndPoints[0];

    public HttpClient Client { get; }

    public static Task<HttpFixture> StartAsync(params (string Name, string Value)[] settings) => StartAsync(null, settings);

    /// <summary>Starts one that is patient with slow clients for as long as is said.</summary>
    public static async Task<HttpFixture> StartAsync(HttpPatience? patience, params (string Name, string Value)[] settings)
    {
        var clock = new FakeTimeProvider();
        var log = new ConcurrentQueue<string>();
        var host = ServerFixture.Make(clock, new LineLogger(log), settings);
        await host.StartAsync();
        await host.StartHttpAsync(port: 0, patience);
        return new HttpFixture(host, clock, log);
    }

    /// <summary>Posts JSON and gives the status and the body.</summary>
    public async Task<(HttpStatusCode Status, string Body)> PostAsync(string path, string body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        foreach (var (name, value) in headers) Assert(request.Headers.TryAddWithoutValidation(name, value), name);
        using var response = await Client.SendAsync(request);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>Sends a request without a body, or with one of bytes.</summary>
    public async Task<HttpResponseMessage> SendAsync(string method, string path, byte[]? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = body is null ? null : new ByteArrayContent(body) };
        foreach (var (name, value) in headers) Assert(request.Headers.TryAddWithoutValidation(name, value) || request.Content!.Headers.TryAddWithoutValidation(name, value), name);
        return await Client.SendAsync(request);
    }

    /// <summary>Sends a text, or nothing, and gives the status and the body.</summary>
    public async Task<(int Status, string Body)> AskAsync(string method, string path, string? body = null, params (string Name, string Value)[] headers)
    {
        using var response = await SendAsync(method, path, body is null ? null : Encoding.UTF8.GetBytes(body), headers);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>Waits until there are so many sessions: a request gives its own back after its answer has left.</summary>
    public Task UntilSessionsAsync(int count) => ServerFixture.UntilSessionsAsync(Host, count);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Host.DisposeAsync();
    }

    private static void Assert(bool isTrue, string what)
    {
        if (!isTrue) throw new ArgumentException(what);
    }
}
