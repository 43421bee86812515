using System.Net;
using System.Text;
using Memstore.Server.Http;
using Xunit;

namespace Memstore.Server.Tests.Http;

/// <summary>
/// Clients that send a request so slowly that it never ends: they are cut off, and others are served meanwhile. The limits are short ones, and they
/// are waited for on real sockets; a slower machine only makes the clients slower.
/// </summary>
public sealed class SlowClientTests
{
    // Nobody is cut off before its first bytes but where that is the question: a good client may be given its turn late.
    private static readonly HttpPatience Short = new()
    {
        FirstBytes = ServerFixture.Patience,
        Headers = TimeSpan.FromSeconds(1),
        BodyBytesPerSecond = 100_000,
        BodyGrace = TimeSpan.FromSeconds(1.5),
    };

    [Fact]
    public async Task A_header_that_comes_byte_by_byte_is_cut_off()
    {
        await using var server = await HttpFixture.StartAsync(Short);
        var answer = await TrickleAsync(server, "GET /v1/keys/k HTTP/1.1\r\nHost: localhost\r\nX: ", "x");
        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Content-Length: 1000000\r\n\r\n[\"SET\",\"k\",\"", "x")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n")]
    public async Task A_body_that_comes_slowly_is_cut_off_and_runs_nothing(string head, string piece)
    {
        await using var server = await HttpFixture.StartAsync(Short);
        var answer = await TrickleAsync(server, $"POST / HTTP/1.1\r\nHost: localhost\r\n{head}", piece);
        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
        Assert.Equal(404, (await server.AskAsync("GET", "/v1/keys/k")).Status);
        await server.UntilSessionsAsync(0);
    }

    [Fact]
    public async Task A_body_for_an_open_transaction_that_comes_slowly_does_not_keep_it_from_others()
    {
        await using var server = await HttpFixture.StartAsync(Short);
        using var opened = await server.SendAsync("POST", "/v1/transactions");
        var path = opened.Headers.Location!.OriginalString;
        var answer = await TrickleAsync(server, $"POST {path}/commands HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n[", " ");
        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
        Assert.Equal((200, """{"result":1}"""), await server.AskAsync("POST", $"{path}/commands", """["INCR","n"]"""));
        Assert.Equal(200, (await server.AskAsync("POST", $"{path}/commit")).Status);
    }

    [Theory]
    [InlineData("")]
    [InlineData("P")]
    [InlineData("PR")]
    public async Task A_client_that_does_not_say_what_it_speaks_is_cut_off(string start)
    {
        await using var server = await HttpFixture.StartAsync(Short with { FirstBytes = TimeSpan.FromSeconds(1) });
        using var raw = await RawHttp.ConnectAsync(server.EndPoint);
        await raw.SendAsync(start);
        Assert.Empty(await raw.ReadAsync());
    }

    // Sends the head and then pieces until the server has had enough; others are answered in between.
    private static async Task<string> TrickleAsync(HttpFixture server, string head, string piece)
    {
        using var raw = await RawHttp.ConnectAsync(server.EndPoint);
        await raw.SendAsync(head);
        var answer = raw.ReadAsync();
        do
        {
            Assert.Equal(HttpStatusCode.OK, (await server.PostAsync("/", """["PING"]""")).Status);
            await Task.WhenAny(answer, Task.Delay(20, TestContext.Current.CancellationToken));
        }
        while (!answer.IsCompleted && await raw.SendAsync(piece));
        return Encoding.Latin1.GetString(await answer);
    }
}
