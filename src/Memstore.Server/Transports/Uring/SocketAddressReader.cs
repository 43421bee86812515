using System.Buffers.Binary;
using System.Net;

namespace Memstore.Server.Transports.Uring;

/// <summary>Reads the kernel's socket addresses (sockaddr_in, sockaddr_in6).</summary>
internal static unsafe class SocketAddressReader
{
    private const int LargestSize = 28;
    private const ushort Inet = 2;
    private const ushort Inet6 = 10;

    /// <summary>The address of the other side; null if it is gone or has none.</summary>
    public static EndPoint? Peer(int descriptor)
    {
        var address = stackalloc byte[LargestSize];
        var size = KernelCalls.GetPeerAddress(descriptor, address, LargestSize);
        return size <= 0 ? null : Parse(new(address, Math.Min(size, LargestSize)));
    }

    /// <summary>The address of this side; null if it has none.</summary>
    public static EndPoint? Local(int descriptor)
    {
        var address = stackalloc byte[LargestSize];
        var size = KernelCalls.GetLocalAddress(descriptor, address, LargestSize);
        return size <= 0 ? null : Parse(new(address, Math.Min(size, LargestSize)));
    }

    // sockaddr_in: family 2 bytes, port 2 (big endian), address 4. sockaddr_in6: family 2, port 2, flow 4, address 16, scope 4.
    private static IPEndPoint? Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 8)
            return null;
        var port = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        return BitConverter.ToUInt16(bytes) switch
        {
            Inet => new IPEndPoint(new IPAddress(bytes[4..8]), port),
            Inet6 when bytes.Length == LargestSize => new IPEndPoint(
                new IPAddress(bytes[8..24], BitConverter.ToUInt32(bytes[24..])), port),
            _ => null,
        };
    }
}
