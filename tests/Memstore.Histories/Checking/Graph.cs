namespace Memstore.Histories.Checking;

/// <summary>Why one node precedes another.</summary>
[Flags]
internal enum EdgeKinds : byte
{
    None = 0,

    /// <summary>The second read what the first wrote.</summary>
    WriteRead = 1,

    /// <summary>The second overwrote, at once or later, what the first wrote.</summary>
    WriteWrite = 2,

    /// <summary>The second overwrote, at once or later, what the first had read.</summary>
    ReadWrite = 4,

    /// <summary>From the end of a version to its direct successor.</summary>
    Then = 8,

    /// <summary>From the end of a version to one that is later because real time says so.</summary>
    ThenTime = 16,

    /// <summary>From the end of a version to one that is later by what transactions saw elsewhere.</summary>
    ThenFact = 32,

    /// <summary>The first was complete before the second was invoked.</summary>
    Time = 64,

    /// <summary>Everything.</summary>
    All = 127,
}

/// <summary>A directed graph in arrays: edges are collected, then sorted by their source.</summary>
internal sealed class Graph(int nodeCount)
{
    private readonly Column<int> _from = new();
    private readonly Column<int> _to = new();
    private readonly Column<EdgeKinds> _kind = new();
    private int[] _first = [];
    private int[] _targets = [];
    private EdgeKinds[] _kinds = [];

    public int NodeCount { get; private set; } = nodeCount;

    public int EdgeCount => _from.Count;

    public int AddNode() => NodeCount++;

    public void Add(int from, int to, EdgeKinds kind)
    {
        _from.Add(from);
        _to.Add(to);
        _kind.Add(kind);
    }

    /// <summary>Sorts the edges. With <paramref name="reverse"/> they are sorted by target, and <see cref="Targets"/> gives sources.</summary>
    public void Sort(bool reverse = false)
    {
        Column<int> by = reverse ? _to : _from;
        Column<int> other = reverse ? _from : _to;
        _first = new int[NodeCount + 1];
        foreach (int node in by.Items) _first[node + 1]++;
        for (int i = 1; i <= NodeCount; i++) _first[i] += _first[i - 1];
        _targets = new int[EdgeCount];
        _kinds = new EdgeKinds[EdgeCount];
        int[] at = _first[..^1];
        for (int edge = 0; edge < EdgeCount; edge++)
        {
            int place = at[by[edge]]++;
            _targets[place] = other[edge];
            _kinds[place] = _kind[edge];
        }
    }

    public ReadOnlySpan<int> Targets(int node) => _targets.AsSpan(_first[node].._first[node + 1]);

    public ReadOnlySpan<EdgeKinds> Kinds(int node) => _kinds.AsSpan(_first[node].._first[node + 1]);

    /// <summary>All nodes, each behind those that precede it; shorter than <see cref="NodeCount"/> if there is a cycle (Kahn 1962).</summary>
    public ReadOnlySpan<int> TopologicalOrder()
    {
        int[] incoming = new int[NodeCount];
        foreach (int target in _targets) incoming[target]++;
        int[] order = new int[NodeCount];
        int count = 0;
        for (int node = 0; node < NodeCount; node++)
        {
            if (incoming[node] == 0) order[count++] = node;
        }

        for (int next = 0; next < count; next++)
        {
            foreach (int target in Targets(order[next]))
            {
                if (--incoming[target] == 0) order[count++] = target;
            }
        }

        return order.AsSpan(0, count);
    }

    /// <summary>
    /// The strongly connected components of more than one node among <paramref name="nodes"/>, along edges of the allowed kinds only
    /// (Tarjan 1972, with its recursion in arrays).
    /// </summary>
    public List<int[]> Components(ReadOnlySpan<int> nodes, EdgeKinds allowed) => new ComponentSearch(this, allowed).Run(nodes);

    private sealed class ComponentSearch(Graph graph, EdgeKinds allowed)
    {
        private const int Outside = -1;

        private readonly int[] _index = new int[graph.NodeCount];
        private readonly int[] _low = new int[graph.NodeCount];
        private readonly int[] _edge = new int[graph.NodeCount];
        private readonly bool[] _onStack = new bool[graph.NodeCount];
        private readonly Column<int> _stack = new();
        private readonly Column<int> _path = new();
        private readonly List<int[]> _components = [];
        private int _stackCount;
        private int _pathCount;
        private int _counter;

        public List<int[]> Run(ReadOnlySpan<int> nodes)
        {
            Array.Fill(_index, Outside);
            foreach (int node in nodes) _index[node] = 0;
            foreach (int node in nodes)
            {
                if (_index[node] == 0) Search(node);
            }

            return _components;
        }

        private static void Push(Column<int> column, ref int count, int node)
        {
            if (count < column.Count) column[count] = node;
            else column.Add(node);
            count++;
        }

        private void Enter(int node)
        {
            _index[node] = _low[node] = ++_counter;
            Push(_stack, ref _stackCount, node);
            Push(_path, ref _pathCount, node);
            _onStack[node] = true;
        }

        private void Search(int root)
        {
            Enter(root);
            while (_pathCount > 0)
            {
                int node = _path[_pathCount - 1];
                ReadOnlySpan<int> targets = graph.Targets(node);
                if (_edge[node] == targets.Length)
                {
                    Leave(node);
                    continue;
                }

                int edge = _edge[node]++;
                int target = targets[edge];
                if ((graph.Kinds(node)[edge] & allowed) == 0 || _index[target] == Outside) continue;
                if (_index[target] == 0) Enter(target);
                else if (_onStack[target]) _low[node] = Math.Min(_low[node], _index[target]);
            }
        }

        private void Leave(int node)
        {
            _pathCount--;
            if (_pathCount > 0) _low[_path[_pathCount - 1]] = Math.Min(_low[_path[_pathCount - 1]], _low[node]);
            if (_low[node] != _index[node]) return;
            int from = _stackCount;
            do _onStack[_stack[--from]] = false;
            while (_stack[from] != node);
            if (_stackCount - from > 1) _components.Add(_stack.Items[from.._stackCount].ToArray());
            _stackCount = from;
        }
    }
}
