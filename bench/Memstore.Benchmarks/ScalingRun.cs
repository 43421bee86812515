using System.Diagnostics;
using System.Globalization;
using System.Text;
using Memstore.Engine;
using Memstore.Engine.Memory;

namespace Memstore.Benchmarks;

/// <summary>
/// <c>scaling [rounds] [case]</c>: how much more do two threads do than one? Each thread has 32 sessions with a transaction each; a session whose
/// shard is busy waits in its queue and the thread goes on with the next, as in the server.
/// </summary>
// One thread and two take turns, so that what else the machine does hits both. Two ratios: of the best rounds by the clock on the wall, which
// needs two free processors, and of the processor time an operation takes with one thread and with two, which does not.
internal sealed class ScalingRun : IDisposable
{
    private const int Keys = 1_000_000;
    private const int RoundMs = 250;

    private static readonly (string Name, int Shards, int Keys, bool Reads)[] Cases =
    [
        ("GET, uniform keys", 4, Keys, true),
        ("SET, uniform keys", 4, Keys, false),
        ("SET, 64 shards", 64, Keys, false),
        ("SET, one hot key", 4, 1, false),
        ("SET, all in one shard", 1, Keys, false),
    ];

    private readonly Store _store;
    private readonly bool _reads;
    private readonly int _keys;

    private ScalingRun(int shards, int keys, bool reads)
    {
        _store = new Store(new StoreOptions { Seed = 1, Shards = shards });
        _reads = reads;
        _keys = keys;
        using var driver = new EngineDriver(_store, 1);
        for (var i = 0; i < keys; i++) driver.Set(i);
    }

    /// <summary>Runs and prints a row for each case.</summary>
    public static void Run(int rounds, string only)
    {
        Console.WriteLine("case                     1 thread M/s  2 threads M/s  ratio   ns CPU/op 1  ns CPU/op 2  2 x CPU ratio");
        foreach (var (name, shards, keys, reads) in Cases)
        {
            if (name.Contains(only, StringComparison.Ordinal)) Measure(name, shards, keys, reads, rounds);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _store.Dispose();

    private static void Measure(string name, int shards, int keys, bool reads, int rounds)
    {
        using var run = new ScalingRun(shards, keys, reads);
        run.Round(2);
        var (one, two) = (new Best(), new Best());
        for (var i = 0; i < rounds; i++)
        {
            one.Add(run.Round(1));
            two.Add(run.Round(2));
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name,-24}{one.PerUs,13:f2}{two.PerUs,15:f2}{two.PerUs / one.PerUs,7:f2}{one.CpuNs,14:f0}{two.CpuNs,13:f0}{2 * one.CpuNs / two.CpuNs,15:f2}"));
    }

    private (double PerUs, double CpuNs) Round(int threads)
    {
        using var start = new Barrier(threads + 1);
        var stop = new StrongFlag();
        var lanes = Enumerable.Range(0, threads).Select(i => new Lanes(_store, i + 1, _keys, _reads, start, stop)).ToArray();
        var running = lanes.Select(lane => new Thread(lane.Run)).ToArray();
        foreach (var thread in running) thread.Start();
        start.SignalAndWait();
        var began = Stopwatch.GetTimestamp();
        Thread.Sleep(RoundMs);
        stop.IsSet = true;
        var us = Stopwatch.GetElapsedTime(began).TotalMicroseconds;
        foreach (var thread in running) thread.Join();
        var done = lanes.Sum(lane => lane.Done);
        return (done / us, (double)lanes.Sum(lane => lane.CpuNs) / done);
    }

    private sealed class StrongFlag
    {
        public volatile bool IsSet;
    }

    private sealed class Best
    {
        public double PerUs { get; private set; }

        public double CpuNs { get; private set; } = double.MaxValue;

        public void Add((double PerUs, double CpuNs) round)
        {
            PerUs = Math.Max(PerUs, round.PerUs);
            CpuNs = Math.Min(CpuNs, round.CpuNs);
        }
    }

    // One thread with its sessions.
    private sealed class Lanes
    {
        private const int Count = 32;
        private const int Batch = 64;

        private readonly Store _store;
        private readonly Lane[] _lanes;
        private readonly Barrier _start;
        private readonly StrongFlag _stop;
        private readonly int _keys;
        private readonly bool _reads;
        private ulong _random;

        public Lanes(Store store, int seed, int keys, bool reads, Barrier start, StrongFlag stop)
        {
            _store = store;
            _random = (ulong)seed * 7_919;
            _lanes = [.. Enumerable.Range(0, Count).Select(_ => new Lane(store))];
            (_keys, _reads, _start, _stop) = (keys, reads, start, stop);
        }

        public long Done { get; private set; }

        public long CpuNs { get; private set; }

        public void Run()
        {
            _start.SignalAndWait();
            var began = ThreadClock.NowNs;
            while (!_stop.IsSet) RunBatch();
            CpuNs = ThreadClock.NowNs - began;
            while (_lanes.Any(lane => lane.IsWaiting)) Thread.Yield();
        }

        private void RunBatch()
        {
            var done = Done;
            var worker = _store.Rent();
            for (var i = 0; i < Batch; i++)
            {
                var lane = _lanes[i % Count];
                if (lane.IsWaiting) continue;
                _random = (_random * 6_364_136_223_846_793_005) + 1_442_695_040_888_963_407;
                lane.Start(worker, (int)(((_random >> 32) * (ulong)_keys) >> 32), _reads);
                Done++;
            }

            _store.Return(worker);
            // All sessions wait: somebody who holds a shard was interrupted.
            if (Done == done) Thread.Yield();
        }
    }

    // A session: one transaction, which may wait for its shard and is then ended by another thread.
    private sealed class Lane(Store store) : ITransactionBody
    {
        private readonly byte[] _name = Encoding.ASCII.GetBytes("key:000000000000");
        private readonly byte[] _value = new byte[32];
        private readonly byte[] _target = new byte[64];
        private readonly Transaction _transaction = new(store);
        private KeyRoute _route;
        private bool _reads;
        private int _waits;

        public bool IsWaiting => Volatile.Read(ref _waits) != 0;

        public void Start(Worker worker, int key, bool reads)
        {
            _reads = reads;
            for (var i = _name.Length - 1; i >= 4; i--, key /= 10) _name[i] = (byte)('0' + (key % 10));
            _route = store.RouteOf(_name);
            _transaction.Begin(0);
            _transaction.Declare(_route, reads ? KeyAccess.Read : KeyAccess.Write);
            if (reads && _transaction.TryRead(worker, this)) return;
            if (_transaction.TryRun(worker, this)) return;
            Volatile.Write(ref _waits, 1);
            _transaction.Submit(worker, this);
        }

        public void Run(Transaction transaction)
        {
            var key = new Key(_name, _route);
            if (!_reads) transaction.PutString(key, _value);
            else if (transaction.Find(key, out var entry)) entry.Value.CopyTo(_target);
        }

        public void Completed(Transaction transaction, Exception? error) => Volatile.Write(ref _waits, 0);
    }
}
