using Memstore.Histories.Recording;

namespace Memstore.Histories.Tests;

/// <summary>Ways in which a store can be wrong.</summary>
public enum Fault
{
    None,

    /// <summary>A transaction computes from what it read at its begin and overwrites whatever came in between.</summary>
    LostUpdate,

    /// <summary>Reads come from a state that was replaced before the request was sent.</summary>
    StaleRead,

    /// <summary>A transaction that reads some keys and writes others is not validated.</summary>
    WriteSkew,

    /// <summary>A transaction publishes its keys one by one.</summary>
    FracturedWrite,

    /// <summary>An aborted transaction's writes were visible.</summary>
    AbortedRead,

    /// <summary>A transaction reads its keys at different moments.</summary>
    UnstableSnapshot,

    /// <summary>A key is sometimes seen after its deadline.</summary>
    SeenExpired,

    /// <summary>An acknowledged write is not made.</summary>
    LostWrite,
}

/// <summary>The keys of a generated history: lists, registers and counters, in one or two databases.</summary>
internal sealed class KeySet
{
    private readonly List<char> _kinds = [];

    public KeySet(int lists, int registers, int counters, int databases)
    {
        foreach ((char kind, int count) in ((char, int)[])[('l', lists), ('r', registers), ('c', counters)])
        {
            for (int i = 0; i < count; i++)
            {
                Table.Add($"{kind}{i}", i % databases);
                _kinds.Add(kind);
            }
        }
    }

    public KeyTable Table { get; } = new();

    public int Count => _kinds.Count;

    public char Kind(int key) => _kinds[key];

    public IEnumerable<int> OfDatabase(int database) => Enumerable.Range(0, Count).Where(key => Table.Database(key) == database);
}

/// <summary>What to generate. Database 0 is never flushed and only registers are deleted there; in database 1 everything may vanish.</summary>
internal sealed record HistoryShape
{
    public int Clients { get; init; } = 6;

    public int Transactions { get; init; } = 300;

    public int StepsMax { get; init; } = 4;

    public int Lists { get; init; } = 3;

    public int Registers { get; init; } = 3;

    public int Counters { get; init; } = 2;

    public int Databases { get; init; } = 2;

    public double Deletes { get; init; } = 0.08;

    public double ShortLived { get; init; } = 0.15;

    public double Flushes { get; init; } = 0.01;

    public double Unknown { get; init; } = 0.03;

    public double Aborted { get; init; } = 0.08;

    public double Faulty { get; init; } = 0.25;
}

/// <summary>Clients whose transactions overlap at random, run by a serial store, or by one with a fault. One tick of the simulation is 1 ms.</summary>
internal sealed class HistoryGenerator
{
    private readonly Random _random;
    private readonly HistoryShape _shape;
    private readonly Fault _fault;
    private readonly KeySet _keys;
    private readonly HistoryRecorder _recorder;
    private readonly SerialStore _store;
    private readonly List<SerialStore> _past = [];
    private readonly List<Flight> _late = [];
    private long _tick;
    private long _unique;

    private HistoryGenerator(int seed, HistoryShape shape, Fault fault)
    {
        (_random, _shape, _fault) = (new Random(seed), shape, fault);
        _keys = new KeySet(shape.Lists, shape.Registers, shape.Counters, shape.Databases);
        _recorder = new HistoryRecorder(_keys.Table);
        _store = new SerialStore(_keys.Count);
    }

    public static History Generate(int seed, HistoryShape shape, Fault fault = Fault.None) => new HistoryGenerator(seed, shape, fault).Run();

    private History Run()
    {
        var flights = new Flight?[_shape.Clients];
        var logs = new ClientLog[_shape.Clients];
        for (int i = 0; i < logs.Length; i++) logs[i] = _recorder.AddClient();
        for (int started = 0; started < _shape.Transactions || flights.Any(flight => flight != null);)
        {
            _tick++;
            _past.Add(_store.Copy());
            int client = _random.Next(flights.Length);
            if (flights[client] is { } flight) flights[client] = Continue(flight);
            else if (started++ < _shape.Transactions) flights[client] = Start(logs[client]);
            if (_late.Count > 0 && _random.Next(10) == 0) RunLate();
        }

        return _recorder.ToHistory();
    }

    private Flight? Start(ClientLog log)
    {
        bool faulty = _fault != Fault.None && _random.NextDouble() < _shape.Faulty;
        double dice = _random.NextDouble();
        Outcome outcome = dice < _shape.Unknown ? Outcome.Unknown : dice < _shape.Unknown + _shape.Aborted ? Outcome.Aborted : Outcome.Committed;
        if (faulty) outcome = _fault == Fault.AbortedRead ? Outcome.Aborted : Outcome.Committed;
        var flight = new Flight(log, Plan(), _tick, outcome, faulty);
        if (outcome != Outcome.Unknown) return flight;
        flight.Record([.. flight.Steps.Select(step => new Seen(step, null))], _keys, _tick * HistoryClock.StampsPerMs);
        if (_random.Next(2) == 0) _late.Add(flight);
        return null;
    }

    /// <summary>A request whose client has given up takes effect, long after or at once.</summary>
    private void RunLate()
    {
        int at = _random.Next(_late.Count);
        foreach (Step step in _late[at].Steps) StepRunner.Run(step, _keys, _store, [_store], _tick);
        _late.RemoveAt(at);
    }

    private Flight? Continue(Flight flight)
    {
        if (flight.Seen != null)
        {
            flight.Record(flight.Seen, _keys, _tick * HistoryClock.StampsPerMs);
            return null;
        }

        // Only now and then, so that others get in between.
        if (_random.Next(3) == 0) flight.Seen = flight.Faulty ? RunFaulty(flight) : RunSound(flight);
        return flight;
    }

    private List<Seen>? RunSound(Flight flight)
    {
        if (flight.Outcome == Outcome.Committed) return RunAll(flight.Steps, _store, _store);
        SerialStore scratch = _store.Copy();
        return RunAll(flight.Steps, scratch, scratch);
    }

    private List<Seen> RunAll(List<Step> steps, SerialStore source, params SerialStore[] targets) =>
        [.. steps.Select(step => StepRunner.Run(step, _keys, source, targets, _tick))];

    private List<Seen>? RunFaulty(Flight flight)
    {
        SerialStore old = _past[(int)flight.Invoked - 1].Copy();
        switch (_fault)
        {
            case Fault.LostUpdate or Fault.WriteSkew:
                return RunAll(flight.Steps, old, old, _store);
            case Fault.StaleRead:
                old = _past[Math.Max(0, (int)flight.Invoked - 1 - _random.Next(5, 40))].Copy();
                return [.. flight.Steps.Select(step => step.Intent == Intent.Read
                    ? StepRunner.Run(step, _keys, old, [], _tick)
                    : StepRunner.Run(step, _keys, _store, [_store, old], _tick))];
            case Fault.FracturedWrite or Fault.UnstableSnapshot:
                flight.Partial.Add(StepRunner.Run(flight.Steps[flight.Partial.Count], _keys, _store, [_store], _tick));
                return flight.Partial.Count == flight.Steps.Count ? flight.Partial : null;
            case Fault.AbortedRead:
                return RunAll(flight.Steps, _store, _store);
            case Fault.SeenExpired:
                _store.IgnoresDeadlines = true;
                List<Seen> seen = RunAll(flight.Steps, _store, _store);
                _store.IgnoresDeadlines = false;
                return seen;
            default:
                return RunAll(flight.Steps, _store.Copy());
        }
    }

    private List<Step> Plan()
    {
        if (_shape.Databases > 1 && _random.NextDouble() < _shape.Flushes) return [new Step(Intent.Flush, 0, 1, 0)];
        int count = _random.Next(1, _shape.StepsMax + 1);
        return [.. Enumerable.Range(0, count).Select(_ => OneStep(_random.Next(_keys.Count)))];
    }

    private Step OneStep(int key)
    {
        bool mayVanish = _keys.Kind(key) == 'r' || _keys.Table.Database(key) == 1;
        if (_random.Next(2) == 0) return new Step(Intent.Read, key, 0, 0);
        if (mayVanish && _random.NextDouble() < _shape.Deletes) return new Step(Intent.Delete, key, 0, 0);
        if (_keys.Kind(key) == 'l') return new Step(Intent.Append, key, ++_unique, 0);
        if (_keys.Kind(key) == 'c') return new Step(Intent.Increment, key, 0, 0);
        if (_random.NextDouble() < _shape.ShortLived) return new Step(Intent.SetFor, key, ++_unique, _random.Next(1, 30));
        return new Step(_random.Next(3) == 0 ? Intent.GetSet : Intent.Set, key, ++_unique, 0);
    }

    private sealed class Flight(ClientLog log, List<Step> steps, long invoked, Outcome outcome, bool faulty)
    {
        public List<Step> Steps => steps;

        public long Invoked => invoked;

        public Outcome Outcome => outcome;

        public bool Faulty => faulty;

        public List<Seen> Partial { get; } = [];

        public List<Seen>? Seen { get; set; }

        public void Record(List<Seen> seen, KeySet keys, long completed)
        {
            log.Invoke(invoked * HistoryClock.StampsPerMs);
            foreach (Seen one in seen) one.Record(log, keys.Kind(one.Step.Key) == 'l', outcome != Outcome.Unknown);
            log.End(completed, outcome, readsStand: outcome == Outcome.Aborted && !faulty);
        }
    }
}
