namespace Memstore.Histories.Checking;

/// <summary>What is wrong with a history. The G names are those of Adya (1999) and of Elle (Kingsbury and Alvaro, VLDB 2020).</summary>
public enum AnomalyKind
{
    /// <summary>A cycle of writes that overwrote one another.</summary>
    G0,

    /// <summary>A read of what an aborted transaction wrote.</summary>
    G1a,

    /// <summary>A read of a value that its own transaction replaced.</summary>
    G1b,

    /// <summary>A cycle of reads from and writes over one another.</summary>
    G1c,

    /// <summary>A cycle with exactly one read of something that was overwritten later (lost update, fractured or non-repeatable snapshot, stale read).</summary>
    GSingle,

    /// <summary>A cycle with several such reads (write skew).</summary>
    G2Item,

    /// <summary>A committed value was built on one that an aborted transaction wrote.</summary>
    DirtyUpdate,

    /// <summary>An element stands twice in one list.</summary>
    DuplicateElement,

    /// <summary>An acknowledged append is missing from lists read later.</summary>
    LostAppend,

    /// <summary>Two reads of a list of which neither continues the other.</summary>
    IncompatibleOrder,

    /// <summary>A read of a value that nobody wrote.</summary>
    NeverWritten,

    /// <summary>A transaction that does not see its own write, or sees it too early.</summary>
    Internal,

    /// <summary>A transaction that sees a key change though it did not change it.</summary>
    NonRepeatableRead,

    /// <summary>A key was seen absent, alive or with a value although no write, delete, flush or expiry can explain it at that time.</summary>
    NoCause,

    /// <summary>A key was seen alive after the deadline of the value.</summary>
    SeenAfterDeadline,
}

/// <summary>One violation with its explanation.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="RealTime">True if the cycle leans on the order of real time.</param>
/// <param name="Transactions">The transactions of the cycle, or those concerned; indexes into the history.</param>
/// <param name="Report">Several lines for a person.</param>
public sealed record Anomaly(AnomalyKind Kind, bool RealTime, IReadOnlyList<int> Transactions, string Report);

/// <summary>How to check.</summary>
public sealed record CheckOptions
{
    /// <summary>How far the store's clock may be off when a deadline is judged, in ms; negative: deadlines are not judged by the clock at all.</summary>
    public int DeadlineSlackMs { get; init; } = -1;

    /// <summary>How often derived version orders are fed back into the graph at most.</summary>
    public int RoundsMax { get; init; } = 10;

    /// <summary>How many violations are reported at most.</summary>
    public int ReportsMax { get; init; } = 8;
}

/// <summary>The verdict.</summary>
/// <param name="Anomalies">Empty for a history in which nothing wrong was found.</param>
/// <param name="Transactions">Transactions checked.</param>
/// <param name="Operations">Operations checked.</param>
/// <param name="Edges">Edges of the last graph.</param>
/// <param name="Rounds">Graphs built until nothing new could be derived.</param>
/// <param name="UnresolvedReads">Reads of an absent key (or the like) whose cause stayed ambiguous: they were checked only in part.</param>
public sealed record CheckResult(IReadOnlyList<Anomaly> Anomalies, int Transactions, long Operations, int Edges, int Rounds, int UnresolvedReads)
{
    /// <summary>True if the history is strictly serialisable as far as this checker can tell.</summary>
    public bool Valid => Anomalies.Count == 0;

    /// <summary>One line, and the reports of the anomalies.</summary>
    public override string ToString()
    {
        string head = $"{Transactions:N0} transactions, {Operations:N0} operations, {Edges:N0} edges, {Rounds} rounds, "
            + $"{UnresolvedReads:N0} ambiguous reads: ";
        return Valid ? head + "strictly serialisable" : head + $"{Anomalies.Count} violations\n\n" + string.Join("\n\n", Anomalies.Select(a => a.Report));
    }
}
