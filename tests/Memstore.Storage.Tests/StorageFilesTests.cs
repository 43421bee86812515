using Xunit;

namespace Memstore.Storage.Tests;

public sealed class StorageFilesTests
{
    [Fact]
    public void Names_carry_numbers_in_hexadecimal()
    {
        Assert.Equal("image-00000000000000ff.msi", StorageFiles.Image(255));
        Assert.Equal("journal-0000000000000010.msj", StorageFiles.Segment(16));
        Assert.True(StorageFiles.TryParseImage(StorageFiles.Image(long.MaxValue), out var sequence));
        Assert.Equal(long.MaxValue, sequence);
        Assert.True(StorageFiles.TryParseSegment(StorageFiles.Segment(1), out var number));
        Assert.Equal(1, number);
    }

    [Theory]
    [InlineData("image-00000000000000FF.msi")]
    [InlineData("image-00000000000000ff.msi.tmp")]
    [InlineData("image-ff.msi")]
    [InlineData("image-ffffffffffffffff.msi")]
    [InlineData("journal-0000000000000010.msj")]
    [InlineData("image-              ff.msi")]
    public void Other_names_are_no_image(string name) => Assert.False(StorageFiles.TryParseImage(name, out _));
}
