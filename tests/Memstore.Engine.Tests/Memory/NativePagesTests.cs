using Memstore.Engine.Memory;
using Xunit;

namespace Memstore.Engine.Tests.Memory;

/// <summary>The system's pages may be larger than ours: what is given back must not take a neighbour along.</summary>
public sealed unsafe class NativePagesTests : IDisposable
{
    private const int Pages = 4;

    private readonly nuint _page = (nuint)Environment.SystemPageSize;
    private readonly byte* _start;

    public NativePagesTests()
    {
        _start = NativePages.Reserve(Pages * _page);
        Assert.True(NativePages.Commit(_start, Pages * _page));
        new Span<byte>(_start, (int)(Pages * _page)).Fill(7);
    }

    public void Dispose() => NativePages.Release(_start, Pages * _page);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(4, 1)]
    [InlineData(4, 3)]
    [InlineData(5, 3)]
    [InlineData(3, 6)]
    [InlineData(6, 9)]
    public void Giving_back_a_quarter_of_a_page_keeps_the_rest_of_it(int firstQuarter, int quarters)
    {
        var quarter = (int)_page / 4;
        NativePages.Discard(_start + (firstQuarter * quarter), (nuint)(quarters * quarter));
        var end = (firstQuarter + quarters) * quarter;
        var all = new ReadOnlySpan<byte>(_start, (int)(Pages * _page));
        Assert.Equal(-1, all[..(firstQuarter * quarter)].IndexOfAnyExcept((byte)7));
        Assert.Equal(-1, all[end..].IndexOfAnyExcept((byte)7));
    }
}
