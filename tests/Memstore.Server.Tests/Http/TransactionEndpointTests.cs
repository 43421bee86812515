using System.Text.Json;
using Xunit;

namespace Memstore.Server.Tests.Http;

public sealed class TransactionEndpointTests
{
    [Fact]
    public async Task What_a_transaction_writes_is_seen_by_others_after_its_commit()
    {
        await using var server = await HttpFixture.StartAsync();
        var transaction = await BeginAsync(server);
        Assert.Equal((200, """{"result":"OK"}"""), await server.AskAsync("POST", $"{transaction}/commands", """["SET","k","v"]"""));
        Assert.Equal((200, """[{"result":"v"},{"result":1}]"""), await server.AskAsync("POST", $"{transaction}/commands", """[["GET","k"],["EXISTS","k"]]"""));
        Assert.Equal(404, (await server.AskAsync("GET", "/v1/keys/k")).Status);
        Assert.Equal((200, """{"result":"OK"}"""), await server.AskAsync("POST", $"{transaction}/commit"));
        Assert.Equal((200, "v"), await server.AskAsync("GET", "/v1/keys/k"));
        Assert.Equal(404, (await server.AskAsync("POST", $"{transaction}/commit")).Status);
    }

    [Theory]
    [InlineData("POST", "/rollback")]
    [InlineData("DELETE", "")]
    public async Task What_was_rolled_back_never_was(string method, string path)
    {
        await using var server = await HttpFixture.StartAsync();
        var transaction = await BeginAsync(server);
        await server.AskAsync("POST", $"{transaction}/commands", """["SET","k","v"]""");
        Assert.Equal((204, ""), await server.AskAsync(method, $"{transaction}{path}"));
        Assert.Equal(404, (await server.AskAsync("GET", "/v1/keys/k")).Status);
        Assert.Equal(404, (await server.AskAsync("POST", $"{transaction}/commands", """["GET","k"]""")).Status);
    }

    [Fact]
    public async Task Of_two_that_read_the_same_and_write_it_one_conflicts()
    {
        await using var server = await HttpFixture.StartAsync();
        string[] both = [await BeginAsync(server), await BeginAsync(server)];
        foreach (var transaction in both) Assert.Equal((200, """{"result":1}"""), await server.AskAsync("POST", $"{transaction}/commands", """["INCR","k"]"""));
        Assert.Equal(200, (await server.AskAsync("POST", $"{both[0]}/commit")).Status);
        var (status, body) = await server.AskAsync("POST", $"{both[1]}/commit");
        Assert.Equal(409, status);
        Assert.StartsWith("CONFLICT ", JsonDocument.Parse(body).RootElement.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal((200, "1"), await server.AskAsync("GET", "/v1/keys/k"));
    }

    [Fact]
    public async Task A_read_only_one_writes_nothing()
    {
        await using var server = await HttpFixture.StartAsync();
        var transaction = await BeginAsync(server, """{"readonly":true}""");
        var (status, body) = await server.AskAsync("POST", $"{transaction}/commands", """["SET","k","v"]""");
        Assert.Equal(400, status);
        Assert.Contains("error", body, StringComparison.Ordinal);
        Assert.Equal(200, (await server.AskAsync("POST", $"{transaction}/commit")).Status);
    }

    [Theory]
    [InlineData("""["COMMIT"]""")]
    [InlineData("""[["GET","k"],["rollback"]]""")]
    [InlineData("""["RESET"]""")]
    [InlineData("""["QUIT"]""")]
    [InlineData("""["SUBSCRIBE","a"]""")]
    [InlineData("""["MULTI"]""")]
    [InlineData("""{}""")]
    [InlineData("")]
    public async Task Commands_that_would_leave_it_are_refused(string body)
    {
        await using var server = await HttpFixture.StartAsync();
        var transaction = await BeginAsync(server);
        await server.AskAsync("POST", $"{transaction}/commands", """["SET","k","v"]""");
        Assert.Equal(400, (await server.AskAsync("POST", $"{transaction}/commands", body)).Status);
        Assert.Equal((200, """{"result":"v"}"""), await server.AskAsync("POST", $"{transaction}/commands", """["GET","k"]"""));
        Assert.Equal(404, (await server.AskAsync("GET", "/v1/keys/k")).Status);
    }

    [Theory]
    [InlineData("commands", """["SET","k","w"]""")]
    [InlineData("commit", null)]
    [InlineData("rollback", null)]
    public async Task One_whose_time_is_over_is_gone(string path, string? body)
    {
        await using var server = await HttpFixture.StartAsync(("transaction-timeout", "1000"));
        var transaction = await BeginAsync(server);
        await server.AskAsync("POST", $"{transaction}/commands", """["SET","k","v"]""");
        server.Clock.Advance(TimeSpan.FromMilliseconds(999));
        Assert.Equal(200, (await server.AskAsync("POST", $"{transaction}/commands", """["GET","k"]""")).Status);
        server.Clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(410, (await server.AskAsync("POST", $"{transaction}/{path}", body)).Status);
        Assert.Equal(410, (await server.AskAsync("POST", $"{transaction}/commit")).Status);
        Assert.Equal(404, (await server.AskAsync("GET", "/v1/keys/k")).Status);
        server.Clock.Advance(TimeSpan.FromMinutes(2));
        // A sweep passes over one that a request still holds, be it answered already; the next one finds it.
        int status;
        while ((status = (await server.AskAsync("POST", $"{transaction}/commit")).Status) == 410) server.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(404, status);
        await server.UntilSessionsAsync(0);
    }

    [Fact]
    public async Task There_are_at_most_so_many()
    {
        await using var server = await HttpFixture.StartAsync(("http-transactions-max", "2"), ("transaction-timeout", "1000"));
        var first = await BeginAsync(server);
        await BeginAsync(server);
        Assert.Equal(503, (await server.AskAsync("POST", "/v1/transactions")).Status);
        Assert.Equal(204, (await server.AskAsync("DELETE", first)).Status);
        await BeginAsync(server);
        server.Clock.Advance(TimeSpan.FromSeconds(3));
        await BeginAsync(server);
        await BeginAsync(server);
    }

    [Fact]
    public async Task Requests_at_once_run_one_after_the_other()
    {
        await using var server = await HttpFixture.StartAsync();
        var transaction = await BeginAsync(server);
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => server.AskAsync("POST", $"{transaction}/commands", """["INCR","k"]""")));
        Assert.Equal(Enumerable.Range(1, 40).Select(static n => $$"""{"result":{{n}}}""").Order(), answers.Select(static answer => answer.Body).Order());
        Assert.Equal(200, (await server.AskAsync("POST", $"{transaction}/commit")).Status);
        Assert.Equal((200, "40"), await server.AskAsync("GET", "/v1/keys/k"));
    }

    [Fact]
    public async Task A_body_that_has_not_come_whole_keeps_nobody_waiting()
    {
        await using var server = await HttpFixture.StartAsync(("transaction-timeout", "1000"));
        var transaction = await BeginAsync(server);
        using var raw = await RawHttp.ConnectAsync(server.EndPoint);
        const string Body = """["INCR","k"]""";
        await raw.SendAsync($"POST {transaction}/commands HTTP/1.1\r\nHost: localhost\r\nContent-Length: {Body.Length}\r\n\r\n[");
        Assert.Equal((200, """{"result":1}"""), await server.AskAsync("POST", $"{transaction}/commands", Body));
        await raw.SendAsync(Body[1..]);
        Assert.Contains("""{"result":2}""", await raw.ReadUntilAsync("}"), StringComparison.Ordinal);

        // Nor does it keep one whose time is over.
        await raw.SendAsync($"POST {transaction}/commands HTTP/1.1\r\nHost: localhost\r\nContent-Length: {Body.Length}\r\n\r\n[");
        while (server.Host.State.Sessions.Count > 0)
        {
            server.Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
        await raw.SendAsync(Body[1..]);
        Assert.Matches("^HTTP/1\\.1 4(10|04) ", await raw.ReadUntilAsync("}"));
    }

    [Fact]
    public async Task One_whose_session_was_killed_is_gone()
    {
        await using var server = await HttpFixture.StartAsync();
        var transaction = await BeginAsync(server);
        await server.AskAsync("POST", $"{transaction}/commands", """["SET","k","v"]""");
        server.Host.State.Sessions.Unordered().Single().Kill("a test says so");
        Assert.Equal(410, (await server.AskAsync("POST", $"{transaction}/commands", """["GET","k"]""")).Status);
        Assert.Equal(404, (await server.AskAsync("GET", "/v1/keys/k")).Status);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("""{"readonly":1}""")]
    [InlineData("""{"readonly":true,"readonly":true}""")]
    [InlineData("""{"other":true}""")]
    public async Task What_is_no_option_is_refused(string body)
    {
        await using var server = await HttpFixture.StartAsync();
        Assert.Equal(400, (await server.AskAsync("POST", "/v1/transactions", body)).Status);
        await server.UntilSessionsAsync(0);
    }

    [Theory]
    [InlineData("00000000000000000000000000000000")]
    [InlineData("x")]
    public async Task Nobody_guesses_one(string id)
    {
        await using var server = await HttpFixture.StartAsync();
        var own = await BeginAsync(server);
        Assert.Matches("^/v1/transactions/[0-9a-f]{32}$", own);
        Assert.Equal(404, (await server.AskAsync("POST", $"/v1/transactions/{id}/commit")).Status);
    }

    private static async Task<string> BeginAsync(HttpFixture server, string? body = null)
    {
        using var response = await server.SendAsync("POST", "/v1/transactions", body is null ? null : System.Text.Encoding.UTF8.GetBytes(body));
        Assert.Equal(201, (int)response.StatusCode);
        using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        var location = response.Headers.Location!.ToString();
        Assert.EndsWith(json.RootElement.GetProperty("id").GetString()!, location, StringComparison.Ordinal);
        return location;
    }
}
