using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Memstore.Server.CommandLine.Bench;
using Xunit;

namespace Memstore.Server.Tests.CommandLine;

/// <summary>The load generator against a server in the test's process, and against those that misbehave.</summary>
public sealed class BenchCommandTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private string Port => server.EndPoint.Port.ToString();

    [Fact]
    public async Task It_sends_as_many_requests_as_were_asked_for_and_prints_tables()
    {
        var (code, output, error) = await ProgramRun.RunAsync("bench", "--port", Port, "--clients", "7", "--pipeline", "3", "--requests", "1000", "--mix", "set:1,get:1", "--keys", "10");
        Assert.Equal((0, ""), (code, error));
        Assert.Matches(@"^127\.0\.0\.1:\d+: 7 clients, pipeline 3, set:1,get:1, 10 keys \(uniform\), values of 32 bytes\n", output);
        Assert.Matches(@"\n +get +\d+( +\d+\.\d{3}){4}\n +set +\d+( +\d+\.\d{3}){4}\n +all +\d+( +\d+\.\d{3}){4} +0\n1000 requests in \d+\.\d\d s\n$", output);
        Assert.DoesNotContain('\e', output);
    }

    [Theory]
    [InlineData("uniform")]
    [InlineData("zipf")]
    public async Task Its_json_counts_every_kind_of_request(string distribution)
    {
        var (code, output, error) = await ProgramRun.RunAsync(
            "bench", "--port", Port, "--requests", "2000", "--pipeline", "5", "--mix", string.Join(',', BenchMix.Names), "--distribution", distribution, "--json");
        Assert.Equal((0, ""), (code, error));
        using var json = JsonDocument.Parse(output);
        Assert.Equal(2000, json.RootElement.GetProperty("requests").GetInt64());
        Assert.Equal(0, json.RootElement.GetProperty("errors").GetInt64());
        var kinds = json.RootElement.GetProperty("by_request").EnumerateObject().ToList();
        Assert.Equal(BenchMix.Names, kinds.Select(kind => kind.Name));
        Assert.Equal(2000, kinds.Sum(kind => kind.Value.GetProperty("requests").GetInt64()));
        Assert.True(json.RootElement.GetProperty("latency_ms").GetProperty("p50").GetDouble() > 0);
    }

    [Fact]
    public async Task It_ends_after_its_seconds()
    {
        var (code, output, _) = await ProgramRun.RunAsync("bench", "--port", Port, "--seconds", "1", "--clients", "2");
        Assert.Equal(0, code);
        Assert.True(double.Parse(Regex.Match(output, @" in (\d+\.\d+) s\n$").Groups[1].Value) >= 1, output);
    }

    [Fact]
    public async Task A_rate_is_kept_with_more_clients_than_it_needs()
    {
        var (code, output, error) = await ProgramRun.RunAsync("bench", "-p", Port, "-c", "40", "-n", "60", "--rate", "100", "--json");
        Assert.Equal((0, ""), (code, error));
        using var json = JsonDocument.Parse(output);
        Assert.Equal(60, json.RootElement.GetProperty("requests").GetInt64());

        // The last of 60 is due after 59 hundredths of a second, and nothing is sent before it is due.
        Assert.True(json.RootElement.GetProperty("seconds").GetDouble() >= 0.59, output);
    }

    [Fact]
    public async Task Fill_writes_every_key_once_before_the_load()
    {
        await using var fresh = ServerFixture.Make(TimeProvider.System);
        await fresh.StartAsync();
        var port = ((IPEndPoint)fresh.EndPoints[0]).Port.ToString();
        var (code, output, error) = await ProgramRun.RunAsync("bench", "-p", port, "-c", "3", "-n", "10", "-r", "1000", "--mix", "get", "--fill", "--json");
        Assert.Equal((0, ""), (code, error));
        using var json = JsonDocument.Parse(output);
        Assert.Equal(10, json.RootElement.GetProperty("requests").GetInt64());
        using var client = await ServerFixture.ConnectAsync(fresh);
        Assert.Equal(1000L, await client.AskAsync("DBSIZE"));
    }

    [Fact]
    public async Task Replies_that_are_errors_are_counted_and_the_first_is_shown()
    {
        await using var full = ServerFixture.Make(TimeProvider.System, ("maxmemory", "1"));
        await full.StartAsync();
        using (var client = await ServerFixture.ConnectAsync(full)) await client.AskAsync("SET a b");
        var port = ((IPEndPoint)full.EndPoints[0]).Port.ToString();
        var (code, output, error) = await ProgramRun.RunAsync("bench", "--port", port, "--requests", "100", "--mix", "set", "--clients", "1");
        Assert.Equal(1, code);
        Assert.Contains("100 requests in", output, StringComparison.Ordinal);
        Assert.Matches(@"^memstore: \d+ of the replies were errors; the first was OOM command not allowed when used memory > 'maxmemory'\.?\n$", error);
    }

    [Theory]
    [InlineData("+PONG\r\n", "", "the server closed the connection")]
    [InlineData("+PONG\r\n", "hello\r\n", "a reply begins with byte 0x68")]
    [InlineData("HTTP/1.1 400 Bad Request\r\n", "", "this is no server that speaks RESP")]
    public async Task What_is_no_server_of_ours_is_one_line_and_1(string first, string second, string reason)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port.ToString();
        var answering = AnswerAsync(listener, first, second);
        var (code, _, error) = await ProgramRun.RunAsync("bench", "--port", port, "--clients", "1", "--requests", "1", "--json");
        Assert.Equal(1, code);
        Assert.Matches($"^memstore: [^\n]*{Regex.Escape(reason)}[^\n]*\n$", error);
        await answering;
    }

    [Fact]
    public async Task Nobody_there_is_one_line_and_1()
    {
        var (code, _, error) = await ProgramRun.RunAsync("bench", "--port", "1", "--json");
        Assert.Equal((1, "memstore: 127.0.0.1:1: Connection refused.\n"), (code, error));
    }

    private static async Task AnswerAsync(TcpListener listener, params string[] answers)
    {
        using var client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        var stream = client.GetStream();
        var request = new byte[1024];
        foreach (var answer in answers)
        {
            if (await stream.ReadAsync(request, TestContext.Current.CancellationToken) == 0) return;
            await stream.WriteAsync(Encoding.ASCII.GetBytes(answer), TestContext.Current.CancellationToken);
        }
    }
}
