using System.Text;
using Memstore.Server.Configuration;
using Memstore.Server.Sessions;
using Xunit;

namespace Memstore.Server.Tests.Sessions;

public sealed class CredentialsTests
{
    [Theory]
    [InlineData("secret", "secret", true)]
    [InlineData("secret", "Secret", false)]
    [InlineData("secret", "secre", false)]
    [InlineData("secret", "secret\0", false)]
    [InlineData("secret\0", "secret", false)]
    [InlineData("secret", "", false)]
    [InlineData("s\u00ff\0", "s\u00ff\0", true)]
    [InlineData("", "", true)]
    [InlineData("", "anything", true)]
    public void A_password_is_right_byte_by_byte_and_none_lets_everybody_in(string wanted, string given, bool matches)
    {
        Check(wanted, given, matches);
        var padding = new string('x', 1_000);
        Check(wanted.Length == 0 ? "" : padding + wanted, padding + given, matches);
    }

    private static void Check(string wanted, string given, bool matches)
    {
        var settings = new Settings();
        Assert.True(settings.TrySetAtStart("requirepass", wanted, out var error), error);
        Assert.Equal(matches, Credentials.Match(settings, "default"u8, Encoding.Latin1.GetBytes(given)));
        Assert.False(Credentials.Match(settings, "other"u8, Encoding.Latin1.GetBytes(given)));
    }
}
