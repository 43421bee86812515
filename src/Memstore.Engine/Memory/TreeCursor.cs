namespace Memstore.Engine.Memory;

/// <summary>Walks over a <see cref="CountedTree"/> in its order. The tree must not be written meanwhile.</summary>
internal unsafe ref struct TreeCursor
{
    private TreePath _path;
    private TreeNode* _leaf;
    private int _index;

    /// <summary>Starts before the first entry whose coarse order is not below the given one; 0 is the start.</summary>
    public TreeCursor(scoped in TreeRoot root, uint order)
    {
        var node = (TreeNode*)root.Node;
        if (node is null) return;

        while (node->Level > 0)
        {
            var index = TreeInner.FindBefore(node, order);
            _path.Push(node, index);
            node = TreeInner.Children(node)[index];
        }

        _leaf = node;
        _index = TreeLeaf.FindOrder(node, order) - 1;
    }

    /// <summary>The coarse order of the current entry.</summary>
    public readonly uint Order => TreeLeaf.OrderOf(Slot);

    /// <summary>The field of the current entry.</summary>
    public readonly ReadOnlySpan<byte> Field => TreeLeaf.FieldOf(_leaf, Slot);

    /// <summary>The value of the current entry.</summary>
    public readonly ReadOnlySpan<byte> Value => TreeLeaf.ValueOf(_leaf, Slot);

    private readonly ulong Slot => TreeLeaf.Slots(_leaf)[_index];

    /// <summary>Goes to the next entry; false at the end.</summary>
    public bool MoveNext()
    {
        if (_leaf is null) return false;

        _index++;
        while (_index >= _leaf->Count)
        {
            if (!GoToNextLeaf()) return false;
        }

        return true;
    }

    private bool GoToNextLeaf()
    {
        var depth = _path.Depth - 1;
        while (depth >= 0 && _path.IndexAt(depth) + 1 == _path.NodeAt(depth)->Count) depth--;
        if (depth < 0)
        {
            _leaf = null;
            return false;
        }

        var node = _path.NodeAt(depth);
        var index = _path.IndexAt(depth) + 1;
        _path.Cut(depth);
        while (true)
        {
            _path.Push(node, index);
            node = TreeInner.Children(node)[index];
            if (node->Level == 0) break;

            index = 0;
        }

        _leaf = node;
        _index = 0;
        return true;
    }
}
