using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using Memstore.Server.Transports.Local;
using Xunit;

namespace Memstore.Server.Tests.Transports;

public sealed class LocalOutputTests
{
    [Fact]
    public async Task What_was_sent_comes_in_order_whether_it_was_copied_or_not()
    {
        var output = new LocalOutput(CancellationToken.None);
        for (var round = 0; round < 3; round++)
        {
            await SendAsync(output, "one ");
            await SendAsync(output, "two ");
            output.Add("three "u8.ToArray());
            await SendAsync(output, "four ");
            await SendAsync(output, "five ");
            output.Add("six"u8.ToArray());
            Assert.Equal("one two three four five six", Encoding.ASCII.GetString(output.ReadAll().ToArray()));
            Assert.Equal(27, output.Unread);
            output.TakeAll();
            Assert.Equal((0, 0), (output.Unread, output.ReadAll().Length));
            output.TakeAll();
        }
    }

    [Fact]
    public void A_long_reply_alone_is_not_copied()
    {
        var output = new LocalOutput(CancellationToken.None);
        var reply = new byte[1_000_000];
        output.Add(reply);
        var all = output.ReadAll();
        Assert.True(all.IsSingleSegment);
        Assert.True(MemoryMarshal.TryGetArray(all.First, out var array));
        Assert.Same(reply, array.Array);
    }

    private static async Task SendAsync(LocalOutput output, string text)
    {
        output.Write(Encoding.ASCII.GetBytes(text));
        await output.FlushAsync();
    }
}
