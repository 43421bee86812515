namespace Memstore.Engine.Memory;

/// <summary>
/// All that is known of a <see cref="CountedTree"/> outside its nodes: 32 bytes that live in the record of the key. Copying it keeps
/// the tree as it is now, as long as a snapshot stays open that sees it.
/// </summary>
internal struct TreeRoot
{
    /// <summary>Bytes of a root in a record.</summary>
    public const int Size = 32;

    /// <summary>Address of the root node; 0 without entries.</summary>
    internal nint Node;

    /// <summary>Makes an empty tree whose order is that of the hashes with this seed.</summary>
    public TreeRoot(ulong seed) => Seed = seed;

    /// <summary>Number of entries.</summary>
    public long Count { get; internal set; }

    /// <summary>Native bytes of all nodes and blocks that are reachable from here.</summary>
    public long Bytes { get; internal set; }

    /// <summary>Seed of the hashes that order the fields.</summary>
    public ulong Seed { get; }
}
