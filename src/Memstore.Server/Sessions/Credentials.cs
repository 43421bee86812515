using System.Security.Cryptography;
using System.Text;
using Memstore.Server.Configuration;

namespace Memstore.Server.Sessions;

/// <summary>Who may use the server: the user <c>default</c> with the password of the setting <c>requirepass</c>. Thread-safe.</summary>
internal static class Credentials
{
    /// <summary>Whether a user with this password is let in. Without a password in the settings any will do.</summary>
    // Takes the same time whatever the password, its length excepted, which the digests hide.
    public static bool Match(Settings settings, ReadOnlySpan<byte> user, ReadOnlySpan<byte> password)
    {
        var expected = settings.Password;
        Span<byte> given = stackalloc byte[SHA256.HashSizeInBytes];
        Span<byte> wanted = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(password, given);
        SHA256.HashData(Encoding.Latin1.GetBytes(expected), wanted);
        var matches = CryptographicOperations.FixedTimeEquals(given, wanted) || expected.Length == 0;
        return matches && user.SequenceEqual("default"u8);
    }
}
