using System.Runtime.InteropServices;

namespace Memstore.Server.Http;

/// <summary>
/// Whether the system has the library that .NET's cryptography calls on Linux. Without it the first digest or nonce would end the process, whoever asked
/// for it, so nothing that needs one may be served.
/// </summary>
internal static class OpenSsl
{
    /// <summary>The names under which .NET looks for it.</summary>
    public static readonly string[] Names = ["libssl.so.3", "libssl.so.1.1"];

    /// <summary>Throws where it is needed and not there.</summary>
    /// <param name="names">The names to look for.</param>
    /// <exception cref="PlatformNotSupportedException">It is not there; the message is for the operator.</exception>
    public static void Require(IEnumerable<string> names)
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable("CLR_OPENSSL_VERSION_OVERRIDE") is not null) return;
        foreach (var name in names)
        {
            if (!NativeLibrary.TryLoad(name, out var library)) continue;
            NativeLibrary.Free(library);
            return;
        }

        throw new PlatformNotSupportedException($"The system has no OpenSSL ({string.Join(" or ", names)}), which REST needs.");
    }
}
