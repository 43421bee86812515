using System.IO.Compression;
using System.Net;
using System.Text;
using Xunit;

namespace Memstore.Server.Tests.Http;

/// <summary>What no well-behaved client sends; after each the server still serves.</summary>
public sealed class BadRequestTests
{
    private const string Head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

    [Theory]
    [InlineData("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG")]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Length: 60\r\n\r\n0\r\n\r\nGET /v1/keys/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding:\u000bchunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Content-Length: 8\r\nContent-Length: 9\r\n\r\n[\"PING\"]")]
    [InlineData("Content-Length: 8, 8\r\n\r\n[\"PING\"]")]
    [InlineData("Content-Length: -1\r\n\r\n[\"PING\"]")]
    [InlineData("Content-Length: +8\r\n\r\n[\"PING\"]")]
    [InlineData("Content-Length: 8.0\r\n\r\n[\"PING\"]")]
    [InlineData("Content-Length: 000000000000000000008\r\n\r\n[\"PING\"]")]
    [InlineData("Content-Length: 18446744073709551624\r\n\r\n[\"PING\"]")]
    [InlineData("Content-Length:\r\n\r\n[\"PING\"]")]
    [InlineData("Content-Length: 0x8\r\n\r\n[\"PING\"]")]
    [InlineData("Content-Length: 99999999999999999999\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nz\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n-1\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nx")]
    [InlineData("X: a\0b\r\n\r\n")]
    [InlineData(" folded\r\n\r\n")]
    public async Task One_request_that_could_be_read_as_two_is_refused_and_the_connection_closed(string rest)
    {
        await using var server = await HttpFixture.StartAsync();
        var answer = await RawHttp.AskAsync(server.EndPoint, Head + rest);
        Assert.Matches("^HTTP/1\\.1 (400|413|501) ", answer);
        Assert.Single(AnswersOf(answer));
        await AssertServesAsync(server);
    }

    [Fact]
    public async Task A_body_longer_than_it_says_is_another_request_that_is_none()
    {
        await using var server = await HttpFixture.StartAsync();
        var answers = AnswersOf(await RawHttp.AskAsync(server.EndPoint, $"{Head}Content-Length: 8\r\n\r\n[\"PING\"]more\r\n\r\n"));
        Assert.Equal(["200", "400"], answers);
    }

    [Fact]
    public async Task A_body_shorter_than_it_says_runs_nothing()
    {
        await using var server = await HttpFixture.StartAsync();
        using (var raw = await RawHttp.ConnectAsync(server.EndPoint))
        {
            await raw.SendAsync($"{Head}Content-Length: 100\r\n\r\n[\"SET\",\"k\",\"v\"]");
            raw.EndSending();
            var answer = Encoding.Latin1.GetString(await raw.ReadAsync());
            Assert.DoesNotContain("200", answer, StringComparison.Ordinal);
        }
        Assert.Equal(404, (await server.AskAsync("GET", "/v1/keys/k")).Status);
    }

    [Theory]
    [InlineData("Content-Length: 100\r\n\r\n[")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\n[")]
    [InlineData("Content-Length: 100\r\n\r\n[", "/v1/transactions")]
    public async Task A_client_that_leaves_in_the_middle_of_its_request_and_one_that_is_cut_off_by_the_end_of_the_server_are_nothing_to_log(string rest, string path = "/")
    {
        var server = await HttpFixture.StartAsync();
        var request = $"POST {path} HTTP/1.1\r\nHost: localhost\r\n{rest}";
        var cutOff = new List<RawHttp>();
        for (var i = 0; i < 60; i++)
        {
            var raw = await RawHttp.ConnectAsync(server.EndPoint);
            await raw.SendAsync(request);
            if (i % 3 == 0) cutOff.Add(raw);
            else raw.End(isReset: i % 3 == 1);
        }

        await AssertServesAsync(server);
        await server.DisposeAsync();
        foreach (var raw in cutOff) raw.Dispose();
        Assert.DoesNotContain(server.Log, static line => line.StartsWith("Connection", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("X: ")]
    [InlineData("")]
    public async Task Headers_without_an_end_are_refused_early(string start)
    {
        await using var server = await HttpFixture.StartAsync();
        using var raw = await RawHttp.ConnectAsync(server.EndPoint);
        await raw.SendAsync($"GET / HTTP/1.1\r\n{start}");
        var piece = start.Length > 0 ? new string('x', 64 * 1024) : string.Concat(Enumerable.Repeat("A: b\r\n", 10_000));
        var answer = raw.ReadAsync();
        var pieces = 0;
        while (pieces < 16_384 && !answer.IsCompleted && await raw.SendAsync(piece)) pieces++;
        Assert.InRange(pieces, 0, 1_000);
        await AssertServesAsync(server);
    }

    [Fact]
    public async Task Headers_that_are_too_long_are_answered_with_431()
    {
        await using var server = await HttpFixture.StartAsync();
        Assert.StartsWith("HTTP/1.1 431 ", await RawHttp.AskAsync(server.EndPoint, $"GET / HTTP/1.1\r\nX: {new string('x', 40_000)}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_of_a_request_without_an_end_is_refused()
    {
        await using var server = await HttpFixture.StartAsync();
        Assert.StartsWith("HTTP/1.1 414 ", await RawHttp.AskAsync(server.EndPoint, $"GET /{new string('x', 40_000)}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chunks_without_an_end_are_cut_off_at_the_limit_on_bodies()
    {
        await using var server = await HttpFixture.StartAsync(("http-max-body", "100000"));
        using var raw = await RawHttp.ConnectAsync(server.EndPoint);
        await raw.SendAsync($"{Head}Transfer-Encoding: chunked\r\n\r\n");
        var answer = raw.ReadAsync();
        var chunk = $"1000\r\n{new string(' ', 4096)}\r\n";
        var chunks = 0;
        while (chunks < 100_000 && !answer.IsCompleted && await raw.SendAsync(chunk)) chunks++;
        Assert.InRange(chunks, 1, 10_000);
        await AssertServesAsync(server);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("identity, gzip")]
    public async Task A_body_that_would_unfold_is_refused(string encoding)
    {
        await using var server = await HttpFixture.StartAsync();
        var bomb = new MemoryStream();
        using (var gzip = new GZipStream(bomb, CompressionLevel.Fastest)) gzip.Write(new byte[10_000_000]);
        using var response = await server.SendAsync("PUT", "/v1/keys/k", bomb.ToArray(), ("Content-Encoding", encoding));
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        Assert.Equal(404, (await server.AskAsync("GET", "/v1/keys/k")).Status);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/pipeline")]
    [InlineData("/multi-exec")]
    [InlineData("/v1/execute")]
    [InlineData("/v1/transactions")]
    public async Task Json_that_is_too_deep_is_refused(string path)
    {
        await using var server = await HttpFixture.StartAsync();
        foreach (var depth in (int[])[20, 100_000])
        {
            Assert.Equal(HttpStatusCode.BadRequest, (await server.PostAsync(path, new string('[', depth))).Status);
            Assert.Equal(HttpStatusCode.BadRequest, (await server.PostAsync(path, $"{new string('[', depth)}{new string(']', depth)}")).Status);
            Assert.Equal(HttpStatusCode.BadRequest, (await server.PostAsync(path, string.Concat(Enumerable.Repeat("{\"commands\":", depth)))).Status);
        }
    }

    [Theory]
    [InlineData("""["SET","k","\ud800"]""")]
    [InlineData("""["SET","k","\udc00\ud800"]""")]
    [InlineData("""["SET","k","\u00"]""")]
    [InlineData("[\"SET\",\"k\",\"\u00ff\u00fe\"]")]
    [InlineData("[\"SET\",\"k\",\"\0\"]")]
    [InlineData("""["SET","k",NaN]""")]
    [InlineData("""["SET","k",01]""")]
    [InlineData("""["SET","k",null]""")]
    [InlineData("""["SET","k",["v"]]""")]
    [InlineData("""["SET","k","v"] ["SET","k","v"]""")]
    [InlineData("""["SET","k","v",]""")]
    [InlineData("""/*c*/["SET","k","v"]""")]
    [InlineData("")]
    public async Task What_is_no_JSON_is_refused(string body)
    {
        await using var server = await HttpFixture.StartAsync();
        using var response = await server.SendAsync("POST", "/", Encoding.Latin1.GetBytes(body), ("Content-Type", "application/json"));
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(404, (await server.AskAsync("GET", "/v1/keys/k")).Status);
    }

    [Fact]
    public async Task A_number_of_any_size_is_an_argument_as_it_was_written()
    {
        await using var server = await HttpFixture.StartAsync();
        var digits = new string('9', 5_000);
        Assert.Equal("""{"result":"OK"}""", (await server.PostAsync("/", """["SET","k",1e400]""")).Body);
        Assert.Equal("""{"result":"1e400"}""", (await server.PostAsync("/", """["GET","k"]""")).Body);
        Assert.Equal(HttpStatusCode.BadRequest, (await server.PostAsync("/", """["INCRBYFLOAT","n",1e5000]""")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await server.PostAsync("/", $"""["INCRBY","n",{digits}]""")).Status);
    }

    [Theory]
    [InlineData("HEAD", "/v1/commands", 405)]
    [InlineData("OPTIONS", "/v1/commands", 405)]
    [InlineData("OPTIONS", "*", 405)]
    [InlineData("TRACE", "/v1/commands", 405)]
    [InlineData("CONNECT", "localhost:80", 405)]
    [InlineData("GET", "/v1/commands", 405)]
    [InlineData("get", "/v1/commands", 405)]
    [InlineData("PROPFIND", "/v1/keys/k", 405)]
    public async Task A_method_that_is_not_taken_echoes_nothing(string method, string target, int status)
    {
        await using var server = await HttpFixture.StartAsync();
        var answer = await RawHttp.AskAsync(server.EndPoint, $"{method} {target} HTTP/1.1\r\nHost: {(method == "CONNECT" ? target : "localhost")}\r\nX-Secret: hush\r\nConnection: close\r\n\r\n");
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("hush", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "https://good.example", 403, null)]
    [InlineData("https://good.example", "https://good.example", 204, "https://good.example")]
    [InlineData("https://good.example", "https://evil.example", 403, null)]
    public async Task A_browser_may_ask_before_a_request_only_if_its_page_may_use_the_server(string allowed, string origin, int status, string? told)
    {
        await using var server = await HttpFixture.StartAsync(("http-allowed-origins", allowed), ("requirepass", "secret"));
        using var preflight = await server.SendAsync("OPTIONS", "/v1/keys/k", null, ("Origin", origin), ("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "authorization"));
        Assert.Equal(status, (int)preflight.StatusCode);
        Assert.Equal(told, OriginOf(preflight));
        if (told is null) return;
        Assert.Contains("PUT", preflight.Headers.GetValues("Access-Control-Allow-Methods").Single(), StringComparison.Ordinal);
        using var put = await server.SendAsync("PUT", "/v1/keys/k", [], ("Origin", origin), ("Authorization", "Bearer secret"));
        Assert.Equal((HttpStatusCode.Created, told), (put.StatusCode, OriginOf(put)));
        using var refused = await server.SendAsync("PUT", "/v1/keys/k", [], ("Origin", origin));
        Assert.Equal((HttpStatusCode.Unauthorized, told), (refused.StatusCode, OriginOf(refused)));
    }

    [Theory]
    [InlineData("true", "true")]
    [InlineData(null, null)]
    public async Task A_page_in_the_Internet_that_may_use_the_server_may_know_that_it_is_nearby(string? asked, string? told)
    {
        await using var server = await HttpFixture.StartAsync(("http-allowed-origins", "https://good.example"));
        List<(string, string)> headers = [("Origin", "https://good.example"), ("Access-Control-Request-Method", "PUT")];
        if (asked is not null) headers.Add(("Access-Control-Request-Private-Network", asked));
        using var preflight = await server.SendAsync("OPTIONS", "/v1/keys/k", null, [.. headers]);
        Assert.Equal(told, preflight.Headers.TryGetValues("Access-Control-Allow-Private-Network", out var values) ? values.Single() : null);
    }

    // What browsers send with an image, a script, a frame or a link of a page, none of which has an Origin.
    [Theory]
    [InlineData("cross-site", "no-cors", "image", 403)]
    [InlineData("same-site", "no-cors", "script", 403)]
    [InlineData("cross-site", "navigate", "iframe", 403)]
    [InlineData("cross-site", "navigate", "document", 200)]
    [InlineData("same-origin", "no-cors", "image", 200)]
    [InlineData("none", "navigate", "document", 200)]
    public async Task What_a_page_of_another_origin_loads_is_turned_away(string site, string mode, string destination, int status)
    {
        await using var server = await HttpFixture.StartAsync();
        Assert.Equal(status, (await server.AskAsync("GET", "/v1/keys", null, ("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", destination))).Status);
    }

    [Fact]
    public async Task A_page_without_leave_is_not_told_that_it_has_it()
    {
        await using var server = await HttpFixture.StartAsync();
        using var response = await server.SendAsync("GET", "/v1/keys/k");
        Assert.Null(OriginOf(response));
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/v1/subscribe?channel=a")]
    public async Task There_are_no_web_sockets(string path)
    {
        await using var server = await HttpFixture.StartAsync();
        using var raw = await RawHttp.ConnectAsync(server.EndPoint);
        await raw.SendAsync($"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
        var head = await raw.ReadUntilAsync("\r\n\r\n");
        Assert.DoesNotContain(" 101 ", head, StringComparison.Ordinal);

        // A frame that says that it is 2^63 bytes long.
        await raw.SendAsync(new byte[] { 0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 2, 3 });
        await AssertServesAsync(server);
    }

    [Fact]
    public async Task A_thousand_requests_that_never_end_leave_RESP_served()
    {
        await using var server = await HttpFixture.StartAsync();
        var slow = new List<RawHttp>();
        try
        {
            for (var i = 0; i < 1_000; i++)
            {
                slow.Add(await RawHttp.ConnectAsync(server.EndPoint));
                await slow[i].SendAsync(i % 2 == 0 ? "POST / HTTP/1.1\r\nHost: local" : $"{Head}Content-Length: 1000\r\n\r\n[");
            }

            using var client = await ServerFixture.ConnectAsync(server.Host);
            Assert.Equal("+PONG", $"+{await client.AskAsync("PING")}".Replace("++", "+", StringComparison.Ordinal));
            await AssertServesAsync(server);

            // Half requests are no sessions: they cost a connection and a buffer each.
            await server.UntilSessionsAsync(1);
        }
        finally
        {
            foreach (var raw in slow) raw.Dispose();
        }
    }

    [Fact]
    public async Task RESP_on_the_HTTP_port_and_TLS_are_refused()
    {
        await using var server = await HttpFixture.StartAsync();
        Assert.StartsWith("HTTP/1.1 400 ", await RawHttp.AskAsync(server.EndPoint, "*1\r\n$4\r\nPING\r\n"), StringComparison.Ordinal);
        await RawHttp.AskAsync(server.EndPoint, "\u0016\u0003\u0001\0\u00a5\u0001\0\0\u00a1\u0003\u0003\r\n");
        await AssertServesAsync(server);
    }

    private static string? OriginOf(HttpResponseMessage response) => response.Headers.TryGetValues("Access-Control-Allow-Origin", out var origins) ? origins.Single() : null;

    // The status of each answer on a connection.
    private static List<string> AnswersOf(string all) =>
        [.. System.Text.RegularExpressions.Regex.Matches(all, "HTTP/1\\.1 ([0-9]{3}) ").Select(static match => match.Groups[1].Value)];

    private static async Task AssertServesAsync(HttpFixture server) =>
        Assert.Equal((HttpStatusCode.OK, """{"result":"PONG"}"""), await server.PostAsync("/", """["PING"]"""));
}
