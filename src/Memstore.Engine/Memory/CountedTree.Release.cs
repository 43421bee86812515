namespace Memstore.Engine.Memory;

// The end of a tree, of all of it or of what a private transaction added.
internal static unsafe partial class CountedTree
{
    /// <summary>
    /// Frees a tree that nobody can reach any more, a slice at a time: call again until it answers true. Meanwhile the root is good
    /// for nothing else.
    /// </summary>
    /// <param name="root">The unlinked tree.</param>
    /// <param name="worker">The calling worker.</param>
    /// <param name="nodesMax">How many nodes and blocks to free at most.</param>
    public static bool FreeSlice(ref TreeRoot root, Worker worker, int nodesMax)
    {
        // The last leaf goes first, so nodes are emptied from their ends and no state is needed but the tree itself.
        while (root.Node != 0 && nodesMax > 0)
        {
            var parent = default(TreeNode*);
            var node = (TreeNode*)root.Node;
            for (; node->Level > 0 && node->Count > 0; node = TreeInner.Children(node)[node->Count - 1]) parent = node;

            for (; node->Level == 0 && node->Count > 0 && nodesMax > 0; node->Count--)
            {
                var block = TreeLeaf.BlockOf(node, TreeLeaf.Slots(node)[node->Count - 1]);
                if (block is null) continue;

                worker.Free((byte*)block);
                nodesMax--;
            }

            if (node->Count > 0 || nodesMax == 0) break;

            worker.Free((byte*)node);
            nodesMax--;
            if (parent is null) root.Node = 0;
            else parent->Count--;
        }

        return root.Node == 0;
    }

    /// <summary>
    /// Rolls back: frees the nodes that the private transaction of a context has made below its root, and forgets what it had replaced.
    /// The published tree is as it was. Also for a private tree whose key the transaction deletes.
    /// </summary>
    public static void Discard(ref TreeRoot root, TreeContext context)
    {
        context.ForgetReplaced();
        if (root.Node != 0) Discard((TreeNode*)root.Node, context);
        root = new TreeRoot(root.Seed);
    }

    // Parents of private nodes are private, so the walk ends at the first node of others.
    private static void Discard(TreeNode* node, TreeContext context)
    {
        if (node->Owner != context.Owner) return;

        for (var i = 0; i < node->Count; i++)
        {
            if (node->Level > 0)
            {
                Discard(TreeInner.Children(node)[i], context);
                continue;
            }

            var block = TreeLeaf.BlockOf(node, TreeLeaf.Slots(node)[i]);
            if (block is not null && block->Owner == context.Owner) context.Worker.Free((byte*)block);
        }

        context.Worker.Free((byte*)node);
    }
}
