namespace Memstore.Histories.Checking;

/// <summary>Step 6: the graph of everything that is known to precede something.</summary>
// Nodes, in this order: transactions; the end of each version (behind its writer and readers, before every later writer: so k readers and m
// later writers need k + m edges, not k * m); one per chain, "this chain and all that are later by time"; barriers of real time.
//
// Two chains of one key are ordered by time if something of the first (a write or a read of it) took effect before something of the second:
// then the whole first chain precedes the whole second (Gibbons and Korach 1997 call them zones). Sorted by the last such moment, the
// chains later than a given one are a suffix of the list, and the suffix is one node.
internal sealed class GraphBuilder
{
    private readonly Analysis _analysis;
    private readonly VersionStore _versions;
    private readonly TransactionStore _transactions;
    private readonly Effects _effects;
    private readonly Chains _chains;
    private readonly bool[] _hasReaders;
    private readonly bool[] _hasEnd;

    // Per chain: the first moment by which something of it was certainly written or seen, the last one at which it still was, and by whom.
    private readonly long[] _chainFirst;
    private readonly long[] _chainLast;
    private readonly int[] _firstWitness;
    private readonly int[] _lastWitness;

    public GraphBuilder(Analysis analysis, Effects effects, Chains chains)
    {
        (_analysis, _versions, _transactions, _effects, _chains) = (analysis, analysis.Versions, analysis.Transactions, effects, chains);
        Graph = new Graph(_transactions.Count + _versions.Count + chains.Count);
        _hasReaders = new bool[_versions.Count];
        _hasEnd = new bool[_versions.Count];
        _chainFirst = new long[chains.Count];
        _chainLast = new long[chains.Count];
        _firstWitness = new int[chains.Count];
        _lastWitness = new int[chains.Count];
    }

    public Graph Graph { get; }

    /// <summary>A fingerprint of all orders that come from time, to see whether tighter bounds brought new ones.</summary>
    public int TimeOrder { get; private set; }

    /// <summary>True if some key has versions whose order is not known completely.</summary>
    public bool IsPartial { get; private set; }

    public Graph Build()
    {
        AddReads();
        MeasureChains();
        AddChainOrder();
        AddFacts();
        AddVersions();
        AddRealTime();
        Graph.Sort();
        return Graph;
    }

    public int EndOf(int version) => _transactions.Count + version;

    /// <summary>The version whose end a node is, or <see cref="VersionStore.None"/>.</summary>
    public int VersionOfEnd(int node)
    {
        int version = node - _transactions.Count;
        return version >= 0 && version < _versions.Count ? version : VersionStore.None;
    }

    /// <summary>True if time alone puts the chain of one version before that of the other.</summary>
    public bool OrderedByTime(int earlierChain, int laterChain) => _chainFirst[earlierChain] < _chainLast[laterChain];

    /// <summary>Who wrote or saw something of the one chain before who wrote or saw something of the other.</summary>
    public (int Before, int After) Witnesses(int earlierChain, int laterChain) => (_firstWitness[earlierChain], _lastWitness[laterChain]);

    public int ChainOf(int version) => _chains.Of(version);

    private int Suffix(int chain) => _transactions.Count + _versions.Count + chain;

    private void AddReads()
    {
        foreach (ReadEvent read in _analysis.Reads.Items)
        {
            if (read.Version < 0) continue;
            int writer = _versions.Writer[read.Version];
            if (writer != read.Transaction) Graph.Add(writer, read.Transaction, EdgeKinds.WriteRead);

            // Who replaced what it read is ordered by the link of the two versions.
            if (read.Successor != VersionStore.None && _versions.Next[read.Version] == read.Successor) continue;
            Graph.Add(read.Transaction, EndOf(read.Version), EdgeKinds.ReadWrite);
            _hasReaders[read.Version] = true;
            if (read.Successor != VersionStore.None)
                AddOrder(read.Version, read.Successor, EdgeKinds.Then);
        }
    }

    private void MeasureChains()
    {
        Array.Fill(_chainFirst, long.MaxValue);
        Array.Fill(_chainLast, long.MinValue);
        for (int version = 0; version < _versions.Count; version++) Measure(version, _versions.Writer[version]);
        foreach (ReadEvent read in _analysis.Reads.Items)
        {
            if (read.Version >= 0) Measure(read.Version, read.Transaction);
        }
    }

    private void Measure(int version, int transaction)
    {
        int chain = _chains.Of(version);
        if (chain == Chains.None) return;
        if (_effects.Latest(transaction) < _chainFirst[chain])
            (_chainFirst[chain], _firstWitness[chain]) = (_effects.Latest(transaction), transaction);
        if (_effects.Earliest(transaction) > _chainLast[chain])
            (_chainLast[chain], _lastWitness[chain]) = (_effects.Earliest(transaction), transaction);
    }

    private void AddChainOrder()
    {
        int[] firstOfKey = new int[_analysis.History.Keys.Count + 1];
        for (int chain = 0; chain < _chains.Count; chain++) firstOfKey[KeyOf(chain) + 1]++;
        for (int key = 1; key < firstOfKey.Length; key++) firstOfKey[key] += firstOfKey[key - 1];
        int[] chains = new int[_chains.Count];
        int[] at = firstOfKey[..^1];
        for (int chain = 0; chain < _chains.Count; chain++) chains[at[KeyOf(chain)]++] = chain;
        for (int key = 0; key + 1 < firstOfKey.Length; key++)
        {
            Span<int> ofKey = chains.AsSpan(firstOfKey[key]..firstOfKey[key + 1]);
            if (ofKey.Length < 2) continue;
            IsPartial = true;
            long[] last = new long[ofKey.Length];
            for (int i = 0; i < last.Length; i++) last[i] = _chainLast[ofKey[i]];
            last.AsSpan().Sort(ofKey);
            OrderChains(ofKey);
        }
    }

    /// <summary>The chains of one key by the last moment at which they were written or seen.</summary>
    private void OrderChains(ReadOnlySpan<int> chains)
    {
        for (int i = 0; i < chains.Length; i++)
        {
            Graph.Add(Suffix(chains[i]), WriterOfHead(chains[i]), EdgeKinds.ThenTime);
            if (i + 1 < chains.Length) Graph.Add(Suffix(chains[i]), Suffix(chains[i + 1]), EdgeKinds.ThenTime);
            OrderChain(chains, i);
        }
    }

    private void OrderChain(ReadOnlySpan<int> chains, int self)
    {
        int chain = chains[self];
        int end = EndOf(_chains.Tail(chain));
        _hasEnd[_chains.Tail(chain)] = true;
        if (_chains.Head(chain) < _analysis.History.Keys.Count)
        {
            // Nothing precedes the initial state, and that is no matter of time.
            foreach (int other in chains)
            {
                if (other != chain) Graph.Add(end, WriterOfHead(other), EdgeKinds.Then);
            }

            return;
        }

        int low = 0;
        int high = chains.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_chainLast[chains[middle]] <= _chainFirst[chain]) low = middle + 1;
            else high = middle;
        }

        int suffix = Math.Max(low, self + 1);
        if (suffix < chains.Length) Graph.Add(end, Suffix(chains[suffix]), EdgeKinds.ThenTime);
        TimeOrder = HashCode.Combine(TimeOrder, end, suffix < chains.Length ? _chains.Head(chains[suffix]) : -1, Math.Max(0, self - low));

        // The suffix must not contain the chain itself, so those before it in the list are named. In a sound history there are only as many as
        // were under way at one moment; one that is also earlier makes a cycle, and one cycle is enough.
        for (int i = self - 1; i >= low; i--)
        {
            Graph.Add(end, WriterOfHead(chains[i]), EdgeKinds.ThenTime);
            if (_chainFirst[chains[i]] < _chainLast[chain]) break;
        }
    }

    private int KeyOf(int chain) => _versions.Key[_chains.Head(chain)];

    private int WriterOfHead(int chain) => _versions.Writer[_chains.Head(chain)];

    private void AddFacts()
    {
        foreach (OrderFact fact in _analysis.Facts.Items) AddOrder(fact.Earlier, fact.Later, EdgeKinds.ThenFact);
    }

    private void AddOrder(int earlier, int later, EdgeKinds kind)
    {
        int first = _chains.Of(earlier);
        int second = _chains.Of(later);
        if (first == Chains.None || second == Chains.None) return;
        if (first == second)
        {
            if (_chains.Place(earlier) < _chains.Place(later)) return;
        }
        else
        {
            earlier = _chains.Tail(first);
            later = _chains.Head(second);
        }

        _hasEnd[earlier] = true;
        Graph.Add(EndOf(earlier), _versions.Writer[later], kind);
    }

    private void AddVersions()
    {
        for (int version = 0; version < _versions.Count; version++)
        {
            int chain = _chains.Of(version);
            if (chain == Chains.None) continue;
            int writer = _versions.Writer[version];
            int next = _versions.Next[version];
            int replacer = next == VersionStore.None ? writer : _versions.Writer[next];
            if (_hasReaders[version] && next != VersionStore.None) Graph.Add(EndOf(version), replacer, EdgeKinds.Then);
            else if (replacer != writer) Graph.Add(writer, replacer, EdgeKinds.WriteWrite);

            // A transaction that replaced its own write does not precede itself; a reader of such a write stands between the two.
            bool replacesItself = _hasReaders[version] && next != VersionStore.None && replacer == writer;
            if ((_hasEnd[version] || _hasReaders[version]) && !replacesItself) Graph.Add(writer, EndOf(version), EdgeKinds.WriteWrite);
        }
    }

    /// <summary>A barrier stands where some transactions are complete and others are not invoked yet: all edges of time go through a chain of them.</summary>
    private void AddRealTime()
    {
        (int[] invoked, int[] completed) = ByTime();
        int barrier = -1;
        int done = 0;
        int linked = 0;
        foreach (int transaction in invoked)
        {
            while (done < completed.Length && _transactions.Completed[completed[done]] < _transactions.Invoked[transaction]) done++;
            if (done > linked)
            {
                int next = Graph.AddNode();
                for (; linked < done; linked++) Graph.Add(completed[linked], next, EdgeKinds.Time);
                if (barrier >= 0) Graph.Add(barrier, next, EdgeKinds.Time);
                barrier = next;
            }

            if (barrier >= 0) Graph.Add(barrier, transaction, EdgeKinds.Time);
        }
    }

    private (int[] ByInvocation, int[] ByCompletion) ByTime()
    {
        var invoked = new List<int>(_transactions.Count);
        var completed = new List<int>(_transactions.Count);
        for (int i = 0; i < _transactions.Count; i++)
        {
            if (!_transactions.Definite[i]) continue;
            invoked.Add(i);
            if (_transactions.Completed[i] != long.MaxValue) completed.Add(i);
        }

        return (SortBy(invoked, _transactions.Invoked), SortBy(completed, _transactions.Completed));
    }

    private static int[] SortBy(List<int> transactions, Column<long> times)
    {
        int[] sorted = [.. transactions];
        long[] keys = Array.ConvertAll(sorted, transaction => times[transaction]);
        Array.Sort(keys, sorted);
        return sorted;
    }
}
