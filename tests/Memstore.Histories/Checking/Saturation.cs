namespace Memstore.Histories.Checking;

/// <summary>Step 7: what the paths of an acyclic graph say about versions whose order is open.</summary>
// Two rules. Tighter bounds: what precedes T took effect before the latest moment of T, what follows T after the earliest moment of T. Facts: if P
// precedes T along any path, P wrote version u of a key, and T saw or wrote version v of it, then u precedes v. Paths are followed backwards from
// T only while they stay among transactions whose bounds overlap those of T: all others are before T by time, which the chains' zones cover.
internal sealed class Saturation
{
    private const int VisitsMax = 512;

    private readonly Analysis _analysis;
    private readonly VersionStore _versions;
    private readonly TransactionStore _transactions;
    private readonly Chains _chains;
    private readonly GraphBuilder _builder;
    private readonly Graph _graph;
    private readonly long[] _earliest;
    private readonly long[] _latest;

    // What the current transaction touched, by key.
    private readonly int[] _touchedBy;
    private readonly int[] _touched;
    private readonly List<int> _touchedKeys = [];

    private readonly int[] _visitedBy;
    private readonly List<int> _queue = [];
    private readonly HashSet<(int Earlier, int Later)> _known = [];
    private readonly int[] _firstRead;
    private readonly int[] _readsByTransaction;

    public Saturation(Analysis analysis, Chains chains, GraphBuilder builder)
    {
        (_analysis, _versions, _transactions) = (analysis, analysis.Versions, analysis.Transactions);
        (_chains, _builder, _graph) = (chains, builder, builder.Graph);
        _earliest = new long[_graph.NodeCount];
        _latest = new long[_graph.NodeCount];
        _touchedBy = new int[analysis.History.Keys.Count];
        _touched = new int[analysis.History.Keys.Count];
        _visitedBy = new int[_graph.NodeCount];
        Array.Fill(_touchedBy, -1);
        Array.Fill(_visitedBy, -1);
        (_firstRead, _readsByTransaction) = GroupReads();
        foreach (OrderFact fact in analysis.Facts.Items) _known.Add((chains.Of(fact.Earlier), chains.Of(fact.Later)));
    }

    /// <summary>Applies the first rule.</summary>
    public void Tighten(ReadOnlySpan<int> order, Effects effects)
    {
        for (int node = 0; node < _graph.NodeCount; node++)
        {
            bool real = node < _transactions.Count;
            _earliest[node] = real ? effects.Earliest(node) : long.MinValue;
            _latest[node] = real ? effects.Latest(node) : long.MaxValue;
        }

        foreach (int node in order)
        {
            foreach (int target in _graph.Targets(node)) _earliest[target] = Math.Max(_earliest[target], _earliest[node]);
        }

        for (int i = order.Length - 1; i >= 0; i--)
        {
            foreach (int target in _graph.Targets(order[i])) _latest[order[i]] = Math.Min(_latest[order[i]], _latest[target]);
        }

        for (int node = 0; node < _transactions.Count; node++) effects.Tighten(node, _earliest[node], _latest[node]);
    }

    /// <summary>Applies the second rule; returns the number of new facts. Sorts the graph by target.</summary>
    public int FindFacts()
    {
        int before = _analysis.Facts.Count;
        _graph.Sort(reverse: true);
        for (int transaction = 0; transaction < _transactions.Count; transaction++)
        {
            if (!_transactions.Definite[transaction] || transaction == _transactions.Initial) continue;
            CollectTouched(transaction);
            if (_touchedKeys.Count > 0) Search(transaction);
        }

        return _analysis.Facts.Count - before;
    }

    private (int[] First, int[] Reads) GroupReads()
    {
        int[] first = new int[_transactions.Count + 1];
        foreach (ReadEvent read in _analysis.Reads.Items) first[read.Transaction + 1]++;
        for (int i = 1; i < first.Length; i++) first[i] += first[i - 1];
        int[] reads = new int[_analysis.Reads.Count];
        int[] at = first[..^1];
        for (int i = 0; i < reads.Length; i++) reads[at[_analysis.Reads[i].Transaction]++] = i;
        return (first, reads);
    }

    private void CollectTouched(int transaction)
    {
        _touchedKeys.Clear();
        (int from, int to) = _transactions.VersionsOf(transaction);
        for (int version = from; version < to; version++) Touch(transaction, version);
        for (int i = _firstRead[transaction]; i < _firstRead[transaction + 1]; i++) Touch(transaction, _analysis.Reads[_readsByTransaction[i]].Version);
    }

    /// <summary>A read wins over a write of the same key: it is the earlier version, so it says more.</summary>
    private void Touch(int transaction, int version)
    {
        if (version < 0 || _chains.Of(version) == Chains.None) return;
        int key = _versions.Key[version];
        if (_touchedBy[key] != transaction) _touchedKeys.Add(key);
        _touchedBy[key] = transaction;
        _touched[key] = version;
    }

    private void Search(int transaction)
    {
        _queue.Clear();
        Visit(transaction, transaction);
        for (int next = 0; next < _queue.Count && next < VisitsMax; next++)
        {
            int node = _queue[next];
            if (node < _transactions.Count && node != transaction) Compare(node, transaction);
            ReadOnlySpan<int> sources = _graph.Targets(node);
            ReadOnlySpan<EdgeKinds> kinds = _graph.Kinds(node);
            for (int i = 0; i < sources.Length; i++)
            {
                if (kinds[i] != EdgeKinds.Time && _latest[sources[i]] >= _earliest[transaction]) Visit(sources[i], transaction);
            }
        }
    }

    private void Visit(int node, int transaction)
    {
        if (_visitedBy[node] == transaction) return;
        _visitedBy[node] = transaction;
        _queue.Add(node);
    }

    private void Compare(int earlier, int later)
    {
        (int from, int to) = _transactions.VersionsOf(earlier);
        for (int version = from; version < to; version++)
        {
            int key = _versions.Key[version];
            if (_touchedBy[key] != later) continue;
            int first = _chains.Of(version);
            int second = _chains.Of(_touched[key]);
            if (first == second || first == Chains.None || _builder.OrderedByTime(first, second) || !_known.Add((first, second))) continue;
            _analysis.Facts.Add(new OrderFact(version, _touched[key], earlier, later));
        }
    }
}
