using System.Diagnostics;
using Memstore.Histories.Checking;
using Memstore.Histories.Recording;
using Xunit;

namespace Memstore.Histories.Tests;

/// <summary>A million operations: recorded by threads that really run at the same time, and checked.</summary>
public sealed class LargeHistoryTests(ITestOutputHelper output)
{
    private const int Clients = 16;
    private const int TransactionsPerClient = 40_000;
    private const int KeysPerKind = 500;
    private const int ListLengthMax = 100;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_million_operations_are_recorded_and_checked(bool broken)
    {
        var watch = Stopwatch.StartNew();
        History history = Record(broken);
        double recorded = watch.Elapsed.TotalSeconds;
        long before = GC.GetTotalAllocatedBytes();
        watch.Restart();
        CheckResult result = HistoryChecker.Check(history);
        output.WriteLine($"recorded in {recorded:0.0} s, checked in {watch.Elapsed.TotalSeconds:0.0} s, "
            + $"{(GC.GetTotalAllocatedBytes() - before) / 1_000_000} MB allocated; {result}");
        Assert.InRange(history.OperationCount, 1_000_000, 1_300_000);
        Assert.True(result.Valid == !broken, result.ToString());
    }

    /// <summary>A store of one lock, or one in which a read of two keys takes the lock twice now and then.</summary>
    private static History Record(bool broken)
    {
        var keys = new KeyTable();
        for (int i = 0; i < KeysPerKind; i++) keys.Add($"r{i}");
        int lists = keys.Count;
        for (int i = 0; i < Clients * TransactionsPerClient / 100; i++) keys.Add($"l{i}");
        var recorder = new HistoryRecorder(keys);
        var store = new LockedStore(keys.Count, lists, broken);
        Thread[] threads = [.. Enumerable.Range(0, Clients).Select(seed => new Thread(() => store.RunClient(recorder.AddClient(), seed)))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        return recorder.ToHistory();
    }

    private sealed class LockedStore(int keyCount, int lists, bool broken)
    {
        private readonly Lock _lock = new();
        private readonly long[] _registers = [.. Enumerable.Repeat(Operation.Absent, keyCount)];
        private readonly List<long>?[] _lists = new List<long>?[keyCount];
        private int _firstList = lists;

        public void RunClient(ClientLog log, int seed)
        {
            var random = new Random(seed);
            for (int i = 0; i < TransactionsPerClient; i++)
            {
                long unique = ((long)seed << 32) + i;
                if (random.Next(2) == 0) RunList(log, unique, random);
                else RunRegisters(log, unique, random);
            }
        }

        private void RunList(ClientLog log, long unique, Random random)
        {
            int key = Volatile.Read(ref _firstList) + random.Next(8);
            log.Invoke();
            long[]? seen = null;
            lock (_lock)
            {
                List<long> list = _lists[key] ??= [];
                if (random.Next(2) == 0) seen = [.. list];
                list.Add(unique);
                if (list.Count > ListLengthMax && _firstList + 10 < keyCount) _firstList++;
            }

            log.Complete();
            if (seen != null) log.ReadList(key, seen);
            log.Append(key, unique);
            log.End(Outcome.Committed);
        }

        private void RunRegisters(ClientLog log, long unique, Random random)
        {
            // The smaller of two numbers: low keys are hot.
            int x = Math.Min(random.Next(KeysPerKind), random.Next(KeysPerKind));
            int y = random.Next(KeysPerKind);
            bool write = random.Next(2) == 0;
            bool torn = broken && random.Next(1_000) == 0;
            log.Invoke();
            _lock.Enter();
            long first = _registers[x];
            if (write) _registers[x] = unique;
            if (torn)
            {
                _lock.Exit();
                Thread.Yield();
                _lock.Enter();
            }

            long second = _registers[y];
            if (write) _registers[y] = unique;
            _lock.Exit();
            log.Complete();
            if (!write) log.Read(x, first);
            else log.Write(x, unique);
            if (write && x != y) log.Write(y, unique);
            else if (!write && x != y) log.Read(y, second);
            log.End(Outcome.Committed);
        }
    }
}
