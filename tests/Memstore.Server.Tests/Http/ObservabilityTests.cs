using System.Net;
using System.Text.Json;
using Memstore.Server.Http;
using Memstore.Server.Tests.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Memstore.Server.Tests.Http;

/// <summary>The endpoints that machines look at, on a web server of their own.</summary>
public sealed class ObservabilityTests
{
    [Fact]
    public async Task Metrics_are_served_as_Prometheus_wants_them()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        await using var web = await WebAsync(host);
        using var client = new HttpClient { BaseAddress = AddressOf(web) };
        using var response = await client.GetAsync("/metrics", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        var report = PrometheusChecker.Read(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(0, report["memstore_ready"]);
    }

    [Theory]
    [InlineData("/metrics")]
    [InlineData("/health/live")]
    [InlineData("/health/ready")]
    [InlineData("/openapi.json")]
    public async Task Who_asks_for_the_headers_alone_gets_them(string path)
    {
        await using var server = await HttpFixture.StartAsync();
        Assert.Equal((200, ""), await server.AskAsync("HEAD", path));
    }

    [Fact]
    public async Task A_server_is_ready_when_it_listens_has_loaded_and_can_write_and_says_why_it_is_not()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        await using var web = await WebAsync(host);
        using var client = new HttpClient { BaseAddress = AddressOf(web) };
        Assert.Equal((HttpStatusCode.OK, "live", ""), await AskAsync(client, "/health/live"));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "not ready", "the server does not listen yet"), await AskAsync(client, "/health/ready"));
        await host.StartAsync();
        Assert.Equal((HttpStatusCode.OK, "ready", ""), await AskAsync(client, "/health/ready"));
        host.State.Show(ServerStates.Loading, true);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "not ready", "the data is being loaded"), await AskAsync(client, "/health/ready"));
        host.State.Show(ServerStates.Loading, false);
        host.State.Show(ServerStates.DiskFailed, true);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "not ready", "the disk failed"), await AskAsync(client, "/health/ready"));
        Assert.Equal((HttpStatusCode.OK, "live", ""), await AskAsync(client, "/health/live"));
    }

    private static async Task<WebApplication> WebAsync(ServerHost host)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var web = builder.Build();
        web.MapObservability(host.State);
        await web.StartAsync(TestContext.Current.CancellationToken);
        return web;
    }

    private static Uri AddressOf(WebApplication web) => new(web.Urls.Single());

    private static async Task<(HttpStatusCode Code, string Status, string Reasons)> AskAsync(HttpClient client, string path)
    {
        using var response = await client.GetAsync(path, TestContext.Current.CancellationToken);
        using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        var reasons = json.RootElement.TryGetProperty("reasons", out var all) ? string.Join("; ", all.EnumerateArray().Select(static reason => reason.GetString())) : "";
        return (response.StatusCode, json.RootElement.GetProperty("status").GetString()!, reasons);
    }
}
