using System.Net.Sockets;
using System.Text;

namespace Memstore.Server.CommandLine;

/// <summary>
/// Tells systemd how far a service of Type=notify is (https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html). Without systemd it
/// does nothing, and a message that does not arrive is no error: the service manager has its own time limits.
/// </summary>
internal static class ServiceNotifier
{
    /// <summary>The data is loaded, and clients are served.</summary>
    public static void Ready() => Send("READY=1\nSTATUS=Serving");

    /// <summary>Clients can connect, and the data is being loaded.</summary>
    public static void Loading() => Send("STATUS=Loading the data");

    /// <summary>The server stops.</summary>
    public static void Stopping() => Send("STOPPING=1\nSTATUS=Stopping");

    private static void Send(string message)
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 1 } path || OperatingSystem.IsWindows()) return;

        // The name of an abstract socket begins with a zero byte, which systemd writes as @.
        var address = path[0] == '@' ? '\0' + path[1..] : path;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.SendTo(Encoding.UTF8.GetBytes(message), new UnixDomainSocketEndPoint(address));
        }
        catch (Exception error) when (error is SocketException or ArgumentException)
        {
        }
    }
}
