using System.Diagnostics;
using System.Globalization;
using System.Text;
using Memstore.Engine;
using Memstore.Engine.Values;

namespace Memstore.Benchmarks;

/// <summary>
/// <c>holds [keys]</c>: how long is a shard held at most, in processor time, while millions of keys under one hash tag grow, are overwritten
/// under a snapshot, move between shards, expire at one moment and are flushed, and while a hash of a million fields is copied and read?
/// Every hold of the run is timed.
/// </summary>
internal sealed class HoldsRun(int keys) : IDisposable
{
    private const int Fields = 1_000_000;
    private const int WarmKeys = 200_000;
    private const string Tag = "{t}key";

    private readonly Store _store = new(new StoreOptions { Seed = 1 });

    /// <summary>Runs and prints a row for each part.</summary>
    public static void Run(int keys)
    {
        // Once with few keys, so that no hold of the real run waits for the compiler.
        using (var warm = new HoldsRun(WarmKeys)) warm.RunParts(static (_, action) => action());
        using var run = new HoldsRun(keys);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{keys} keys under one hash tag; every hold timed"));
        Console.WriteLine("part                                longest hold us   over 100 us   undisturbed: longest us   over 100 us   seconds  in the longest");
        run.RunParts(run.Measure);
    }

    /// <inheritdoc/>
    public void Dispose() => _store.Dispose();

    private void RunParts(Action<string, Action> run)
    {
        run("nothing, a million times", HoldNothing);
        run("growth", Fill);
        run("overwriting under a snapshot", OverwriteUnderSnapshot);
        run("deadlines of half, in an hour", SetFarDeadlines);
        run("100,000 slot moves", Move);
        run("slot moves under load", MoveUnderLoad);
        run("deadlines set, all at one moment", SetDeadlines);
        run("expiry storm", WaitUntilEmpty);
        run("refilling", Fill);
        run("deletion of random 80 %, compaction", DeleteMost);
        run("FLUSHALL and its aftermath", Flush);
        run("a hash grows to a million fields", FillHash);
        run("COPY of that hash", CopyHash);
        run("overwriting and deleting both", DropHashes);
    }

    private void Measure(string part, Action action)
    {
        _store.ResetHolds();
        var start = Stopwatch.GetTimestamp();
        action();
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var statistics = _store.Statistics();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{part,-36}{statistics.LongestHold.TotalMicroseconds,15:f0}{statistics.LongHolds,14}{statistics.LongestUndisturbedHold?.Time.TotalMicroseconds ?? 0,26:f0}{statistics.UndisturbedLongHolds,14}{seconds,10:f1}  {Explain(statistics.LongestLongHold)}"));
    }

    private static string Explain(Memstore.Engine.Memory.LongHold? hold) => hold is null
        ? "-"
        : string.Create(CultureInfo.InvariantCulture, $"{hold.Work.Collections} collections, {hold.Work.Faults} faults, {hold.Work.Preemptions} preemptions, {hold.Work.Waits} waits, {hold.Work.Methods} methods compiled");

    private EngineDriver Drive(int seed, string prefix = Tag) => new(_store, seed, prefix, timesHolds: true);

    // What the machine adds: interrupts and the hypervisor's work count as the thread's.
    private void HoldNothing()
    {
        using var driver = Drive(0);
        for (var i = 0; i < 1_000_000; i++) driver.Run(static _ => { }, "{t}");
    }

    private void Fill()
    {
        using var driver = Drive(1);
        for (var i = 0; i < keys; i++) driver.Set(i);
    }

    private void OverwriteUnderSnapshot()
    {
        using var driver = Drive(2);
        var reader = new Transaction(_store);
        if (!reader.TryOpen(driver.RentWorker(), 0, readOnly: true)) throw new InvalidOperationException("The store is busy.");
        for (var i = 0; i < keys; i++) driver.Set(driver.Draw(keys));
        reader.Rollback(driver.RentWorker());
        driver.Pause();
        var committed = long.MaxValue;
        while (_store.Versions.Count > 0 || _store.UsedBytes < committed)
        {
            committed = _store.UsedBytes;
            Thread.Sleep(100);
        }
    }

    // Every hold for a move is timed, and nothing else happens.
    private void Move()
    {
        var slot = _store.RouteOf(Encoding.ASCII.GetBytes(Tag)).Slot;
        for (var i = 0; i < 100_000; i++)
        {
            var worker = _store.Rent();
            _store.TryMoveSlot(worker, slot, (_store.ShardOf(slot) + 1) % _store.ShardCount);
            _store.Return(worker);
        }
    }

    private void MoveUnderLoad()
    {
        using var stop = new CancellationTokenSource();
        var mover = new Thread(() =>
        {
            var slot = _store.RouteOf(Encoding.ASCII.GetBytes(Tag)).Slot;
            while (!stop.IsCancellationRequested)
            {
                var worker = _store.Rent();
                for (var i = 0; i < 64; i++) _store.TryMoveSlot(worker, slot, (_store.ShardOf(slot) + 1) % _store.ShardCount);
                _store.Return(worker);
                Thread.Sleep(1);
            }
        });
        mover.Start();
        using var driver = Drive(3);
        for (var i = 0; i < keys / 2; i++) driver.Set(driver.Draw(keys));
        driver.Pause();
        stop.Cancel();
        mover.Join();
    }

    private void SetFarDeadlines()
    {
        using var driver = Drive(6);
        var deadline = _store.NowUnixMs + 3_600_000;
        for (var i = 0; i < keys; i += 2) driver.Set(i, deadline);
    }

    private void SetDeadlines()
    {
        using var driver = Drive(4);
        // All of them, at a moment after the last has been set.
        var deadline = _store.NowUnixMs + 1_000 + (keys / 250L);
        for (var i = 0; i < keys; i++) driver.Set(i, deadline);
        driver.Pause();
        while (_store.NowUnixMs < deadline) Thread.Sleep(1);
    }

    private void WaitUntilEmpty()
    {
        while (_store.Statistics().Databases[0].Keys > 0) Thread.Sleep(10);
    }

    private void DeleteMost()
    {
        using var driver = Drive(5);
        for (var i = 0; i < keys; i++)
        {
            if (driver.Draw(10) >= 2) driver.Delete(i);
        }

        driver.Pause();
        Thread.Sleep(5_000);
    }

    private void Flush()
    {
        using var driver = Drive(6);
        driver.RunEverywhere(static transaction => transaction.Flush(0));
        driver.Pause();
        while (_store.UsedBytes > 1 << 20) Thread.Sleep(10);
    }

    private void FillHash()
    {
        using var driver = Drive(7);
        var pairs = new Pairs(8);
        for (var i = 0; i < Fields; i += pairs.Count)
        {
            pairs.Start = i;
            driver.Run(transaction => transaction.SetFields(KeyOf("{h}1"), pairs), "{h}1");
        }
    }

    private void CopyHash()
    {
        using var driver = Drive(8);
        driver.Run(transaction => transaction.CopyValue(KeyOf("{h}1"), 0, KeyOf("{h}2"), 0), "{h}1", "{h}2");
    }

    private void DropHashes()
    {
        using var driver = Drive(9);
        driver.Run(transaction => transaction.PutString(KeyOf("{h}1"), "x"u8), "{h}1");
        driver.Run(transaction => transaction.Delete(KeyOf("{h}2")), "{h}2");
        driver.Pause();
        while (_store.UsedBytes > 1 << 20) Thread.Sleep(10);
    }

    private Key KeyOf(string name)
    {
        var bytes = Encoding.ASCII.GetBytes(name);
        return new Key(bytes, _store.RouteOf(bytes));
    }

    // Fields of 8 bytes with values of 8, spread over the order of the tree.
    private sealed class Pairs(int count) : IFieldValues
    {
        private readonly byte[] _field = new byte[8];

        public int Start { get; set; }

        public int Count => count;

        public ReadOnlySpan<byte> Field(int index)
        {
            BitConverter.TryWriteBytes(_field, (Start + index) * 7_919L);
            return _field;
        }

        public ReadOnlySpan<byte> Value(int index) => "value123"u8;
    }
}
