using System.Diagnostics;
using System.Net.Sockets;

namespace Memstore.Server.CommandLine.Bench;

/// <summary>One client: it sends as many requests as the pipeline holds, waits for all their replies, and begins again.</summary>
internal sealed class BenchConnection(Socket socket, BenchWriter writer, BenchFigures figures, Func<int> next) : IDisposable
{
    private const int ReceiveSize = 64 * 1024;

    private readonly SendBuffer _output = new();
    private readonly byte[] _input = GC.AllocateUninitializedArray<byte>(ReceiveSize);
    private BenchRequest[] _requests = [];
    private int[] _replies = [];
    private ReplyScanner _scanner;
    private long _errors;

    /// <summary>Runs until there is nothing more to send.</summary>
    /// <exception cref="IOException">The connection has failed, or what came is no RESP.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            while (next() is > 0 and var count) await RoundAsync(count, cancellation).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SocketException or InvalidDataException)
        {
            throw new IOException(error.Message, error);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();

    // Replies are read while requests are still being sent: a server that waits for us to read would not read either.
    private async Task RoundAsync(int count, CancellationToken cancellation)
    {
        if (_requests.Length < count) (_requests, _replies) = (new BenchRequest[count], new int[count]);
        for (var i = 0; i < count; i++) (_requests[i], _replies[i]) = writer.Append(_output);
        var start = Stopwatch.GetTimestamp();
        var sending = SendAsync(cancellation);
        for (var done = 0; done < count;)
        {
            var received = await socket.ReceiveAsync(_input, cancellation).ConfigureAwait(false);
            if (received == 0) throw new IOException("the server closed the connection");
            var ended = Take(_scanner.Feed(_input.AsSpan(0, received)), done, count);
            var errors = _scanner.Errors - _errors;
            _errors += errors;
            var nanoseconds = (long)(Stopwatch.GetElapsedTime(start).TotalMicroseconds * 1_000);
            figures.Record(_requests.AsSpan(done, ended - done), nanoseconds, errors, _scanner.FirstError);
            done = ended;
        }

        await sending.ConfigureAwait(false);
    }

    private int Take(int replies, int done, int count)
    {
        while (replies > 0 && done < count)
        {
            var taken = Math.Min(replies, _replies[done]);
            replies -= taken;
            _replies[done] -= taken;
            if (_replies[done] == 0) done++;
        }

        return done;
    }

    private async Task SendAsync(CancellationToken cancellation)
    {
        while (!_output.Waiting.IsEmpty)
            _output.Sent(await socket.SendAsync(_output.WaitingMemory, cancellation).ConfigureAwait(false));
    }
}
