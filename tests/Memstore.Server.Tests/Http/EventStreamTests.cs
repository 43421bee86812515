using System.Text;
using System.Text.Json;
using Memstore.Server.Http;
using Xunit;

namespace Memstore.Server.Tests.Http;

public sealed class EventStreamTests
{
    [Fact]
    public async Task Messages_of_channels_and_patterns_are_events()
    {
        await using var server = await HttpFixture.StartAsync();
        using var stream = await EventStream.OpenAsync(server, "/v1/subscribe?channel=a&channel=b&pattern=a*");
        Assert.Equal("""event: subscribe|data: {"channel":"a","count":1}""", await stream.NextAsync());
        Assert.Equal("""event: subscribe|data: {"channel":"b","count":2}""", await stream.NextAsync());
        Assert.Equal("""event: psubscribe|data: {"pattern":"a*","count":3}""", await stream.NextAsync());
        await server.PostAsync("/", """["PUBLISH","a","one\ntwo"]""");
        Assert.Equal("""data: {"channel":"a","message":"one\ntwo"}""", await stream.NextAsync());
        Assert.Equal("""data: {"pattern":"a*","channel":"a","message":"one\ntwo"}""", await stream.NextAsync());
        await server.PostAsync("/", """["PUBLISH","b",""]""");
        Assert.Equal("""data: {"channel":"b","message":""}""", await stream.NextAsync());
    }

    [Fact]
    public async Task Binary_messages_come_in_Base64_if_asked_for()
    {
        await using var server = await HttpFixture.StartAsync();
        using var stream = await EventStream.OpenAsync(server, "/v1/subscribe?channel=a&encoding=base64");
        await stream.NextAsync();
        await server.PostAsync("/", """["PUBLISH","a","\u0000"]""");
        Assert.Equal("""data: {"channel":"YQ==","message":"AA=="}""", await stream.NextAsync());
    }

    [Fact]
    public async Task A_message_of_megabytes_arrives_whole_and_in_order()
    {
        await using var server = await HttpFixture.StartAsync();
        using var stream = await EventStream.OpenAsync(server, "/v1/subscribe?channel=a");
        await stream.NextAsync();
        for (var i = 0; i < 5; i++) await server.PostAsync("/", $"""["PUBLISH","a","{new string((char)('v' + i), 1_000_000)}"]""");
        for (var i = 0; i < 5; i++)
        {
            using var json = JsonDocument.Parse((await stream.NextAsync())[6..]);
            Assert.Equal(new string((char)('v' + i), 1_000_000), json.RootElement.GetProperty("message").GetString());
        }
    }

    [Theory]
    [InlineData("/subscribe/a", "data: subscribe,a,1", "data: message,a,one|data: event: two")]
    [InlineData("/psubscribe/a*", "data: psubscribe,a*,1", "data: pmessage,a*,a,one|data: event: two")]
    public async Task The_dialect_of_Upstash_has_commas(string path, string subscribed, string message)
    {
        await using var server = await HttpFixture.StartAsync();
        using var stream = await EventStream.OpenAsync(server, path);
        Assert.Equal(subscribed, await stream.NextAsync());
        await server.PostAsync("/", """["PUBLISH","a","one\r\nevent: two"]""");
        Assert.Equal(message, await stream.NextAsync());
    }

    [Fact]
    public async Task A_monitor_sees_what_others_run()
    {
        await using var server = await HttpFixture.StartAsync();
        using var stream = await EventStream.OpenAsync(server, "/v1/monitor");
        await server.PostAsync("/", """["SET","k","a\nb"]""");
        Assert.EndsWith("""] "SET" "k" "a\nb" """.Trim(), await stream.NextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_heartbeat_shows_that_the_stream_lives()
    {
        await using var server = await HttpFixture.StartAsync();
        using var stream = await EventStream.OpenAsync(server, "/v1/subscribe?channel=a");
        await stream.NextAsync();
        server.Clock.Advance(EventStreams.HeartbeatInterval);
        Assert.Equal(":", await stream.NextAsync());
        server.Clock.Advance(EventStreams.HeartbeatInterval);
        Assert.Equal(":", await stream.NextAsync());
    }

    [Fact]
    public async Task Who_leaves_frees_the_session()
    {
        await using var server = await HttpFixture.StartAsync();
        using (var stream = await EventStream.OpenAsync(server, "/v1/subscribe?channel=a"))
        {
            await stream.NextAsync();
            Assert.Equal(1, server.Host.State.Sessions.Count);
        }

        await server.UntilSessionsAsync(0);
        Assert.Equal("""{"result":0}""", (await server.PostAsync("/", """["PUBLISH","a","x"]""")).Body);
    }

    [Fact]
    public async Task A_killed_session_ends_the_stream()
    {
        await using var server = await HttpFixture.StartAsync();
        using var stream = await EventStream.OpenAsync(server, "/v1/subscribe?channel=a");
        await stream.NextAsync();
        Assert.Equal("""{"result":1}""", (await server.PostAsync("/", """["CLIENT","KILL","TYPE","pubsub"]""")).Body);
        Assert.Equal("", await stream.NextAsync());
        await server.UntilSessionsAsync(0);
    }

    [Fact]
    public async Task Streams_end_when_the_server_stops()
    {
        var server = await HttpFixture.StartAsync();
        using var stream = await EventStream.OpenAsync(server, "/v1/subscribe?channel=a");
        await stream.NextAsync();
        await server.DisposeAsync();
        Assert.Equal("", await stream.NextAsync());
    }

    [Fact]
    public async Task A_reader_that_does_not_read_is_cut_off_at_the_limit_of_subscribers()
    {
        await using var server = await HttpFixture.StartAsync(("client-output-buffer-limit", "pubsub 2000000 0 0"));
        using var raw = await RawHttp.ConnectAsync(server.EndPoint);
        await raw.SendAsync("GET /v1/subscribe?channel=a HTTP/1.1\r\nHost: localhost\r\n\r\n");
        await raw.ReadUntilAsync("subscribe");
        var message = $"""["PUBLISH","a","{new string('x', 100_000)}"]""";

        // What the kernel's buffers take does not count as waiting; at some point it does.
        var published = 0;
        while ((await server.PostAsync("/", message)).Body != """{"result":0}""") published++;
        Assert.InRange(published, 20, 2_000);
        await server.UntilSessionsAsync(0);
    }

    [Theory]
    [InlineData("/v1/subscribe", 400)]
    [InlineData("/v1/subscribe?channel=a&encoding=hex", 400)]
    [InlineData("/v1/monitor/x", 404)]
    public async Task What_names_no_channel_is_refused(string path, int status)
    {
        await using var server = await HttpFixture.StartAsync();
        Assert.Equal(status, (await server.AskAsync("GET", path)).Status);
        Assert.Equal(0, server.Host.State.Sessions.Count);
    }

    // Reads event by event; the lines of one are joined with bars.
    private sealed class EventStream : IDisposable
    {
        private readonly HttpResponseMessage _response;
        private readonly StreamReader _reader;

        private EventStream(HttpResponseMessage response, Stream body)
        {
            _response = response;
            _reader = new StreamReader(body, Encoding.UTF8);
        }

        public static async Task<EventStream> OpenAsync(HttpFixture server, string path)
        {
            var response = await server.Client.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
            Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
            return new EventStream(response, await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        }

        public async Task<string> NextAsync()
        {
            var lines = new List<string>();
            try
            {
                while (await _reader.ReadLineAsync(TestContext.Current.CancellationToken) is { Length: > 0 } line) lines.Add(line);
            }
            catch (Exception error) when (error is IOException or HttpRequestException)
            {
                // Cut off.
            }
            return string.Join('|', lines);
        }

        public void Dispose()
        {
            _reader.Dispose();
            _response.Dispose();
        }
    }
}
