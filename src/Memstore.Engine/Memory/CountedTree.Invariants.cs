namespace Memstore.Engine.Memory;

// What must hold of every tree between two operations. O(n), so tests call it, not the operations.
internal static unsafe partial class CountedTree
{
    /// <summary>Throws if the tree is not in order, counts wrong, wastes space or reaches a node with a later stamp.</summary>
    public static void AssertInvariants(in TreeRoot root, Arena arena, long stampMax = long.MaxValue)
    {
        var check = new Check(arena, stampMax);
        if (root.Node != 0)
        {
            check.Visit((TreeNode*)root.Node, 0, isRoot: true);
            var node = (TreeNode*)root.Node;
            Check.That(node->Count > (node->Level > 0 ? 1 : 0), "the root is not empty and an inner root has two children");
        }

        Check.That(check.Count == root.Count, $"the root counts {root.Count} entries of {check.Count}");
        Check.That(check.Bytes == root.Bytes, $"the root counts {root.Bytes} bytes of {check.Bytes}");
    }

    private sealed class Check(Arena arena, long stampMax)
    {
        private TreeNode* _lastLeaf;
        private int _lastIndex;

        public long Count { get; private set; }

        public long Bytes { get; private set; }

        public static void That(bool holds, string what)
        {
            if (!holds) throw new InvalidOperationException("Broken tree: " + what);
        }

        public long Visit(TreeNode* node, ulong word, bool isRoot)
        {
            That(node->Stamp <= stampMax, $"a node has stamp {node->Stamp}, the snapshot {stampMax}");
            var size = TreeNode.SizeOf(node->Level);
            That((long)arena.SizeOf((byte*)node) == size, "nodes fill their size class");
            Bytes += size;
            return node->Level == 0 ? VisitLeaf(node, isRoot) : VisitInner(node, word, isRoot);
        }

        private long VisitInner(TreeNode* node, ulong firstWord, bool isRoot)
        {
            That(*TreeInner.Words(node) == firstWord, "the first child has its parent's word");
            That(node->Count <= TreeInner.CountMax, "an inner node is not overfull");
            That(isRoot || node->Count >= TreeInner.Sparse, $"an inner node has {node->Count} children");
            var sum = 0L;
            for (var i = 0; i < node->Count; i++)
            {
                var child = TreeInner.Children(node)[i];
                That(child->Level == node->Level - 1, "levels go down by one");
                var word = TreeInner.Words(node)[i];
                That(_lastLeaf is null || LastOrder <= word, "nothing on the left comes after the word");
                var first = child;
                while (first->Level > 0) first = TreeInner.Children(first)[0];
                That(TreeLeaf.OrderOf(*TreeLeaf.Slots(first)) >= word, "nothing below comes before the word");
                var count = Visit(child, word, isRoot: false);
                That(TreeInner.Counts(node)[i] == count, $"a child is counted {TreeInner.Counts(node)[i]} and has {count}");
                sum += count;
            }

            return sum;
        }

        private uint LastOrder => TreeLeaf.OrderOf(TreeLeaf.Slots(_lastLeaf)[_lastIndex]);

        private long VisitLeaf(TreeNode* leaf, bool isRoot)
        {
            That(isRoot || TreeLeaf.Used(leaf) >= TreeLeaf.Capacity / 5, $"a leaf uses {TreeLeaf.Used(leaf)} bytes");
            That(TreeNode.HeadSize + (leaf->Count * TreeLeaf.SlotSize) <= leaf->Low, "slots and cells do not overlap");
            var live = 0;
            for (var i = 0; i < leaf->Count; i++)
            {
                live += TreeLeaf.CellSize(TreeLeaf.Slots(leaf)[i]);
                VisitEntry(leaf, i);
            }

            That(live == leaf->Live && leaf->Low + live <= TreeLeaf.Size, "live cells are counted");
            Count += leaf->Count;
            return leaf->Count;
        }

        private void VisitEntry(TreeNode* leaf, int index)
        {
            var slot = TreeLeaf.Slots(leaf)[index];
            That(TreeLeaf.CellOf(leaf, slot) - (byte*)leaf >= leaf->Low, "a cell lies among the cells");
            var field = TreeLeaf.FieldOf(leaf, slot);
            That(_lastLeaf is null || !TreeLeaf.IsAfter(_lastLeaf, _lastIndex, TreeLeaf.OrderOf(slot), field), "entries are in order");
            var block = TreeLeaf.BlockOf(leaf, slot);
            if (block is not null)
            {
                That(block->Stamp <= stampMax, "a block is no newer than the snapshot");
                Bytes += (long)arena.SizeOf((byte*)block);
            }

            _lastLeaf = leaf;
            _lastIndex = index;
        }
    }
}
