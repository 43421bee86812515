using System.Text;
using BenchmarkDotNet.Attributes;
using Memstore.Engine;

namespace Memstore.Benchmarks;

/// <summary>
/// What do the engine's operations cost on one thread, with hashing, routing and the transaction? Keys of 16 bytes, values of
/// 32; keys are drawn at random and made on the spot, so that no array of keys disturbs the caches.
/// </summary>
[MemoryDiagnoser]
public class EngineBenchmarks : ITransactionBody, IDisposable
{
    private const int Batch = 64;
    private const int KeySize = 16;

    private readonly byte[] _value = new byte[32];
    private readonly byte[] _target = new byte[64];
    private readonly byte[] _keys = new byte[Batch * KeySize];
    private readonly KeyRoute[] _routes = new KeyRoute[Batch];
    private Store _store = null!;
    private Transaction _transaction = null!;
    private Worker _worker = null!;
    private ulong _random = 1;
    private int _work;
    private int _at;

    /// <summary>Keys in the store.</summary>
    [Params(10_000, 5_000_000)]
    public int Keys { get; set; }

    /// <summary>Fills the store.</summary>
    [GlobalSetup]
    public void Open()
    {
        _store = new Store(new StoreOptions { Seed = 1 });
        _transaction = new Transaction(_store);
        for (var i = 0; i < Keys; i++)
        {
            if (i % 1_024 == 0) Refresh();
            Name(0, i);
            _work = 1;
            _transaction.Begin(0);
            _transaction.Declare(_routes[0], KeyAccess.Write);
            _transaction.TryRun(_worker, this);
        }
    }

    /// <summary>Gives the store back.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        if (_worker is not null) _store.Return(_worker);
        _store?.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>GET without its shard.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Batch)]
    public void Get()
    {
        Refresh();
        for (var i = 0; i < Batch; i++)
        {
            Draw(0);
            Read(0);
        }
    }

    /// <summary>SET of a key that is there.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public void Set()
    {
        Refresh();
        _work = 1;
        for (var i = 0; i < Batch; i++)
        {
            Draw(0);
            _transaction.Begin(0);
            _transaction.Declare(_routes[0], KeyAccess.Write);
            _transaction.TryRun(_worker, this);
        }
    }

    /// <summary>EXEC of two GETs and two SETs on up to four shards.</summary>
    [Benchmark]
    public void ExecOfFour()
    {
        Refresh();
        _work = 2;
        _transaction.Begin(0);
        for (var i = 0; i < 4; i++)
        {
            Draw(i);
            _transaction.Declare(_routes[i], i < 2 ? KeyAccess.Read : KeyAccess.Write);
        }

        _transaction.TryRun(_worker, this);
    }

    /// <summary>GETs in a batch of 64, prefetched in three passes.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public void GetBatch()
    {
        Refresh();
        for (var i = 0; i < Batch; i++) Draw(i);
        for (var depth = 0; depth < 3; depth++)
        {
            for (var i = 0; i < Batch; i++) _store.Prefetch(0, _routes[i], depth);
        }

        for (var i = 0; i < Batch; i++) Read(i);
    }

    /// <inheritdoc/>
    public void Run(Transaction transaction)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        if (_work == 1)
        {
            transaction.PutString(KeyAt(_at), _value);
            return;
        }

        for (var i = 0; i < (_work == 0 ? 1 : 2); i++)
        {
            if (transaction.Find(KeyAt(_at + i), out var entry)) entry.Value.CopyTo(_target);
        }

        for (var i = 2; _work == 2 && i < 4; i++) transaction.PutString(KeyAt(i), _value);
    }

    /// <inheritdoc/>
    public void Completed(Transaction transaction, Exception? error)
    {
    }

    private void Refresh()
    {
        if (_worker is not null) _store.Return(_worker);
        _worker = _store.Rent();
        _at = 0;
    }

    private void Read(int index)
    {
        _work = 0;
        _at = index;
        _transaction.Begin(0);
        _transaction.Declare(_routes[index], KeyAccess.Read);
        _transaction.TryRead(_worker, this);
    }

    private void Draw(int index)
    {
        _random = (_random * 6_364_136_223_846_793_005) + 1_442_695_040_888_963_407;
        Name(index, (int)(((_random >> 32) * (ulong)Keys) >> 32));
    }

    private void Name(int index, int number)
    {
        var name = _keys.AsSpan(index * KeySize, KeySize);
        "key:"u8.CopyTo(name);
        for (var i = KeySize - 1; i >= 4; i--, number /= 10) name[i] = (byte)('0' + (number % 10));
        _routes[index] = _store.RouteOf(name);
    }

    private Key KeyAt(int index) => new(_keys.AsSpan(index * KeySize, KeySize), _routes[index]);
}
