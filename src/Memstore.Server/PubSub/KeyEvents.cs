using System.Buffers;

namespace Memstore.Server.PubSub;

/// <summary>The classes of keyspace events, as notify-keyspace-events names them with letters.</summary>
[Flags]
internal enum KeyEventKinds
{
    None = 0,

    /// <summary>K: published on __keyspace@db__:key.</summary>
    Keyspace = 1 << 0,

    /// <summary>E: published on __keyevent@db__:event.</summary>
    Keyevent = 1 << 1,

    /// <summary>g: commands on keys of any type.</summary>
    Generic = 1 << 2,

    /// <summary>$: commands on strings.</summary>
    String = 1 << 3,

    /// <summary>l: commands on lists.</summary>
    List = 1 << 4,

    /// <summary>s: commands on sets.</summary>
    Set = 1 << 5,

    /// <summary>h: commands on hashes.</summary>
    Hash = 1 << 6,

    /// <summary>z: commands on sorted sets.</summary>
    SortedSet = 1 << 7,

    /// <summary>x: keys whose time was over.</summary>
    Expired = 1 << 8,

    /// <summary>e: keys removed for want of memory.</summary>
    Evicted = 1 << 9,

    /// <summary>t: commands on streams.</summary>
    Stream = 1 << 10,

    /// <summary>m: keys that were looked for and not found.</summary>
    KeyMiss = 1 << 11,

    /// <summary>d: events of modules.</summary>
    Module = 1 << 12,

    /// <summary>n: keys that were not there before.</summary>
    New = 1 << 13,

    /// <summary>A: all classes but m and n.</summary>
    All = Generic | String | List | Set | Hash | SortedSet | Expired | Evicted | Stream | Module,
}

/// <summary>
/// Keyspace events of one transaction, kept until it has committed. One transaction at a time uses it; a run that was not committed is
/// dropped with <see cref="Clear"/>.
/// </summary>
internal sealed class KeyEventBuffer
{
    private readonly List<(string Name, int Database, int Start, int Length)> _events = [];
    private readonly ArrayBufferWriter<byte> _keys = new();

    /// <summary>The classes that somebody wants; others are not kept.</summary>
    public KeyEventKinds Wanted { get; set; }

    /// <summary>Number of events kept.</summary>
    public int Count => _events.Count;

    /// <summary>Keeps an event, with a copy of its key, if its class is wanted.</summary>
    public void Add(KeyEventKinds kind, string name, int database, ReadOnlySpan<byte> key)
    {
        if ((Wanted & kind) == 0) return;
        _events.Add((name, database, _keys.WrittenCount, key.Length));
        _keys.Write(key);
    }

    /// <summary>An event in the order of their happening; the key is good until the next call of <see cref="Add"/> or <see cref="Clear"/>.</summary>
    public ReadOnlySpan<byte> Get(int index, out string name, out int database)
    {
        (name, database, var start, var length) = _events[index];
        return _keys.WrittenSpan.Slice(start, length);
    }

    /// <summary>Forgets all events.</summary>
    public void Clear()
    {
        _events.Clear();
        _keys.ResetWrittenCount();
    }
}
