using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Memstore.Server.Tests.Http;

/// <summary>A socket to the REST port, for what no well-behaved client sends. Its waits have an end, so that no test hangs.</summary>
internal sealed class RawHttp : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    public static async Task<RawHttp> ConnectAsync(IPEndPoint endPoint)
    {
        var raw = new RawHttp();
        await raw._socket.ConnectAsync(endPoint);
        return raw;
    }

    /// <summary>Sends text, a byte for each character; false if the server has closed.</summary>
    public Task<bool> SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    public async Task<bool> SendAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            using var patience = new CancellationTokenSource(ServerFixture.Patience);
            while (bytes.Length > 0) bytes = bytes[await _socket.SendAsync(bytes, patience.Token)..];
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Says that nothing more is sent.</summary>
    public void EndSending() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>What has come until there is so much, or the server closes.</summary>
    public async Task<byte[]> ReadAsync(int atLeast = int.MaxValue)
    {
        using var patience = new CancellationTokenSource(ServerFixture.Patience);
        var all = new MemoryStream();
        var buffer = new byte[16 * 1024];
        try
        {
            while (all.Length < atLeast)
            {
                var count = await _socket.ReceiveAsync(buffer, patience.Token);
                if (count == 0) break;
                all.Write(buffer, 0, count);
            }
        }
        catch (SocketException)
        {
            // Reset: what was read before still counts.
        }
        return all.ToArray();
    }

    /// <summary>Everything until the text has come or the server closes.</summary>
    public async Task<string> ReadUntilAsync(string end)
    {
        var all = new StringBuilder();
        while (!all.ToString().Contains(end, StringComparison.Ordinal))
        {
            var bytes = await ReadAsync(atLeast: 1);
            if (bytes.Length == 0) break;
            all.Append(Encoding.Latin1.GetString(bytes));
        }
        return all.ToString();
    }

    /// <summary>Sends a request on a connection of its own and gives everything that comes until the server closes.</summary>
    public static async Task<string> AskAsync(IPEndPoint endPoint, string request)
    {
        using var raw = await ConnectAsync(endPoint);
        await raw.SendAsync(request);
        return Encoding.Latin1.GetString(await raw.ReadAsync());
    }

    /// <summary>Closes the connection as a client that leaves does, or one whose process has died.</summary>
    public void End(bool isReset)
    {
        if (isReset) _socket.LingerState = new LingerOption(true, 0);
        _socket.Close();
    }

    public void Dispose() => _socket.Dispose();
}
