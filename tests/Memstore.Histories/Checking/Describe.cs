using System.Globalization;
using System.Text;
using Memstore.Histories.Recording;

namespace Memstore.Histories.Checking;

/// <summary>Words for a person who reads a report.</summary>
internal static class Describe
{
    private const int OperationsShownMax = 24;
    private const int ElementsShownMax = 12;

    /// <summary>The name of an anomaly as the literature has it.</summary>
    public static string Name(this AnomalyKind kind, bool realTime)
    {
        string name = kind switch
        {
            AnomalyKind.GSingle => "G-single",
            AnomalyKind.G2Item => "G2-item",
            _ => kind.ToString(),
        };
        return realTime ? name + " with real time" : name;
    }

    public static string Key(Analysis analysis, int key)
    {
        KeyTable keys = analysis.History.Keys;
        return keys.Database(key) == 0 ? keys.Name(key) : $"{keys.Name(key)}@{keys.Database(key)}";
    }

    public static string Value(long value) => value == Operation.Absent ? "nil" : value.ToString(CultureInfo.InvariantCulture);

    /// <summary>A version by its value and writer: "x = 5 (T3)".</summary>
    public static string Version(Analysis analysis, int version)
    {
        VersionStore versions = analysis.Versions;
        string value = versions.Has(version, VersionTraits.NoValue) ? "?" : Value(versions.Value[version]);
        return $"{Key(analysis, versions.Key[version])} = {value} of {Name(analysis, versions.Writer[version])}";
    }

    /// <summary>A short name for a transaction: "T17".</summary>
    public static string Name(Analysis analysis, int transaction)
    {
        TransactionStore transactions = analysis.Transactions;
        if (transaction < transactions.Real) return $"T{transaction}";
        if (transaction == transactions.Initial) return "the initial state";
        int version = transactions.VersionsOf(transaction).From;
        return analysis.Versions.Has(version, VersionTraits.Absent)
            ? $"the expiry of {Version(analysis, analysis.Versions.Previous[version])}"
            : $"a lost increment of {Key(analysis, analysis.Versions.Key[version])}";
    }

    /// <summary>A transaction in one line: name, client, times relative to the first, outcome, operations.</summary>
    public static string Transaction(Analysis analysis, int transaction)
    {
        if (transaction >= analysis.Transactions.Real) return Name(analysis, transaction);
        History history = analysis.History;
        ref readonly TransactionRecord record = ref history[transaction];
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"T{transaction} client {record.Client} [{Ms(history, record.Invoked)} .. ");
        text.Append(record.Outcome == Outcome.Unknown ? "no answer" : Ms(history, record.Completed));
        text.Append(CultureInfo.InvariantCulture, $" ms] {record.Outcome}: ");
        ReadOnlySpan<Operation> operations = history.Operations(transaction);
        for (int i = 0; i < Math.Min(operations.Length, OperationsShownMax); i++)
            text.Append(i == 0 ? "" : "; ").Append(Words(analysis, transaction, operations[i]));
        if (operations.Length > OperationsShownMax) text.Append(CultureInfo.InvariantCulture, $"; and {operations.Length - OperationsShownMax} more");
        return text.ToString();
    }

    private static string Ms(History history, long stamp) =>
        ((stamp - history[0].Invoked) / (double)HistoryClock.StampsPerMs).ToString("0.0000", CultureInfo.InvariantCulture);

    private static string Words(Analysis analysis, int transaction, in Operation operation)
    {
        string key = operation.Kind == OperationKind.Flush ? "" : Key(analysis, operation.Key);
        return operation.Kind switch
        {
            OperationKind.Read => $"{key} -> {Value(operation.Value)}",
            OperationKind.ReadAlive => $"{key} exists",
            OperationKind.Write => $"{key} := {Value(operation.Value)}" + (operation.Size > 0 ? $" for {operation.Size} ms" : ""),
            OperationKind.Append => $"{key} += {operation.Value}",
            OperationKind.ReadList => $"{key} -> [{List(analysis.History.Elements(transaction, operation))}]",
            OperationKind.Increment => $"incr {key} -> {(operation.Value == Operation.NotKnown ? "?" : Value(operation.Value))}",
            _ => $"flush database {operation.Key}",
        };
    }

    private static string List(ReadOnlySpan<long> elements)
    {
        int from = Math.Max(0, elements.Length - ElementsShownMax);
        string shown = string.Join(' ', elements[from..].ToArray());
        return from == 0 ? shown : $"... {from} more ... {shown}";
    }
}
