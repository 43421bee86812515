using System.Diagnostics;

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

    // Nodes kept ready, linked by their first words.
    private Spares _leaves;
    private Spares _inner;

    /// <summary>Where nodes come from and go to.</summary>
    public Worker Worker { get; set; } = null!;

    /// <summary>Takes what snapshots may still read.</summary>
    public ITreeSink Sink { get; set; } = null!;

    /// <summary>
    /// Stamp for new nodes: that of the commit; for a private transaction one more than that of its snapshot, because its commit
    /// cannot get a lower one.
    /// </summary>
    public long Stamp { get; set; }

    /// <summary>The stamp of the newest open snapshot; 0 or less if none is open, because stamps start at 1.</summary>
    public long NewestOpenSnapshot { get; set; }

    /// <summary>Is told what a change replaces, so that it can be taken back; null if nobody needs to know.</summary>
    public TreeNotes? Notes { get; set; }

    /// <summary>The id of a private transaction, or 0.</summary>
    public long Owner { get; set; }

    /// <summary>Number of replaced blocks that wait for the commit of the private transaction.</summary>
    public int ReplacedCount => _replaced.Count;

    /// <summary>The private transaction has committed: what it replaced goes to the sink.</summary>
    public void Committed()
    {
        foreach (var block in _replaced) Sink.Replaced((byte*)block);
        _replaced.Clear();
        ReleaseSpares();
    }

    internal void ForgetReplaced()
    {
        _replaced.Clear();
        ReleaseSpares();
    }

    /// <summary>Whether there may be nodes that others see.</summary>
    internal bool MayCopy => Owner != 0 || NewestOpenSnapshot > 0;

    internal bool IsOurs(TreeNode* node) => Owner != 0 ? node->Owner == Owner : node->Stamp > NewestOpenSnapshot;

    /// <summary>Gives the nodes that were kept ready back to the worker; when the context or its worker goes out of use.</summary>
    public void ReleaseSpares()
    {
        _leaves.Release(Worker);
        _inner.Release(Worker);
    }

    /// <summary>
    /// Gets ready all nodes that one operation can need, so that it cannot run out of memory between two of its steps.
    /// </summary>
    // Setting copies and splits at most one node a level and adds a root; removing copies at most two nodes a level.
    internal void Prepare(in TreeRoot root)
    {
        var levels = root.Node == 0 ? 0 : ((TreeNode*)root.Node)->Level;
        while (_leaves.Count < 2) _leaves.Push(Worker.Allocate(TreeLeaf.Size, MemoryKind.Node));
        while (_inner.Count < (2 * levels) + 1) _inner.Push(Worker.Allocate(TreeInner.Size, MemoryKind.Node));
    }

    internal TreeNode* NewNode(ref TreeRoot root, int level)
    {
        var node = Take(level);
        *node = new TreeNode { Stamp = Stamp, Owner = Owner, Level = (ushort)level, Low = TreeLeaf.Size };
        root.Bytes += TreeNode.SizeOf(level);
        return node;
    }

    /// <summary>The node itself if nobody else can see it, else a copy that takes its place.</summary>
    internal TreeNode* Own(TreeNode* node)
    {
        if (IsOurs(node)) return node;

        var copy = Take(node->Level);
        Buffer.MemoryCopy(node, copy, TreeNode.SizeOf(node->Level), TreeNode.SizeOf(node->Level));
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
        root.Bytes -= TreeNode.SizeOf(node->Level);
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

    private TreeNode* Take(int level) => (TreeNode*)(level == 0 ? _leaves.Pop() : _inner.Pop());

    private struct Spares
    {
        private byte* _first;

        public int Count { get; private set; }

        public void Push(byte* block)
        {
            *(byte**)block = _first;
            _first = block;
            Count++;
        }

        public byte* Pop()
        {
            Debug.Assert(Count > 0);
            var block = _first;
            _first = *(byte**)block;
            Count--;
            return block;
        }

        public void Release(Worker worker)
        {
            while (Count > 0) worker.Free(Pop());
        }
    }
}
