using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Memstore.Server.Tests.Conformance;

/// <summary>A client that adds nothing and hides nothing: it sends frames and returns replies as bytes.</summary>
internal sealed class RawConnection : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = (int)ServerFixture.Patience.TotalMilliseconds };
    private readonly byte[] _buffer = new byte[16 * 1024];
    private int _position;
    private int _end;

    public RawConnection(IPEndPoint server) => _socket.Connect(server);

    /// <summary>A request as an array of bulk strings: *1\r\n$4\r\nPING\r\n.</summary>
    public static byte[] Encode(byte[][] arguments)
    {
        using var frame = new MemoryStream();
        frame.Write(Encoding.ASCII.GetBytes($"*{arguments.Length}\r\n"));
        foreach (var argument in arguments)
        {
            frame.Write(Encoding.ASCII.GetBytes($"${argument.Length}\r\n"));
            frame.Write(argument);
            frame.Write("\r\n"u8);
        }

        return frame.ToArray();
    }

    public void Send(byte[] bytes) => _socket.Send(bytes);

    /// <exception cref="IOException">The server closed the connection.</exception>
    /// <exception cref="SocketException">No reply came in time.</exception>
    public RawReply ReadReply() => RawReply.Read(NextByte);

    public RawReply Ask(params byte[][] arguments)
    {
        Send(Encode(arguments));
        return ReadReply();
    }

    public RawReply Ask(string command) => Ask([.. command.Split(' ').Select(Encoding.Latin1.GetBytes)]);

    public void Dispose() => _socket.Dispose();

    private byte NextByte()
    {
        if (_position == _end)
        {
            _position = 0;
            _end = _socket.Receive(_buffer);
            if (_end == 0) throw new IOException("the server closed the connection");
        }

        return _buffer[_position++];
    }
}
