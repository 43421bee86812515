using System.Net.Sockets;

namespace Memstore.Load;

/// <summary>One connection: its bytes to send, and the requests whose replies have not come.</summary>
internal sealed class LoadConnection : IDisposable
{
    private readonly Socket _socket;

    // A ring of the requests on their way, oldest first; its length is a power of two.
    private Request[] _requests = new Request[16];
    private int _head;
    private int _tail;

    public LoadConnection(string host, int port)
    {
        _socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        _socket.Connect(host, port);
        Handle = (int)_socket.Handle;
    }

    public int Handle { get; }

    public SendBuffer Output { get; } = new();

    public bool WaitsForRoom { get; set; }

    public int RequestCount => _tail - _head;

    public ReplyScanner Scanner;

    public void Push(long startNs, int replies)
    {
        if (RequestCount == _requests.Length) Grow();
        _requests[_tail++ & (_requests.Length - 1)] = new Request(startNs, replies);
    }

    /// <summary>Takes replies for the oldest request: true, with its start, when it has all of them.</summary>
    public bool TryComplete(ref int replies, out long startNs)
    {
        ref var oldest = ref _requests[_head & (_requests.Length - 1)];
        startNs = oldest.StartNs;
        var taken = Math.Min(replies, oldest.Replies);
        replies -= taken;
        oldest.Replies -= taken;
        if (oldest.Replies > 0) return false;
        _head++;
        return true;
    }

    public void Dispose() => _socket.Dispose();

    private void Grow()
    {
        var larger = new Request[_requests.Length * 2];
        for (var i = _head; i != _tail; i++) larger[i & (larger.Length - 1)] = _requests[i & (_requests.Length - 1)];
        _requests = larger;
    }

    private struct Request(long startNs, int replies)
    {
        public readonly long StartNs = startNs;
        public int Replies = replies;
    }
}
