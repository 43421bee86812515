using System.Runtime.InteropServices;

namespace Memstore.Engine.Shards;

/// <summary>A set of slots whose commits line up in one queue.</summary>
// The queue is a stack that anyone pushes to and that only the holder empties: it takes all at once and turns them round, so
// the order is that of arrival. A shard is held by a transaction, not by a thread; while _holder is null, _waiting is null.
// The holder that finds nobody waiting leaves, fences, and looks again: somebody may have pushed between its look and its
// leaving, and that somebody may have seen the shard still held.
// Threading: TryEnter and Enqueue by any thread, the rest only by the holder.
internal sealed class Shard(int index)
{
    // Stands in _holder while the next transaction is being chosen.
    private static readonly object Choosing = new();

    // Fixed after construction.
    private readonly int _index = index;

    // Touched by every thread that comes by; on a cache line of its own.
    private Line _line;

    // Changed only by the holder.
    private Transaction? _waiting;
    private int _waitingCount;

    // Changed by whoever queues, too; what two lose between them changes nothing that is decided by it.
    private int _longestQueue;

    /// <summary>Its place in the order in which shards are entered.</summary>
    public int Index => _index;

    /// <summary>Whether a transaction holds it at this instant.</summary>
    public bool IsHeld => Volatile.Read(ref _line.Holder) is not null;

    /// <summary>Whether somebody has come whom the holder has not seen yet.</summary>
    public bool HasArrivals => Volatile.Read(ref _line.Arrived) is not null;

    /// <summary>Advances whenever the shard is left or handed on.</summary>
    public long Turn => Volatile.Read(ref _line.Turn);

    /// <summary>Transactions that committed while they held the shard.</summary>
    public long Commits => Volatile.Read(ref _line.Commits);

    /// <summary>Those of them that had queued and were committed by whoever left the shard that they waited for.</summary>
    public long Combined { get; private set; }

    /// <summary>Transactions on a snapshot of which a read of one of this shard's keys failed validation.</summary>
    public long Conflicts { get; private set; }

    /// <summary>EXECs that answered nil because a watched key of this shard had been touched.</summary>
    public long LostWatches { get; private set; }

    /// <summary>Transactions that wait for the shard now; roughly, while they come and go.</summary>
    public int QueueDepth => _waitingCount + (Volatile.Read(ref _line.Arrived)?.ArrivalDepth ?? 0);

    /// <summary>The most that were seen to wait at once.</summary>
    public int LongestQueue => _longestQueue;

    /// <summary>Forgets the longest queue. Any thread.</summary>
    public void ResetLongestQueue() => _longestQueue = 0;

    /// <summary>A transaction has committed and is about to leave. On the line that leaving writes anyway, so it costs next to nothing.</summary>
    public void CountCommit(bool isCombined)
    {
        _line.Commits++;
        if (isCombined) Combined++;
    }

    /// <summary>A read of one of this shard's keys has failed validation.</summary>
    public void CountConflict() => Conflicts++;

    /// <summary>A watch of one of this shard's keys was lost.</summary>
    public void CountLostWatch() => LostWatches++;

    /// <summary>Enters if nobody holds the shard and nobody waits for it. A full fence when it succeeds.</summary>
    public bool TryEnter(Transaction transaction) =>
        Volatile.Read(ref _line.Holder) is null
        && Volatile.Read(ref _line.Arrived) is null
        && Interlocked.CompareExchange(ref _line.Holder, transaction, null) is null;

    /// <summary>
    /// Queues a transaction. If the shard turns out to be free, the transaction at the head of the queue is given the shard.
    /// </summary>
    /// <returns>The transaction that now holds the shard and that the caller must continue, or null.</returns>
    public Transaction? Enqueue(Transaction transaction)
    {
        var head = Volatile.Read(ref _line.Arrived);
        int depth;
        while (true)
        {
            transaction.NextWaiting = head;
            transaction.ArrivalDepth = depth = (head?.ArrivalDepth ?? 0) + 1;
            var seen = Interlocked.CompareExchange(ref _line.Arrived, transaction, head);
            if (ReferenceEquals(seen, head)) break;
            head = seen;
        }

        if (depth + _waitingCount > _longestQueue) _longestQueue = depth + _waitingCount;
        if (Volatile.Read(ref _line.Holder) is not null) return null;
        return Interlocked.CompareExchange(ref _line.Holder, Choosing, null) is null ? HandOn() : null;
    }

    /// <summary>Leaves the shard.</summary>
    /// <returns>The transaction that now holds the shard and that the caller must continue, or null.</returns>
    public Transaction? Leave() =>
        _waiting is null && Volatile.Read(ref _line.Arrived) is null && TryFree() ? null : HandOn();

    // True if the shard is free now and nobody waits, or somebody else has taken over.
    private bool TryFree()
    {
        AdvanceTurn();
        Interlocked.Exchange(ref _line.Holder, null);
        return Volatile.Read(ref _line.Arrived) is null
            || Interlocked.CompareExchange(ref _line.Holder, Choosing, null) is not null;
    }

    // A release: whoever sees the turn sees what was committed in the one before.
    private void AdvanceTurn() => Volatile.Write(ref _line.Turn, _line.Turn + 1);

    private Transaction? HandOn()
    {
        while (true)
        {
            if (_waiting is null) TakeArrived();
            if (_waiting is { } next)
            {
                _waiting = next.NextWaiting;
                next.NextWaiting = null;
                _waitingCount--;
                AdvanceTurn();
                // A full fence, as for who enters by itself: the next holder reads the generation after this can be seen. Else a snapshot could
                // advance the generation, see the old turn and then the new one, and take the next holder's commit for one that it need not wait for.
                Interlocked.Exchange(ref _line.Holder, next);
                return next;
            }

            if (TryFree()) return null;
        }
    }

    private void TakeArrived()
    {
        var stack = Interlocked.Exchange(ref _line.Arrived, null);
        while (stack is not null)
        {
            var next = stack.NextWaiting;
            stack.NextWaiting = _waiting;
            _waiting = stack;
            _waitingCount++;
            stack = next;
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Line
    {
        private readonly Padding _before;
        public object? Holder;
        public Transaction? Arrived;
        public long Turn;
        public long Commits;
        private readonly Padding _after;
    }

    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct Padding;
}
