using System.Diagnostics;

namespace Memstore.Server.CommandLine.Bench;

/// <summary>A load from its first request to its last reply.</summary>
internal sealed class BenchRun(BenchOptions options)
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How long replies may take after the last request.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    /// <summary>How long a client that waits for its turn may not notice that there will be none.</summary>
    private static readonly TimeSpan Nap = TimeSpan.FromMilliseconds(50);

    /// <summary>Keys that a client writes at once before the load.</summary>
    private const int FillBatch = 256;

    private long _left = options.Requests;
    private long _scheduled;
    private long _filled;
    private long _start;
    private int _isStopped;

    /// <summary>What was measured.</summary>
    public BenchFigures Figures { get; } = new();

    /// <summary>How long it has taken, until the end.</summary>
    public TimeSpan Elapsed { get; private set; }

    /// <summary>Sends no more requests.</summary>
    public void Stop() => Volatile.Write(ref _isStopped, 1);

    /// <summary>Runs it.</summary>
    /// <param name="eachSecond">Called about once a second while it runs, and at its end, with the time since the last call.</param>
    /// <exception cref="IOException">A connection could not be made, or has failed; the message is for the operator.</exception>
    public async Task RunAsync(Action<TimeSpan> eachSecond)
    {
        using var cancellation = new CancellationTokenSource();
        var connections = new List<BenchConnection>();
        try
        {
            var keys = new KeyChooser(options.Keys, options.Distribution, options.Seed);
            for (var i = 0; i < options.Clients; i++)
            {
                var socket = await options.Target.ConnectAsync(ConnectTimeout, cancellation.Token).ConfigureAwait(false);
                connections.Add(new BenchConnection(socket, new BenchWriter(options, keys.WithSeed(options.Seed + (ulong)i)), Figures, NextAsync));
            }

            if (options.Fill) await Task.WhenAll(connections.Select(connection => Task.Run(() => FillAsync(connection, cancellation.Token)))).ConfigureAwait(false);
            await DriveAsync(connections, eachSecond, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException error)
        {
            throw new IOException($"{options.Target}: replies were missing {Grace.TotalSeconds:f0} s after the last request", error);
        }
        finally
        {
            await cancellation.CancelAsync().ConfigureAwait(false);
            foreach (var connection in connections) connection.Dispose();
        }
    }

    private async Task DriveAsync(List<BenchConnection> connections, Action<TimeSpan> eachSecond, CancellationTokenSource cancellation)
    {
        _start = Stopwatch.GetTimestamp();
        var running = connections.Select(connection => Task.Run(() => connection.RunAsync(cancellation.Token))).ToList();
        var end = FirstFailureOrAll(running);
        var shown = TimeSpan.Zero;
        var isEnding = false;
        while (await Task.WhenAny(end, Task.Delay(TimeSpan.FromSeconds(1))).ConfigureAwait(false) != end)
        {
            var now = Stopwatch.GetElapsedTime(_start);
            eachSecond(now - shown);
            shown = now;
            if (!IsOver() || isEnding) continue;
            isEnding = true;
            cancellation.CancelAfter(UntilLastTurn() + Grace);
        }

        Elapsed = Stopwatch.GetElapsedTime(_start);
        if (end.IsCompletedSuccessfully) eachSecond(Elapsed - shown);
        await end.ConfigureAwait(false);
    }

    private static async Task FirstFailureOrAll(List<Task> running)
    {
        await foreach (var ended in Task.WhenEach(running).ConfigureAwait(false)) await ended.ConfigureAwait(false);
    }

    private async Task FillAsync(BenchConnection connection, CancellationToken cancellation)
    {
        while (Volatile.Read(ref _isStopped) == 0 && Interlocked.Add(ref _filled, FillBatch) - FillBatch is var first && first < options.Keys)
            await connection.FillAsync(first, (int)Math.Min(FillBatch, options.Keys - first), cancellation).ConfigureAwait(false);
    }

    // With a rate each request has its time. A client that is late since the server kept it waiting counts from that time, or a slow server
    // would seem fast because little is asked of it meanwhile; a client that slept counts from when it woke, for the timer's lateness is ours.
    private async ValueTask<BenchTurn> NextAsync()
    {
        var count = Next();
        if (count == 0 || options.Rate == 0) return new BenchTurn(count, Stopwatch.GetTimestamp());
        var due = _start + DurationOf(Interlocked.Add(ref _scheduled, count) - count);
        if (due <= Stopwatch.GetTimestamp()) return new BenchTurn(count, due);
        for (long left; (left = due - Stopwatch.GetTimestamp()) > 0;)
        {
            if (Volatile.Read(ref _isStopped) != 0 || (options.Requests == 0 && IsOver())) return default;
            var wait = TimeSpan.FromSeconds(left / (double)Stopwatch.Frequency);
            await Task.Delay(wait < Nap ? TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)) : Nap).ConfigureAwait(false);
        }

        return new BenchTurn(count, Stopwatch.GetTimestamp());
    }

    // How long requests take at the rate that was asked for, in ticks of the stopwatch.
    private long DurationOf(long requests) => (long)(requests * (double)Stopwatch.Frequency / options.Rate);

    // The requests are given out; until the last of them is due. A client that is to stop looks up from its nap before the grace ends.
    private TimeSpan UntilLastTurn()
    {
        if (options.Rate == 0 || options.Requests == 0 || Volatile.Read(ref _isStopped) != 0) return TimeSpan.Zero;
        var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), _start + DurationOf(options.Requests));
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    // How many requests a connection may send now; 0 at the end.
    private int Next()
    {
        if (IsOver()) return 0;
        if (options.Requests == 0) return options.Pipeline;
        var left = Interlocked.Add(ref _left, -options.Pipeline) + options.Pipeline;
        return (int)Math.Clamp(left, 0, options.Pipeline);
    }

    private bool IsOver() => Volatile.Read(ref _isStopped) != 0
        || (options.Requests > 0 ? Volatile.Read(ref _left) <= 0 : Stopwatch.GetElapsedTime(_start).TotalSeconds >= options.Seconds);
}
