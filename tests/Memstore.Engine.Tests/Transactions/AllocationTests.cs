using Memstore.Engine.Values;
using Xunit;

namespace Memstore.Engine.Tests.Transactions;

[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationCollection;

/// <summary>The data is not the collector's business: commands allocate nothing, and millions of writes bring no full collection.</summary>
[Collection(nameof(AllocationTests))]
public sealed class AllocationTests : ITransactionBody, IDisposable
{
    private const int Keys = 10_000;
    private const int Batch = 64;

    private readonly Store _store = new(new StoreOptions { Seed = 1 });
    private readonly Transaction _transaction;
    private readonly byte[][] _names = [.. Enumerable.Range(0, Keys).Select(i => $"key:{i:d12}".Bytes())];
    private readonly byte[] _value = new byte[32];
    private readonly KeyRoute[] _routes = new KeyRoute[4];
    private Action<Transaction> _action = static _ => { };
    private Worker? _worker;
    private int _first;
    private int _keysOfAction = 1;
    private bool _sharesKey;

    public AllocationTests() => _transaction = new Transaction(_store);

    public void Dispose()
    {
        if (_worker is not null) _store.Return(_worker);
        _store.Dispose();
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("SET")]
    [InlineData("DEL and SET")]
    [InlineData("EXEC")]
    [InlineData("HSET")]
    [InlineData("HSET in a tree")]
    public void An_operation_allocates_nothing(string operation)
    {
        _action = ActionOf(operation);
        _keysOfAction = operation == "EXEC" ? 4 : 1;
        _sharesKey = operation == "HSET in a tree";
        Run(0, 2 * Keys);
        // The first runs make room in the worker and the transaction; the compiler may come back once more.
        var least = long.MaxValue;
        for (var attempt = 0; attempt < 5 && least > 0; attempt++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Run(attempt * 7, 2 * Keys);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
    }

    [Fact]
    public void Ten_million_writes_over_a_fixed_set_of_keys_bring_no_full_collection()
    {
        _action = Set;
        Run(0, Keys);
        GC.Collect();
        var before = GC.CollectionCount(2);
        Run(0, 10_000_000);
        Assert.Equal(before, GC.CollectionCount(2));
    }

    void ITransactionBody.Run(Transaction transaction) => _action(transaction);

    void ITransactionBody.Completed(Transaction transaction, Exception? error)
    {
    }

    private Action<Transaction> ActionOf(string operation) => operation switch
    {
        "GET" => transaction => transaction.Find(KeyAt(0), out _),
        "SET" => Set,
        "DEL and SET" => DeleteAndSet,
        "EXEC" => Exec,
        "HSET" => transaction => transaction.SetFields(KeyAt(0), new FieldValue("field"u8, _value)),
        _ => SetInTree,
    };

    private void DeleteAndSet(Transaction transaction)
    {
        transaction.Delete(KeyAt(0));
        Set(transaction);
    }

    private void Exec(Transaction transaction)
    {
        transaction.Find(KeyAt(0), out _);
        for (var i = 1; i < 4; i++) transaction.PutString(KeyAt(i), _value);
    }

    private void Set(Transaction transaction) => transaction.PutString(KeyAt(0), _value);

    // One hash for all, with a field for each name.
    private void SetInTree(Transaction transaction) =>
        transaction.SetFields(new Key(_names[0], _routes[0]), new FieldValue(_names[_first], _value));

    private Key KeyAt(int index) => new(_names[(_first + index) % Keys], _routes[index]);

    private void Run(int from, int count)
    {
        for (var i = 0; i < count; i++)
        {
            if (i % Batch == 0) Refresh();
            _first = (from + i) % Keys;
            _transaction.Begin(0);
            for (var k = 0; k < _keysOfAction; k++) Declare(k, _names[_sharesKey ? 0 : (_first + k) % Keys]);
            // Maintenance may hold a shard for a moment.
            while (!_transaction.TryRun(_worker!, this)) Thread.Yield();
        }
    }

    private void Declare(int index, byte[] name)
    {
        _routes[index] = _store.RouteOf(name);
        _transaction.Declare(_routes[index], KeyAccess.Write);
    }

    private void Refresh()
    {
        if (_worker is not null) _store.Return(_worker);
        _worker = _store.Rent();
    }
}
