using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Memstore.Server.Http;
using Memstore.Server.Sessions;
using Xunit;

namespace Memstore.Server.Tests.Http;

public sealed class CommandEndpointTests
{
    [Theory]
    [InlineData("/v1/commands", """["SET","k","v"]""", 200, """{"result":"OK"}""")]
    [InlineData("/", """["GET","missing"]""", 200, """{"result":null}""")]
    [InlineData("/", """["APPEND","k",12.5]""", 200, """{"result":4}""")]
    [InlineData("/", """["ECHO",true]""", 200, """{"result":"true"}""")]
    [InlineData("/", """["NOPE"]""", 400, """{"error":"ERR unknown command 'NOPE', with args beginning with: "}""")]
    [InlineData("/pipeline", """[["HSET","h","f","v"],["NOPE"],["HGETALL","h"],["GET","h"]]""", 200, """[{"result":1},{"error":"ERR unknown command 'NOPE', with args beginning with: "},{"result":["f","v"]},{"error":"WRONGTYPE Operation against a key holding the wrong kind of value"}]""")]
    [InlineData("/v1/pipeline", "[]", 200, "[]")]
    [InlineData("/multi-exec", """[["SET","k","1"],["INCR","k"]]""", 200, """[{"result":"OK"},{"result":2}]""")]
    [InlineData("/v1/transaction", """[["SET","k","1"],["GET"]]""", 400, """{"error":"ERR wrong number of arguments for 'get' command"}""")]
    [InlineData("/multi-exec", """[["SET","k","1"],["EXEC"],["SET","l","1"]]""", 400, """{"error":"ERR exec is not allowed inside a transaction"}""")]
    [InlineData("/multi-exec", """[["SET","k","1"],["discard"],["SET","l","1"]]""", 400, """{"error":"ERR discard is not allowed inside a transaction"}""")]
    [InlineData("/v1/transaction", """[["RESET"],["SET","l","1"]]""", 400, """{"error":"ERR reset is not allowed inside a transaction"}""")]
    [InlineData("/", """["HELLO",3]""", 400, """{"error":"ERR hello changes a connection, and a request has none"}""")]
    [InlineData("/", """["CLIENT","REPLY","OFF"]""", 400, """{"error":"ERR client|reply changes a connection, and a request has none"}""")]
    [InlineData("/", """["MONITOR"]""", 400, """{"error":"ERR monitor has no end: use the event streams"}""")]
    [InlineData("/pipeline", """[["SELECT",3],["SET","k","v"],["MULTI"],["QUIT"]]""", 200, """[{"result":"OK"},{"result":"OK"},{"result":"OK"},{"result":"OK"}]""")]
    public async Task A_command_is_an_array(string path, string body, int status, string expected)
    {
        await using var server = await HttpFixture.StartAsync();
        var (actual, answer) = await server.PostAsync(path, body);
        Assert.Equal(expected, answer);
        Assert.Equal(status, (int)actual);
    }

    [Theory]
    [InlineData("""[["SET","k","v"],["QUIT"],["SET","k","w"],["GET","k"]]""", "+OK +OK -ERR the command was not run: its session had ended -ERR the command was not run: its session had ended ")]
    [InlineData("""[["PING"],["MULTI"],["SET","k","w"],["QUIT"],["EXEC"]]""", "+PONG +OK +QUEUED +OK -ERR the command was not run: its session had ended ")]
    [InlineData("""[["CLIENT","KILL","TYPE","normal","SKIPME","no"],["SET","k","w"]]""", ":1 -ERR the command was not run: its session had ended ")]
    public async Task Commands_behind_the_end_of_their_session_say_that_they_were_not_run(string body, string expected)
    {
        await using var server = await HttpFixture.StartAsync();
        var (status, resp) = await server.PostAsync("/pipeline", body, ("Accept", "application/x-resp"));
        Assert.Equal((HttpStatusCode.OK, expected), (status, resp.Replace("\r\n", " ", StringComparison.Ordinal)));
        var (_, json) = await server.PostAsync("/pipeline", body);
        using var results = JsonDocument.Parse(json);
        using var commands = JsonDocument.Parse(body);
        Assert.Equal(commands.RootElement.GetArrayLength(), results.RootElement.GetArrayLength());
        Assert.Equal("ERR the command was not run: its session had ended", results.RootElement.EnumerateArray().Last().GetProperty("error").GetString());
        Assert.NotEqual("""{"result":"w"}""", (await server.PostAsync("/", """["GET","k"]""")).Body);
    }

    [Fact]
    public async Task A_request_leaves_no_state_to_the_next()
    {
        await using var server = await HttpFixture.StartAsync();
        await server.PostAsync("/pipeline", """[["SELECT",3],["CLIENT","SETNAME","a"],["SET","k","v"],["MULTI"],["SET","k","w"]]""");
        Assert.Equal("""[{"result":null},{"result":null},{"result":"PONG"}]""", (await server.PostAsync("/pipeline", """[["GET","k"],["CLIENT","GETNAME"],["PING"]]""")).Body);
        Assert.Equal("""{"result":"v"}""", (await server.PostAsync("/", """["GET","k"]""", ("Memstore-Database", "3"))).Body);
    }

    [Fact]
    public async Task Strings_are_given_in_Base64_if_asked_for()
    {
        await using var server = await HttpFixture.StartAsync();
        var (_, body) = await server.PostAsync("/pipeline", """[["SET","k","é\u0000"],["GET","k"],["PING"]]""", ("Upstash-Encoding", "base64"));
        Assert.Equal($$"""[{"result":"OK"},{"result":"{{Convert.ToBase64String("é\0"u8)}}"},{"result":"UE9ORw=="}]""", body);
    }

    [Fact]
    public async Task Requests_at_once_are_transactions_of_their_own()
    {
        await using var server = await HttpFixture.StartAsync();
        const int Requests = 400;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(async _ =>
        {
            for (var i = 0; i < Requests / 16; i++)
            {
                var (status, body) = await server.PostAsync("/multi-exec", """[["INCR","{a}"],["INCR","{b}"],["INCR","{c}"],["MGET","{a}","{b}","{c}"]]""");
                Assert.Equal(HttpStatusCode.OK, status);
                var values = JsonDocument.Parse(body).RootElement[3].GetProperty("result").EnumerateArray().Select(value => value.GetString()).ToArray();
                Assert.True(values.Distinct().Count() == 1, body);
            }
        }));
        Assert.Equal($$"""{"result":"{{Requests}}"}""", (await server.PostAsync("/", """["GET","{a}"]""")).Body);
    }

    [Fact]
    public async Task A_reply_of_megabytes_arrives_whole()
    {
        await using var server = await HttpFixture.StartAsync();
        var value = new string('x', 3_000_000);
        await server.PostAsync("/", $"""["SET","k","{value}"]""");
        Assert.Equal($$"""{"result":"{{value}}"}""", (await server.PostAsync("/", """["GET","k"]""")).Body);
    }

    [Fact]
    public async Task Replies_that_are_long_and_short_come_in_the_order_of_their_commands()
    {
        await using var server = await HttpFixture.StartAsync();
        var values = new[] { "a", new string('b', 3_000_000), "c", new string('d', 400_000), new string('e', 2_000_000), "f" };
        for (var i = 0; i < values.Length; i++) await server.PostAsync("/", $"""["SET","{i}","{values[i]}"]""");
        foreach (var path in (string[])["/pipeline", "/multi-exec"])
        {
            var (_, body) = await server.PostAsync(path, "[" + string.Join(',', values.Select((_, i) => $"""["GET","{i}"]""")) + "]");
            Assert.Equal("[" + string.Join(',', values.Select(static value => $$"""{"result":"{{value}}"}""")) + "]", body);
            Assert.Equal("""{"result":"a"}""", (await server.PostAsync("/", """["GET","0"]""")).Body);
        }
    }

    [Theory]
    [InlineData("POST", "/", """["GET","k"]""")]
    [InlineData("POST", "/v1/transaction", """[["GET","k"]]""")]
    [InlineData("POST", "/v1/execute", """{"commands":[{"cmd_type":"GET","key":"k"}]}""")]
    [InlineData("POST", "/v1/transactions", null)]
    [InlineData("GET", "/v1/keys/k", null)]
    public async Task While_the_data_is_loaded_a_client_is_told_to_come_later(string method, string path, string? body)
    {
        await using var server = await HttpFixture.StartAsync();
        server.Host.State.Show(ServerStates.Loading, true);
        using var response = await server.SendAsync(method, path, body is null ? null : Encoding.UTF8.GetBytes(body));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Equal("1", response.Headers.GetValues("Retry-After").Single());
        using var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.StartsWith("LOADING ", answer.RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ERR syntax error", 400)]
    [InlineData("ERR internal error: the command failed; the log of the server has the details", 500)]
    [InlineData("OOM command not allowed when used memory > 'maxmemory'.", 507)]
    [InlineData("LOADING Redis is loading the dataset in memory", 503)]
    [InlineData("MISCONF Errors writing to the AOF file: No space left on device", 503)]
    [InlineData("READONLY the transaction is read-only", 400)]
    public void Only_what_the_client_can_mend_is_its_fault(string error, int status) =>
        Assert.Equal(status, Problem.StatusOfCommand(Encoding.UTF8.GetBytes(error)));

    [Fact]
    public async Task A_client_over_the_limit_is_told_to_come_later()
    {
        await using var server = await HttpFixture.StartAsync(("maxclients", "1"));
        using var first = await ServerFixture.ConnectAsync(server.Host);
        await first.AskAsync("PING");
        var (status, body) = await server.PostAsync("/", """["PING"]""");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Contains("max number of clients reached", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Bearer secret", 200, "PONG")]
    [InlineData("Bearer wrong", 401, "WRONGPASS")]
    [InlineData("Basic ZGVmYXVsdDpzZWNyZXQ=", 200, "PONG")]
    [InlineData("Basic b3RoZXI6c2VjcmV0", 401, "WRONGPASS")]
    [InlineData("Basic %%%", 401, "WRONGPASS")]
    [InlineData("Digest x", 401, "WRONGPASS")]
    [InlineData(null, 401, "NOAUTH")]
    public async Task The_password_is_that_of_RESP(string? authorization, int status, string answer)
    {
        await using var server = await HttpFixture.StartAsync(("requirepass", "secret"));
        (string, string)[] headers = authorization is null ? [] : [("Authorization", authorization)];
        var (actual, body) = await server.PostAsync("/", """["PING"]""", headers);
        Assert.Equal(status, (int)actual);
        Assert.Contains($"\"{answer}", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_may_be_any_text()
    {
        await using var server = await HttpFixture.StartAsync();
        using var resp = await ServerFixture.ConnectAsync(server.Host);
        await resp.AskAsync("CONFIG"u8.ToArray(), "SET"u8.ToArray(), "requirepass"u8.ToArray(), "pässwort"u8.ToArray());
        using var http = new HttpClient(new SocketsHttpHandler { RequestHeaderEncodingSelector = static (_, _) => Encoding.UTF8 }) { BaseAddress = server.Client.BaseAddress };
        http.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", "Bearer pässwort");
        using var content = new StringContent("""["PING"]""");
        using var response = await http.PostAsync("/", content, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [InlineData("https://evil.example", "", 403)]
    [InlineData("null", "", 403)]
    [InlineData("", "evil.example", 403)]
    [InlineData("http://evil.example", "evil.example", 403)]
    [InlineData("https://good.example", "", 200)]
    [InlineData("", "localhost", 200)]
    [InlineData("", "", 200)]
    public async Task A_page_of_another_origin_is_turned_away(string origin, string host, int status)
    {
        await using var server = await HttpFixture.StartAsync(("http-allowed-origins", "https://good.example"));
        List<(string, string)> headers = [];
        if (origin.Length > 0) headers.Add(("Origin", origin));
        if (host.Length > 0) headers.Add(("Host", host));
        var (actual, _) = await server.PostAsync("/", """["PING"]""", [.. headers]);
        Assert.Equal(status, (int)actual);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_one_warning_and_RESP_is_served()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        await using var host = ServerFixture.Make(TimeProvider.System, ("http-port", ((IPEndPoint)taken.LocalEndpoint).Port.ToString()));
        await host.StartAsync();
        await host.HttpStarting;
        Assert.Empty(host.HttpEndPoints);
        using var client = await ServerFixture.ConnectAsync(host);
        Assert.Equal("PONG", $"{await client.AskAsync("PING")}".TrimStart('+'));
    }

    [Fact]
    public async Task A_killed_request_is_answered_with_503()
    {
        await using var server = await HttpFixture.StartAsync();
        using var other = await ServerFixture.ConnectAsync(server.Host);
        await other.AskAsync("CLIENT PAUSE 100000 ALL");
        var waiting = server.PostAsync("/", """["SET","k","v"]""");
        var sessions = server.Host.State.Sessions;
        // Counted a moment before it is listed.
        Session? session;
        while ((session = sessions.Unordered().SingleOrDefault(static session => session.Connection.FileDescriptor == -1)) is null) await Task.Yield();
        session.Kill("a test says so");
        while (sessions.Count == 2)
        {
            foreach (var each in sessions.Unordered()) each.KeepHouse(Environment.TickCount64, idleMs: 0);
            await Task.Yield();
        }
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await waiting).Status);
    }
}
