using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Memstore.Engine.Memory;

/// <summary>The workers of a store: threads rent one for each batch of work.</summary>
// Threading: all members may be called by any thread; Collect by one at a time (others return at once).
internal sealed unsafe class WorkerPool
{
    /// <summary>Threads that may be inside at the same time; more wait.</summary>
    public const int WorkersMax = 128;

    private const int BlocksPerCollect = 100_000;
    private const int PagesPerCollect = 8_192;
    private const int StepsPerCollect = 32;

    [ThreadStatic]
    private static Worker? LastOfThread;

    private readonly Worker?[] _workers = new Worker?[WorkersMax];
    private readonly Lock _lock = new();
    private readonly Queue<RetiredAction> _actions = new();
    private int _collecting;
    private bool _isClosed;

    public WorkerPool(Arena arena)
    {
        Arena = arena;
        Epochs = new Epochs(WorkersMax);
    }

    /// <summary>Where the workers' memory comes from; not disposed with the pool.</summary>
    public Arena Arena { get; }

    /// <summary>Bytes retired and not yet freed.</summary>
    public long LimboBytes
    {
        get
        {
            var sum = 0L;
            for (var i = 0; i < Epochs.Count; i++) sum += _workers[i]?.LimboBytes ?? 0;
            return sum;
        }
    }

    /// <summary>Workers made so far.</summary>
    public int WorkerCount => Epochs.Count;

    /// <summary>The workers made so far, for their counters.</summary>
    public IEnumerable<Worker> Workers => _workers.TakeWhile(static worker => worker is not null)!;

    /// <summary>The global epoch.</summary>
    public long Epoch => Volatile.Read(ref *Epochs.Global);

    internal Epochs Epochs { get; }

    /// <summary>Gives a worker, inside an epoch: nothing that it reaches is freed until <see cref="Return"/>. Waits if all are taken.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Worker Rent()
    {
        var last = LastOfThread;
        return last != null && last.Pool == this && last.TryEnter() ? last : RentAnother();
    }

    /// <summary>Leaves the epoch and gives the worker back; the caller forgets all that it reached.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Return(Worker worker)
    {
        Debug.Assert(worker.Pool == this && worker.IsInside, "Only a rented worker can be returned.");
        worker.Exit();
    }

    /// <summary>
    /// Advances the epoch, frees what idle workers have retired, runs retired actions. Called every 10 to 100 ms by maintenance, which
    /// has no worker rented meanwhile; true when there is more to do at once.
    /// </summary>
    public bool Collect()
    {
        if (Interlocked.Exchange(ref _collecting, 1) != 0) return false;
        try
        {
            var more = false;
            if (LimboBytes != 0 || HasActions)
            {
                for (var i = 0; i < Epochs.Distance && Epochs.TryAdvance(); i++)
                {
                    // What was retired before may now be freed, if nobody is in the way.
                }
            }

            for (var i = 0; i < Epochs.Count; i++) more |= _workers[i]?.TidyIfIdle(BlocksPerCollect) ?? false;
            more |= !Arena.Orphans.Tidy(PagesPerCollect);
            return RunActions() || more;
        }
        finally
        {
            Volatile.Write(ref _collecting, 0);
        }
    }

    /// <summary>
    /// Waits until every worker has been returned, and lets go of the pool's own memory; the arena goes next. Nobody can rent a worker
    /// afterwards. False if somebody keeps one: then nothing may be freed.
    /// </summary>
    // A session may have its answer, and the store be disposed, before the thread that gave the answer has returned its worker.
    public bool TryClose(TimeSpan timeout)
    {
        lock (_lock) _isClosed = true;
        var wait = default(SpinWait);
        var since = Stopwatch.GetTimestamp();
        for (var i = 0; i < Epochs.Count; i++)
        {
            while (!_workers[i]!.TryEnter())
            {
                if (Stopwatch.GetElapsedTime(since) > timeout) return false;
                wait.SpinOnce();
            }
        }

        for (var i = 0; i < Epochs.Count; i++) _workers[i]!.Release();
        return true;
    }

    internal void AddAction(Func<Worker, object?, bool> step, object? state)
    {
        // The tag is read after the caller unlinked what the action is about, as in Worker.Retire.
        lock (_actions) _actions.Enqueue(new RetiredAction(Epoch, step, state));
    }

    private bool HasActions
    {
        get
        {
            lock (_actions) return _actions.Count != 0;
        }
    }

    private bool RunActions()
    {
        for (var steps = 0; steps < StepsPerCollect;)
        {
            RetiredAction action;
            lock (_actions)
            {
                if (!_actions.TryPeek(out action) || action.Epoch + Epochs.Distance > Epoch) return false;
            }

            var done = false;
            for (; steps < StepsPerCollect && !done; steps++)
            {
                done = RunStep(action);
            }

            if (!done) return true;
            lock (_actions) _actions.Dequeue();
        }

        return true;
    }

    private bool RunStep(RetiredAction action)
    {
        var worker = Rent();
        try
        {
            return action.Step(worker, action.State);
        }
        finally
        {
            Return(worker);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Worker RentAnother()
    {
        var wait = default(SpinWait);
        while (true)
        {
            var worker = FindFree() ?? AddWorker();
            if (worker != null) return LastOfThread = worker;
            wait.SpinOnce();
        }
    }

    private Worker? FindFree()
    {
        var count = Epochs.Count;
        var start = Environment.CurrentManagedThreadId;
        for (var i = 0; i < count; i++)
        {
            var worker = Volatile.Read(ref _workers[(start + i) % count]);
            if (worker != null && worker.TryEnter()) return worker;
        }

        return null;
    }

    private Worker? AddWorker()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            var index = Epochs.Count;
            if (index == WorkersMax) return null;
            var worker = new Worker(this, index);
            worker.TryEnter();
            Volatile.Write(ref _workers[index], worker);
            return worker;
        }
    }

    private readonly record struct RetiredAction(long Epoch, Func<Worker, object?, bool> Step, object? State);
}
