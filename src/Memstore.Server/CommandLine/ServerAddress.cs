using System.Net.Sockets;
using System.Text;

namespace Memstore.Server.CommandLine;

/// <summary>A server that a command talks to as its client.</summary>
/// <param name="Host">A name or an address.</param>
/// <param name="Port">Its port.</param>
/// <param name="Password">The password; null for none.</param>
internal sealed record ServerAddress(string Host, int Port, string? Password)
{
    private const int ReplyMax = 4_096;

    /// <inheritdoc/>
    public override string ToString() => Host.Contains(':') ? $"[{Host}]:{Port}" : $"{Host}:{Port}";

    /// <summary>Connects, authenticates if there is a password, and asks PING.</summary>
    /// <exception cref="IOException">There is no server, or it does not let us in; the message is for the operator.</exception>
    public async Task<Socket> ConnectAsync(TimeSpan timeout, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(timeout);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(Host, Port, patience.Token).ConfigureAwait(false);
            if (Password is not null) await ExpectAsync(socket, "+OK", patience.Token, "AUTH", Password).ConfigureAwait(false);
            await ExpectAsync(socket, "+PONG", patience.Token, "PING").ConfigureAwait(false);
            return socket;
        }
        catch (Exception error)
        {
            socket.Dispose();
            if (error is SocketException) throw new IOException($"{this}: {error.Message}", error);
            if (error is ArgumentException) throw new IOException($"--host '{Host}': it is neither a name nor an address", error);
            if (error is not OperationCanceledException || cancellation.IsCancellationRequested) throw;
            throw new IOException($"{this}: no answer within {timeout.TotalSeconds:f0} s", error);
        }
    }

    private async Task ExpectAsync(Socket socket, string expected, CancellationToken cancellation, params string[] words)
    {
        var request = new StringBuilder($"*{words.Length}\r\n");
        foreach (var word in words) request.Append($"${Encoding.UTF8.GetByteCount(word)}\r\n{word}\r\n");
        var bytes = Encoding.UTF8.GetBytes(request.ToString());
        for (var sent = 0; sent < bytes.Length;) sent += await socket.SendAsync(bytes.AsMemory(sent), cancellation).ConfigureAwait(false);

        // +PONG\r\n or -NOAUTH Authentication required.\r\n
        var reply = new byte[ReplyMax];
        var count = 0;
        while (count < reply.Length && !reply.AsSpan(0, count).EndsWith("\r\n"u8))
        {
            var received = await socket.ReceiveAsync(reply.AsMemory(count), cancellation).ConfigureAwait(false);
            if (received == 0) throw new IOException($"{this}: the server closed the connection");
            count += received;
        }

        var text = Encoding.UTF8.GetString(reply, 0, count).TrimEnd();
        if (text == expected) return;
        throw new IOException($"{this}: {(text.StartsWith('-') ? text[1..] : "this is no server that speaks RESP")}");
    }
}
