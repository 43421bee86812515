using System.Buffers;
using System.Text;
using Memstore.Server.Http;
using Xunit;

namespace Memstore.Server.Tests.Http;

/// <summary>The type and the tag of a value are the same however its bytes lie in memory.</summary>
public sealed class MediaTypeTests
{
    // Longer than what is put together before it is looked at.
    private const int Long = 1024 * 1024 + 1000;

    [Theory]
    [InlineData("aé€𝄞", "text/plain; charset=utf-8")]
    [InlineData("\u0001", "application/octet-stream")]
    [InlineData("{}", "text/plain; charset=utf-8")]
    [InlineData("GIF89a", "image/gif")]
    public void A_value_in_parts_is_what_it_is_in_one(string repeated, string expected)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var value = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(repeated, Long / repeated.Length)));
        Assert.Equal(expected, MediaType.Of(value));
        for (var i = 0; i < 20; i++)
        {
            var parts = Cut(value, random, i == 0 ? 3 : 100_000);
            Assert.True(expected == MediaType.Of(parts), $"seed {seed}, {i}");
            Assert.True(EntityTag.Of("string", value) == EntityTag.Of("string", parts), $"seed {seed}, {i}");
        }
    }

    [Theory]
    [InlineData(new byte[] { 0xff })]
    [InlineData(new byte[] { 0xe2, 0x82 })]
    [InlineData(new byte[] { 0xe2, 0x82, 0x41 })]
    [InlineData(new byte[] { 0xf0, 0x9d, 0x84 })]
    [InlineData(new byte[] { 0xed, 0xa0, 0x80 })]
    public void What_is_no_UTF8_is_no_text_wherever_it_is_cut(byte[] wrong)
    {
        var value = new byte[Long];
        Array.Fill(value, (byte)'a');
        foreach (var at in (int[])[0, Long / 2, Long - wrong.Length])
        {
            var bytes = (byte[])value.Clone();
            wrong.CopyTo(bytes, at);
            for (var cut = Math.Max(1, at - 1); cut <= Math.Min(Long - 1, at + wrong.Length); cut++)
                Assert.True(MediaType.Of(Join(bytes[..cut], bytes[cut..])) == "application/octet-stream", $"{Convert.ToHexString(wrong)} at {at}, cut at {cut}");
        }
    }

    [Fact]
    public async Task A_value_of_many_parts_comes_back_as_it_was()
    {
        var seed = Environment.TickCount;
        var value = new byte[3_000_000];
        new Random(seed).NextBytes(value);
        await using var server = await HttpFixture.StartAsync();
        for (var i = 0; i < 3; i++)
        {
            using var put = await server.SendAsync("PUT", "/v1/keys/k", value);
            using var got = await server.SendAsync("GET", "/v1/keys/k");
            var bytes = await got.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
            Assert.True(value.AsSpan().SequenceEqual(bytes), $"seed {seed}");
            Assert.Equal(put.Headers.ETag, got.Headers.ETag);
            Assert.Equal("application/octet-stream", got.Content.Headers.ContentType!.MediaType);
            using var head = await server.SendAsync("HEAD", "/v1/keys/k");
            Assert.Equal(value.Length, head.Content.Headers.ContentLength);
            Assert.Equal(304, (await server.AskAsync("GET", "/v1/keys/k", null, ("If-None-Match", put.Headers.ETag!.ToString()))).Status);
            Assert.Equal("""{"result":"PONG"}""", (await server.PostAsync("/", """["PING"]""")).Body);
        }
    }

    [Fact]
    public async Task A_client_that_leaves_in_the_middle_of_a_value_leaves_nothing_to_the_next()
    {
        await using var server = await HttpFixture.StartAsync();
        using var put = await server.SendAsync("PUT", "/v1/keys/k", new byte[20_000_000]);
        for (var i = 0; i < 5; i++)
        {
            using (var raw = await RawHttp.ConnectAsync(server.EndPoint))
            {
                await raw.SendAsync("GET /v1/keys/k HTTP/1.1\r\nHost: localhost\r\n\r\n");
                await raw.ReadAsync(atLeast: 100_000);
            }
            Assert.Equal("""{"result":"PONG"}""", (await server.PostAsync("/", """["PING"]""")).Body);
        }

        await server.UntilSessionsAsync(0);
        Assert.Equal("""{"result":"PONG"}""", (await server.PostAsync("/", """["PING"]""")).Body);
    }

    private static ReadOnlySequence<byte> Cut(byte[] value, Random random, int lengthMax)
    {
        List<byte[]> parts = [];
        for (var at = 0; at < value.Length;)
        {
            var length = Math.Min(value.Length - at, 1 + random.Next(lengthMax));
            parts.Add(value[at..(at + length)]);
            at += length;
        }
        return Join([.. parts]);
    }

    private static ReadOnlySequence<byte> Join(params byte[][] parts)
    {
        var first = new Part(parts[0], 0);
        var last = first;
        foreach (var part in parts.Skip(1)) last = last.Append(part);
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Part : ReadOnlySequenceSegment<byte>
    {
        public Part(byte[] bytes, long start)
        {
            Memory = bytes;
            RunningIndex = start;
        }

        public Part Append(byte[] bytes)
        {
            var next = new Part(bytes, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
