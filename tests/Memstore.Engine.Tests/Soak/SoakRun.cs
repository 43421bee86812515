using Memstore.Engine.Keys;

namespace Memstore.Engine.Tests.Soak;

/// <summary>Threads over one store, slots that move, shards that come and go, maintenance with evacuation, and the look at what is left at the end.</summary>
internal sealed class SoakRun(SoakOptions options)
{
    private const int MovesPerChange = 200;

    private readonly int[] _shardCounts = [1, 3, 16, 64, options.Shards];
    private readonly Lock _lock = new();
    private string? _violation;

    /// <summary>Operations of all threads.</summary>
    public long Operations { get; private set; }

    /// <summary>Runs to the end. The first violation, or null.</summary>
    public string? Run()
    {
        using var store = new Store(new StoreOptions
        {
            Shards = options.Shards,
            Seed = (ulong)options.Seed,
            Faults = options.Faults,
            RunMaintenance = false,
            EvacuationSlackBytes = 128 << 10,
        });
        var baseline = Settle(store);
        var threads = Enumerable.Range(1, options.Threads).Select(number => new SoakThread(store, options, number)).ToArray();
        RunThreads(store, threads);
        Operations = threads.Sum(static thread => thread.Operations);
        if (_violation is null) Guard("the end", () => CheckEnd(store, threads, baseline));
        foreach (var thread in threads) thread.Dispose();
        return _violation is null ? null : $"{options}\n{_violation}";
    }

    private void RunThreads(Store store, SoakThread[] threads)
    {
        using var stop = new CancellationTokenSource();
        using var stopMaintaining = new CancellationTokenSource();
        var running = threads.Select((thread, i) => Start($"thread {i + 1}", () => thread.Run(stop.Token), stop)).ToArray();
        var moving = Start("moves", () => MoveSlots(store, stop.Token), stop);
        var maintaining = Start("maintenance", () => Maintain(store, stopMaintaining.Token), stop);
        stop.Token.WaitHandle.WaitOne(options.Duration);
        stop.Cancel();
        foreach (var thread in running) thread.Join();
        moving.Join();
        stopMaintaining.Cancel();
        maintaining.Join();
    }

    // A thread that finds something stops them all.
    private Thread Start(string name, Action run, CancellationTokenSource stop)
    {
        var thread = new Thread(() =>
        {
            if (!Guard(name, run)) stop.Cancel();
        })
        { IsBackground = true };
        thread.Start();
        return thread;
    }

    private bool Guard(string name, Action run)
    {
        try
        {
            run();
            return true;
        }
        catch (Exception error)
        {
            lock (_lock) _violation ??= $"{name}: {error}";
            return false;
        }
    }

    private void MoveSlots(Store store, CancellationToken stop)
    {
        var random = new Random(options.Seed);
        ushort[] hot = [.. Enumerable.Range(0, 6).SelectMany(i => new[] { $"pair:{i}:a", $"pair:{i}:b", $"steady:{i}:a", $"hash:{i}" }).Select(key => SlotHash.Of(key.Bytes()))];
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            if (i % MovesPerChange == 0 && options.Faults == CommitFaults.None) store.SetShardCount(_shardCounts[random.Next(_shardCounts.Length)]);
            var slot = random.Next(4) != 0 ? hot[random.Next(hot.Length)] : random.Next(SlotHash.Slots);
            var worker = store.Rent();
            store.TryMoveSlot(worker, slot, random.Next(store.ShardCount));
            store.Return(worker);
            Thread.Sleep(0);
        }
    }

    private static void Maintain(Store store, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            store.Maintain();
            stop.WaitHandle.WaitOne(1);
        }
    }

    private static void CheckEnd(Store store, SoakThread[] threads, long baseline)
    {
        using var runner = new SoakRunner(store, new Random(0));
        for (var pair = 0; pair < SharedKeys.SteadyPairs; pair++)
        {
            var (first, second, version) = (SharedKeys.Steady(pair, false), SharedKeys.Steady(pair, true), 0L);
            runner.Run(TransactionPlan.Held, SharedKeys.SteadyDatabase, [first, second], KeyAccess.Read, t => version = SharedKeys.ReadPair(t, first, second));
            var writes = threads.Sum(thread => thread.SteadyWrites[pair]);
            if (Math.Max(version, 0) != writes) throw new SoakViolationException($"Steady pair {pair} was written {writes} times and has version {version}.");
        }

        DeleteAll(runner);
        Settle(store);
        if (store.Statistics().Databases.Any(static database => database != (0, 0, 0))) throw new SoakViolationException("All is deleted, and keys are counted.");
        runner.RunOnEverything(static transaction =>
        {
            for (var database = 0; database < transaction.Store.DatabaseCount; database++) transaction.Flush(database);
        });
        if (store.Statistics().OpenSnapshots != 0) throw new SoakViolationException("A snapshot is still open.");
        var used = Settle(store);
        if (used != baseline) throw new SoakViolationException($"All is deleted, but {used} bytes are used and {baseline} were at the start.");
    }

    // Key by key, as clients would: flushing would free whatever a deletion leaves behind.
    private static void DeleteAll(SoakRunner runner)
    {
        foreach (var database in new[] { SharedKeys.Database, PrivateKeys.Database, SharedKeys.SteadyDatabase, SharedKeys.OtherDatabase })
        {
            runner.RunOnEverything(transaction =>
            {
                transaction.Database = database;
                var keys = new KeyList();
                transaction.Scan(0, int.MaxValue, ref keys);
                foreach (var key in keys.Keys) transaction.Delete(transaction.Store.KeyOf(key));
            });
        }
    }

    // Frees what may be freed, the nodes too that workers keep ready. The bytes that are used then.
    private static long Settle(Store store)
    {
        for (var i = 0; i < 400; i++) store.Maintain();
        Worker[] workers = [.. Enumerable.Range(0, 16).Select(_ => store.Rent())];
        foreach (var worker in workers) worker.TreeContext.ReleaseSpares();
        foreach (var worker in workers) store.Return(worker);
        for (var i = 0; i < 100; i++) store.Maintain();
        return store.UsedBytes;
    }

    private readonly struct KeyList : IEntryVisitor
    {
        public KeyList() => Keys = [];

        public List<byte[]> Keys { get; }

        public void Visit(in Entry entry) => Keys.Add(entry.Key.ToArray());
    }
}
