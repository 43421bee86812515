using System.Text;
using Memstore.Storage.Checksums;
using Xunit;

namespace Memstore.Storage.Tests.Checksums;

public sealed class Crc32CTests
{
    [Theory]
    [InlineData("", 0u)]
    [InlineData("123456789", 0xE3069283u)]
    [InlineData("The quick brown fox jumps over the lazy dog", 0x22620404u)]
    public void It_is_the_checksum_that_everybody_computes(string text, uint expected) =>
        Assert.Equal(expected, Crc32C.Of(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void It_can_be_computed_in_pieces()
    {
        var bytes = Enumerable.Range(0, 100).Select(static value => (byte)value).ToArray();
        for (var at = 0; at <= bytes.Length; at++)
            Assert.Equal(Crc32C.Of(bytes), Crc32C.Append(Crc32C.Of(bytes.AsSpan(0, at)), bytes.AsSpan(at)));
    }
}
