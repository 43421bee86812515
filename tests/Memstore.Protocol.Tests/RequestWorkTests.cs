using System.Buffers;
using System.Text;
using Xunit;

namespace Memstore.Protocol.Tests;

/// <summary>Bad inputs 5 and 6: work stays linear however a request arrives.</summary>
public sealed class RequestWorkTests
{
    private const int Piece = 16 * 1024;

    [Fact]
    public void Input_6_a_64_MB_bulk_in_16_KB_pieces_is_copied_once()
    {
        const int Size = 64 * 1024 * 1024;
        var pieces = new List<byte[]> { Encoding.ASCII.GetBytes($"*2\r\n$4\r\nECHO\r\n${Size}\r\n") };
        var piece = new byte[Piece];
        for (var i = 0; i < Size / Piece; i++) pieces.Add(piece);
        pieces.Add("\r\n"u8.ToArray());

        var pipe = new GrowingSequence();
        using var batch = new RequestBatch();
        foreach (var next in pieces)
        {
            Assert.Equal(0, batch.Count);
            batch.Read(pipe.Append(next), RequestLimits.Default);
        }
        Assert.Equal(1, batch.Count);
        Assert.Equal(Size, batch[0][1].Length);
        Assert.InRange(batch.Work, Size, Size + 10_000);
    }

    [Fact]
    public void Input_6_a_million_elements_in_pieces_are_looked_at_once()
    {
        var text = Encoding.ASCII.GetBytes("*1000000\r\n" + string.Concat(Enumerable.Repeat("$5\r\nhello\r\n", 1_000_000)));
        var pipe = new GrowingSequence();
        using var segments = new RequestBatch();
        using var oneSegment = new RequestBatch();
        for (var end = Piece; ; end += Piece)
        {
            end = Math.Min(end, text.Length);
            Assert.Equal(0, segments.Count);
            segments.Read(pipe.Append(text[((end - 1) / Piece * Piece)..end]), RequestLimits.Default);
            oneSegment.Read(new ReadOnlySequence<byte>(text, 0, end), RequestLimits.Default);
            if (end == text.Length) break;
        }
        Assert.Equal(1_000_000, segments[0].ArgumentCount);
        Assert.Equal(1_000_000, oneSegment[0].ArgumentCount);

        // Headers are searched and frames made once; with segments every byte is also copied, up to three times while the array grows.
        Assert.InRange(oneSegment.Work, 1_000_000, text.Length);
        Assert.InRange(segments.Work, text.Length, 5L * text.Length);
    }

    [Fact]
    public void Input_5_ten_thousand_half_requests_hold_little()
    {
        var half = Segments.Cut("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$536870912\r\nval"u8.ToArray(), 20);
        var batches = new RequestBatch[10_000];
        for (var i = 0; i < batches.Length; i++)
        {
            batches[i] = new RequestBatch();
            batches[i].Read(half, RequestLimits.Default);
            batches[i].Trim();
        }
        Assert.All(batches, batch => Assert.InRange(batch.Capacity, 0, 1_000));
        foreach (var batch in batches) batch.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Input_5_one_byte_at_a_time_is_linear(bool inSegments)
    {
        var text = Encoding.ASCII.GetBytes("*5\r\n$60000\r\n" + new string('v', 60_000) + "\r\n"
            + string.Concat(Enumerable.Repeat("$3\r\nabc\r\n", 4)) + new string('i', 60_000) + "\r\n");
        var pipe = new GrowingSequence();
        using var batch = new RequestBatch();
        var consumed = 0;
        var requests = 0;
        for (var end = 1; end <= text.Length; end++)
        {
            var buffer = inSegments ? pipe.Append([text[end - 1]]) : new ReadOnlySequence<byte>(text, consumed, end - consumed);
            batch.Read(buffer, RequestLimits.Default);
            requests += batch.Count;
            if (batch.Count == 0) continue;
            Assert.Equal(batch.Consumed, buffer.End);
            consumed = end;
            pipe = new GrowingSequence();
        }
        Assert.Equal(2, requests);
        Assert.InRange(batch.Work, 1, 5L * text.Length);
    }

    [Fact]
    public void A_batch_that_waits_gives_its_memory_back_and_goes_on()
    {
        using var batch = new RequestBatch();
        var pings = string.Concat(Enumerable.Repeat("*1\r\n$4\r\nPING\r\n", 200));
        var text = Encoding.ASCII.GetBytes(pings + "*2\r\n$4\r\nECHO\r\n$5\r\nhel");
        var buffer = Segments.CutAt(text, text.Length - 30);
        batch.Read(buffer, RequestLimits.Default, requestsMax: 500);
        buffer = buffer.Slice(batch.Consumed);
        batch.Read(buffer, RequestLimits.Default);
        batch.Reset();
        Assert.True(batch.Capacity > 1_000);

        batch.Read(new ReadOnlySequence<byte>(text), RequestLimits.Default, requestsMax: 500);
        Assert.Equal(200, batch.Count);
        batch.Trim();
        Assert.Equal(0, batch.Count);
        batch.Read(new ReadOnlySequence<byte>("*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n"u8.ToArray()), RequestLimits.Default);
        Assert.Equal("ECHO|hello", RequestFeed.Show(batch[0]));

        batch.Trim();
        Assert.InRange(batch.Capacity, 0, 1_000);
    }

    /// <summary>What a pipe gives while nothing is consumed: the same segments, and new ones behind them.</summary>
    private sealed class GrowingSequence
    {
        private Segment? _first;
        private Segment? _last;

        public ReadOnlySequence<byte> Append(byte[] bytes)
        {
            var next = new Segment(bytes, _last);
            _first ??= next;
            _last = next;
            return new ReadOnlySequence<byte>(_first, 0, _last, bytes.Length);
        }

        private sealed class Segment : ReadOnlySequenceSegment<byte>
        {
            public Segment(byte[] bytes, Segment? previous)
            {
                Memory = bytes;
                if (previous is null) return;
                previous.Next = this;
                RunningIndex = previous.RunningIndex + previous.Memory.Length;
            }
        }
    }
}
