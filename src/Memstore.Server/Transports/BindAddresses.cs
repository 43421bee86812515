using System.Net;
using System.Net.Sockets;

namespace Memstore.Server.Transports;

/// <summary>The addresses of the settings <c>bind</c> and <c>http-bind</c>, separated by spaces or commas. One after a minus sign is left out where the machine does not have it.</summary>
internal static class BindAddresses
{
    /// <summary>Reads a setting.</summary>
    /// <exception cref="TransportException">A word is no address; the message is for the operator.</exception>
    public static IReadOnlyList<IPAddress> Parse(string setting, string text)
    {
        var addresses = new List<IPAddress>();
        foreach (var word in text.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries))
        {
            var isOptional = word[0] == '-';
            var address = Parse(setting, word, isOptional ? word[1..] : word);
            if (!isOptional || IsHere(address)) addresses.Add(address);
        }

        return addresses;
    }

    private static IPAddress Parse(string setting, string word, string address) => address switch
    {
        "*" => IPAddress.Any,
        "::*" => IPAddress.IPv6Any,
        "localhost" => IPAddress.Loopback,
        _ when IPAddress.TryParse(address, out var parsed) => parsed,
        _ => throw new TransportException($"Cannot listen on {word}: --{setting} takes IP addresses such as 127.0.0.1 or 0.0.0.0."),
    };

    private static bool IsHere(IPAddress address)
    {
        try
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
