namespace Memstore.Engine.Memory;

// A tree of its own for another key: COPY. O(n), but no hashing, comparing or splitting: node by node.
internal static unsafe partial class CountedTree
{
    /// <summary>Copies all entries to a new tree.</summary>
    /// <exception cref="OutOfMemoryException">No memory; what was copied has been freed.</exception>
    public static TreeRoot Copy(scoped in TreeRoot source, TreeContext context)
    {
        var root = new TreeRoot(source.Seed) { Count = source.Count };
        if (source.Node == 0) return root;

        try
        {
            var node = NewCopy(ref root, (TreeNode*)source.Node, context);
            root.Node = (nint)node;
            CopyBelow(ref root, (TreeNode*)source.Node, node, context);
            return root;
        }
        catch
        {
            FreeSlice(ref root, context.Worker, int.MaxValue);
            throw;
        }
    }

    // A copy counts only what has been copied below it, so that it can be freed at any moment.
    private static TreeNode* NewCopy(ref TreeRoot root, TreeNode* source, TreeContext context)
    {
        var size = TreeNode.SizeOf(source->Level);
        var copy = (TreeNode*)context.Worker.Allocate((nuint)size, MemoryKind.Node);
        Buffer.MemoryCopy(source, copy, size, size);
        copy->Stamp = context.Stamp;
        copy->Owner = context.Owner;
        copy->Count = 0;
        root.Bytes += size;
        return copy;
    }

    private static void CopyBelow(ref TreeRoot root, TreeNode* source, TreeNode* copy, TreeContext context)
    {
        for (var i = 0; i < source->Count; i++)
        {
            if (source->Level > 0)
            {
                var child = TreeInner.Children(source)[i];
                var childCopy = NewCopy(ref root, child, context);
                TreeInner.Children(copy)[i] = childCopy;
                copy->Count++;
                CopyBelow(ref root, child, childCopy, context);
                continue;
            }

            var slot = TreeLeaf.Slots(source)[i];
            if (TreeLeaf.BlockOf(source, slot) is not null)
            {
                var block = context.NewBlock(ref root, TreeLeaf.FieldOf(source, slot), TreeLeaf.ValueOf(source, slot));
                *(TreeBlock**)TreeLeaf.CellOf(copy, slot) = block;
            }

            copy->Count++;
        }
    }
}
