namespace Memstore.Histories.Checking;

/// <summary>Finds a short cycle in a strongly connected component.</summary>
internal sealed class CycleSearch(Graph graph, int transactionCount)
{
    private const int StartsMax = 400;
    private const long StepsMax = 20_000_000;

    private readonly int[] _component = new int[graph.NodeCount];
    private readonly int[] _visit = new int[graph.NodeCount];
    private readonly int[] _parent = new int[graph.NodeCount];
    private int _componentNumber;
    private int _visitNumber;
    private long _steps;

    /// <summary>The cycle with the fewest transactions along the allowed edges, as nodes; null if none was found.</summary>
    /// <param name="nodes">A strongly connected component.</param>
    /// <param name="allowed">The kinds of edges to use.</param>
    /// <param name="once">A kind that the cycle must use exactly once, or none.</param>
    public List<int>? Shortest(int[] nodes, EdgeKinds allowed, EdgeKinds once)
    {
        List<int>? best = null;
        _steps = 0;
        foreach (int[] part in graph.Components(nodes, allowed | once).OrderBy(part => part.Length))
        {
            _componentNumber++;
            foreach (int node in part) _component[node] = _componentNumber;
            best = Shorter(best, once == EdgeKinds.None ? FromTransactions(part, allowed) : FromEdges(part, allowed, once));
            if (best != null && Length(best) <= 2) break;
        }

        return best;
    }

    private List<int>? FromTransactions(int[] part, EdgeKinds allowed)
    {
        List<int>? best = null;
        int starts = 0;
        foreach (int start in part.Where(node => node < transactionCount).Order())
        {
            if (++starts > StartsMax || _steps > StepsMax) break;
            best = Shorter(best, Path(start, start, allowed));
            if (best != null && Length(best) <= 2) break;
        }

        return best;
    }

    private List<int>? FromEdges(int[] part, EdgeKinds allowed, EdgeKinds once)
    {
        List<int>? best = null;
        int starts = 0;
        foreach (int from in part.Order())
        {
            for (int i = 0; i < graph.Targets(from).Length; i++)
            {
                int to = graph.Targets(from)[i];
                if (graph.Kinds(from)[i] != once || _component[to] != _componentNumber) continue;
                if (++starts > StartsMax || _steps > StepsMax) return best;
                List<int>? back = Path(to, from, allowed);
                if (back == null) continue;
                best = Shorter(best, [from, .. back.Take(back.Count - 1)]);
                if (Length(best!) <= 2) return best;
            }
        }

        return best;
    }

    private int Length(List<int> cycle) => cycle.Count(node => node < transactionCount);

    private List<int>? Shorter(List<int>? left, List<int>? right)
    {
        if (left == null || right == null) return left ?? right;
        return Length(right) < Length(left) ? right : left;
    }

    /// <summary>
    /// The path with the fewest transactions, without its last node if it ends where it began. Steps to nodes that are no transactions cost nothing.
    /// </summary>
    private List<int>? Path(int start, int goal, EdgeKinds allowed)
    {
        _visitNumber++;
        var free = new Stack<int>();
        var now = new List<int> { start };
        var next = new List<int>();
        if (start != goal) _visit[start] = _visitNumber;
        for (; now.Count > 0; (now, next) = (next, now))
        {
            next.Clear();
            foreach (int begin in now)
            {
                free.Push(begin);
                while (free.TryPop(out int node))
                {
                    if (Expand(node, goal, allowed, free, next)) return Unwind(start, goal);
                }
            }
        }

        return null;
    }

    private bool Expand(int node, int goal, EdgeKinds allowed, Stack<int> free, List<int> next)
    {
        ReadOnlySpan<int> targets = graph.Targets(node);
        ReadOnlySpan<EdgeKinds> kinds = graph.Kinds(node);
        _steps += targets.Length;
        for (int i = 0; i < targets.Length; i++)
        {
            int target = targets[i];
            if ((kinds[i] & allowed) == 0 || _component[target] != _componentNumber || _visit[target] == _visitNumber) continue;
            _visit[target] = _visitNumber;
            _parent[target] = node;
            if (target == goal) return true;
            if (target < transactionCount) next.Add(target);
            else free.Push(target);
        }

        return false;
    }

    private List<int> Unwind(int start, int goal)
    {
        var path = new List<int>();
        int node = goal;
        do
        {
            path.Add(node);
            node = _parent[node];
        }
        while (node != start);
        if (start != goal) path.Add(start);
        path.Reverse();
        if (start == goal) path = [start, .. path.Take(path.Count - 1)];
        return path;
    }
}
