using System.Buffers.Binary;
using System.Net;
using System.Text;
using Memstore.Server.Http;
using Microsoft.AspNetCore.Connections;
using Xunit;

namespace Memstore.Server.Tests.Http;

/// <summary>HTTP/2 without TLS on the port of HTTP/1.1, for clients that know; and what such a client should not do.</summary>
public sealed class Http2Tests
{
    private const byte Data = 0;
    private const byte Headers = 1;
    private const byte Reset = 3;
    private const byte Settings = 4;
    private const byte Continuation = 9;
    private const byte EndStream = 1;
    private const byte EndHeaders = 4;

    private static readonly byte[] Preface = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Frame(Settings, 0, 0, [])];

    // GET / over http with the authority localhost: indexed fields of the static table, and one literal (RFC 7541, appendix A).
    private static readonly byte[] Get = [0x82, 0x86, 0x84, 0x41, 9, .. "localhost"u8];

    [Fact]
    public async Task Both_versions_are_spoken_on_one_port()
    {
        await using var server = await HttpFixture.StartAsync();
        using var client = new HttpClient { BaseAddress = server.Client.BaseAddress, DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        for (var i = 0; i < 3; i++)
        {
            using var put = await client.PutAsync("/v1/keys/a%2Fb", new StringContent($"v{i}"), TestContext.Current.CancellationToken);
            Assert.Equal((HttpVersion.Version20, true), (put.Version, put.IsSuccessStatusCode));
            Assert.Equal((200, $"v{i}"), await server.AskAsync("GET", "/v1/keys/a%2Fb"));
        }

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => client.PostAsync("/", new StringContent("""["INCR","n"]"""))));
        Assert.All(answers, static answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        Assert.Equal((200, "50"), await server.AskAsync("GET", "/v1/keys/n"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(10)]
    public async Task A_preface_may_come_in_pieces(int size)
    {
        await using var server = await HttpFixture.StartAsync();
        using var raw = await RawHttp.ConnectAsync(server.EndPoint);
        for (var at = 0; at < Preface.Length; at += size) await raw.SendAsync(Preface.AsMemory(at, Math.Min(size, Preface.Length - at)));
        var answer = await raw.ReadAsync(atLeast: 9);
        Assert.Equal(Settings, answer[3]);
    }

    [Theory]
    [InlineData("P", "UT /v1/keys/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nConnection: close\r\n\r\nv", "201")]
    [InlineData("PR", "OPFIND /v1/keys/k HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "405")]
    [InlineData("PRI", " * HTTP/1.1\r\nHost: localhost\r\n\r\n", "")]
    public async Task A_method_that_begins_as_the_preface_does_is_no_preface(string first, string rest, string status)
    {
        await using var server = await HttpFixture.StartAsync();
        using var raw = await RawHttp.ConnectAsync(server.EndPoint);
        await raw.SendAsync(first);
        await raw.SendAsync(rest);
        var answer = Encoding.Latin1.GetString(await raw.ReadAsync());
        if (status.Length > 0) Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Streams_that_are_reset_as_fast_as_they_begin_end_the_connection()
    {
        await using var server = await HttpFixture.StartAsync();
        using var raw = await RawHttp.ConnectAsync(server.EndPoint);
        await raw.SendAsync(Preface);
        var all = raw.ReadAsync();
        var flood = new List<byte>();
        var stream = 1;
        var rounds = 0;
        for (; rounds < 1_000 && !all.IsCompleted; rounds++)
        {
            flood.Clear();
            for (var i = 0; i < 100; i++, stream += 2)
            {
                flood.AddRange(Frame(Headers, EndHeaders | EndStream, stream, Get));
                flood.AddRange(Frame(Reset, 0, stream, [0, 0, 0, 8]));
            }
            if (!await raw.SendAsync(flood.ToArray())) break;
        }

        await AssertServesAsync(server);
        await server.UntilSessionsAsync(0);

        // It is nothing that an operator could do anything about, and there would be dozens of lines for each such connection.
        Assert.DoesNotContain(server.Log, static line => line.StartsWith("Connection id", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_connection_that_is_closed_gives_its_place_back_whether_or_not_the_web_server_is_done_with_it()
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ("maxclients", "1"));
        var places = new ConnectionPlaces(host.State);
        using var closing = new CancellationTokenSource();
        Assert.True(places.TryTake(new DefaultConnectionContext { ConnectionClosed = closing.Token }));
        Assert.False(places.TryTake(new DefaultConnectionContext()));
        await closing.CancelAsync();
        Assert.True(places.TryTake(new DefaultConnectionContext()));
    }

    [Fact]
    public async Task A_connection_beyond_as_many_as_may_be_is_closed()
    {
        await using var server = await HttpFixture.StartAsync(("maxclients", "2"));
        using var first = await RawHttp.ConnectAsync(server.EndPoint);
        using var second = await RawHttp.ConnectAsync(server.EndPoint);
        foreach (var raw in (RawHttp[])[first, second])
        {
            await raw.SendAsync("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
            await raw.ReadUntilAsync("live");
        }

        using (var third = await RawHttp.ConnectAsync(server.EndPoint)) Assert.Empty(await third.ReadAsync());
        first.Dispose();
        string answer;
        do answer = await RawHttp.AskAsync(server.EndPoint, "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        while (answer.Length == 0);
        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Headers_that_never_end_end_the_connection(bool isEmpty)
    {
        await using var server = await HttpFixture.StartAsync();
        using var raw = await RawHttp.ConnectAsync(server.EndPoint);
        await raw.SendAsync(Preface);
        await raw.SendAsync(Frame(Headers, 0, 1, Get));
        var all = raw.ReadAsync();
        byte[] field = isEmpty ? [] : [0x00, 1, (byte)'x', 0x7f, 0x81, 0x7e, .. Enumerable.Repeat((byte)'a', 16_000)];
        var frames = isEmpty ? Enumerable.Repeat(Frame(Continuation, 0, 1, []), 1_000).SelectMany(static frame => frame).ToArray() : Frame(Continuation, 0, 1, field);
        var rounds = 0;
        while (rounds < 10_000 && !all.IsCompleted && await raw.SendAsync(frames)) rounds++;
        if (!isEmpty) Assert.InRange(rounds, 0, 1_000);
        await AssertServesAsync(server);
    }

    [Theory]
    [InlineData(Data, 0, 0)]
    [InlineData(Headers, EndHeaders, 2)]
    [InlineData(Continuation, 0, 1)]
    [InlineData(Settings, 1, 5)]
    public async Task A_frame_out_of_place_ends_the_connection(byte type, byte flags, int stream)
    {
        await using var server = await HttpFixture.StartAsync();
        using var raw = await RawHttp.ConnectAsync(server.EndPoint);
        await raw.SendAsync(Preface);
        await raw.SendAsync(Frame(type, flags, stream, [1, 2, 3]));
        await raw.ReadAsync();
        await AssertServesAsync(server);
    }

    // Length (3 bytes), type, flags, stream (4 bytes), payload: RFC 9113, section 4.1.
    private static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8 | type);
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, 9);
        return frame;
    }

    private static async Task AssertServesAsync(HttpFixture server) =>
        Assert.Equal((HttpStatusCode.OK, """{"result":"PONG"}"""), await server.PostAsync("/", """["PING"]"""));
}
