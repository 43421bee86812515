using System.Text;
using Memstore.Server.Commands;
using Xunit;

namespace Memstore.Server.Tests.Commands;

/// <summary>Glob patterns, odd ones included; the expectations are what Redis 7.0.15 answers.</summary>
public sealed class GlobPatternTests
{
    [Theory]
    [InlineData("", "", true)]
    [InlineData("", "a", false)]
    [InlineData("*", "anything", true)]
    [InlineData("**", "anything", true)]
    [InlineData("*", "", false)]
    [InlineData("a*", "a", true)]
    [InlineData("a**", "a", true)]
    [InlineData("*a", "ba", true)]
    [InlineData("*a", "ab", false)]
    [InlineData("a*c*e", "abcde", true)]
    [InlineData("a*c*e", "abcdef", false)]
    [InlineData("a?c", "abc", true)]
    [InlineData("a?c", "ac", false)]
    [InlineData("h[ae]llo", "hallo", true)]
    [InlineData("h[ae]llo", "hillo", false)]
    [InlineData("h[^e]llo", "hallo", true)]
    [InlineData("h[^e]llo", "hello", false)]
    [InlineData("h[a-c]llo", "hbllo", true)]
    [InlineData("[z-a]", "m", true)]
    [InlineData("[", "a", false)]
    [InlineData("[", "[", false)]
    [InlineData("[^", "a", true)]
    [InlineData("[]", "a", false)]
    [InlineData("[]a]", "a]", false)]
    [InlineData("[abc", "c", true)]
    [InlineData("[a-", "-", true)]
    [InlineData("[a-]", "b", false)]
    [InlineData("[a-]", "^", true)]
    [InlineData("[\\]]", "]", true)]
    [InlineData("[\\", "\\", true)]
    [InlineData("\\*", "*", true)]
    [InlineData("\\*", "a", false)]
    [InlineData("\\", "\\", true)]
    [InlineData("a\\", "a\\", true)]
    [InlineData("A", "a", false)]
    public void Matches_as_Redis_does(string pattern, string text, bool expected) =>
        Assert.Equal(expected, GlobPattern.Matches(Bytes(pattern), Bytes(text)));

    [Theory]
    [InlineData("MaxMemory*", "maxmemory-policy", true)]
    [InlineData("[A-C]x", "bX", true)]
    [InlineData("\\A", "a", true)]
    public void Ignores_case_when_asked(string pattern, string text, bool expected) =>
        Assert.Equal(expected, GlobPattern.Matches(Bytes(pattern), Bytes(text), ignoreCase: true));

    [Fact]
    public void Bytes_above_127_are_the_low_end_of_a_range()
    {
        ReadOnlySpan<byte> pattern = [(byte)'[', (byte)'a', (byte)'-', 0xFF, (byte)']'];
        Assert.True(GlobPattern.Matches(pattern, "A"u8));
        Assert.False(GlobPattern.Matches(pattern, "b"u8));
    }

    // Bad input 33: exponential in matchers that try every star.
    [Fact]
    public void A_thousand_stars_take_no_exponential_time()
    {
        var pattern = Bytes(string.Concat(Enumerable.Repeat("a*", 1_000)) + "b");
        Assert.False(GlobPattern.Matches(pattern, Bytes(new string('a', 10_000))));
    }

    // Bad input 34.
    [Fact]
    public void A_pattern_of_opening_brackets_or_backslashes_ends()
    {
        Assert.False(GlobPattern.Matches(Bytes(new string('[', 1_000_000)), Bytes("aaa")));
        Assert.False(GlobPattern.Matches(Bytes(new string('\\', 1_000_001)), Bytes("aaa")));
    }

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);
}
