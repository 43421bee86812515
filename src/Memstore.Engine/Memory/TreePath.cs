using System.Diagnostics;

namespace Memstore.Engine.Memory;

/// <summary>The way from the root of a tree to a node: for each inner node the child that was taken.</summary>
internal unsafe struct TreePath
{
    // Twelve levels with at least 40 children each address more than memory holds.
    private const int DepthMax = 12;

    private fixed long _nodes[DepthMax];
    private fixed int _indexes[DepthMax];

    /// <summary>Number of inner nodes on the way.</summary>
    public int Depth { get; private set; }

    public readonly TreeNode* NodeAt(int depth) => (TreeNode*)_nodes[depth];

    public readonly int IndexAt(int depth) => _indexes[depth];

    public void Push(TreeNode* node, int index)
    {
        Debug.Assert(Depth < DepthMax);
        _nodes[Depth] = (long)node;
        _indexes[Depth++] = index;
    }

    public void SetIndex(int depth, int index) => _indexes[depth] = index;

    public void Cut(int depth) => Depth = depth;
}
