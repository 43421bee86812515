using System.Text;
using Memstore.Server.CommandLine.Bench;
using Xunit;

namespace Memstore.Load.Tests;

public sealed class ReplyScannerTests
{
    [Theory]
    [InlineData("+OK\r\n", 1, 0)]
    [InlineData(":-5\r\n:10\r\n", 2, 0)]
    [InlineData("$5\r\nhello\r\n$-1\r\n$0\r\n\r\n", 3, 0)]
    [InlineData("$8\r\n+OK\r\n-ER\r\n", 1, 0)]
    [InlineData("*2\r\n$1\r\na\r\n$-1\r\n+OK\r\n", 2, 0)]
    [InlineData("*0\r\n*-1\r\n", 2, 0)]
    [InlineData("*3\r\n+OK\r\n*2\r\n:1\r\n:2\r\n$1\r\nx\r\n", 1, 0)]
    [InlineData("+OK\r\n+QUEUED\r\n*2\r\n-ERR in it\r\n:1\r\n", 3, 1)]
    [InlineData("-ERR first\r\n-ERR second\r\n", 2, 2)]
    public void Counts_replies_however_the_bytes_are_cut(string text, int replies, int errors)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var scanner = new ReplyScanner();
            Assert.Equal(replies, scanner.Feed(bytes.AsSpan(0, cut)) + scanner.Feed(bytes.AsSpan(cut)));
            Assert.Equal(errors, scanner.Errors);
        }

        var slow = new ReplyScanner();
        Assert.Equal(replies, bytes.Sum(b => slow.Feed([b])));
    }

    [Fact]
    public void Keeps_the_text_of_the_first_error()
    {
        var scanner = new ReplyScanner();
        scanner.Feed("+OK\r\n-ERR one"u8);
        scanner.Feed(" of two\r\n-ERR two\r\n"u8);
        Assert.Equal("ERR one of two", scanner.FirstError);
    }

    [Fact]
    public void Refuses_what_is_no_reply()
    {
        var scanner = new ReplyScanner();
        Assert.Throws<InvalidDataException>(() => scanner.Feed("HTTP/1.1 200\r\n"u8));
    }
}
