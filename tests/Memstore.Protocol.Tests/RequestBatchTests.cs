using System.Buffers;
using System.Text;
using Xunit;

namespace Memstore.Protocol.Tests;

/// <summary>Bad inputs 1 to 5: every frame whole, in every prefix, cut at every byte, and after a pipeline.</summary>
public sealed class RequestBatchTests
{
    private const string Pipeline = "*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
    private static readonly string[] PipelineRequests = ["PING", "GET|k"];

    [Theory]
    [MemberData(nameof(Frames.CompleteIndexes), MemberType = typeof(Frames))]
    public void A_whole_frame_gives_its_requests_and_is_consumed(int index)
    {
        var frame = Frames.Complete[index];
        Check(frame, new ReadOnlySequence<byte>(frame.ToArray()), frame.Bytes.Length);
    }

    [Theory]
    [MemberData(nameof(Frames.CompleteIndexes), MemberType = typeof(Frames))]
    public void A_frame_cut_at_any_byte_gives_the_same(int index)
    {
        var frame = Frames.Complete[index];
        var bytes = frame.ToArray();
        for (var i = 0; i <= bytes.Length; i++) Check(frame, Segments.CutAt(bytes, i), bytes.Length);
        for (var size = 1; size < 10; size++) Check(frame, Segments.Cut(bytes, size), bytes.Length);
    }

    [Theory]
    [MemberData(nameof(Frames.CompleteIndexes), MemberType = typeof(Frames))]
    public void A_prefix_gives_fewer_requests_and_consumes_only_them(int index)
    {
        var frame = Frames.Complete[index];
        var bytes = frame.ToArray();
        for (var length = 0; length < bytes.Length; length++)
        {
            foreach (var buffer in new[] { new ReadOnlySequence<byte>(bytes[..length]), Segments.Cut(bytes[..length], 3) })
            {
                using var feed = new RequestFeed();
                var consumed = feed.Read(buffer);
                Assert.Null(feed.Error);
                Assert.True(feed.Requests.Count < frame.Requests.Length, $"{length} of {bytes.Length} bytes are not all.");
                Assert.Equal(frame.Requests[..feed.Requests.Count], feed.Requests);

                using var again = new RequestFeed();
                Assert.Equal(consumed, again.Read(new ReadOnlySequence<byte>(bytes[..(int)consumed])));
                Assert.Equal(feed.Requests, again.Requests);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Frames.CompleteIndexes), MemberType = typeof(Frames))]
    public void A_frame_that_arrives_byte_by_byte_gives_the_same(int index)
    {
        var frame = Frames.Complete[index];
        var bytes = frame.ToArray();
        for (var step = 1; step < 8; step++)
        {
            using var oneSegment = new RequestFeed();
            using var segments = new RequestFeed();
            using var mixed = new RequestFeed();
            var start = new long[3];
            for (var length = Math.Min(step, bytes.Length); ; length = Math.Min(length + step, bytes.Length))
            {
                start[0] += oneSegment.Read(new ReadOnlySequence<byte>(bytes[(int)start[0]..length]));
                start[1] += segments.Read(Segments.Cut(bytes[(int)start[1]..length], 4));
                start[2] += mixed.Read(length % 2 == 0
                    ? Segments.Cut(bytes[(int)start[2]..length], 5)
                    : new ReadOnlySequence<byte>(bytes[(int)start[2]..length]));
                if (length == bytes.Length) break;
            }
            Assert.All([oneSegment, segments, mixed], feed => Assert.Equal(frame.Requests, feed.Requests));
            Assert.All(start, consumed => Assert.Equal(bytes.Length, consumed));
        }
    }

    [Theory]
    [MemberData(nameof(Frames.CompleteIndexes), MemberType = typeof(Frames))]
    public void A_frame_after_a_pipeline_gives_the_same(int index)
    {
        var frame = Frames.Complete[index];
        var bytes = Encoding.Latin1.GetBytes(Pipeline + frame.Bytes + Pipeline);
        string[] expected = [.. PipelineRequests, .. frame.Requests, .. PipelineRequests];
        for (var requestsMax = 1; requestsMax < 4; requestsMax++)
        {
            for (var cut = 0; cut <= bytes.Length; cut++)
            {
                using var feed = new RequestFeed(requestsMax: requestsMax);
                Assert.Equal(bytes.Length, feed.Read(Segments.CutAt(bytes, cut)));
                Assert.Equal(expected, feed.Requests);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Frames.WrongIndexes), MemberType = typeof(Frames))]
    public void A_wrong_frame_gives_the_error_of_Redis_after_the_requests_before_it(int index)
    {
        var frame = Frames.Wrong[index];
        foreach (var (before, expected) in new[] { ("", []), (Pipeline, PipelineRequests) })
        {
            var bytes = Encoding.Latin1.GetBytes(before + frame.Bytes);
            for (var cut = 0; cut <= bytes.Length; cut++)
            {
                using var feed = new RequestFeed();
                Assert.Equal(before.Length, feed.Read(Segments.CutAt(bytes, cut)));
                Assert.Equal(expected, feed.Requests);
                Assert.Equal(frame.Error, feed.Error);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Frames.WrongIndexes), MemberType = typeof(Frames))]
    public void A_wrong_frame_that_arrives_byte_by_byte_gives_the_same_error(int index)
    {
        var frame = Frames.Wrong[index];
        var bytes = frame.ToArray();
        using var feed = new RequestFeed();
        for (var length = 1; length < bytes.Length; length++)
        {
            Assert.Equal(0, feed.Read(new ReadOnlySequence<byte>(bytes[..length])));
            Assert.Null(feed.Error);
        }
        feed.Read(new ReadOnlySequence<byte>(bytes));
        Assert.Equal(frame.Error, feed.Error);
        Assert.Empty(feed.Requests);
    }

    [Theory]
    [MemberData(nameof(Frames.WaitingIndexes), MemberType = typeof(Frames))]
    public void Bytes_that_hide_their_end_wait(int index)
    {
        var bytes = Encoding.Latin1.GetBytes(Frames.Waiting[index]);
        using var feed = new RequestFeed();
        Assert.Equal(0, feed.Read(new ReadOnlySequence<byte>(bytes)));
        Assert.Empty(feed.Requests);
        Assert.Null(feed.Error);
        Assert.True(feed.Batch.BytesHint > 0);
    }

    [Fact]
    public void Requests_in_one_segment_are_not_copied()
    {
        var bytes = Encoding.Latin1.GetBytes(Pipeline);
        using var batch = new RequestBatch();
        batch.Read(new ReadOnlySequence<byte>(bytes), RequestLimits.Default);
        Assert.Equal(2, batch.Count);
        Assert.True(batch.Bytes.Overlaps(bytes));
        Assert.Equal(1, batch.FirstArgument(1));
        Assert.Equal(new ArgumentFrame(8, 4), batch.Frames[0]);
    }

    [Fact]
    public void The_hint_says_how_many_bytes_a_bulk_string_still_needs()
    {
        using var batch = new RequestBatch();
        batch.Read(new ReadOnlySequence<byte>("*2\r\n$4\r\nECHO\r\n$1000\r\nabc"u8.ToArray()), RequestLimits.Default);
        Assert.Equal(999, batch.BytesHint);
        batch.Read(new ReadOnlySequence<byte>("*1\r\n$4\r\nPING\r\n"u8.ToArray()), RequestLimits.Default);
        Assert.Equal(0, batch.Count);
        batch.Reset();
        batch.Read(new ReadOnlySequence<byte>("*1\r\n$4\r\nPING\r\n"u8.ToArray()), RequestLimits.Default);
        Assert.Equal(1, batch.Count);
        Assert.Equal(0, batch.BytesHint);
    }

    private static void Check(Frame frame, ReadOnlySequence<byte> buffer, int length)
    {
        using var feed = new RequestFeed();
        Assert.Equal(length, feed.Read(buffer));
        Assert.Equal(frame.Requests, feed.Requests);
        Assert.Null(feed.Error);
    }
}
