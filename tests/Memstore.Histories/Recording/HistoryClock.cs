using System.Diagnostics;

namespace Memstore.Histories.Recording;

/// <summary>Stamps that are unique, ordered over all threads, and close to real time.</summary>
// Why the order is sound: a stamp is the outcome of a compare-and-swap on one word, so all stamps are totally ordered in the order in
// which they were taken, whatever the processors' clocks say. A client takes the first stamp before it sends and the second after it has the
// answer. If A's second stamp is smaller than B's first, A's answer had arrived before B's request was sent: real time really orders them.
// The stopwatch only decides how far the word jumps; it makes stamps usable for deadlines and costs nothing in soundness.
public sealed class HistoryClock
{
    private long _last;

    /// <summary>Stamps in one millisecond.</summary>
    public static long StampsPerMs { get; } = Stopwatch.Frequency / 1000;

    /// <summary>A stamp larger than every one before it. Safe on any thread.</summary>
    public long Stamp()
    {
        while (true)
        {
            long last = Volatile.Read(ref _last);
            long next = Math.Max(last + 1, Stopwatch.GetTimestamp());
            if (Interlocked.CompareExchange(ref _last, next, last) == last) return next;
        }
    }
}
