using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Memstore.Engine.Memory;

/// <summary>
/// A copy-on-write counted B+-tree of fields with values: the content of a big hash. Its nodes are native memory; a
/// <see cref="TreeRoot"/> holds it.
/// </summary>
/// <remarks>
/// Entries are ordered by 32 bits of the field's seeded hash (XXH3) and then by the field's bytes, so the place of an entry does
/// not depend on others, and a position in the order is a cursor that outlives every change. Each inner node counts the entries
/// below each child. Writers need the shard that holds the key; a root taken under a snapshot may be read by other threads
/// meanwhile, because what it reaches is copied before it is changed (<see cref="TreeContext"/>), as in google/btree.
/// </remarks>
// Nothing but TreeLeaf knows what an entry looks like; inner nodes, balancing, cursors and release know words, counts and levels.
internal static unsafe partial class CountedTree
{
    /// <summary>Looks the value of a field up. The span lives as long as the tree is not written.</summary>
    public static bool TryGet(scoped in TreeRoot root, ReadOnlySpan<byte> field, out ReadOnlySpan<byte> value)
    {
        value = default;
        var leaf = FindLeaf(root, field, out var index);
        if (leaf is null) return false;

        value = TreeLeaf.ValueOf(leaf, TreeLeaf.Slots(leaf)[index]);
        return true;
    }

    /// <summary>Whether a field is there.</summary>
    public static bool Contains(scoped in TreeRoot root, ReadOnlySpan<byte> field) => FindLeaf(root, field, out _) is not null;

    /// <summary>Sets the value of a field. True if the field is new.</summary>
    /// <exception cref="OutOfMemoryException">No memory; nothing has changed.</exception>
    public static bool Set(ref TreeRoot root, TreeContext context, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        context.Prepare(root);
        var inline = field.Length <= TreeLeaf.InlineMax && value.Length <= TreeLeaf.InlineMax;
        var block = inline ? null : context.NewBlock(ref root, field, value);
        try
        {
            return Set(ref root, context, new TreeCell(OrderOf(root, field), field, value, block));
        }
        catch
        {
            if (block is not null) context.DropBlock(ref root, block);
            throw;
        }
    }

    /// <summary>Removes a field. False if it was not there.</summary>
    /// <exception cref="OutOfMemoryException">No memory for copies of nodes that a snapshot sees; nothing has changed.</exception>
    public static bool Remove(ref TreeRoot root, TreeContext context, ReadOnlySpan<byte> field)
    {
        // A look first, because the way down copies what a snapshot sees.
        if (!Contains(root, field)) return false;

        // With nothing to copy no memory is needed: what makes room must work when there is none.
        if (context.MayCopy) context.Prepare(root);
        var path = default(TreePath);
        var order = OrderOf(root, field);
        var leaf = Descend(ref root, context, order, field, ref path, makeRoom: false);
        var index = TreeLeaf.Find(leaf, order, field, out _);
        context.Notes?.Replaced(field, TreeLeaf.ValueOf(leaf, TreeLeaf.Slots(leaf)[index]));
        var block = TreeLeaf.BlockOf(leaf, TreeLeaf.Slots(leaf)[index]);
        TreeLeaf.RemoveAt(leaf, index);
        AddToCounts(ref root, path, -1);
        if (block is not null) context.DropBlock(ref root, block);
        if (TreeLeaf.Used(leaf) < TreeLeaf.Sparse) Balance(ref root, context, leaf, ref path);
        return true;
    }

    /// <summary>The entry at a place in the order, from 0.</summary>
    public static void GetAt(scoped in TreeRoot root, long rank, out ReadOnlySpan<byte> field, out ReadOnlySpan<byte> value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rank, root.Count);
        var node = (TreeNode*)root.Node;
        while (node->Level > 0)
        {
            var counts = TreeInner.Counts(node);
            var index = 0;
            for (; rank >= counts[index]; index++) rank -= counts[index];
            node = TreeInner.Children(node)[index];
        }

        var slot = TreeLeaf.Slots(node)[rank];
        field = TreeLeaf.FieldOf(node, slot);
        value = TreeLeaf.ValueOf(node, slot);
    }

    /// <summary>The coarse place of a field in the order.</summary>
    internal static uint OrderOf(scoped in TreeRoot root, ReadOnlySpan<byte> field)
        => (uint)(XxHash3.HashToUInt64(field, (long)root.Seed) >> 32);

    private static TreeNode* FindLeaf(scoped in TreeRoot root, ReadOnlySpan<byte> field, out int index)
    {
        index = 0;
        var node = (TreeNode*)root.Node;
        if (node is null) return null;

        var order = OrderOf(root, field);
        while (node->Level > 0)
        {
            node = TreeInner.Children(node)[TreeInner.Find(node, order, field)];
            Prefetch(node);
        }

        index = TreeLeaf.Find(node, order, field, out var found);
        return found ? node : null;
    }

    private static bool Set(ref TreeRoot root, TreeContext context, scoped in TreeCell cell)
    {
        if (root.Node == 0) root.Node = (nint)context.NewNode(ref root, 0);

        var path = default(TreePath);
        var leaf = Descend(ref root, context, cell.Order, cell.Field, ref path, makeRoom: true);
        var index = TreeLeaf.Find(leaf, cell.Order, cell.Field, out var found);
        var needed = cell.Size + (found ? -TreeLeaf.CellSize(TreeLeaf.Slots(leaf)[index]) : TreeLeaf.SlotSize);
        if (TreeLeaf.Used(leaf) + needed > TreeLeaf.Capacity)
        {
            leaf = SplitLeaf(ref root, context, leaf, cell, ref path);
            index = TreeLeaf.Find(leaf, cell.Order, cell.Field, out found);
        }

        if (!found)
        {
            context.Notes?.Added(cell.Field);
            TreeLeaf.Insert(leaf, index, cell);
            AddToCounts(ref root, path, 1);
            return true;
        }

        context.Notes?.Replaced(cell.Field, TreeLeaf.ValueOf(leaf, TreeLeaf.Slots(leaf)[index]));
        var block = TreeLeaf.BlockOf(leaf, TreeLeaf.Slots(leaf)[index]);
        TreeLeaf.Replace(leaf, index, cell);
        if (block is not null) context.DropBlock(ref root, block);
        if (TreeLeaf.Used(leaf) < TreeLeaf.Sparse) Balance(ref root, context, leaf, ref path);
        return false;
    }

    // Goes down to the leaf of a field; every node on the way becomes ours. With makeRoom each inner node on the way can take one
    // more child, so that a split of the leaf stays below its parent.
    private static TreeNode* Descend(
        ref TreeRoot root, TreeContext context, uint order, ReadOnlySpan<byte> field, ref TreePath path, bool makeRoom)
    {
        var node = context.Own((TreeNode*)root.Node);
        root.Node = (nint)node;
        if (makeRoom && IsFull(node)) node = Grow(ref root, context);
        while (node->Level > 0)
        {
            var index = TreeInner.Find(node, order, field);
            if (makeRoom && IsFull(TreeInner.Children(node)[index]))
            {
                SplitInner(ref root, context, node, index);
                index = TreeInner.Find(node, order, field);
            }

            var child = OwnChild(context, node, index);
            path.Push(node, index);
            node = child;
        }

        return node;
    }

    private static TreeNode* OwnChild(TreeContext context, TreeNode* parent, int index)
    {
        ref var child = ref TreeInner.Children(parent)[index];
        Prefetch(child);
        return child = context.Own(child);
    }

    private static bool IsFull(TreeNode* node) => node->Level > 0 && node->Count == TreeInner.CountMax;

    private static void AddToCounts(ref TreeRoot root, in TreePath path, int change)
    {
        for (var depth = 0; depth < path.Depth; depth++) TreeInner.Counts(path.NodeAt(depth))[path.IndexAt(depth)] += change;
        root.Count += change;
    }

    // A search touches several lines of a node one after the other; asked for together they arrive together.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(TreeNode* node)
    {
        if (!Sse.IsSupported) return;

        for (var line = 0; line < 16; line++) Sse.Prefetch0((byte*)node + (line * 64));
    }
}
