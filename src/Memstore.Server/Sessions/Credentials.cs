using System.Security.Cryptography;
using System.Text;
using Memstore.Server.Configuration;

namespace Memstore.Server.Sessions;

/// <summary>Who may use the server: the user <c>default</c> with the password of the setting <c>requirepass</c>. Thread-safe.</summary>
internal static class Credentials
{
    // Passwords are usually shorter, so their length does not show.
    private const int PaddedMin = 128;

    /// <summary>Whether a user with this password is let in. Without a password in the settings any will do.</summary>
    // Takes the same time whatever the passwords' bytes are. Both are padded to one length, beyond which a password cannot be the right one; digests would
    // need OpenSSL, which not every machine has.
    public static bool Match(Settings settings, ReadOnlySpan<byte> user, ReadOnlySpan<byte> password)
    {
        var expected = settings.Password;
        var padded = Math.Max(expected.Length, PaddedMin);
        var given = new byte[padded];
        var wanted = new byte[padded];
        password[..Math.Min(password.Length, padded)].CopyTo(given);
        Encoding.Latin1.GetBytes(expected, wanted);
        var matches = (CryptographicOperations.FixedTimeEquals(given, wanted) & (password.Length == expected.Length)) || expected.Length == 0;
        return matches && user.SequenceEqual("default"u8);
    }
}
