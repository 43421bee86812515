using System.Globalization;
using System.Text.RegularExpressions;
using Memstore.Histories.Checking;
using Memstore.Histories.Recording;

namespace Memstore.Histories.Tests;

/// <summary>Writes histories as the reports show them: <c>Add(1, 4, "x := 5; y -> nil")</c>. A key "name@1" is in database 1.</summary>
public sealed partial class HistoryScript
{
    private readonly KeyTable _keys = new();
    private readonly HistoryRecorder _recorder;

    public HistoryScript() => _recorder = new HistoryRecorder(_keys);

    /// <summary>A transaction from one stamp to another, by a client of its own.</summary>
    public HistoryScript Add(long invoked, long completed, string operations, Outcome outcome = Outcome.Committed, bool readsStand = false)
    {
        ClientLog log = _recorder.AddClient();
        log.Invoke(invoked);
        foreach (string operation in operations.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)) Write(log, operation);
        log.End(completed, outcome, readsStand);
        return this;
    }

    public History ToHistory() => _recorder.ToHistory();

    public CheckResult Check(CheckOptions? options = null) => HistoryChecker.Check(ToHistory(), options);

    private void Write(ClientLog log, string operation)
    {
        Match match;
        if (operation.StartsWith("flush ", StringComparison.Ordinal)) log.Flush(int.Parse(operation[6..], CultureInfo.InvariantCulture));
        else if ((match = Increment().Match(operation)).Success) log.Increment(Key(match), Value(match.Groups[2].Value));
        else if ((match = Append().Match(operation)).Success) log.Append(Key(match), Value(match.Groups[2].Value));
        else if ((match = ReadList().Match(operation)).Success) log.ReadList(Key(match), Values(match.Groups[2].Value));
        else if ((match = Read().Match(operation)).Success) log.Read(Key(match), Value(match.Groups[2].Value));
        else if ((match = Exists().Match(operation)).Success) log.ReadAlive(Key(match));
        else if ((match = Assign().Match(operation)).Success)
            log.Write(Key(match), Value(match.Groups[2].Value), match.Groups[3].Success ? (int)Value(match.Groups[3].Value) : 0);
        else throw new FormatException(operation);
    }

    private int Key(Match match)
    {
        string[] parts = match.Groups[1].Value.Split('@');
        return _keys.Add(parts[0], parts.Length == 1 ? 0 : int.Parse(parts[1], CultureInfo.InvariantCulture));
    }

    private static long Value(string text) => text switch
    {
        "nil" => Operation.Absent,
        "?" => Operation.NotKnown,
        _ => long.Parse(text, CultureInfo.InvariantCulture),
    };

    private static long[] Values(string text) => [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Value)];

    [GeneratedRegex(@"^incr (\S+) -> (\S+)$")]
    private static partial Regex Increment();

    [GeneratedRegex(@"^(\S+) \+= (\S+)$")]
    private static partial Regex Append();

    [GeneratedRegex(@"^(\S+) -> \[(.*)\]$")]
    private static partial Regex ReadList();

    [GeneratedRegex(@"^(\S+) -> (\S+)$")]
    private static partial Regex Read();

    [GeneratedRegex(@"^(\S+) exists$")]
    private static partial Regex Exists();

    [GeneratedRegex(@"^(\S+) := (\S+)(?: for (\d+))?$")]
    private static partial Regex Assign();
}
