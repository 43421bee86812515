namespace Memstore.Histories.Recording;

/// <summary>What one operation of a transaction did to its key, or saw there.</summary>
public enum OperationKind : byte
{
    /// <summary>Saw exactly <see cref="Operation.Value"/>, or <see cref="Operation.Absent"/>.</summary>
    Read,

    /// <summary>Saw that the key existed, not its value (DEL that answered 1).</summary>
    ReadAlive,

    /// <summary>Wrote the value without looking; <see cref="Operation.Absent"/> deletes. <see cref="Operation.Size"/> is the TTL in ms or 0.</summary>
    Write,

    /// <summary>Added one unique element to the end of a list.</summary>
    Append,

    /// <summary>Saw the whole list; <see cref="Operation.Value"/> and <see cref="Operation.Size"/> locate it in the log's elements.</summary>
    ReadList,

    /// <summary>Added one to a counter that answered its new value, or <see cref="Operation.NotKnown"/>.</summary>
    Increment,

    /// <summary>Emptied the database whose number is <see cref="Operation.Key"/>.</summary>
    Flush,
}

/// <summary>One operation in 16 bytes, so that ten million of them stay affordable.</summary>
public readonly struct Operation
{
    /// <summary>The value of a key that does not exist.</summary>
    public const long Absent = long.MinValue;

    /// <summary>The result of an increment whose answer never came.</summary>
    public const long NotKnown = long.MinValue + 1;

    /// <summary>The largest <see cref="Size"/>.</summary>
    public const int SizeMax = (1 << 28) - 1;

    private readonly int _key;
    private readonly uint _kindAndSize;

    /// <summary>Packs an operation; <paramref name="size"/> is 0 to <see cref="SizeMax"/>.</summary>
    public Operation(OperationKind kind, int key, long value, int size = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, SizeMax);
        _key = key;
        Value = value;
        _kindAndSize = ((uint)size << 4) | (uint)kind;
    }

    /// <summary>What it did.</summary>
    public OperationKind Kind => (OperationKind)(_kindAndSize & 15);

    /// <summary>The number that <see cref="KeyTable"/> gave to the key; for a flush the number of the database.</summary>
    public int Key => _key;

    /// <summary>The value read, written, appended or answered.</summary>
    public long Value { get; }

    /// <summary>The TTL of a write in ms (0: none) or the number of elements of a list.</summary>
    public int Size => (int)(_kindAndSize >> 4);
}

/// <summary>How a transaction ended, as its client knows it.</summary>
public enum Outcome : byte
{
    /// <summary>The server said that it took effect.</summary>
    Committed,

    /// <summary>The server said that it had no effect, now or later.</summary>
    Aborted,

    /// <summary>No answer came: it may have taken effect, may still do so, or never will. Its reads do not count.</summary>
    Unknown,
}

/// <summary>One transaction of a history. Times are stamps of a <see cref="HistoryClock"/>.</summary>
public struct TransactionRecord
{
    /// <summary>Stamped before the request was sent.</summary>
    public long Invoked;

    /// <summary>Stamped after the answer was received; meaningless for <see cref="Outcome.Unknown"/>.</summary>
    public long Completed;

    /// <summary>The client whose log holds the operations.</summary>
    public int Client;

    /// <summary>Where its operations begin in that log.</summary>
    public int FirstOperation;

    /// <summary>The number of its operations.</summary>
    public int OperationCount;

    /// <summary>How it ended.</summary>
    public Outcome Outcome;

    /// <summary>An aborted transaction whose reads were promised to come from one moment (BEGIN ... -CONFLICT).</summary>
    public bool ReadsStand;
}
