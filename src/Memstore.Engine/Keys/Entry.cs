using Memstore.Engine.Memory;

namespace Memstore.Engine;

/// <summary>
/// What a key holds, as one transaction sees it. Lives on the stack; the spans stay valid until the transaction writes the
/// same key or ends.
/// </summary>
public readonly unsafe ref struct Entry
{
    // The index entry of a key takes eight bytes in a table that is about three quarters full.
    private const int IndexBytes = 12;

    internal Entry(byte* record) => Record = record;

    internal byte* Record { get; }

    /// <summary>The type of the value.</summary>
    public ValueType Type => Memory.Record.Type(Record) switch
    {
        RecordType.String or RecordType.TypedString => ValueType.String,
        RecordType.PackedHash or RecordType.HashTree => ValueType.Hash,
        var type => throw new InvalidOperationException($"A record of type {type} has no value."),
    };

    /// <summary>The bytes of a string; of other types, their packed form.</summary>
    public ReadOnlySpan<byte> Value => Memory.Record.Type(Record) != RecordType.TypedString ? Memory.Record.Value(Record) : Memory.Record.TypedBytes(Record);

    /// <summary>The media type that a string was given with; empty if it was given none, and of other types.</summary>
    public ReadOnlySpan<byte> MediaType => Memory.Record.Type(Record) == RecordType.TypedString ? Memory.Record.MediaType(Record) : default;

    /// <summary>The hash that the key holds; its type must be that.</summary>
    public Values.HashValue Hash => new(Memory.Record.Type(Record), Value);

    /// <summary>The bytes of the key.</summary>
    public ReadOnlySpan<byte> Key => Memory.Record.Key(Record);

    /// <summary>When the key expires, in milliseconds of Unix time; 0 if it does not.</summary>
    public long DeadlineUnixMs => Memory.Record.Deadline(Record);

    /// <summary>Whether the string was built by APPEND or SETRANGE, which Redis then reports with encoding "raw".</summary>
    public bool IsRaw => Memory.Record.Has(Record, RecordFlags.Raw);

    /// <summary>What the key occupies in memory with its record and index entry, in bytes.</summary>
    public long UsedBytes => SizeClasses.SizeOf(SizeClasses.Of(Math.Min(Memory.Record.SizeOf(Record), SizeClasses.SizeMax)))
        + (long)(Memory.Record.SizeOf(Record) - Math.Min(Memory.Record.SizeOf(Record), SizeClasses.SizeMax)) + IndexBytes;
}
