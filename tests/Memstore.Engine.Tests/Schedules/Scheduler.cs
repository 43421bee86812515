using System.Runtime.ExceptionServices;

namespace Memstore.Engine.Tests.Schedules;

/// <summary>What memory does wrong on purpose, so that a test can show that schedules find it.</summary>
[Flags]
internal enum MemoryFaults
{
    None = 0,

    /// <summary>An atomic swap is a load and a store, with others in between.</summary>
    SwapsInTwoSteps = 1,

    /// <summary>A thread's first look at the arrivals after a store of its own sees what it saw before: the store is no fence.</summary>
    StoresAreNoFences = 2,
}

/// <summary>
/// Runs a few threads, one at a time, and decides at each of their accesses to shared memory who goes on. It visits all schedules that take a
/// thread off in the middle at most so many times (iterative context bounding: Musuvathi and Qadeer, PLDI 2007), or schedules drawn by chance.
/// </summary>
// Threads are real ones; a baton says whose turn it is. A schedule is the list of choices made at the points where there was one.
internal sealed class Scheduler : IDisposable
{
    [ThreadStatic]
    private static Scheduler? OfThisThread;

    [ThreadStatic]
    private static object? LastArrived;

    [ThreadStatic]
    private static bool HasStored;

    private readonly SemaphoreSlim[] _batons;
    private readonly SemaphoreSlim _over = new(0);
    private readonly bool[] _isDone;
    private readonly List<Choice> _choices = [];
    private readonly Action<int> _body;
    private readonly Thread[] _threads;
    private readonly Random? _random;
    private readonly int _preemptionsMax;

    private int _current;
    private int _at;
    private int _preemptions;
    private bool _isStopping;
    private Exception? _error;

    /// <summary>Starts threads that wait for schedules.</summary>
    /// <param name="threads">How many.</param>
    /// <param name="body">What each of them does in a schedule.</param>
    /// <param name="preemptionsMax">How often a schedule takes a thread off in the middle.</param>
    /// <param name="random">Draws schedules; null visits them in order.</param>
    public Scheduler(int threads, Action<int> body, int preemptionsMax, Random? random = null)
    {
        _body = body;
        _preemptionsMax = preemptionsMax;
        _random = random;
        _batons = [.. Enumerable.Range(0, threads).Select(static _ => new SemaphoreSlim(0))];
        _isDone = new bool[threads];
        _threads = [.. Enumerable.Range(0, threads).Select(number => new Thread(() => Serve(number)) { IsBackground = true })];
        foreach (var thread in _threads) thread.Start();
    }

    /// <summary>The faults of the memory.</summary>
    public static MemoryFaults Faults { get; set; }

    /// <summary>Told about every transaction that joins the arrivals, in order.</summary>
    public static Action<Transaction>? ArrivalSeen { get; set; }

    /// <summary>The choices of the schedule that ran last, to be shown.</summary>
    public string Trace => string.Join(' ', _choices.Take(_at).Select(static choice => choice.Thread));

    /// <summary>An access to shared memory comes; on a thread of no scheduler it means nothing.</summary>
    public static void Point() => OfThisThread?.Switch();

    /// <summary>The value that was loaded, or an older one if the memory is faulty.</summary>
    public static T StaleOr<T>(T value)
        where T : class?
    {
        if (typeof(T) != typeof(Transaction) || OfThisThread is null) return value;
        var isStale = HasStored && Faults.HasFlag(MemoryFaults.StoresAreNoFences);
        HasStored = false;
        if (isStale) return (T)LastArrived!;
        LastArrived = value;
        return value;
    }

    /// <summary>A reference has been stored: a holder, or by its type the head of the arrivals.</summary>
    public static void Stored<T>(T value)
        where T : class?
    {
        if (OfThisThread is null) return;
        HasStored = true;
        if (typeof(T) == typeof(Transaction) && value is Transaction arrived) ArrivalSeen?.Invoke(arrived);
    }

    /// <summary>Runs one schedule to its end. What a thread threw is thrown here.</summary>
    public void Run()
    {
        Array.Clear(_isDone);
        (_at, _preemptions) = (0, 0);
        _current = Choose(-1);
        _batons[_current].Release();
        _over.Wait();
        if (_error is { } error) ExceptionDispatchInfo.Throw(error);
    }

    /// <summary>Goes on to the next schedule; false if there is none.</summary>
    public bool MoveNext()
    {
        if (_random is not null)
        {
            _choices.Clear();
            return true;
        }

        for (; _choices.Count > 0; _choices.RemoveAt(_choices.Count - 1))
        {
            var last = _choices[^1];
            if (last.Left.Count == 0) continue;
            _choices[^1] = new Choice(last.Left[0], last.Left[1..]);
            return true;
        }

        return false;
    }

    public void Dispose()
    {
        _isStopping = true;
        foreach (var baton in _batons) baton.Release();
        foreach (var thread in _threads) thread.Join();
        foreach (var baton in _batons) baton.Dispose();
        _over.Dispose();
    }

    private void Serve(int number)
    {
        OfThisThread = this;
        while (true)
        {
            _batons[number].Wait();
            if (_isStopping) return;
            (LastArrived, HasStored) = (null, false);
            try
            {
                _body(number);
            }
            catch (Exception error)
            {
                _error ??= error;
            }

            _isDone[number] = true;
            if (Array.TrueForAll(_isDone, static done => done)) _over.Release();
            else Pass(Choose(-1));
        }
    }

    private void Switch()
    {
        var self = _current;
        var next = Choose(self);
        if (next == self) return;
        Pass(next);
        _batons[self].Wait();
    }

    private void Pass(int next)
    {
        _current = next;
        _batons[next].Release();
    }

    // Who goes on: the running thread if there is one and nothing else is tried here.
    private int Choose(int running)
    {
        if (_at == _choices.Count) _choices.Add(Open(running));
        var thread = _choices[_at++].Thread;
        if (running >= 0 && thread != running) _preemptions++;
        return thread;
    }

    private Choice Open(int running)
    {
        var others = Enumerable.Range(0, _isDone.Length).Where(thread => !_isDone[thread] && thread != running).ToList();
        if (running < 0) return _random is null ? new Choice(others[0], others[1..]) : new Choice(others[_random.Next(others.Count)], []);
        if (_preemptions == _preemptionsMax || others.Count == 0) return new Choice(running, []);
        if (_random is null) return new Choice(running, others);
        return new Choice(_random.Next(4) == 0 ? others[_random.Next(others.Count)] : running, []);
    }

    private sealed record Choice(int Thread, List<int> Left);
}
