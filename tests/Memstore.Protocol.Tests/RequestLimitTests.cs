using System.Buffers;
using System.Text;
using Xunit;

namespace Memstore.Protocol.Tests;

/// <summary>Bad inputs 1, 2, 4 and 6: what a client may not send, before it authenticates and after.</summary>
public sealed class RequestLimitTests
{
    private const string Prefix = "ERR Protocol error: ";
    private const string Ping = "*1\r\n$4\r\nPING\r\n";

    [Theory]
    [InlineData("*10\r\n", null)]
    [InlineData("*11\r\n", "unauthenticated multibulk length")]
    [InlineData("*2147483648\r\n", "invalid multibulk length")]
    [InlineData("*1\r\n$16384\r\n", null)]
    [InlineData("*1\r\n$16385\r\n", "unauthenticated bulk length")]
    [InlineData("*1\r\n$9999999999\r\n", "invalid bulk length")]
    public void Input_1_and_2_before_authentication_less_is_allowed(string text, string? error) =>
        Assert.Equal(error is null ? null : Prefix + error, ErrorOf(text, RequestLimits.Unauthenticated));

    [Fact]
    public void Before_authentication_small_requests_are_read()
    {
        using var feed = new RequestFeed(RequestLimits.Unauthenticated);
        feed.Read(Buffer("*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\nPING\r\n"));
        Assert.Equal(["AUTH|pw", "PING"], feed.Requests);
    }

    [Fact]
    public void Requests_before_one_over_a_limit_run_first_because_they_may_change_it()
    {
        var bytes = Encoding.ASCII.GetBytes("*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n*11\r\n" + string.Concat(Enumerable.Repeat("$1\r\nx\r\n", 11)));
        using var batch = new RequestBatch();
        var buffer = new ReadOnlySequence<byte>(bytes);
        batch.Read(buffer, RequestLimits.Unauthenticated);
        Assert.Equal(1, batch.Count);
        Assert.Null(batch.Error);
        Assert.Equal(batch.Consumed, batch.Examined);

        buffer = buffer.Slice(batch.Consumed);
        batch.Read(buffer, RequestLimits.Default);
        Assert.Null(batch.Error);
        Assert.Equal(11, batch[0].ArgumentCount);

        batch.Reset();
        batch.Read(buffer, RequestLimits.Unauthenticated);
        Assert.Equal(ProtocolErrorKind.UnauthenticatedMultibulkLength, batch.Error!.Kind);
    }

    [Fact]
    public void Limits_of_their_own_hold_for_short_requests_too()
    {
        var limits = new RequestLimits { ArgumentCountMax = 2, BulkSizeMax = 5 };
        Assert.Equal(Prefix + "invalid multibulk length", ErrorOf("*3\r\n", limits));
        Assert.Equal(Prefix + "invalid bulk length", ErrorOf("*2\r\n$6\r\n", limits));
        Assert.Null(ErrorOf("*2\r\n$5\r\nabcde\r\n$1\r\n", limits));
    }

    [Theory]
    [InlineData("", "too big inline request")]
    [InlineData("*", "too big mbulk count string")]
    [InlineData("*1\r\n$", "too big bulk count string")]
    [InlineData("*1\r\n", "too big bulk count string")]
    [InlineData("PING\0", "too big inline request")]
    public void Input_4_a_line_may_be_64_KB_long(string start, string error)
    {
        var line = start.Length - (start.LastIndexOf('\n') + 1);
        var longest = start + new string('1', 65_536 - line);
        foreach (var size in new[] { longest.Length, 1000, 4096 })
        {
            Assert.Null(ErrorOf(longest, RequestLimits.Default, size));
            Assert.Equal(Prefix + error, ErrorOf(longest + "1", RequestLimits.Default, size));
        }
    }

    [Fact]
    public void Input_4_an_inline_request_of_64_KB_is_read()
    {
        using var feed = new RequestFeed();
        feed.Read(Buffer("ECHO " + new string('e', 65_530) + "\r\n"));
        Assert.Equal(65_535, feed.Requests[0].Length);
    }

    [Fact]
    public void Input_6_a_request_over_the_query_buffer_limit_closes_without_an_answer()
    {
        var limits = new RequestLimits { QueryBufferMax = 1_000_000 };
        var header = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$";
        Assert.Equal("QueryBufferLimit", ErrorOf(header + "2000000\r\n", limits));
        Assert.Null(ErrorOf(header + "900000\r\n" + new string('x', 800_000), limits));

        // The frames of its arguments count: a million empty ones take 6 bytes each on the wire and 8 in memory.
        Assert.Equal("QueryBufferLimit", ErrorOf("*1000000\r\n" + string.Concat(Enumerable.Repeat("$0\r\n\r\n", 80_000)), limits));
        Assert.Null(ErrorOf("*1000000\r\n" + string.Concat(Enumerable.Repeat("$0\r\n\r\n", 60_000)), limits));
    }

    [Fact]
    public void Input_6_complete_requests_do_not_count_against_the_query_buffer_limit()
    {
        using var feed = new RequestFeed(new RequestLimits { QueryBufferMax = 1_000 });
        feed.Read(Buffer(string.Concat(Enumerable.Repeat(Ping, 1_000)) + "*1\r\n$4\r\nPI"));
        Assert.Null(feed.Error);
        Assert.Equal(1_000, feed.Requests.Count);
    }

    private static ReadOnlySequence<byte> Buffer(string text) => new(Encoding.Latin1.GetBytes(text));

    private static string? ErrorOf(string text, RequestLimits limits, int segmentSize = int.MaxValue)
    {
        using var feed = new RequestFeed(limits);
        var bytes = Encoding.Latin1.GetBytes(text);
        feed.Read(segmentSize >= bytes.Length ? new ReadOnlySequence<byte>(bytes) : Segments.Cut(bytes, segmentSize));
        Assert.Empty(feed.Requests);
        return feed.Error;
    }
}
