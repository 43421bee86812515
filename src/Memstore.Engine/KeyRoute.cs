namespace Memstore.Engine;

/// <summary>Where a key lives: its seeded hash and its slot. Computed once for each argument and carried along.</summary>
/// <param name="Hash">XXH3 of the key with the store's seed.</param>
/// <param name="Slot">CRC16 of the key, or of its hash tag, modulo 16,384 (the Redis Cluster specification).</param>
public readonly record struct KeyRoute(ulong Hash, ushort Slot);

/// <summary>A key with its route. Lives on the stack; the bytes belong to whoever made it.</summary>
public readonly ref struct Key(ReadOnlySpan<byte> bytes, KeyRoute route)
{
    /// <summary>The key's bytes.</summary>
    public readonly ReadOnlySpan<byte> Bytes = bytes;

    /// <summary>The key's hash and slot.</summary>
    public readonly KeyRoute Route = route;
}

/// <summary>What a transaction does with a key that it declares.</summary>
public enum KeyAccess : byte
{
    /// <summary>Reads only.</summary>
    Read,

    /// <summary>May write.</summary>
    Write,
}

/// <summary>The type of a value, as TYPE reports it.</summary>
public enum ValueType : byte
{
    /// <summary>A string of bytes.</summary>
    String,

    /// <summary>A map from field to value.</summary>
    Hash,

    /// <summary>A list of elements.</summary>
    List,

    /// <summary>A set of members.</summary>
    Set,

    /// <summary>A set of members ordered by score.</summary>
    SortedSet,

    /// <summary>An append-only stream of entries.</summary>
    Stream,
}
