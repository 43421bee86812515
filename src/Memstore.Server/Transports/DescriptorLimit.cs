using System.Globalization;
using System.Net.Sockets;

namespace Memstore.Server.Transports;

/// <summary>
/// How many files and sockets the process may have open (RLIMIT_NOFILE). The runtime and the journal need some at any moment and a process
/// without any falls over, so the last ones are not given to clients.
/// </summary>
internal static class DescriptorLimit
{
    private const int Reserve = 64;
    private const int Plenty = 16_384;

    private static readonly long ClientsEnd = Read() - Reserve;

    /// <summary>Whether a descriptor that was just accepted is one of the last. The kernel gives out the lowest that is free.</summary>
    public static bool IsReserved(nint descriptor) => descriptor >= ClientsEnd;

    /// <summary>
    /// Whether the kernel may accept on its own as many as come: a burst that fills the backlog cannot take the last descriptors before
    /// somebody looks at them.
    /// </summary>
    public static bool AllowsBursts => ClientsEnd > Plenty;

    /// <summary>Tells a client that there is no room and closes its socket.</summary>
    public static void Refuse(Socket socket)
    {
        try
        {
            socket.Send("-ERR max number of clients reached\r\n"u8);
        }
        catch (SocketException)
        {
            // It has gone already.
        }

        socket.Dispose();
    }

    // Max open files            1024                 524288               files
    private static long Read()
    {
        if (!OperatingSystem.IsLinux()) return long.MaxValue;
        var line = File.ReadLines("/proc/self/limits").FirstOrDefault(static line => line.StartsWith("Max open files", StringComparison.Ordinal));
        var soft = line?["Max open files".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        return long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) ? limit : long.MaxValue;
    }
}
