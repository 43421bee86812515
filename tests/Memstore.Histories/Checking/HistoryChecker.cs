using Memstore.Histories.Recording;

namespace Memstore.Histories.Checking;

/// <summary>Decides whether a history is strictly serialisable: whether its transactions could have run one at a time in an order that respects
/// real time.</summary>
/// <remarks>
/// The method is that of Elle (Kingsbury and Alvaro, VLDB 2020): every answer says that some transaction precedes another; a cycle is a
/// violation. A reported violation is one, always. The converse holds for lists of unique elements; for registers, whose order of versions must be
/// inferred, deciding it completely is NP-hard (Papadimitriou 1979), and what is inferred here is a fixed point that comes close.
/// Stateless and safe on any thread; memory is some 700 bytes per operation at its peak.
/// </remarks>
public static class HistoryChecker
{
    /// <summary>Checks one history. Values written to a register and elements appended to a list must be unique per key.</summary>
    public static CheckResult Check(History history, CheckOptions? options = null)
    {
        var analysis = new Analysis(history, options ?? new CheckOptions());
        var lists = new ListOrders(analysis);
        new Collector(analysis, lists).Run();
        lists.Run();
        var resolver = new Resolver(analysis);
        resolver.Run();
        resolver.LinkOwnWrites();
        return Solve(analysis);
    }

    private static CheckResult Solve(Analysis analysis)
    {
        var effects = new Effects(analysis.Transactions);
        var candidates = new Candidates(analysis, effects);
        int timeOrder = 0;
        int edges = 0;
        int round = 0;
        bool changed = true;
        while (changed && round < analysis.Options.RoundsMax)
        {
            round++;
            changed = candidates.Resolve() > 0;
            changed |= Chains.Link(analysis) > 0;
            var chains = new Chains(analysis);
            var builder = new GraphBuilder(analysis, effects, chains);
            Graph graph = builder.Build();
            edges = graph.EdgeCount;
            ReadOnlySpan<int> order = graph.TopologicalOrder();
            if (order.Length < graph.NodeCount)
            {
                new CycleReports(analysis, builder).Report(order);
                break;
            }

            changed |= timeOrder != builder.TimeOrder;
            timeOrder = builder.TimeOrder;
            if (!builder.IsPartial && candidates.Unresolved == 0) break;
            var saturation = new Saturation(analysis, chains, builder);
            saturation.Tighten(order, effects);
            changed |= saturation.FindFacts() > 0;
        }

        return new CheckResult(analysis.Anomalies, analysis.History.Count, analysis.History.OperationCount, edges, round, candidates.Unresolved);
    }
}
