namespace Memstore.Engine.Memory;

/// <summary>Takes the blocks that a writer has replaced but an open snapshot may still read.</summary>
internal unsafe interface ITreeSink
{
    /// <summary>A block is no longer part of the newest tree. To be freed when no snapshot older than the writer's stamp is open.</summary>
    void Replaced(byte* block);
}

/// <summary>
/// Who writes to a <see cref="CountedTree"/> and what must not be disturbed. A node may be changed in place if nobody else can
/// see it; otherwise it is copied and the old one replaced. Reusable; used by one thread at a time.
/// </summary>
// With an owner (a private transaction that has not committed) replaced blocks are collected here, because the published tree
// goes on using them: Committed gives them to the sink, and CountedTree.Discard frees the private ones instead. Such a context
// therefore belongs to one tree.
internal sealed unsafe class TreeContext
{
    private readonly List<nint> _replaced = [];

    /// <summary>Where nodes come from and go to.</summary>
    public Worker Worker { get; set; } = null!;

    /// <summary>Takes what snapshots may still read.</summary>
    public ITreeSink Sink { get; set; } = null!;

    /// <summary>
    /// Stamp for new nodes: that of the commit; for a private transaction one more than that of its snapshot, because its commit
    /// cannot get a lower one.
    /// </summary>
    public long Stamp { get; set; }

    /// <summary>The stamp of the newest open snapshot; below every stamp if none is open.</summary>
    public long NewestOpenSnapshot { get; set; }

    /// <summary>The id of a private transaction, or 0.</summary>
    public long Owner { get; set; }

    /// <summary>Number of replaced blocks that wait for the commit of the private transaction.</summary>
    public int ReplacedCount => _replaced.Count;

    /// <summary>The private transaction has committed: what it replaced goes to the sink.</summary>
    public void Committed()
    {
        foreach (var block in _replaced) Sink.Replaced((byte*)block);
        _replaced.Clear();
    }

    internal void ForgetReplaced() => _replaced.Clear();

    internal bool IsOurs(TreeNode* node) => Owner != 0 ? node->Owner == Owner : node->Stamp > NewestOpenSnapshot;

    internal TreeNode* NewNode(ref TreeRoot root, int level)
    {
        var size = level == 0 ? TreeLeaf.Size : TreeInner.Size;
        var node = (TreeNode*)Worker.Allocate((nuint)size, MemoryKind.Node);
        *node = new TreeNode { Stamp = Stamp, Owner = Owner, Level = (ushort)level, Low = TreeLeaf.Size };
        root.Bytes += size;
        return node;
    }

    /// <summary>The node itself if nobody else can see it, else a copy that takes its place.</summary>
    internal TreeNode* Own(TreeNode* node)
    {
        if (IsOurs(node)) return node;

        var size = node->Level == 0 ? TreeLeaf.Size : TreeInner.Size;
        var copy = (TreeNode*)Worker.Allocate((nuint)size, MemoryKind.Node);
        Buffer.MemoryCopy(node, copy, size, size);
        copy->Stamp = Stamp;
        copy->Owner = Owner;
        Drop((byte*)node);
        return copy;
    }

    internal TreeBlock* NewBlock(ref TreeRoot root, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        var size = (nuint)TreeBlock.HeadSize + (nuint)field.Length + (nuint)value.Length;
        var block = (TreeBlock*)Worker.Allocate(size, MemoryKind.Other);
        *block = new TreeBlock { Stamp = Stamp, Owner = Owner, FieldLength = field.Length, ValueLength = value.Length };
        field.CopyTo(new Span<byte>(block + 1, field.Length));
        value.CopyTo(new Span<byte>((byte*)(block + 1) + field.Length, value.Length));
        root.Bytes += (long)Worker.Arena.SizeOf((byte*)block);
        return block;
    }

    internal void DropNode(ref TreeRoot root, TreeNode* node)
    {
        root.Bytes -= node->Level == 0 ? TreeLeaf.Size : TreeInner.Size;
        Drop((byte*)node);
    }

    internal void DropBlock(ref TreeRoot root, TreeBlock* block)
    {
        root.Bytes -= (long)Worker.Arena.SizeOf((byte*)block);
        Drop((byte*)block);
    }

    // Nodes and blocks start alike, with stamp and owner.
    private void Drop(byte* block)
    {
        if (IsOurs((TreeNode*)block)) Worker.Free(block);
        else if (Owner != 0) _replaced.Add((nint)block);
        else Sink.Replaced(block);
    }
}
