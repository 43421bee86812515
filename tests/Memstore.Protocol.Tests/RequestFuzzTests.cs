using System.Buffers;
using System.Text;
using Xunit;

namespace Memstore.Protocol.Tests;

/// <summary>Mutated frames: no crash, no unbounded memory, and the same outcome however the bytes arrive.</summary>
public sealed class RequestFuzzTests
{
    private static readonly byte[][] Spice =
    [
        "\r\n"u8.ToArray(), "*"u8.ToArray(), "$"u8.ToArray(), "-1"u8.ToArray(), "\0"u8.ToArray(), "\""u8.ToArray(), "'"u8.ToArray(),
        "2147483647"u8.ToArray(), "$536870912\r\n"u8.ToArray(), "*3\r\n"u8.ToArray(), "\\x"u8.ToArray(), "9223372036854775808"u8.ToArray(),
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Mutated_frames_mean_the_same_however_they_arrive(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 3_000; round++)
        {
            var bytes = Mutate(random);
            var limits = random.Next(4) == 0 ? RequestLimits.Unauthenticated : RequestLimits.Default;
            using var whole = new RequestFeed(limits);
            var consumed = whole.Read(new ReadOnlySequence<byte>(bytes));

            using var cut = new RequestFeed(limits, random.Next(1, 5));
            Assert.True(consumed == cut.Read(Segments.Cut(bytes, random.Next(1, 40))), Describe(seed, round, bytes));
            Compare(whole, cut, Describe(seed, round, bytes));

            using var piecewise = new RequestFeed(limits, random.Next(1, 5));
            ReadInPieces(piecewise, bytes, random);
            Compare(whole, piecewise, Describe(seed, round, bytes));
        }
    }

    [Fact]
    public void Mutated_frames_take_memory_in_proportion_to_their_bytes()
    {
        const int Seed = 4;
        var random = new Random(Seed);
        using var batch = new RequestBatch();
        for (var round = 0; round < 3_000; round++)
        {
            var bytes = Mutate(random);
            var buffer = Segments.Cut(bytes, 16);
            batch.Reset();
            batch.Read(buffer, RequestLimits.Default);
            batch.Reset();
            var before = GC.GetAllocatedBytesForCurrentThread();
            batch.Read(buffer, RequestLimits.Default);
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before <= 8_192 + 64 * bytes.Length, Describe(Seed, round, bytes));
        }
    }

    [Fact]
    public void Mutated_replies_are_read_or_refused()
    {
        const int Seed = 5;
        var random = new Random(Seed);
        var replies = ReplyReaderTests.Replies.Select(row => Encoding.Latin1.GetBytes(row.Data.Item1)).ToArray();
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = replies[random.Next(replies.Length)].Concat(replies[random.Next(replies.Length)]).ToList();
            for (var i = random.Next(4); i >= 0; i--) MutateOnce(bytes, random);
            try
            {
                ReplyReader.TryRead(bytes.ToArray(), out _, out _);
            }
            catch (ReplyFormatException)
            {
                // Refused, which is as good as read.
            }
        }
    }

    private static void ReadInPieces(RequestFeed feed, byte[] bytes, Random random)
    {
        var start = 0;
        for (var end = 0; end < bytes.Length && feed.Error is null;)
        {
            end = Math.Min(bytes.Length, end + random.Next(1, 30));
            var part = bytes[start..end];
            start += (int)feed.Read(random.Next(2) == 0 ? new ReadOnlySequence<byte>(part) : Segments.Cut(part, random.Next(1, 20)));
        }
    }

    private static void Compare(RequestFeed expected, RequestFeed actual, string message)
    {
        Assert.True(expected.Requests.SequenceEqual(actual.Requests), message);
        Assert.True(expected.Error == actual.Error, message);
    }

    private static byte[] Mutate(Random random)
    {
        var bytes = new List<byte>();
        for (var i = random.Next(1, 5); i > 0; i--)
        {
            var frames = random.Next(5) == 0 ? Frames.Wrong : Frames.Complete;
            bytes.AddRange(frames[random.Next(frames.Length)].ToArray());
        }
        for (var i = random.Next(4); i > 0; i--) MutateOnce(bytes, random);
        return [.. bytes];
    }

    private static void MutateOnce(List<byte> bytes, Random random)
    {
        var place = random.Next(bytes.Count);
        switch (random.Next(4))
        {
            case 0:
                bytes[place] = (byte)random.Next(256);
                break;
            case 1:
                bytes.RemoveRange(place, Math.Min(random.Next(1, 6), bytes.Count - place));
                if (bytes.Count == 0) bytes.Add((byte)'*');
                break;
            case 2:
                bytes.InsertRange(place, Spice[random.Next(Spice.Length)]);
                break;
            default:
                bytes[place] ^= (byte)(1 << random.Next(8));
                break;
        }
    }

    private static string Describe(int seed, int round, byte[] bytes) =>
        $"Seed {seed}, round {round}: {Encoding.Latin1.GetString(bytes).Replace("\r", "\\r").Replace("\n", "\\n").Replace("\0", "\\0")}";
}
