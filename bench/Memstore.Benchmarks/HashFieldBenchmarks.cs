using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using Memstore.Engine;
using Memstore.Engine.Values;

namespace Memstore.Benchmarks;

/// <summary>What does HSET or HGET of one field cost, with its key, its shard and its commit? Fields and values have 8 bytes.</summary>
[MemoryDiagnoser]
public class HashFieldBenchmarks : ITransactionBody, IDisposable
{
    private const int Batch = 64;

    private readonly byte[] _name = "key:000000000001"u8.ToArray();
    private readonly byte[] _field = new byte[8];
    private Store _store = null!;
    private Transaction _transaction = null!;
    private KeyRoute _route;
    private Worker? _worker;
    private bool _writes;
    private ulong _random = 1;

    /// <summary>Number of fields.</summary>
    [Params(100, 1_000_000)]
    public int Fields { get; set; }

    /// <summary>Fills the hash.</summary>
    [GlobalSetup]
    public void Open()
    {
        _store = new Store(new StoreOptions { Seed = 1 });
        _transaction = new Transaction(_store);
        _route = _store.RouteOf(_name);
        _writes = true;
        for (var i = 0; i < Fields; i++)
        {
            if (i % Batch == 0) Refresh();
            Name(i);
            Run();
        }
    }

    /// <inheritdoc/>
    [GlobalCleanup]
    public void Dispose()
    {
        if (_worker is not null) _store.Return(_worker);
        _store?.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>HGET of a random field.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Batch)]
    public void Get() => RunBatch(writes: false);

    /// <summary>HSET of a random field that is there.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public void Set() => RunBatch(writes: true);

    void ITransactionBody.Run(Transaction transaction)
    {
        var key = new Key(_name, _route);
        if (_writes) transaction.SetFields(key, new FieldValue(_field, "value123"u8));
        else if (transaction.FindHash(key, out var hash) == Found.Present) hash.TryGet(_field, out _);
    }

    void ITransactionBody.Completed(Transaction transaction, Exception? error)
    {
    }

    private void RunBatch(bool writes)
    {
        Refresh();
        _writes = writes;
        for (var i = 0; i < Batch; i++)
        {
            _random = (_random * 6_364_136_223_846_793_005) + 1_442_695_040_888_963_407;
            Name((int)(((_random >> 32) * (ulong)Fields) >> 32));
            Run();
        }
    }

    private void Run()
    {
        _transaction.Begin(0);
        _transaction.Declare(_route, _writes ? KeyAccess.Write : KeyAccess.Read);
        _transaction.TryRun(_worker!, this);
    }

    private void Name(int number) => BinaryPrimitives.WriteInt64LittleEndian(_field, number * 7_919L);

    private void Refresh()
    {
        if (_worker is not null) _store.Return(_worker);
        _worker = _store.Rent();
    }
}
