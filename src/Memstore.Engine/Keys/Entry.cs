namespace Memstore.Engine;

/// <summary>
/// What a key holds, as one transaction sees it. Lives on the stack; the spans stay valid until the transaction writes the
/// same key or ends.
/// </summary>
public readonly unsafe ref struct Entry
{
    internal Entry(byte* record) => Record = record;

    internal byte* Record { get; }

    /// <summary>The type of the value.</summary>
    public ValueType Type => throw new NotImplementedException();

    /// <summary>The bytes of a string; empty for other types.</summary>
    public ReadOnlySpan<byte> Value => throw new NotImplementedException();

    /// <summary>The bytes of the key.</summary>
    public ReadOnlySpan<byte> Key => throw new NotImplementedException();

    /// <summary>When the key expires, in milliseconds of Unix time; 0 if it does not.</summary>
    public long DeadlineUnixMs => throw new NotImplementedException();

    /// <summary>Whether the string was built by APPEND or SETRANGE, which Redis then reports with encoding "raw".</summary>
    public bool IsRaw => throw new NotImplementedException();

    /// <summary>What the key occupies in memory with its record and index entry, in bytes.</summary>
    public long UsedBytes => throw new NotImplementedException();
}
