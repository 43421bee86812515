using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Memstore.Histories.Resp;

/// <summary>A plain TCP connection that speaks RESP2: commands are collected, sent at once, and answered in their order.</summary>
public sealed class RespConnection : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly ArrayBufferWriter<byte> _output = new(512);
    private byte[] _input = new byte[4096];
    private int _from;
    private int _to;

    private RespConnection(Socket socket) => _socket = socket;

    /// <summary>Opens a connection.</summary>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    public static async Task<RespConnection> ConnectAsync(EndPoint endPoint, CancellationToken cancellation = default)
    {
        bool tcp = endPoint is IPEndPoint;
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, tcp ? ProtocolType.Tcp : ProtocolType.Unspecified);
        try
        {
            if (tcp) socket.NoDelay = true;
            await socket.ConnectAsync(endPoint, cancellation).ConfigureAwait(false);
            return new RespConnection(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Begins a command of so many arguments, its name included; that many calls of <see cref="Argument(ReadOnlySpan{byte})"/> follow.</summary>
    public void Begin(int argumentCount) => Header('*', argumentCount);

    /// <summary>Adds an argument.</summary>
    public void Argument(ReadOnlySpan<byte> bytes)
    {
        Header('$', bytes.Length);
        _output.Write(bytes);
        _output.Write("\r\n"u8);
    }

    /// <summary>Adds a whole command of plain words.</summary>
    public void Command(params ReadOnlySpan<string> words)
    {
        Begin(words.Length);
        foreach (string word in words) Argument(Encoding.UTF8.GetBytes(word));
    }

    /// <summary>Sends what was collected.</summary>
    /// <exception cref="SocketException">The connection broke.</exception>
    public async ValueTask FlushAsync(CancellationToken cancellation = default)
    {
        ReadOnlyMemory<byte> rest = _output.WrittenMemory;
        while (!rest.IsEmpty) rest = rest[await _socket.SendAsync(rest, cancellation).ConfigureAwait(false)..];
        _output.ResetWrittenCount();
    }

    /// <summary>Waits for the next reply.</summary>
    /// <exception cref="EndOfStreamException">The server closed the connection.</exception>
    /// <exception cref="SocketException">The connection broke.</exception>
    public async ValueTask<RespReply> ReadAsync(CancellationToken cancellation = default)
    {
        while (true)
        {
            if (RespReply.TryRead(_input.AsSpan(_from.._to), out RespReply reply, out int consumed))
            {
                _from += consumed;
                return reply;
            }

            MakeRoom();
            int received = await _socket.ReceiveAsync(_input.AsMemory(_to), cancellation).ConfigureAwait(false);
            if (received == 0) throw new EndOfStreamException("The server closed the connection.");
            _to += received;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private void MakeRoom()
    {
        _input.AsSpan(_from.._to).CopyTo(_input);
        (_from, _to) = (0, _to - _from);
        if (_to == _input.Length) Array.Resize(ref _input, 2 * _to);
    }

    private void Header(char kind, int count)
    {
        Span<byte> bytes = _output.GetSpan(16);
        bytes[0] = (byte)kind;
        System.Buffers.Text.Utf8Formatter.TryFormat(count, bytes[1..], out int size);
        "\r\n"u8.CopyTo(bytes[(1 + size)..]);
        _output.Advance(size + 3);
    }
}
