using Microsoft.Extensions.Logging;

namespace Memstore.Storage.Journals;

/// <summary>
/// Who waits for a sequence to be durable. Each callback is called once: when its sequence is, or when it cannot be told any more that it will
/// be. Thread-safe; <see cref="Advance"/> is called by one thread at a time.
/// </summary>
internal sealed class SafeWaiters(long durable, ILogger logger)
{
    private readonly Lock _lock = new();

    // Under the lock.
    private List<Waiter> _waiting = [];
    private bool _isFailing;

    // Of the thread that advances.
    private readonly List<Waiter> _released = [];

    private long _durable = durable;
    private int _count;

    /// <summary>The sequence up to which everything is durable.</summary>
    public long Durable => Volatile.Read(ref _durable);

    /// <summary>How many wait.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Whether anybody waits.</summary>
    public bool Any => Count != 0;

    /// <summary>Adds a waiter, or calls back at once. True if it waits.</summary>
    public bool Add(long sequence, Action<object?, bool> callback, object? state)
    {
        bool isSafe;
        lock (_lock)
        {
            isSafe = sequence <= Durable;
            if (!isSafe && !_isFailing)
            {
                _waiting.Add(new Waiter(sequence, callback, state));
                Volatile.Write(ref _count, _waiting.Count);
                return true;
            }
        }

        callback(state, isSafe);
        return false;
    }

    /// <summary>Everything up to a sequence is durable. How many were told.</summary>
    public int Advance(long sequence)
    {
        if (sequence <= _durable) return 0;
        Volatile.Write(ref _durable, sequence);
        lock (_lock)
        {
            var kept = 0;
            for (var i = 0; i < _waiting.Count; i++)
            {
                if (_waiting[i].Sequence <= sequence) _released.Add(_waiting[i]);
                else _waiting[kept++] = _waiting[i];
            }

            _waiting.RemoveRange(kept, _waiting.Count - kept);
            Volatile.Write(ref _count, kept);
        }

        var count = _released.Count;
        Call(_released, isSafe: true);
        _released.Clear();
        return count;
    }

    /// <summary>
    /// Nobody can be told any more that his sequence is durable, until <see cref="Reopen"/>. The caller may hold what a callback could need: then it is called elsewhere.
    /// </summary>
    public void Fail(bool onPool)
    {
        List<Waiter> failed;
        lock (_lock)
        {
            _isFailing = true;
            failed = _waiting;
            _waiting = [];
            Volatile.Write(ref _count, 0);
        }

        if (!onPool || failed.Count == 0) Call(failed, isSafe: false);
        else ThreadPool.UnsafeQueueUserWorkItem(static work => work.Waiters.Call(work.Failed, isSafe: false), (Waiters: this, Failed: failed), preferLocal: false);
    }

    /// <summary>The disk works again.</summary>
    public void Reopen()
    {
        lock (_lock) _isFailing = false;
    }

    private void Call(List<Waiter> waiters, bool isSafe)
    {
        foreach (var waiter in waiters)
        {
            try
            {
                waiter.Callback(waiter.State, isSafe);
            }
#pragma warning disable CA1031 // One caller's mistake must not keep the others waiting.
            catch (Exception error)
#pragma warning restore CA1031
            {
                JournalLog.CallbackFailed(logger, error);
            }
        }
    }

    private readonly record struct Waiter(long Sequence, Action<object?, bool> Callback, object? State);
}
