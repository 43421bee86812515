using System.Text;

namespace Memstore.Histories.Checking;

/// <summary>Step 8: a short cycle of each component, named after the weakest guarantee that it breaks, in words.</summary>
internal sealed class CycleReports(Analysis analysis, GraphBuilder builder)
{
    private const EdgeKinds Order = EdgeKinds.Then | EdgeKinds.ThenFact;
    private const EdgeKinds Timed = EdgeKinds.Time | EdgeKinds.ThenTime;

    private readonly Graph _graph = builder.Graph;
    private readonly VersionStore _versions = analysis.Versions;

    /// <summary>Reports the cycles that keep nodes out of the topological order.</summary>
    public void Report(ReadOnlySpan<int> order)
    {
        bool[] ordered = new bool[_graph.NodeCount];
        foreach (int node in order) ordered[node] = true;
        int[] rest = [.. Enumerable.Range(0, _graph.NodeCount).Where(node => !ordered[node])];
        var search = new CycleSearch(_graph, analysis.Transactions.Count);
        foreach (int[] component in _graph.Components(rest, EdgeKinds.All).OrderBy(component => component.Min()))
        {
            if (analysis.Anomalies.Count >= analysis.Options.ReportsMax) return;
            ReportComponent(search, component);
        }
    }

    private void ReportComponent(CycleSearch search, int[] component)
    {
        foreach (Search kind in Searches(EdgeKinds.None))
        {
            if (search.Shortest(component, kind.Allowed, kind.Once) is not { } cycle) continue;
            Report(kind, false, cycle);
            return;
        }

        // With real time almost everything is a G0, because orders of writes are inferred from it; the shortest cycle says most, and the one with a
        // read says more than the one without.
        (Search Kind, List<int> Cycle)? best = null;
        foreach (Search kind in Searches(Timed).OrderBy(kind => kind.Kind != AnomalyKind.GSingle))
        {
            List<int>? cycle = search.Shortest(component, kind.Allowed, kind.Once);
            if (cycle != null && (best == null || Weight(cycle) < Weight(best.Value.Cycle))) best = (kind, cycle);
        }

        if (best == null) throw new InvalidOperationException("A component without a cycle.");
        Report(best.Value.Kind, true, best.Value.Cycle);
    }

    private static Search[] Searches(EdgeKinds extra)
    {
        EdgeKinds writes = Order | EdgeKinds.WriteWrite | extra;
        EdgeKinds reads = writes | EdgeKinds.WriteRead;
        return
        [
            new Search(AnomalyKind.G0, writes, EdgeKinds.None),
            new Search(AnomalyKind.G1c, reads, EdgeKinds.None),
            new Search(AnomalyKind.GSingle, reads, EdgeKinds.ReadWrite),
            new Search(AnomalyKind.G2Item, reads | EdgeKinds.ReadWrite, EdgeKinds.None),
        ];
    }

    private void Report(Search kind, bool realTime, List<int> cycle) =>
        analysis.Report(kind.Kind, realTime, [.. cycle.Where(IsTransaction)], () => Words(cycle, kind.Allowed | kind.Once));

    /// <summary>The number of transactions; the initial state explains little.</summary>
    private int Weight(List<int> cycle) => cycle.Sum(node => node == analysis.Transactions.Initial ? 3 : IsTransaction(node) ? 1 : 0);

    private bool IsTransaction(int node) => node < analysis.Transactions.Count;

    private string Words(List<int> cycle, EdgeKinds allowed)
    {
        int first = cycle.FindIndex(IsTransaction);
        List<int> nodes = [.. cycle.Skip(first), .. cycle.Take(first + 1)];
        int[] transactions = [.. nodes.Take(cycle.Count).Where(IsTransaction)];
        var text = new StringBuilder();
        text.Append(System.Globalization.CultureInfo.InvariantCulture, $"a cycle of {transactions.Length} transactions");
        var witnesses = new List<int>();
        for (int from = 0, to; from < nodes.Count - 1; from = to)
        {
            to = nodes.FindIndex(from + 1, IsTransaction);
            text.Append("\n  ").Append(Step(nodes.GetRange(from, to - from + 1), allowed, witnesses));
        }

        text.Append("\nin the order of their invocation:");
        foreach (int transaction in transactions.Concat(witnesses).Distinct().OrderBy(t => analysis.Transactions.Invoked[t]))
            text.Append("\n  ").Append(Describe.Transaction(analysis, transaction));
        return text.ToString();
    }

    /// <summary>One edge between transactions, which may lead through the end of a version or through barriers of time.</summary>
    private string Step(List<int> nodes, EdgeKinds allowed, List<int> witnesses)
    {
        int from = nodes[0];
        int to = nodes[^1];
        string start = $"{Describe.Name(analysis, from)} -> {Describe.Name(analysis, to)}: ";
        EdgeKinds kind = Kind(nodes[0], nodes[1], allowed);
        if (kind == EdgeKinds.Time) return start + "real time: the first was complete before the second was invoked";
        if (kind == EdgeKinds.WriteRead) return start + "wr: " + ReadFrom(from, to);
        if (nodes.Count == 2) return start + "ww: " + Replaced(from, to);

        int version = builder.VersionOfEnd(nodes[1]);
        int later = VersionOn(to, _versions.Key[version]);
        string order = kind == EdgeKinds.ReadWrite
            ? $"rw: the first saw {Describe.Version(analysis, version)}, the second wrote the later {Describe.Version(analysis, later)}"
            : $"ww: {Describe.Version(analysis, version)} came before {Describe.Version(analysis, later)}";
        return start + order + Reason(version, later, Kind(nodes[^2], to, allowed), witnesses);
    }

    private EdgeKinds Kind(int from, int to, EdgeKinds allowed)
    {
        ReadOnlySpan<int> targets = _graph.Targets(from);
        for (int i = 0; i < targets.Length; i++)
        {
            if (targets[i] == to && (_graph.Kinds(from)[i] & allowed) != 0) return _graph.Kinds(from)[i];
        }

        throw new InvalidOperationException("A cycle with an edge that does not exist.");
    }

    private string ReadFrom(int writer, int reader)
    {
        foreach (ReadEvent read in analysis.Reads.Items)
        {
            if (read.Transaction == reader && read.Version >= 0 && _versions.Writer[read.Version] == writer)
                return $"the second saw {Describe.Version(analysis, read.Version)}";
        }

        return "";
    }

    private string Replaced(int from, int to)
    {
        (int first, int end) = analysis.Transactions.VersionsOf(from);
        if (from == analysis.Transactions.Initial) end = analysis.History.Keys.Count;
        for (int version = first; version < end; version++)
        {
            int next = _versions.Next[version];
            if (next != VersionStore.None && _versions.Writer[next] == to)
                return $"{Describe.Version(analysis, version)} was replaced by {Describe.Version(analysis, next)}";
        }

        return "";
    }

    private int VersionOn(int transaction, int key)
    {
        if (transaction == analysis.Transactions.Initial) return key;
        (int from, int to) = analysis.Transactions.VersionsOf(transaction);
        for (int version = from; version < to; version++)
        {
            if (_versions.Key[version] == key) return version;
        }

        throw new InvalidOperationException("A version without its writer.");
    }

    private string Reason(int earlier, int later, EdgeKinds kind, List<int> witnesses)
    {
        int first = builder.ChainOf(earlier);
        int second = builder.ChainOf(later);
        if (kind == EdgeKinds.ThenTime)
        {
            (int before, int after) = builder.Witnesses(first, second);
            witnesses.AddRange([before, after]);
            return $" (in this order because {Describe.Name(analysis, before)} wrote or saw the one before {Describe.Name(analysis, after)} wrote or saw the other)";
        }

        if (kind != EdgeKinds.ThenFact) return "";
        foreach (OrderFact fact in analysis.Facts.Items)
        {
            if (builder.ChainOf(fact.Earlier) != first || builder.ChainOf(fact.Later) != second) continue;
            witnesses.AddRange([fact.Before, fact.After]);
            return $" (in this order because {Describe.Name(analysis, fact.Before)}, which wrote {Describe.Version(analysis, fact.Earlier)}, precedes "
                + $"{Describe.Name(analysis, fact.After)}, which saw or wrote {Describe.Version(analysis, fact.Later)})";
        }

        return "";
    }

    /// <summary>Which cycle to look for: along which edges, and a kind of edge that it uses exactly once.</summary>
    private readonly record struct Search(AnomalyKind Kind, EdgeKinds Allowed, EdgeKinds Once);
}
