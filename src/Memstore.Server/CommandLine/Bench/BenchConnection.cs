using System.Diagnostics;
using System.Net.Sockets;

namespace Memstore.Server.CommandLine.Bench;

/// <summary>What a client is to do next.</summary>
/// <param name="Count">How many requests it sends; 0 for no more.</param>
/// <param name="Start">From when on their latencies count, as a timestamp.</param>
internal readonly record struct BenchTurn(int Count, long Start);

/// <summary>One client: it sends as many requests as the pipeline holds, waits for all their replies, and begins again.</summary>
internal sealed class BenchConnection(Socket socket, BenchWriter writer, BenchFigures figures, Func<ValueTask<BenchTurn>> next) : IDisposable
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
            while (await next().ConfigureAwait(false) is { Count: > 0 } turn)
            {
                Reserve(turn.Count);
                for (var i = 0; i < turn.Count; i++) (_requests[i], _replies[i]) = writer.Append(_output);
                await RoundAsync(turn.Count, turn.Start, cancellation).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is SocketException or InvalidDataException)
        {
            throw new IOException(error.Message, error);
        }
    }

    /// <summary>Writes keys from the first on, and measures nothing.</summary>
    /// <exception cref="IOException">The connection has failed, what came is no RESP, or a key cannot be written.</exception>
    public async Task FillAsync(long first, int count, CancellationToken cancellation)
    {
        Reserve(count);
        for (var i = 0; i < count; i++)
        {
            writer.AppendSet(_output, first + i);
            _replies[i] = 1;
        }

        try
        {
            await RoundAsync(count, 0, cancellation).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SocketException or InvalidDataException)
        {
            throw new IOException(error.Message, error);
        }

        if (_errors > 0) throw new IOException($"the keys cannot be written: {_scanner.FirstError?.TrimStart('-')}");
    }

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();

    private void Reserve(int count)
    {
        if (_requests.Length < count) (_requests, _replies) = (new BenchRequest[count], new int[count]);
    }

    // Replies are read while requests are still being sent: a server that waits for us to read would not read either.
    // With a start of 0 nothing is recorded.
    private async Task RoundAsync(int count, long start, CancellationToken cancellation)
    {
        var sending = SendAsync(cancellation);
        for (var done = 0; done < count;)
        {
            var received = await socket.ReceiveAsync(_input, cancellation).ConfigureAwait(false);
            if (received == 0) throw new IOException("the server closed the connection");
            var ended = Take(_scanner.Feed(_input.AsSpan(0, received)), done, count);
            var errors = _scanner.Errors - _errors;
            _errors += errors;
            if (start != 0)
            {
                var nanoseconds = (long)(Stopwatch.GetElapsedTime(start).TotalMicroseconds * 1_000);
                figures.Record(_requests.AsSpan(done, ended - done), nanoseconds, errors, _scanner.FirstError);
            }

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
