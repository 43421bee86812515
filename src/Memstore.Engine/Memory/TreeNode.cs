namespace Memstore.Engine.Memory;

/// <summary>The head of every node of a <see cref="CountedTree"/>; what follows it says <see cref="TreeLeaf"/> or <see cref="TreeInner"/>.</summary>
internal struct TreeNode
{
    public const int HeadSize = 24;

    /// <summary>Stamp (48 bits) of the commit that made the node; a private transaction writes the least that it can get.</summary>
    public long Stamp;

    /// <summary>The private transaction that made the node; 0 for none. An id is never used twice.</summary>
    public long Owner;

    /// <summary>Entries of a leaf or children of an inner node.</summary>
    public ushort Count;

    /// <summary>0 for a leaf, else one more than the level of the children.</summary>
    public ushort Level;

    /// <summary>Of a leaf: where the cells start, counted from the node; they grow down.</summary>
    public ushort Low;

    /// <summary>Of a leaf: bytes of the cells that are in use; the rest above <see cref="Low"/> is left over.</summary>
    public ushort Live;

    /// <summary>Bytes of a node of a level.</summary>
    public static int SizeOf(int level) => level == 0 ? TreeLeaf.Size : TreeInner.Size;
}

/// <summary>The head of a block that holds one entry too big for a leaf; field and value follow. Never changes.</summary>
internal struct TreeBlock
{
    public const int HeadSize = 24;

    public long Stamp;
    public long Owner;
    public int FieldLength;
    public int ValueLength;
}
