using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Memstore.Engine.Memory;

// Splits on the way down, joins on the way up.
internal static unsafe partial class CountedTree
{
    // Puts a new root over a full one and splits that.
    private static TreeNode* Grow(ref TreeRoot root, TreeContext context)
    {
        var old = (TreeNode*)root.Node;
        var node = context.NewNode(ref root, old->Level + 1);
        TreeInner.Insert(node, 0, 0, old, root.Count);
        root.Node = (nint)node;
        if (old->Level > 0) SplitInner(ref root, context, node, 0);
        return node;
    }

    private static void SplitInner(ref TreeRoot root, TreeContext context, TreeNode* parent, int index)
    {
        var left = OwnChild(context, parent, index);
        var right = context.NewNode(ref root, left->Level);
        var kept = left->Count / 2;
        right->Count = (ushort)(left->Count - kept);
        TreeInner.Move(left, kept, right, 0, right->Count);
        left->Count = (ushort)kept;
        InsertRight(parent, index, TreeInner.Words(right)[0], right);
    }

    // Splits a leaf in two and answers the half where a cell belongs; the path then leads there.
    private static TreeNode* SplitLeaf(ref TreeRoot root, TreeContext context, TreeNode* left, scoped in TreeCell cell, ref TreePath path)
    {
        var right = context.NewNode(ref root, 0);
        if (path.Depth == 0) path.Push(Grow(ref root, context), 0);

        var kept = TreeLeaf.CountWithin(left, TreeLeaf.Used(left) / 2);
        TreeLeaf.Append(right, left, kept, left->Count);
        TreeLeaf.Truncate(left, kept);

        var depth = path.Depth - 1;
        var index = path.IndexAt(depth);
        InsertRight(path.NodeAt(depth), index, FirstWord(right), right);
        if (TreeLeaf.IsAfter(right, 0, cell.Order, cell.Field)) return left;

        path.SetIndex(depth, index + 1);
        return right;
    }

    private static void InsertRight(TreeNode* parent, int index, ulong word, TreeNode* right)
    {
        var count = TreeInner.CountOf(right);
        TreeInner.Counts(parent)[index] -= count;
        TreeInner.Insert(parent, index + 1, word, right, count);
    }

    // A node at the end of a path has become sparse: joins it with a neighbour or takes from one, and so on upwards.
    private static void Balance(ref TreeRoot root, TreeContext context, TreeNode* node, ref TreePath path)
    {
        for (; path.Depth > 0 && IsSparse(node); path.Cut(path.Depth - 1))
        {
            var parent = path.NodeAt(path.Depth - 1);
            var index = path.IndexAt(path.Depth - 1);
            if (index + 1 == parent->Count) index--;

            if (node->Level == 0) BalanceLeaves(ref root, context, parent, index);
            else BalanceInner(ref root, context, parent, index);
            node = parent;
        }

        Shrink(ref root, context);
    }

    private static bool IsSparse(TreeNode* node)
        => node->Level == 0 ? TreeLeaf.Used(node) < TreeLeaf.Sparse : node->Count < TreeInner.Sparse;

    // Takes away roots with one child, and an empty leaf.
    private static void Shrink(ref TreeRoot root, TreeContext context)
    {
        var node = (TreeNode*)root.Node;
        while (node->Level > 0 && node->Count == 1)
        {
            root.Node = (nint)TreeInner.Children(node)[0];
            context.DropNode(ref root, node);
            node = (TreeNode*)root.Node;
        }

        if (node->Count > 0) return;

        root.Node = 0;
        context.DropNode(ref root, node);
    }

    [SkipLocalsInit]
    private static void BalanceLeaves(ref TreeRoot root, TreeContext context, TreeNode* parent, int index)
    {
        var left = OwnChild(context, parent, index);
        var right = TreeInner.Children(parent)[index + 1];
        if (TreeLeaf.Used(left) + TreeLeaf.Used(right) <= TreeLeaf.JoinedMax)
        {
            TreeLeaf.Tidy(left);
            TreeLeaf.Append(left, right, 0, right->Count);
            RemoveRight(ref root, context, parent, index);
            return;
        }

        right = OwnChild(context, parent, index + 1);
        if (TreeLeaf.Used(left) < TreeLeaf.Used(right))
        {
            var moved = CountToMove(right, TreeLeaf.Used(right) - TreeLeaf.Used(left));
            TreeLeaf.Tidy(left);
            TreeLeaf.Append(left, right, 0, moved);
            var rest = stackalloc byte[TreeLeaf.Size];
            Buffer.MemoryCopy(right, rest, TreeLeaf.Size, TreeLeaf.Size);
            var count = right->Count;
            TreeLeaf.Clear(right);
            TreeLeaf.Append(right, (TreeNode*)rest, moved, count);
        }
        else
        {
            var kept = TreeLeaf.CountWithin(left, (TreeLeaf.Used(left) + TreeLeaf.Used(right)) / 2);
            var rest = stackalloc byte[TreeLeaf.Size];
            Buffer.MemoryCopy(right, rest, TreeLeaf.Size, TreeLeaf.Size);
            var count = right->Count;
            TreeLeaf.Clear(right);
            TreeLeaf.Append(right, left, kept, left->Count);
            TreeLeaf.Append(right, (TreeNode*)rest, 0, count);
            TreeLeaf.Truncate(left, kept);
        }

        TreeInner.Words(parent)[index + 1] = FirstWord(right);
        TreeInner.Counts(parent)[index] = left->Count;
        TreeInner.Counts(parent)[index + 1] = right->Count;
    }

    private static int CountToMove(TreeNode* leaf, int difference) => TreeLeaf.CountWithin(leaf, difference / 2);

    private static void BalanceInner(ref TreeRoot root, TreeContext context, TreeNode* parent, int index)
    {
        var left = OwnChild(context, parent, index);
        var right = TreeInner.Children(parent)[index + 1];
        var total = left->Count + right->Count;
        if (total <= TreeInner.JoinedMax)
        {
            Take(left, right, right->Count);
            RemoveRight(ref root, context, parent, index);
            return;
        }

        right = OwnChild(context, parent, index + 1);
        if (left->Count < right->Count)
        {
            var moved = (right->Count - left->Count) / 2;
            Take(left, right, moved);
            right->Count -= (ushort)moved;
            TreeInner.Move(right, moved, right, 0, right->Count);
        }
        else
        {
            var moved = (left->Count - right->Count) / 2;
            TreeInner.Move(right, 0, right, moved, right->Count);
            TreeInner.Move(left, left->Count - moved, right, 0, moved);
            right->Count += (ushort)moved;
            left->Count -= (ushort)moved;
        }

        TreeInner.Words(parent)[index + 1] = TreeInner.Words(right)[0];
        TreeInner.Counts(parent)[index] = TreeInner.CountOf(left);
        TreeInner.Counts(parent)[index + 1] = TreeInner.CountOf(right);
    }

    // Appends the first children of a right neighbour. The word of the very first is what separates the two.
    private static void Take(TreeNode* left, TreeNode* right, int count)
    {
        Debug.Assert(left->Count + count <= TreeInner.CountMax);
        TreeInner.Move(right, 0, left, left->Count, count);
        left->Count += (ushort)count;
    }

    private static void RemoveRight(ref TreeRoot root, TreeContext context, TreeNode* parent, int index)
    {
        var right = TreeInner.Children(parent)[index + 1];
        TreeInner.Counts(parent)[index] += TreeInner.Counts(parent)[index + 1];
        TreeInner.RemoveAt(parent, index + 1);
        context.DropNode(ref root, right);
    }

    private static ulong FirstWord(TreeNode* leaf) => TreeLeaf.OrderOf(TreeLeaf.Slots(leaf)[0]);
}
