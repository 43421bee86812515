namespace Memstore.Histories.Checking;

/// <summary>What is known of a version besides its value.</summary>
[Flags]
internal enum VersionTraits : byte
{
    None = 0,

    /// <summary>The key does not exist in this version.</summary>
    Absent = 1,

    /// <summary>Its own transaction replaced it: nobody else may see it.</summary>
    Intermediate = 2,

    /// <summary>Its transaction aborted.</summary>
    Aborted = 4,

    /// <summary>Written by an increment whose answer never came: its value is not known.</summary>
    NoValue = 8,

    /// <summary>The first element of a list that somebody read: it replaced an absent version.</summary>
    First = 16,
}

/// <summary>All versions of all keys, as columns; version k, for k below the number of keys, is the initial absence of key k.</summary>
internal sealed class VersionStore
{
    public const int None = -1;

    public readonly Column<int> Key = new();
    public readonly Column<long> Value = new();
    public readonly Column<int> Writer = new();
    public readonly Column<VersionTraits> Traits = new();
    public readonly Column<int> TtlMs = new();

    // The direct neighbours in the key's version order, where known; chains of these are blocks that nothing else can come between.
    public readonly Column<int> Next = new();
    public readonly Column<int> Previous = new();

    // The version that the same transaction wrote to the same key just before.
    public readonly Column<int> OwnPrevious = new();

    // The expiry of this version once somebody is known to have seen it.
    public readonly Column<int> Expiry = new();

    // The next version with the same key and value; values are unique except for counters that were reset.
    private readonly Column<int> _same = new();
    private int[] _table = new int[1024];

    public VersionStore() => Array.Fill(_table, None);

    public int Count => Key.Count;

    public bool Has(int version, VersionTraits traits) => (Traits[version] & traits) != 0;

    public int Add(int key, long value, int writer, VersionTraits traits, int ttlMs, int ownPrevious)
    {
        int version = Count;
        Key.Add(key);
        Value.Add(value);
        Writer.Add(writer);
        Traits.Add(traits);
        TtlMs.Add(ttlMs);
        Next.Add(None);
        Previous.Add(None);
        OwnPrevious.Add(ownPrevious);
        Expiry.Add(None);
        _same.Add(None);
        if ((traits & (VersionTraits.Absent | VersionTraits.NoValue)) == 0) Index(version);
        return version;
    }

    /// <summary>A version of this key with this value, or <see cref="None"/>.</summary>
    public int Find(int key, long value) => _table[Locate(key, value)];

    /// <summary>Another version with the same key and value, or <see cref="None"/>.</summary>
    public int Same(int version) => _same[version];

    /// <summary>Makes <paramref name="next"/> the direct successor; false if a known order contradicts.</summary>
    public bool TryLink(int version, int next)
    {
        if (Next[version] == next) return true;
        if (Next[version] != None || Previous[next] != None) return false;
        Next[version] = next;
        Previous[next] = version;
        return true;
    }

    private void Index(int version)
    {
        if (2 * Count > _table.Length) Grow();
        int at = Locate(Key[version], Value[version]);
        _same[version] = _table[at];
        _table[at] = version;
    }

    private int Locate(int key, long value)
    {
        int mask = _table.Length - 1;
        ulong hash = ((ulong)value * 0x9E3779B97F4A7C15) ^ ((ulong)key * 0xC2B2AE3D27D4EB4F);
        int at = (int)((hash ^ (hash >> 29)) * 0xBF58476D1CE4E5B9 >> 33) & mask;
        while (_table[at] != None && (Key[_table[at]] != key || Value[_table[at]] != value)) at = (at + 1) & mask;
        return at;
    }

    private void Grow()
    {
        int[] old = _table;
        _table = new int[4 * old.Length];
        Array.Fill(_table, None);
        foreach (int head in old)
        {
            if (head != None) _table[Locate(Key[head], Value[head])] = head;
        }
    }
}

/// <summary>A growing array with references to its items.</summary>
internal sealed class Column<T>
{
    private T[] _items = new T[256];

    public int Count { get; private set; }

    public ref T this[int index] => ref _items[index];

    public ReadOnlySpan<T> Items => _items.AsSpan(0, Count);

    public void Add(T item)
    {
        if (Count == _items.Length) Array.Resize(ref _items, 2 * Count);
        _items[Count++] = item;
    }

    public void Clear() => Count = 0;
}
