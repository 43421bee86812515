using System.Diagnostics;
using System.Globalization;
using System.Text;
using Memstore.Engine;
using Memstore.Engine.Memory;

namespace Memstore.Benchmarks;

/// <summary>
/// <c>execs [milliseconds]</c>: from which length on does an EXEC gain by running on a snapshot? GETs and SETs over 100,000 keys on four shards,
/// held and on a snapshot, by one and by two threads: processor time per EXEC, for how long its shards are held, and how often its validation fails.
/// The two ways take turns, so that what else the machine does falls on both.
/// </summary>
internal sealed class ExecRun(Store store, int commands, int reads, int seed) : ITransactionBody
{
    private const int Keys = 100_000;
    private const int Turns = 10;

    private readonly Transaction _transaction = new(store);
    private readonly byte[][] _names = new byte[commands][];
    private readonly KeyRoute[] _routes = new KeyRoute[commands];
    private readonly ManualResetEventSlim _ended = new();
    private readonly Random _random = new(seed);
    private readonly byte[] _value = new byte[32];
    private readonly byte[] _read = new byte[64];
    private long _bodyStart;
    private long _bodyEnd;

    private long Execs { get; set; }

    private long ProcessorNs { get; set; }

    private long HeldTicks { get; set; }

    /// <summary>Runs all and prints a row for each.</summary>
    public static void Run(int milliseconds)
    {
        using var store = new Store(new StoreOptions { Seed = 1 });
        Fill(store);
        RunBoth(store, 64, 32, 1, milliseconds, print: false);
        Console.WriteLine("commands  reads  threads |  held: us CPU   us held |  snapshot: us CPU   us held   run again");
        foreach (var commands in new[] { 4, 16, 64, 256, 1_024 })
        {
            foreach (var reads in new[] { commands / 2, commands * 7 / 8, commands })
            {
                for (var threads = 1; threads <= 2; threads++) RunBoth(store, commands, reads, threads, milliseconds, print: true);
            }
        }
    }

    void ITransactionBody.Run(Transaction transaction)
    {
        _bodyStart = Stopwatch.GetTimestamp();
        for (var i = 0; i < commands; i++)
        {
            var key = new Key(_names[i], _routes[i]);
            if (i >= reads) transaction.PutString(key, _value);
            else if (transaction.Find(key, out var entry)) entry.Value.CopyTo(_read);
        }

        _bodyEnd = Stopwatch.GetTimestamp();
    }

    void ITransactionBody.Completed(Transaction transaction, Exception? error) => _ended.Set();

    private static void Fill(Store store)
    {
        using var driver = new EngineDriver(store, 1);
        for (var i = 0; i < Keys; i++) driver.Set(i);
    }

    private static void RunBoth(Store store, int commands, int reads, int threads, int milliseconds, bool print)
    {
        ExecRun[] held = [.. Enumerable.Range(0, threads).Select(thread => new ExecRun(store, commands, reads, thread))];
        ExecRun[] onSnapshot = [.. Enumerable.Range(0, threads).Select(thread => new ExecRun(store, commands, reads, thread + 10))];
        var conflicts = 0L;
        for (var turn = 0; turn < Turns; turn++)
        {
            RunThreads(held, TransactionPlan.Held, milliseconds / Turns);
            var before = store.Statistics().Conflicts;
            RunThreads(onSnapshot, TransactionPlan.Snapshot, milliseconds / Turns);
            conflicts += store.Statistics().Conflicts - before;
        }

        if (!print) return;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{commands,8}{reads,7}{threads,9} |{CpuUs(held),14:f2}{HeldUs(held),10:f2} |{CpuUs(onSnapshot),18:f2}{HeldUs(onSnapshot),10:f2}{100.0 * conflicts / onSnapshot.Sum(static run => run.Execs),10:f1} %"));
    }

    private static double CpuUs(ExecRun[] runs) => runs.Sum(static run => run.ProcessorNs) / 1e3 / runs.Sum(static run => run.Execs);

    private static double HeldUs(ExecRun[] runs) => runs.Sum(static run => run.HeldTicks) * 1e6 / Stopwatch.Frequency / runs.Sum(static run => run.Execs);

    private static void RunThreads(ExecRun[] runs, TransactionPlan plan, int milliseconds)
    {
        var threads = runs.Select(run => new Thread(() => run.RunFor(plan, milliseconds))).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
    }

    private void RunFor(TransactionPlan plan, int milliseconds)
    {
        var start = ThreadClock.NowNs;
        var end = Stopwatch.GetTimestamp() + (milliseconds * Stopwatch.Frequency / 1_000);
        while (Stopwatch.GetTimestamp() < end) RunOne(plan);
        ProcessorNs += ThreadClock.NowNs - start;
    }

    private void RunOne(TransactionPlan plan)
    {
        _transaction.Begin(0, plan);
        for (var i = 0; i < commands; i++)
        {
            _names[i] = Encoding.ASCII.GetBytes($"key:{_random.Next(Keys):d12}");
            _routes[i] = store.RouteOf(_names[i]);
            _transaction.Declare(_routes[i], i < reads ? KeyAccess.Read : KeyAccess.Write);
        }

        var worker = store.Rent();
        var ran = _transaction.TryRun(worker, this);
        if (!ran) _transaction.Submit(worker, this);
        store.Return(worker);
        if (!ran) _ended.Wait();
        _ended.Reset();
        // On a snapshot the shards are held from the end of the body on, and only if something was written.
        if (plan == TransactionPlan.Held) HeldTicks += Stopwatch.GetTimestamp() - _bodyStart;
        else if (reads < commands) HeldTicks += Stopwatch.GetTimestamp() - _bodyEnd;
        Execs++;
    }
}
