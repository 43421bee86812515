using Memstore.Server.Http;
using Xunit;

namespace Memstore.Server.Tests.Http;

public sealed class OpenSslTests
{
    [Fact]
    public void Without_it_the_operator_is_told()
    {
        if (!OperatingSystem.IsLinux()) return;
        var error = Assert.Throws<PlatformNotSupportedException>(static () => OpenSsl.Require(["libnosuch.so.1", "libnosuch.so.2"]));
        Assert.Equal("The system has no OpenSSL (libnosuch.so.1 or libnosuch.so.2), which REST needs.", error.Message);
        OpenSsl.Require(["libnosuch.so.1", "libc.so.6"]);
    }
}
