namespace Memstore.Histories.Recording;

/// <summary>Collects what many clients did at the same time: a log for each, one clock for all.</summary>
public sealed class HistoryRecorder(KeyTable keys)
{
    private readonly List<ClientLog> _logs = [];
    private readonly Lock _lock = new();

    /// <summary>The clock of all logs.</summary>
    public HistoryClock Clock { get; } = new();

    /// <summary>A log for one more client. Safe on any thread.</summary>
    public ClientLog AddClient()
    {
        lock (_lock)
        {
            var log = new ClientLog(Clock, _logs.Count);
            _logs.Add(log);
            return log;
        }
    }

    /// <summary>The history so far. No client may be recording.</summary>
    public History ToHistory()
    {
        lock (_lock) return new History(keys, [.. _logs]);
    }
}

/// <summary>What was recorded, frozen: transactions in the order of their invocation.</summary>
public sealed class History
{
    private readonly ClientLog[] _logs;
    private readonly TransactionRecord[] _transactions;

    internal History(KeyTable keys, ClientLog[] logs)
    {
        Keys = keys;
        _logs = logs;
        _transactions = new TransactionRecord[logs.Sum(log => log.TransactionCount)];
        int at = 0;
        foreach (ClientLog log in logs)
        {
            log.Transactions.CopyTo(_transactions.AsSpan(at));
            at += log.TransactionCount;
            for (int i = at - log.TransactionCount; i < at; i++) OperationCount += _transactions[i].OperationCount;
        }

        var invoked = Array.ConvertAll(_transactions, transaction => transaction.Invoked);
        Array.Sort(invoked, _transactions);
    }

    /// <summary>The keys that its operations name.</summary>
    public KeyTable Keys { get; }

    /// <summary>The number of transactions.</summary>
    public int Count => _transactions.Length;

    /// <summary>The number of operations of all transactions.</summary>
    public long OperationCount { get; }

    /// <summary>One transaction; 0 is the one invoked first.</summary>
    public ref readonly TransactionRecord this[int transaction] => ref _transactions[transaction];

    /// <summary>The operations of a transaction in program order.</summary>
    public ReadOnlySpan<Operation> Operations(int transaction)
    {
        ref readonly TransactionRecord record = ref _transactions[transaction];
        return _logs[record.Client].Operations(record.FirstOperation, record.OperationCount);
    }

    /// <summary>The elements that a <see cref="OperationKind.ReadList"/> of this transaction saw.</summary>
    public ReadOnlySpan<long> Elements(int transaction, Operation list) => _logs[_transactions[transaction].Client].Elements(list);
}
