using Memstore.Histories.Recording;

namespace Memstore.Histories.Checking;

/// <summary>How much a read tells about the version that it saw.</summary>
internal enum Sight : byte
{
    Value,
    Absent,
    Alive,
}

/// <summary>The first look of a transaction at a key that it had not written before.</summary>
internal struct ReadEvent
{
    public const int Dropped = -2;

    public int Transaction;
    public int Key;
    public long Value;
    public Sight Sight;

    /// <summary>The version seen; <see cref="VersionStore.None"/> while ambiguous, <see cref="Dropped"/> if it was reported.</summary>
    public int Version;

    /// <summary>The first version that the same transaction wrote over what it had read, or <see cref="VersionStore.None"/>.</summary>
    public int Successor;
}

/// <summary>A derived order of two versions of one key, and the transactions that prove it.</summary>
/// <param name="Earlier">The version that came first.</param>
/// <param name="Later">The version that came later.</param>
/// <param name="Before">A transaction that wrote or saw the earlier one and precedes ...</param>
/// <param name="After">... this one, which wrote or saw the later one.</param>
internal readonly record struct OrderFact(int Earlier, int Later, int Before, int After);

/// <summary>The state that the steps of one check share; each step is a class of its own.</summary>
internal sealed class Analysis(History history, CheckOptions options)
{
    private readonly List<Anomaly> _anomalies = [];

    public History History { get; } = history;

    public CheckOptions Options { get; } = options;

    public VersionStore Versions { get; } = new();

    public TransactionStore Transactions { get; } = new(history);

    public Column<ReadEvent> Reads { get; } = new();

    public Column<OrderFact> Facts { get; } = new();

    /// <summary>Per key: may it become absent again after it was written?</summary>
    public bool[] Resettable { get; } = new bool[history.Keys.Count];

    /// <summary>Per key: how many increments never got their answer.</summary>
    public int[] LostIncrements { get; } = new int[history.Keys.Count];

    /// <summary>Per key with lost increments: the invocation of the first of them.</summary>
    public long[] FirstLostIncrement { get; } = new long[history.Keys.Count];

    public IReadOnlyList<Anomaly> Anomalies => _anomalies;

    /// <summary>Notes a violation; the text is only made while there is room for it.</summary>
    public void Report(AnomalyKind kind, bool realTime, IReadOnlyList<int> transactions, Func<string> text)
    {
        if (_anomalies.Count >= Options.ReportsMax) return;
        _anomalies.Add(new Anomaly(kind, realTime, [.. transactions.Where(t => t >= 0 && t < History.Count)], $"{kind.Name(realTime)}: {text()}"));
    }

    /// <summary>The same for a violation seen by single transactions, which are written out below the text.</summary>
    public void Report(AnomalyKind kind, string text, params int[] transactions) =>
        Report(kind, false, transactions, () => string.Join("\n  ", [text, .. transactions.Distinct().Select(t => Describe.Transaction(this, t))]));
}

/// <summary>The transactions of the history, and behind them those that nobody sent: the initial state, expiries, lost increments.</summary>
internal sealed class TransactionStore
{
    public readonly Column<long> Invoked = new();
    public readonly Column<long> Completed = new();

    // Took effect for certain: committed, or unknown with an effect that somebody saw. Only these take part in orders.
    public readonly Column<bool> Definite = new();

    // The first version of each transaction; those of a transaction of the history are contiguous.
    private readonly Column<int> _firstVersion = new();

    public TransactionStore(History history)
    {
        Real = history.Count;
        for (int i = 0; i < history.Count; i++)
        {
            ref readonly TransactionRecord record = ref history[i];
            bool counts = record.Outcome == Outcome.Committed || (record.Outcome == Outcome.Aborted && record.ReadsStand);
            Add(record.Invoked, record.Outcome == Outcome.Unknown ? long.MaxValue : record.Completed, counts, 0);
        }

        Add(long.MinValue, long.MinValue, true, 0);
    }

    /// <summary>How many are of the history.</summary>
    public int Real { get; }

    /// <summary>The one that wrote the initial absence of every key.</summary>
    public int Initial => Real;

    public int Count => Invoked.Count;

    public int Add(long invoked, long completed, bool definite, int firstVersion)
    {
        Invoked.Add(invoked);
        Completed.Add(completed);
        Definite.Add(definite);
        _firstVersion.Add(firstVersion);
        return Count - 1;
    }

    public void SetFirstVersion(int transaction, int version) => _firstVersion[transaction] = version;

    /// <summary>The versions that a transaction wrote, as a half-open range.</summary>
    public (int From, int To) VersionsOf(int transaction)
    {
        if (transaction == Initial) return (0, 0);
        int from = _firstVersion[transaction];
        return (from, transaction > Real ? from + 1 : _firstVersion[transaction + 1]);
    }
}
