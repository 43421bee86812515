using Memstore.Histories.Recording;

namespace Memstore.Histories.Driving;

/// <summary>What a run does. The same record gives every client the same plans; only their interleaving differs.</summary>
/// <remarks>
/// Database 0 has registers, counters and lists that nobody deletes: every version of them is known exactly. In database 1 the same kinds vanish
/// by DEL, by short TTLs and by FLUSHDB.
/// </remarks>
public sealed record Workload
{
    /// <summary>Decides everything that is not decided by time.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Clients at the same time.</summary>
    public int Clients { get; init; } = 8;

    /// <summary>Transactions of all clients together.</summary>
    public int Transactions { get; init; } = 10_000;

    /// <summary>Registers, and as many counters and lists under way, of each database.</summary>
    public int KeysPerKind { get; init; } = 20;

    /// <summary>1: all keys alike; larger: the first keys are hotter.</summary>
    public double Skew { get; init; } = 2;

    /// <summary>Commands in one transaction at most.</summary>
    public int CommandsMax { get; init; } = 6;

    /// <summary>About how long a list of database 0 gets before a fresh one takes its place.</summary>
    public int ListLength { get; init; } = 60;

    /// <summary>The share of each kind of plan, relative to the others; 0 for kinds that the store does not know.</summary>
    public IReadOnlyDictionary<PlanKind, int> Mix { get; init; } = new Dictionary<PlanKind, int>
    {
        [PlanKind.Single] = 40,
        [PlanKind.MultiGet] = 10,
        [PlanKind.MultiSet] = 10,
        [PlanKind.Exec] = 15,
        [PlanKind.WatchedExec] = 10,
        [PlanKind.Begin] = 10,
        [PlanKind.BeginReadOnly] = 5,
    };

    /// <summary>The share of plans in database 1.</summary>
    public double Volatile { get; init; } = 0.3;

    /// <summary>In database 1: the share of writes that delete.</summary>
    public double Deletes { get; init; } = 0.1;

    /// <summary>In database 1: the share of SETs with a TTL.</summary>
    public double ShortLived { get; init; } = 0.4;

    /// <summary>The longest TTL.</summary>
    public int TtlMsMax { get; init; } = 20;

    /// <summary>In database 1: the share of plans that flush it.</summary>
    public double Flushes { get; init; } = 0.002;

    /// <summary>In database 1: the share of EXECs and BEGINs that also flush it, somewhere between their commands.</summary>
    public double FlushesInside { get; init; } = 0.02;

    /// <summary>The share of BEGINs that end in ROLLBACK.</summary>
    public double Rollbacks { get; init; } = 0.1;

    /// <summary>This workload for a store that has no BEGIN.</summary>
    public Workload WithoutBegin() => this with { Mix = new Dictionary<PlanKind, int>(Mix) { [PlanKind.Begin] = 0, [PlanKind.BeginReadOnly] = 0 } };

    /// <inheritdoc/>
    public override string ToString() =>
        $"seed {Seed}, {Clients} clients, {Transactions} transactions, {KeysPerKind} keys per kind, skew {Skew}, up to {CommandsMax} commands, "
        + $"mix {string.Join(' ', Mix.Where(kind => kind.Value > 0).Select(kind => $"{kind.Key}:{kind.Value}"))}, volatile {Volatile}, deletes {Deletes}, "
        + $"short-lived {ShortLived} up to {TtlMsMax} ms, flushes {Flushes}, inside {FlushesInside}, rollbacks {Rollbacks}";
}

/// <summary>The keys of a workload, of all databases; names are spread over all slots by their hash.</summary>
public sealed class WorkloadKeys
{
    private readonly int _perKind;
    private readonly int _firstList;

    /// <summary>Makes the keys that the plans of a workload name.</summary>
    public WorkloadKeys(Workload workload)
    {
        _perKind = workload.KeysPerKind;
        for (int database = 0; database < 2; database++)
        {
            foreach (string kind in (string[])["register", "counter", "list"])
            {
                for (int i = 0; i < _perKind; i++) Table.Add($"{kind}:{i}", database);
            }
        }

        int plansPerClient = workload.Transactions / workload.Clients;

        // About every third plan appends to a list of database 0.
        PlansPerList = Math.Max(1, 3 * workload.ListLength / workload.Clients);
        _firstList = Table.Count;
        for (int i = 0; i < (plansPerClient / PlansPerList) + 1; i++) Table.Add($"list:{_perKind + i}");
    }

    /// <summary>Numbers, names and databases.</summary>
    public KeyTable Table { get; } = new();

    // With each so many plans of a client, its oldest list makes room for a fresh one. All clients run through their plans at about the same pace, so
    // they meet at the same lists without a word between them, and the plans stay a function of the seed.
    internal int PlansPerList { get; }

    internal int Register(int database, int index) => (database * 3 * _perKind) + index;

    internal int Counter(int database, int index) => Register(database, _perKind + index);

    internal int List(int database, int index, int plan)
    {
        if (database == 1) return Register(1, (2 * _perKind) + index);
        int list = index + (plan / PlansPerList);
        return list < _perKind ? Register(0, (2 * _perKind) + list) : _firstList + list - _perKind;
    }
}
