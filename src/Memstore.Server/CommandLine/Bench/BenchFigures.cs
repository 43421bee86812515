namespace Memstore.Server.CommandLine.Bench;

/// <summary>Latencies of requests by kind, and of the time since somebody last asked. Thread-safe.</summary>
internal sealed class BenchFigures
{
    private readonly Lock _lock = new();
    private readonly Histogram?[] _byRequest = new Histogram?[Enum.GetValues<BenchRequest>().Length];
    private Histogram _interval = new();
    private Histogram _spare = new();
    private long _intervalErrors;

    /// <summary>Error replies so far.</summary>
    public long Errors { get; private set; }

    /// <summary>The first error reply; null if there was none.</summary>
    public string? FirstError { get; private set; }

    /// <summary>Counts requests whose last replies have just come.</summary>
    /// <param name="requests">What they were, oldest first.</param>
    /// <param name="nanoseconds">How long each took.</param>
    /// <param name="errors">Error replies among them.</param>
    /// <param name="error">The text of an error reply.</param>
    public void Record(ReadOnlySpan<BenchRequest> requests, long nanoseconds, long errors, string? error)
    {
        lock (_lock)
        {
            foreach (var request in requests)
            {
                (_byRequest[(int)request] ??= new Histogram()).Record(nanoseconds);
                _interval.Record(nanoseconds);
            }

            Errors += errors;
            _intervalErrors += errors;
            FirstError ??= error;
        }
    }

    /// <summary>The figures since the last call; the histogram is good until the next call.</summary>
    public (Histogram Latencies, long Errors) TakeInterval()
    {
        lock (_lock)
        {
            var taken = (_interval, _intervalErrors);
            (_interval, _spare) = (_spare, _interval);
            _interval.Clear();
            _intervalErrors = 0;
            return taken;
        }
    }

    /// <summary>The figures of each kind of request that was sent.</summary>
    public IReadOnlyList<(BenchRequest Request, Histogram Latencies)> ByRequest()
    {
        lock (_lock)
            return [.. Enum.GetValues<BenchRequest>().Where(request => _byRequest[(int)request] is not null).Select(request => (request, _byRequest[(int)request]!))];
    }
}
