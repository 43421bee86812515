namespace Memstore.Engine.Memory;

/// <summary>
/// Inner nodes: for each child its address, the number of entries below it, and a word that no entry below it comes before and no
/// entry below its left neighbour comes after. The first child has the word that its parent has in its own parent; 0 at the left edge.
/// </summary>
// Words are the coarse part of the order (the hash; a score or an ID would do as well). Entries may share a word across
// neighbours; then the first entry below the child decides. So a word of 8 bytes is enough for any order.
internal static unsafe class TreeInner
{
    public const int Size = 4096;
    public const int CountMax = (Size - TreeNode.HeadSize) / 24;

    /// <summary>A node with fewer children looks for a neighbour to join or share with.</summary>
    public const int Sparse = CountMax / 4;

    /// <summary>Two nodes that have no more children together become one.</summary>
    public const int JoinedMax = CountMax * 7 / 8;

    public static ulong* Words(TreeNode* node) => (ulong*)((byte*)node + TreeNode.HeadSize);

    public static TreeNode** Children(TreeNode* node) => (TreeNode**)(Words(node) + CountMax);

    public static long* Counts(TreeNode* node) => (long*)(Words(node) + (2 * CountMax));

    /// <summary>The last child whose word is below the given one, else the first child.</summary>
    public static int FindBefore(TreeNode* node, ulong word) => OrderedWords.LowerBound(Words(node), 1, node->Count, word, 0) - 1;

    /// <summary>The child below which a field is or would be.</summary>
    public static int Find(TreeNode* node, uint order, ReadOnlySpan<byte> field)
    {
        var words = Words(node);
        var index = FindBefore(node, order);
        while (index + 1 < node->Count && words[index + 1] == order && !StartsAfter(Children(node)[index + 1], order, field)) index++;
        return index;
    }

    public static void Insert(TreeNode* node, int index, ulong word, TreeNode* child, long count)
    {
        Move(node, index, node, index + 1, node->Count - index);
        node->Count++;
        Words(node)[index] = word;
        Children(node)[index] = child;
        Counts(node)[index] = count;
    }

    public static void RemoveAt(TreeNode* node, int index)
    {
        node->Count--;
        Move(node, index + 1, node, index, node->Count - index);
    }

    /// <summary>Copies children to another place; the counts of nodes are the caller's.</summary>
    public static void Move(TreeNode* source, int from, TreeNode* target, int to, int count)
    {
        new Span<ulong>(Words(source) + from, count).CopyTo(new Span<ulong>(Words(target) + to, count));
        new Span<ulong>(Children(source) + from, count).CopyTo(new Span<ulong>(Children(target) + to, count));
        new Span<long>(Counts(source) + from, count).CopyTo(new Span<long>(Counts(target) + to, count));
    }

    /// <summary>Number of entries below a node.</summary>
    public static long CountOf(TreeNode* node)
    {
        if (node->Level == 0) return node->Count;

        var sum = 0L;
        foreach (var count in new ReadOnlySpan<long>(Counts(node), node->Count)) sum += count;
        return sum;
    }

    private static bool StartsAfter(TreeNode* node, uint order, ReadOnlySpan<byte> field)
    {
        while (node->Level > 0) node = Children(node)[0];
        return TreeLeaf.IsAfter(node, 0, order, field);
    }
}
