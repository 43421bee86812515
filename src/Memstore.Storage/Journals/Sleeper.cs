namespace Memstore.Storage.Journals;

/// <summary>How one thread sleeps and others wake it. A call to wake costs one read while the thread is awake.</summary>
internal sealed class Sleeper : IDisposable
{
    private readonly AutoResetEvent _wake = new(initialState: false);
    private int _isAsleep;

    /// <summary>
    /// Sleeps until somebody wakes it or the time is over; not at all if there is work, which is asked after wakers can see that it sleeps. For the one thread.
    /// </summary>
    public void Sleep(int milliseconds, Func<bool> hasWork)
    {
        Interlocked.Exchange(ref _isAsleep, 1);
        if (!hasWork()) _wake.WaitOne(milliseconds);
        Volatile.Write(ref _isAsleep, 0);
    }

    /// <summary>Wakes the thread if it sleeps. What it shall find must have been stored before, with a fence between if no call may be missed.</summary>
    public void Wake()
    {
        if (Volatile.Read(ref _isAsleep) == 0 || Interlocked.Exchange(ref _isAsleep, 0) == 0) return;
        try
        {
            _wake.Set();
        }
        catch (ObjectDisposedException)
        {
            // The thread has ended meanwhile.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _wake.Dispose();
}
