namespace Memstore.Histories.Recording;

/// <summary>The transactions of one client, in the order in which it ran them. One thread at a time; no locks and no sharing but the clock.</summary>
public sealed class ClientLog
{
    private readonly HistoryClock _clock;
    private readonly int _client;
    private TransactionRecord[] _transactions = new TransactionRecord[64];
    private Operation[] _operations = new Operation[128];
    private long[] _elements = [];
    private int _elementCount;
    private int _operationCount;
    private TransactionRecord _open;

    internal ClientLog(HistoryClock clock, int client) => (_clock, _client) = (clock, client);

    internal int TransactionCount { get; private set; }

    internal ReadOnlySpan<TransactionRecord> Transactions => _transactions.AsSpan(0, TransactionCount);

    internal ReadOnlySpan<Operation> Operations(int first, int count) => _operations.AsSpan(first, count);

    internal ReadOnlySpan<long> Elements(Operation list) => _elements.AsSpan((int)list.Value, list.Size);

    /// <summary>Opens a transaction: call it right before the first byte is sent.</summary>
    public void Invoke() => Invoke(_clock.Stamp());

    /// <summary>Stamps the completion: call it right after the answer was received, then record what was seen.</summary>
    public void Complete() => _open.Completed = _clock.Stamp();

    /// <summary>Closes the transaction. Stamps its completion if <see cref="Complete"/> was not called.</summary>
    public void End(Outcome outcome, bool readsStand = false)
    {
        if (_open.Completed == 0) Complete();
        End(_open.Completed, outcome, readsStand);
    }

    /// <summary>Opens a transaction at a stamp that the caller took.</summary>
    public void Invoke(long stamp) => _open = new TransactionRecord { Invoked = stamp, Client = _client, FirstOperation = _operationCount };

    /// <summary>Closes the transaction at a stamp that the caller took.</summary>
    public void End(long stamp, Outcome outcome, bool readsStand = false)
    {
        _open.Completed = outcome == Outcome.Unknown ? long.MaxValue : stamp;
        _open.Outcome = outcome;
        _open.ReadsStand = readsStand;
        _open.OperationCount = _operationCount - _open.FirstOperation;
        if (TransactionCount == _transactions.Length) Array.Resize(ref _transactions, 2 * TransactionCount);
        _transactions[TransactionCount++] = _open;
    }

    /// <summary>A read that saw <paramref name="value"/>, or <see cref="Operation.Absent"/>.</summary>
    public void Read(int key, long value) => Add(new Operation(OperationKind.Read, key, value));

    /// <summary>A read that only saw that the key existed.</summary>
    public void ReadAlive(int key) => Add(new Operation(OperationKind.ReadAlive, key, 0));

    /// <summary>A write of a value that nobody else writes to this key; <paramref name="ttlMs"/> 0 means that it never expires.</summary>
    public void Write(int key, long value, int ttlMs = 0) => Add(new Operation(OperationKind.Write, key, value, ttlMs));

    /// <summary>A deletion that answered whether the key existed.</summary>
    public void Delete(int key, bool existed)
    {
        if (existed) ReadAlive(key);
        else Read(key, Operation.Absent);
        if (existed) Write(key, Operation.Absent);
    }

    /// <summary>An append of an element that nobody else appends to this key.</summary>
    public void Append(int key, long element) => Add(new Operation(OperationKind.Append, key, element));

    /// <summary>A read of a whole list; empty means that the key does not exist.</summary>
    public void ReadList(int key, ReadOnlySpan<long> elements)
    {
        if (_elementCount + elements.Length > _elements.Length)
            Array.Resize(ref _elements, Math.Max(_elementCount + elements.Length, 2 * _elements.Length));
        elements.CopyTo(_elements.AsSpan(_elementCount));
        Add(new Operation(OperationKind.ReadList, key, _elementCount, elements.Length));
        _elementCount += elements.Length;
    }

    /// <summary>An increment by one and its answer, or <see cref="Operation.NotKnown"/>.</summary>
    public void Increment(int key, long result) => Add(new Operation(OperationKind.Increment, key, result));

    /// <summary>A flush of one database.</summary>
    public void Flush(int database) => Add(new Operation(OperationKind.Flush, database, Operation.Absent));

    private void Add(Operation operation)
    {
        if (_operationCount == _operations.Length) Array.Resize(ref _operations, 2 * _operationCount);
        _operations[_operationCount++] = operation;
    }
}
