namespace Memstore.Server.Transports;

/// <summary>The longest turn of the event threads of a transport. Thread-safe.</summary>
public sealed class TurnRecord
{
    private long _longestNs;

    /// <summary>The longest turn since the last <see cref="Reset"/>, in nanoseconds of the thread's processor time; 0 where turns are not counted.</summary>
    public long LongestNs => Volatile.Read(ref _longestNs);

    /// <summary>Forgets the longest turn.</summary>
    public void Reset() => Volatile.Write(ref _longestNs, 0);

    internal void Note(long turnNs)
    {
        for (var longest = LongestNs; turnNs > longest;)
        {
            var seen = Interlocked.CompareExchange(ref _longestNs, turnNs, longest);
            if (seen == longest) return;
            longest = seen;
        }
    }
}
