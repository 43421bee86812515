using System.Text;
using Xunit;

namespace Memstore.Protocol.Tests;

public sealed class ReplyWriterTests
{
    [Theory]
    [InlineData(0, ":0\r\n")]
    [InlineData(9, ":9\r\n")]
    [InlineData(10, ":10\r\n")]
    [InlineData(99, ":99\r\n")]
    [InlineData(100, ":100\r\n")]
    [InlineData(-1, ":-1\r\n")]
    [InlineData(long.MaxValue, ":9223372036854775807\r\n")]
    [InlineData(long.MinValue, ":-9223372036854775808\r\n")]
    public void Integers(long value, string expected) => Expect(writer => writer.Integer(value), expected, expected);

    [Fact]
    public void Strings()
    {
        Same(writer => writer.SimpleString("OK"), "+OK\r\n");
        Same(writer => writer.SimpleString("PONG"u8), "+PONG\r\n");
        Same(writer => writer.Bulk(default), "$0\r\n\r\n");
        Same(writer => writer.Bulk("a\r\n\0"u8), "$4\r\na\r\n\0\r\n");
        Same(writer => writer.Bulk(new byte[1000]), "$1000\r\n" + new string('\0', 1000) + "\r\n");
        Same(writer => writer.BulkString("master"), "$6\r\nmaster\r\n");
        Same(writer => writer.BulkInteger(-12), "$3\r\n-12\r\n");
        Same(writer => writer.Raw("+a\r\n+b\r\n"u8), "+a\r\n+b\r\n");
    }

    [Fact]
    public void Line_ends_in_errors_and_statuses_become_spaces()
    {
        Same(writer => writer.Error("ERR no\r\n+OK\r\n"), "-ERR no  +OK  \r\n");
        Same(writer => writer.Error("ERR no\n$3"u8), "-ERR no $3\r\n");
        Same(writer => writer.SimpleString("a\rb"), "+a b\r\n");
    }

    [Fact]
    public void Nulls_and_containers_follow_the_protocol()
    {
        Expect(writer => writer.Null(), "$-1\r\n", "_\r\n");
        Expect(writer => writer.NullArray(), "*-1\r\n", "_\r\n");
        Expect(writer => writer.ArrayHeader(3), "*3\r\n", "*3\r\n");
        Expect(writer => writer.MapHeader(30), "*60\r\n", "%30\r\n");
        Expect(writer => writer.MapHeader(int.MaxValue), "*4294967294\r\n", "%2147483647\r\n");
        Expect(writer => writer.SetHeader(12), "*12\r\n", "~12\r\n");
        Expect(writer => writer.PushHeader(3), "*3\r\n", ">3\r\n");
        Expect(writer => Assert.Equal(writer.Protocol == 3, writer.AttributeHeader(1)), "", "|1\r\n");
    }

    [Fact]
    public void Other_types_follow_the_protocol()
    {
        Expect(writer => writer.Double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n");
        Expect(writer => writer.Double(double.NegativeInfinity), "$4\r\n-inf\r\n", ",-inf\r\n");
        Expect(writer => writer.Boolean(true), ":1\r\n", "#t\r\n");
        Expect(writer => writer.Boolean(false), ":0\r\n", "#f\r\n");
        Expect(writer => writer.BigNumber("12345678901234567890"u8), "$20\r\n12345678901234567890\r\n", "(12345678901234567890\r\n");
        Expect(writer => writer.Verbatim("txt", "hello"), "$5\r\nhello\r\n", "=9\r\ntxt:hello\r\n");
    }

    [Fact]
    public void Truncate_takes_back_what_a_command_wrote()
    {
        using var writer = new ReplyWriter();
        writer.Integer(1);
        var before = writer.Length;
        writer.Bulk(new byte[100_000]);
        writer.Truncate(before);
        writer.Integer(2);
        Assert.Equal(":1\r\n:2\r\n", Encoding.Latin1.GetString(writer.WrittenSpan));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Truncate(before + 5));
    }

    [Fact]
    public void A_burst_gives_its_memory_back()
    {
        using var writer = new ReplyWriter();
        for (var i = 0; i < 1000; i++) writer.Bulk(new byte[1000]);
        Assert.True(writer.Capacity > 1_000_000);
        writer.Clear();
        Assert.True(writer.Capacity < 40_000);
        Assert.Equal(0, writer.Length);
    }

    [Fact]
    public void A_reply_of_any_length_fits()
    {
        using var writer = new ReplyWriter();
        var expected = new StringBuilder();
        for (var length = 0; length < 300; length++)
        {
            writer.Bulk(Encoding.ASCII.GetBytes(new string('v', length)));
            writer.Integer(length * 7919L);
            expected.Append($"${length}\r\n{new string('v', length)}\r\n:{length * 7919L}\r\n");
        }
        Assert.Equal(expected.ToString(), Encoding.Latin1.GetString(writer.WrittenSpan));
    }

    [Fact]
    public void What_was_written_may_be_given_away()
    {
        using var writer = new ReplyWriter();
        writer.BulkString("one");
        var first = writer.Detach();
        Assert.Equal((0, 0), (writer.Length, writer.Capacity));
        writer.BulkString("two");
        Assert.Equal("$3\r\none\r\n", Encoding.Latin1.GetString(first.Span));
        Assert.Equal("$3\r\ntwo\r\n", Encoding.Latin1.GetString(writer.WrittenSpan));
    }

    private static void Same(Action<ReplyWriter> write, string expected) => Expect(write, expected, expected);

    private static void Expect(Action<ReplyWriter> write, string resp2, string resp3)
    {
        using var writer = new ReplyWriter();
        write(writer);
        Assert.Equal(resp2, Encoding.Latin1.GetString(writer.WrittenSpan));
        writer.Clear();
        writer.Protocol = 3;
        write(writer);
        Assert.Equal(resp3, Encoding.Latin1.GetString(writer.WrittenSpan));
    }
}
