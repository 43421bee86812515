using System.Buffers;
using System.Text;
using Xunit;

namespace Memstore.Protocol.Tests;

public sealed class ReplyReaderTests
{
    public static TheoryData<string, string> Replies { get; } = new()
    {
        { "+OK\r\n", "OK" },
        { "+\r\n", "" },
        { "-ERR no\r\n", "(error) ERR no" },
        { "!6\r\nERR\r\nx\r\n", "(error) ERR\r\nx" },
        { ":-12\r\n", "(integer) -12" },
        { "$5\r\nhello\r\n", "\"hello\"" },
        { "$2\r\n\r\n\r\n", "\"\r\n\"" },
        { "$0\r\n\r\n", "\"\"" },
        { "$-1\r\n", "(nil)" },
        { "*-1\r\n", "(nil)" },
        { "_\r\n", "(nil)" },
        { "*0\r\n", "[]" },
        { "*2\r\n:1\r\n*1\r\n+a\r\n", "[(integer) 1, [a]]" },
        { "%1\r\n+a\r\n:1\r\n", "{a, (integer) 1}" },
        { "~2\r\n:1\r\n:2\r\n", "[(integer) 1, (integer) 2]" },
        { ">2\r\n+message\r\n+x\r\n", "[message, x]" },
        { ",1.5\r\n", "(double) 1.5" },
        { ",inf\r\n", "(double) inf" },
        { ",nan\r\n", "(double) nan" },
        { "#t\r\n", "(true)" },
        { "#f\r\n", "(false)" },
        { "(-12345678901234567890\r\n", "(big number) -12345678901234567890" },
        { "=8\r\ntxt:text\r\n", "\"txt:text\"" },
        { "|1\r\n+ttl\r\n:1\r\n+OK\r\n", "OK" },
    };

    [Theory]
    [MemberData(nameof(Replies))]
    public void A_reply_is_read_whole_in_no_prefix_and_cut_anywhere(string text, string expected)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        for (var i = 0; i < bytes.Length; i++)
        {
            var prefix = new ReadOnlySequence<byte>(bytes[..i]);
            Assert.False(ReplyReader.TryRead(ref prefix, out _));
            Assert.Equal(i, prefix.Length);

            var cut = Segments.Of(bytes[..i], [.. bytes[i..], .. "+next\r\n"u8]);
            Assert.True(ReplyReader.TryRead(ref cut, out var value));
            Assert.Equal(expected, value.ToString());
            Assert.True(ReplyReader.TryRead(ref cut, out value));
            Assert.Equal("next", value.Text);
            Assert.True(cut.IsEmpty);
        }
    }

    [Theory]
    [InlineData("\r\n")]
    [InlineData("?\r\n")]
    [InlineData(":x\r\n")]
    [InlineData("$-2\r\n")]
    [InlineData("$3\r\nabcde")]
    [InlineData("~-1\r\n")]
    [InlineData("*99999999999\r\n")]
    [InlineData("#x\r\n")]
    [InlineData(",x\r\n")]
    [InlineData("(1x\r\n")]
    [InlineData("(\r\n")]
    [InlineData("_x\r\n")]
    [InlineData("=3\r\ntxt\r\n")]
    public void What_is_no_reply_is_refused(string text) =>
        Assert.Throws<ReplyFormatException>(() => ReplyReader.TryRead(Encoding.Latin1.GetBytes(text), out _, out _));

    [Fact]
    public void Attributes_stay_with_their_reply()
    {
        Assert.True(ReplyReader.TryRead("*1\r\n|1\r\n+ttl\r\n:1\r\n+a\r\n"u8, out var value, out _));
        Assert.Empty(value.Attributes);
        Assert.Equal(["ttl", "(integer) 1"], value.Items[0].Attributes.Select(attribute => attribute.ToString()));
    }

    [Fact]
    public void Depth_is_bounded()
    {
        var text = string.Concat(Enumerable.Repeat("*1\r\n", 100_000)) + ":1\r\n";
        Assert.Throws<ReplyFormatException>(() => ReplyReader.TryRead(Encoding.ASCII.GetBytes(text), out _, out _));
    }

    [Fact]
    public void Everything_the_writer_writes_is_read()
    {
        foreach (var protocol in new[] { 2, 3 })
        {
            using var writer = new ReplyWriter { Protocol = protocol };
            writer.ArrayHeader(10);
            writer.SimpleString("OK");
            writer.Error("ERR no");
            writer.Integer(42);
            writer.Bulk("hello"u8);
            writer.Null();
            writer.MapHeader(1);
            writer.BulkString("key");
            writer.Double(0.5);
            writer.SetHeader(1);
            writer.Boolean(true);
            writer.BigNumber("123"u8);
            writer.Verbatim("txt", "text");
            writer.NullArray();
            Assert.True(ReplyReader.TryRead(writer.WrittenSpan, out var value, out var length));
            Assert.Equal(writer.Length, length);
            Assert.Equal(10, value.Items.Count);
        }
    }
}
