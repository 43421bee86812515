namespace Memstore.Server.Metrics;

/// <summary>What the commands of one session have looked up since they last counted. They count when they have ended, because their bodies may run again.</summary>
internal sealed class LookupCounter
{
    private int _hits;
    private int _misses;

    /// <summary>A key was looked up for its value.</summary>
    public void Add(bool found)
    {
        if (found) _hits++;
        else _misses++;
    }

    /// <summary>Forgets what a run looked up that came to nothing.</summary>
    public void Clear() => _hits = _misses = 0;

    /// <summary>Hands everything over to the counters of a thread.</summary>
    public void MoveTo(ThreadCounters counters)
    {
        if ((_hits | _misses) == 0) return;
        counters.Hits += _hits;
        counters.Misses += _misses;
        Clear();
    }
}
