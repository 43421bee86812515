namespace Memstore.Histories.Driving;

/// <summary>The plans of one client, one after the other: a function of the workload and the client's number.</summary>
public sealed class WorkloadGenerator
{
    private readonly Workload _workload;
    private readonly WorkloadKeys _keys;
    private readonly int _client;
    private readonly Random _random;
    private readonly PlanKind[] _kinds;
    private int _plans;
    private long _values;

    /// <summary>Starts at the client's first plan.</summary>
    public WorkloadGenerator(Workload workload, WorkloadKeys keys, int client)
    {
        (_workload, _keys, _client) = (workload, keys, client);
        _random = new Random(HashOf(workload.Seed, client));
        _kinds = [.. workload.Mix.OrderBy(kind => kind.Key).SelectMany(kind => Enumerable.Repeat(kind.Key, kind.Value))];
    }

    /// <summary>Fills in the next plan.</summary>
    public void Next(TransactionPlan plan)
    {
        plan.Commands.Clear();
        plan.WatchedCount = 0;
        plan.Rollback = false;
        plan.Database = Chance(_workload.Volatile) ? 1 : 0;
        plan.Kind = _kinds[_random.Next(_kinds.Length)];
        if (plan.Database == 1 && Chance(_workload.Flushes)) MakeFlush(plan);
        else MakeCommands(plan);
        if (plan.Database == 1 && plan.Kind is PlanKind.Exec or PlanKind.Begin && Chance(_workload.FlushesInside))
            plan.Commands.Insert(_random.Next(plan.Commands.Count + 1), new PlannedCommand(CommandKind.Flush, 0));
        _plans++;
    }

    // HashCode is seeded anew in each process; a seed must mean the same tomorrow.
    private static int HashOf(int seed, int client) => unchecked((seed * (int)0x9E3779B1) ^ (client * (int)0x85EBCA6B));

    private static void MakeFlush(TransactionPlan plan)
    {
        plan.Kind = PlanKind.Single;
        plan.Commands.Add(new PlannedCommand(CommandKind.Flush, 0));
    }

    private void MakeCommands(TransactionPlan plan)
    {
        int count = plan.Kind == PlanKind.Single ? 1 : _random.Next(2, Math.Max(3, _workload.CommandsMax + 1));
        switch (plan.Kind)
        {
            case PlanKind.MultiGet or PlanKind.BeginReadOnly:
                for (int i = 0; i < count; i++) plan.Commands.Add(Read(plan.Database));
                break;
            case PlanKind.MultiSet:
                MakeMultiSet(plan, count);
                break;
            case PlanKind.WatchedExec:
                plan.WatchedCount = _random.Next(1, count);
                for (int i = 0; i < count; i++) plan.Commands.Add(i < plan.WatchedCount ? Read(plan.Database) : Write(plan.Database, WatchedKey(plan)));
                break;
            default:
                plan.Rollback = plan.Kind == PlanKind.Begin && Chance(_workload.Rollbacks);
                for (int i = 0; i < count; i++) plan.Commands.Add(Chance(0.5) ? Read(plan.Database) : Write(plan.Database, -1));
                break;
        }
    }

    /// <summary>Half of the writes behind a WATCH go to something that was read, so that conflicts happen.</summary>
    private int WatchedKey(TransactionPlan plan) => Chance(0.5) ? plan.Commands[_random.Next(plan.WatchedCount)].Key : -1;

    private void MakeMultiSet(TransactionPlan plan, int count)
    {
        for (int i = 0; i < count; i++)
        {
            int key = _keys.Register(plan.Database, HotIndex());
            if (plan.Commands.Any(command => command.Key == key)) continue;
            plan.Commands.Add(new PlannedCommand(CommandKind.Set, key, NextValue()));
        }
    }

    private PlannedCommand Read(int database)
    {
        int index = HotIndex();
        return _random.Next(3) switch
        {
            0 => new PlannedCommand(CommandKind.Get, _keys.Register(database, index)),
            1 => new PlannedCommand(CommandKind.Get, _keys.Counter(database, index)),
            _ => new PlannedCommand(CommandKind.GetList, _keys.List(database, index, _plans)),
        };
    }

    /// <summary>A write to a key, or to any key if it is negative.</summary>
    private PlannedCommand Write(int database, int key)
    {
        if (key < 0) key = Read(database).Key;
        char kind = _keys.Table.Name(key)[0];
        if (database == 1 && Chance(_workload.Deletes)) return new PlannedCommand(CommandKind.Delete, key);
        if (kind == 'l') return new PlannedCommand(CommandKind.Append, key, NextValue());
        if (kind == 'c') return new PlannedCommand(CommandKind.Increment, key);
        if (database == 1 && Chance(_workload.ShortLived)) return new PlannedCommand(CommandKind.SetFor, key, NextValue(), _random.Next(1, _workload.TtlMsMax + 1));
        return new PlannedCommand(Chance(0.3) ? CommandKind.GetSet : CommandKind.Set, key, NextValue());
    }

    private bool Chance(double share) => _random.NextDouble() < share;

    private int HotIndex() => (int)(_workload.KeysPerKind * Math.Pow(_random.NextDouble(), _workload.Skew));

    private long NextValue() => (++_values * _workload.Clients) + _client;
}
