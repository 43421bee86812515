using Memstore.Engine;

namespace Memstore.Benchmarks;

/// <summary>One thread's way to a store: keys of 16 bytes made on the spot, so that no array of keys disturbs the caches.</summary>
// Threading: one thread at a time.
internal sealed class EngineDriver : ITransactionBody, IDisposable
{
    /// <summary>Operations for which a worker is kept.</summary>
    public const int Batch = 64;

    private const int NameSize = 16;

    private readonly Store _store;
    private readonly byte[] _name = new byte[NameSize];
    private readonly byte[] _target = new byte[64];
    private readonly byte[] _value = new byte[32];
    private readonly int _digitsFrom;
    private readonly ManualResetEventSlim _ended = new();
    private Worker? _worker;
    private KeyRoute _route;
    private Work _work;
    private Action<Transaction>? _action;
    private long _deadline;
    private ulong _random;
    private int _inBatch;

    /// <summary>Makes a driver; it draws with the seed.</summary>
    /// <param name="store">The store.</param>
    /// <param name="seed">Of the random keys.</param>
    /// <param name="prefix">What names begin with; a hash tag puts all keys into one slot.</param>
    /// <param name="timesHolds">Whether every hold is timed, which costs about a microsecond.</param>
    public EngineDriver(Store store, int seed, string prefix = "key:", bool timesHolds = false)
    {
        _store = store;
        _random = (ulong)seed;
        Transaction = new Transaction(store) { TimesHolds = timesHolds };
        System.Text.Encoding.ASCII.GetBytes(prefix, _name);
        _digitsFrom = prefix.Length;
    }

    private enum Work : byte
    {
        Get,
        Set,
        Delete,
        Other,
    }

    /// <summary>The transaction that it uses again and again.</summary>
    public Transaction Transaction { get; }

    /// <summary>A random number below a bound.</summary>
    public int Draw(int bound)
    {
        _random = (_random * 6_364_136_223_846_793_005) + 1_442_695_040_888_963_407;
        return (int)(((_random >> 32) * (ulong)bound) >> 32);
    }

    /// <summary>GET.</summary>
    public void Get(int number)
    {
        Prepare(number, Work.Get);
        Transaction.Declare(_route, KeyAccess.Read);
        if (!Transaction.TryRead(_worker!, this)) RunOrWait();
    }

    /// <summary>SET, with a deadline if one is given.</summary>
    public void Set(int number, long deadlineUnixMs = 0)
    {
        _deadline = deadlineUnixMs;
        Prepare(number, Work.Set);
        Transaction.Declare(_route, KeyAccess.Write);
        RunOrWait();
    }

    /// <summary>DEL.</summary>
    public void Delete(int number)
    {
        Prepare(number, Work.Delete);
        Transaction.Declare(_route, KeyAccess.Write);
        RunOrWait();
    }

    /// <summary>Anything with the keys named.</summary>
    public void Run(Action<Transaction> action, params ReadOnlySpan<string> keys)
    {
        Prepare(0, Work.Other);
        _action = action;
        foreach (var key in keys) Transaction.Declare(_store.RouteOf(System.Text.Encoding.ASCII.GetBytes(key)), KeyAccess.Write);
        RunOrWait();
    }

    /// <summary>Anything with all keys.</summary>
    public void RunEverywhere(Action<Transaction> action)
    {
        Prepare(0, Work.Other);
        _action = action;
        Transaction.DeclareEverything(KeyAccess.Write);
        RunOrWait();
    }

    /// <summary>The worker of the present batch.</summary>
    public Worker RentWorker()
    {
        Refresh();
        return _worker!;
    }

    /// <summary>Gives the worker back until the next operation.</summary>
    public void Pause()
    {
        if (_worker is not null) _store.Return(_worker);
        _worker = null;
        _inBatch = 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Pause();
        _ended.Dispose();
    }

    void ITransactionBody.Run(Transaction transaction)
    {
        var key = new Key(_name, _route);
        switch (_work)
        {
            case Work.Get:
                if (transaction.Find(key, out var entry)) entry.Value.CopyTo(_target);
                break;
            case Work.Set:
                transaction.PutString(key, _value, _deadline);
                break;
            case Work.Delete:
                transaction.Delete(key);
                break;
            default:
                _action!(transaction);
                break;
        }
    }

    void ITransactionBody.Completed(Transaction transaction, Exception? error) => _ended.Set();

    private void Prepare(int number, Work work)
    {
        if (--_inBatch <= 0) Refresh();
        for (var i = NameSize - 1; i >= _digitsFrom; i--, number /= 10) _name[i] = (byte)('0' + (number % 10));
        _route = _store.RouteOf(_name);
        _work = work;
        Transaction.Begin(0);
    }

    private void RunOrWait()
    {
        if (Transaction.TryRun(_worker!, this)) return;
        _ended.Reset();
        Transaction.Submit(_worker!, this);
        if (_ended.IsSet) return;
        Pause();
        _ended.Wait();
        Refresh();
    }

    private void Refresh()
    {
        if (_worker is not null) _store.Return(_worker);
        _worker = _store.Rent();
        _inBatch = Batch;
    }
}
