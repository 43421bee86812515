using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using Memstore.Server.Commands;

namespace Memstore.Server.Metrics;

/// <summary>The figures of a server: counted by each thread for itself, summed when somebody asks. Thread-safe.</summary>
internal sealed class ServerMetrics(ServerState server) : IDisposable
{
    /// <summary>Kinds of errors that are told apart; clients choose the texts of some errors, so there is an end.</summary>
    private const int ErrorKindsMax = 128;

    /// <summary>Samples over which the current rates are averaged; one each housekeeping.</summary>
    private const int SampleCount = 16;

    private readonly Lock _threadsLock = new();
    private readonly ThreadLocal<ThreadCounters?> _ofThread = new();
    private volatile ThreadCounters[] _threads = [];
    private readonly ConcurrentDictionary<string, StrongBox> _errors = new();
    private readonly (long Timestamp, long Commands, long Input, long Output)[] _samples = new (long, long, long, long)[SampleCount];
    private int _sampleIndex;
    private long _rejectedConnections;
    private long _peakBytes;
    private StatsBaseline _baseline = new(0, 0, 0, 0);

    private sealed class StrongBox
    {
        public long Count;
    }

    /// <summary>When the server was made.</summary>
    public DateTimeOffset StartedAt { get; } = server.Time.GetUtcNow();

    /// <summary>The figures of the calling thread. Only for use before the next await.</summary>
    public ThreadCounters OfThisThread => _ofThread.Value ?? Enter();

    /// <summary>The figures of every thread that counts, and of those that have ended and nobody has taken over from.</summary>
    public IReadOnlyList<ThreadCounters> Threads => _threads;

    /// <summary>What INFO leaves out of counters that go on for others.</summary>
    public StatsBaseline Baseline => Volatile.Read(ref _baseline);

    /// <summary>Connections refused because there were too many.</summary>
    public long RejectedConnections => Volatile.Read(ref _rejectedConnections);

    /// <summary>The most bytes that were used at a sample.</summary>
    public long PeakBytes => Math.Max(Volatile.Read(ref _peakBytes), server.Store.UsedBytes);

    /// <summary>Counts a connection that was refused.</summary>
    public void CountRejectedConnection() => Interlocked.Increment(ref _rejectedConnections);

    /// <summary>Counts bytes that came.</summary>
    public void CountInput(long size)
    {
        var counters = OfThisThread;
        counters.InputBytes += size;
        counters.Reads++;
    }

    /// <summary>Counts bytes that go.</summary>
    public void CountOutput(long size)
    {
        var counters = OfThisThread;
        counters.OutputBytes += size;
        counters.Writes++;
    }

    /// <summary>Counts an error by its code.</summary>
    /// <param name="text">The error without '-'; what follows its first line does not matter.</param>
    public void CountError(ReadOnlySpan<byte> text)
    {
        var end = text.IndexOfAny((byte)' ', (byte)'\r');
        var code = end < 0 ? text : text[..end];
        if (code.Length is 0 or > 64) code = "ERR"u8;
        var lookup = _errors.GetAlternateLookup<ReadOnlySpan<char>>();
        Span<char> name = stackalloc char[64];
        var chars = name[..Encoding.Latin1.GetChars(code, name)];
        if (!lookup.TryGetValue(chars, out var box))
        {
            if (_errors.Count >= ErrorKindsMax) return;
            box = _errors.GetOrAdd(chars.ToString(), static _ => new StrongBox());
        }
        Interlocked.Increment(ref box.Count);
    }

    /// <summary>Errors by their codes.</summary>
    public IEnumerable<(string Code, long Count)> Errors() =>
        _errors.Select(pair => (pair.Key, pair.Value.Count)).OrderBy(pair => pair.Key, StringComparer.Ordinal);

    /// <summary>The figures of all commands that were called or refused.</summary>
    public IEnumerable<(Command Row, CommandCounters Counters)> Commands()
    {
        foreach (var row in server.Commands.Rows)
        {
            var sum = Sum(row);
            if (sum.Calls + sum.Rejected > 0) yield return (row, sum);
        }
    }

    /// <summary>The figures of a command over all threads.</summary>
    public CommandCounters Sum(Command row)
    {
        var sum = new CommandCounters { Histogram = new long[ThreadCounters.HistogramSize] };
        foreach (var thread in _threads)
        {
            var counters = thread.All[row.Index];
            sum.Calls += counters.Calls;
            sum.Ticks += counters.Ticks;
            sum.Rejected += counters.Rejected;
            sum.Failed += counters.Failed;
            if (counters.Histogram is null) continue;
            for (var i = 0; i < sum.Histogram.Length; i++) sum.Histogram[i] += counters.Histogram[i];
        }
        return sum;
    }

    /// <summary>Sums over all threads.</summary>
    public ServerTotals Totals()
    {
        var totals = new ServerTotals();
        foreach (var thread in _threads)
        {
            foreach (ref readonly var counters in thread.All) totals.Commands += counters.Calls;
            totals.InputBytes += thread.InputBytes;
            totals.OutputBytes += thread.OutputBytes;
            totals.Reads += thread.Reads;
            totals.Writes += thread.Writes;
            totals.Hits += thread.Hits;
            totals.Misses += thread.Misses;
        }
        return totals;
    }

    /// <summary>Commands and bytes per second of late.</summary>
    public (double Commands, double InputBytes, double OutputBytes) Rates()
    {
        var newest = _samples[(_sampleIndex + SampleCount - 1) % SampleCount];
        var oldest = _samples[_sampleIndex].Timestamp != 0 ? _samples[_sampleIndex] : _samples[0];
        var seconds = Stopwatch.GetElapsedTime(oldest.Timestamp, newest.Timestamp).TotalSeconds;
        return seconds <= 0
            ? default
            : (Math.Max(0, newest.Commands - oldest.Commands) / seconds, Math.Max(0, newest.Input - oldest.Input) / seconds, Math.Max(0, newest.Output - oldest.Output) / seconds);
    }

    /// <summary>Takes a sample for <see cref="Rates"/>. Called by housekeeping.</summary>
    public void Sample()
    {
        var totals = Totals();
        _samples[_sampleIndex] = (Stopwatch.GetTimestamp(), totals.Commands, totals.InputBytes, totals.OutputBytes);
        _sampleIndex = (_sampleIndex + 1) % SampleCount;
        Volatile.Write(ref _peakBytes, Math.Max(_peakBytes, server.Store.UsedBytes));
    }

    // The pool ends threads that have nothing to do and begins others: a new one goes on with the figures of one that has ended. So nothing that was counted is
    // lost, and there are never more of them than threads that ran at the same time.
    private ThreadCounters Enter()
    {
        lock (_threadsLock)
        {
            foreach (var each in _threads)
            {
                if (each.Owner.IsAlive) continue;
                each.Owner = Thread.CurrentThread;
                return _ofThread.Value = each;
            }

            var counters = new ThreadCounters(server.Commands.Rows.Count, server.Random);
            _threads = [.. _threads, counters];
            return _ofThread.Value = counters;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _ofThread.Dispose();

    /// <summary>Forgets what CONFIG RESETSTAT forgets.</summary>
    public void Reset()
    {
        foreach (var thread in _threads) thread.Reset();
        _errors.Clear();
        Array.Clear(_samples);
        // The oldest sample is the first one until the ring is full.
        _sampleIndex = 0;
        Volatile.Write(ref _rejectedConnections, 0);
        Volatile.Write(ref _baseline, new StatsBaseline(
            server.Sessions.Accepted, server.Store.Statistics().ExpiredKeys, server.Persistence?.Saves ?? 0, server.Persistence?.Journal?.Figures.DelayedSyncs ?? 0));
        server.Store.ResetHolds();
        server.Turns.Reset();
    }
}

/// <summary>Counters that CONFIG RESETSTAT sets to zero in INFO only, as they were then: /metrics has them since the start, and the journal its own.</summary>
/// <param name="Connections">Connections that were accepted.</param>
/// <param name="ExpiredKeys">Keys that expired.</param>
/// <param name="Saves">Images that were written.</param>
/// <param name="DelayedSyncs">Syncs that took long.</param>
internal sealed record StatsBaseline(long Connections, long ExpiredKeys, long Saves, long DelayedSyncs);

/// <summary>Sums over the threads of a server.</summary>
internal struct ServerTotals
{
    /// <summary>Commands that ran.</summary>
    public long Commands;

    /// <summary>Bytes of requests.</summary>
    public long InputBytes;

    /// <summary>Bytes of replies.</summary>
    public long OutputBytes;

    /// <summary>Batches of requests.</summary>
    public long Reads;

    /// <summary>Batches of replies.</summary>
    public long Writes;

    /// <summary>Lookups that found a key.</summary>
    public long Hits;

    /// <summary>Lookups that found none.</summary>
    public long Misses;
}
