namespace Memstore.Histories.Driving;

/// <summary>How the commands of a plan are put together.</summary>
public enum PlanKind : byte
{
    /// <summary>One command.</summary>
    Single,

    /// <summary>All commands are GETs and go out as one MGET.</summary>
    MultiGet,

    /// <summary>All commands are SETs and go out as one MSET.</summary>
    MultiSet,

    /// <summary>MULTI, the commands, EXEC.</summary>
    Exec,

    /// <summary>WATCH on the keys of the first <see cref="TransactionPlan.WatchedCount"/> commands, which are reads and run at once; then MULTI, the rest, EXEC.</summary>
    WatchedExec,

    /// <summary>BEGIN, the commands one by one, COMMIT (or ROLLBACK).</summary>
    Begin,

    /// <summary>BEGIN READONLY, reads one by one, COMMIT.</summary>
    BeginReadOnly,
}

/// <summary>The commands of the workload. Lists are strings: "7,12,9,".</summary>
public enum CommandKind : byte
{
    /// <summary>GET of a register or counter.</summary>
    Get,

    /// <summary>GET of a list.</summary>
    GetList,

    /// <summary>SET of a unique value.</summary>
    Set,

    /// <summary>SET with PX.</summary>
    SetFor,

    /// <summary>GETSET of a unique value.</summary>
    GetSet,

    /// <summary>APPEND of a unique element and a comma.</summary>
    Append,

    /// <summary>INCR.</summary>
    Increment,

    /// <summary>DEL of one key.</summary>
    Delete,

    /// <summary>FLUSHDB; the key does not matter.</summary>
    Flush,
}

/// <summary>One command of a plan.</summary>
/// <param name="Kind">Which command.</param>
/// <param name="Key">The number of its key in the key table.</param>
/// <param name="Value">The value or element to write.</param>
/// <param name="TtlMs">For <see cref="CommandKind.SetFor"/>.</param>
public readonly record struct PlannedCommand(CommandKind Kind, int Key, long Value = 0, int TtlMs = 0)
{
    /// <summary>True for GET.</summary>
    public bool IsRead => Kind is CommandKind.Get or CommandKind.GetList;
}

/// <summary>A transaction that a client is asked to run. One object serves one client again and again.</summary>
public sealed class TransactionPlan
{
    /// <summary>How the commands are put together.</summary>
    public PlanKind Kind { get; set; }

    /// <summary>The database of all commands.</summary>
    public int Database { get; set; }

    /// <summary>The commands in order.</summary>
    public List<PlannedCommand> Commands { get; } = [];

    /// <summary>How many commands at the front are watched reads.</summary>
    public int WatchedCount { get; set; }

    /// <summary>End a BEGIN with ROLLBACK.</summary>
    public bool Rollback { get; set; }
}

/// <summary>What the store answered to the commands of a plan. One object serves one client again and again.</summary>
public sealed class TransactionAnswers
{
    private readonly List<Answer> _answers = [];
    private readonly List<long> _elements = [];

    /// <summary>Set for an aborted transaction whose reads were promised to come from one moment.</summary>
    public bool ReadsStand { get; set; }

    /// <summary>Forgets all answers and makes room for those of the next plan.</summary>
    public void Reset(int commandCount)
    {
        ReadsStand = false;
        _elements.Clear();
        _answers.Clear();
        for (int i = 0; i < commandCount; i++) _answers.Add(default);
    }

    /// <summary>The command succeeded and its answer says no more than that.</summary>
    public void GiveDone(int command) => GiveInteger(command, 0);

    /// <summary>The command answered a number.</summary>
    public void GiveInteger(int command, long value) => _answers[command] = new Answer(true, value, 0, 0);

    /// <summary>The command answered that there is no such key.</summary>
    public void GiveNil(int command) => GiveInteger(command, Recording.Operation.Absent);

    /// <summary>The command answered the string of a register or counter.</summary>
    public void GiveValue(int command, ReadOnlySpan<byte> value) => GiveInteger(command, Number(value));

    /// <summary>The command answered the string of a list: numbers with a comma behind each.</summary>
    public void GiveList(int command, ReadOnlySpan<byte> value)
    {
        int from = _elements.Count;
        while (!value.IsEmpty)
        {
            int comma = value.IndexOf((byte)',');
            if (comma < 0) throw new FormatException("A list that does not end in a comma: an append was torn.");
            _elements.Add(Number(value[..comma]));
            value = value[(comma + 1)..];
        }

        _answers[command] = new Answer(true, 0, from, _elements.Count - from);
    }

    /// <summary>True if this command was answered.</summary>
    public bool IsGiven(int command) => _answers[command].Given;

    /// <summary>The number answered, or <see cref="Recording.Operation.Absent"/>.</summary>
    public long Value(int command) => _answers[command].Value;

    /// <summary>The elements answered; none for an absent key.</summary>
    public ReadOnlySpan<long> Elements(int command) =>
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_elements).Slice(_answers[command].From, _answers[command].Count);

    private static long Number(ReadOnlySpan<byte> text) =>
        System.Buffers.Text.Utf8Parser.TryParse(text, out long number, out int used) && used == text.Length
            ? number
            : throw new FormatException($"Not a value of this workload: '{System.Text.Encoding.UTF8.GetString(text)}'.");

    private readonly record struct Answer(bool Given, long Value, int From, int Count);
}
