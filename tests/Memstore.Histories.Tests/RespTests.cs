using System.Text;
using Memstore.Histories.Resp;
using Xunit;

namespace Memstore.Histories.Tests;

/// <summary>The client's side of RESP2.</summary>
public sealed class RespTests
{
    [Theory]
    [InlineData("+OK\r\n", RespKind.Status, "OK")]
    [InlineData("-ERR no\r\n", RespKind.Error, "ERR no")]
    [InlineData("$5\r\nhello\r\n", RespKind.Bulk, "hello")]
    [InlineData("$0\r\n\r\n", RespKind.Bulk, "")]
    [InlineData("$-1\r\n", RespKind.Nil, "")]
    [InlineData("*-1\r\n", RespKind.Nil, "")]
    [InlineData("*2\r\n$1\r\na\r\n*1\r\n:-7\r\n", RespKind.Array, "")]
    public void A_reply_is_read_when_all_of_it_is_there(string frame, RespKind kind, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(frame + "+more\r\n");
        for (int size = 0; size < frame.Length; size++) Assert.False(RespReply.TryRead(bytes.AsSpan(0, size), out _, out _));
        Assert.True(RespReply.TryRead(bytes, out RespReply reply, out int consumed));
        Assert.Equal(frame.Length, consumed);
        Assert.Equal(kind, reply.Kind);
        Assert.Equal(text, reply.Text);
    }

    [Fact]
    public void An_array_holds_its_items()
    {
        Assert.True(RespReply.TryRead("*2\r\n$1\r\na\r\n*1\r\n:-7\r\n"u8, out RespReply reply, out _));
        Assert.Equal("a", reply.Items[0].Text);
        Assert.Equal(-7, reply.Items[1].Items[0].Integer);
    }

    [Theory]
    [InlineData("?\r\n")]
    [InlineData(":x\r\n")]
    [InlineData("$1\r\nabc\r\n")]
    public void Anything_else_is_refused(string frame) =>
        Assert.Throws<InvalidDataException>(() => RespReply.TryRead(Encoding.UTF8.GetBytes(frame), out _, out _));
}
