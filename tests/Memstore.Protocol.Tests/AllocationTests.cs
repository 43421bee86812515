using System.Buffers;
using System.Text;
using Xunit;

namespace Memstore.Protocol.Tests;

[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationCollection;

/// <summary>In the steady state reading and writing allocate nothing. Alone, because the arrays come from a pool that all threads share.</summary>
[Collection(nameof(AllocationTests))]
public sealed class AllocationTests
{
    [Fact]
    public void Reading_allocates_nothing_in_the_steady_state()
    {
        var text = string.Concat(Enumerable.Repeat("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$32\r\n" + new string('v', 32) + "\r\n", 300));
        var whole = Buffer(text);
        var cut = Segments.Cut(Encoding.ASCII.GetBytes(text), 1000);
        var inline = Buffer("SET key value\r\n");
        using var batch = new RequestBatch();
        void ReadAll(ReadOnlySequence<byte> buffer)
        {
            while (!buffer.IsEmpty)
            {
                batch.Read(buffer, RequestLimits.Default);
                buffer = buffer.Slice(batch.Consumed);
            }
        }

        Assert.Equal(0, BytesOf(() =>
        {
            ReadAll(whole);
            ReadAll(cut);
            ReadAll(inline);
        }));
    }

    [Fact]
    public void Writing_allocates_nothing_in_the_steady_state()
    {
        using var writer = new ReplyWriter { Protocol = 3 };
        var value = new byte[32];
        Assert.Equal(0, BytesOf(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                writer.Bulk(value);
                writer.Integer(i * 1_000_003L);
                writer.SimpleString("OK");
                writer.Error("ERR no"u8);
                writer.Double(i / 7.0);
                writer.MapHeader(i);
                writer.Null();
                writer.BulkString("name");
            }

            writer.Clear();
        }));
    }

    [Fact]
    public void Input_1_and_2_counts_and_lengths_alone_allocate_nothing()
    {
        var announced = Buffer("*2147483647\r\n$536870912\r\n");
        using var batch = new RequestBatch();
        Assert.Equal(0, BytesOf(() =>
        {
            batch.Read(announced, RequestLimits.Default);
            batch.Reset();
        }));
    }

    [Fact]
    public void Counts_and_lengths_of_replies_allocate_next_to_nothing()
    {
        var text = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("*2147483647\r\n", 100)) + "$2147483647\r\n");
        Assert.InRange(BytesOf(() => Assert.False(ReplyReader.TryRead(text, out _, out _)), times: 1), 0, 1_000);
    }

    [Fact]
    public void A_double_of_a_million_digits_is_read_without_an_allocation()
    {
        var text = Encoding.ASCII.GetBytes("1" + new string('0', 1_000_000) + ".5e-1000000");
        var value = 0.0;
        Assert.Equal(0, BytesOf(() => Assert.True(RespNumber.TryParseDouble(text, out value)), times: 1));
        Assert.Equal(1, value);
    }

    // The first rounds make room and compile; a full collection may take what the pool keeps, so the least of several times counts.
    private static long BytesOf(Action round, int times = 100)
    {
        var least = long.MaxValue;
        for (var attempt = 0; attempt < 5 && least > 0; attempt++)
        {
            for (var i = 0; i < 3; i++) round();
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < times; i++) round();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }

    private static ReadOnlySequence<byte> Buffer(string text) => new(Encoding.ASCII.GetBytes(text));
}
