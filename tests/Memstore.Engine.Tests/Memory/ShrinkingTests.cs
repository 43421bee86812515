using Xunit;

namespace Memstore.Engine.Tests.Memory;

/// <summary>After deletions the index of a slot that had grown a directory becomes small again, and nobody who reads meanwhile misses a key.</summary>
public sealed class ShrinkingTests : IDisposable
{
    private const int Keys = 120_000;
    private const int KeptOneIn = 25;

    // Ends only what hangs.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Store _store = new(new StoreOptions { RunMaintenance = false, Seed = 7, EvacuationSlackBytes = 64 << 10 });

    public void Dispose() => _store.Dispose();

    [Fact]
    public void The_index_of_a_slot_shrinks_and_grows_again()
    {
        Fill();
        var full = _store.Statistics().Memory.Indexes;
        DeleteMost();
        Compact(full / 12);
        var shrunk = _store.Statistics().Memory.Indexes;
        Assert.InRange(shrunk, 1, full / 12);
        CheckKept();
        Assert.Equal(Keys / KeptOneIn, CountByScan());
        Fill();
        CheckKept();
        Assert.Equal(Keys, CountByScan());
        for (var i = 0; i < Keys; i++) _store.Run(TransactionPlan.Held, 0, [Name(i)], t => t.Remove(Name(i)));
        Compact(full / 50);
        Assert.InRange(_store.Statistics().Memory.Indexes, 0, full / 50);
    }

    [Fact]
    public async Task Readers_without_the_shard_find_every_key_while_it_shrinks()
    {
        for (var round = 0; round < 2; round++)
        {
            Fill();
            var full = _store.Statistics().Memory.Indexes;
            using var stop = new CancellationTokenSource();
            using var reads = new ManualResetEventSlim();
            var reader = Task.Factory.StartNew(() => ReadKept(reads, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            reads.Wait(TestContext.Current.CancellationToken);
            DeleteMost();
            Compact(full / 12);
            await stop.CancelAsync();
            Assert.Equal(0, await reader);
        }
    }

    private static string Name(int number) => $"{{t}}{number}";

    private void Fill()
    {
        for (var i = 0; i < Keys; i++) _store.Set(Name(i), $"value {i}");
    }

    private void DeleteMost()
    {
        for (var i = 0; i < Keys; i++)
        {
            if (i % KeptOneIn != 0) _store.Run(TransactionPlan.Held, 0, [Name(i)], t => t.Remove(Name(i)));
        }
    }

    // Enough rounds for a pass to start after its pause and to end. A round ends after some milliseconds, however little a busy machine let it do, so there may be more.
    private void Compact(long indexesMax)
    {
        for (var i = 0; i < 300; i++) _store.Maintain();
        var end = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        while (_store.Statistics().Memory.Indexes > indexesMax && Environment.TickCount64 < end) _store.Maintain();
    }

    private void CheckKept()
    {
        for (var i = 0; i < Keys; i += KeptOneIn) Assert.Equal($"value {i}", _store.Get(Name(i)));
    }

    private int ReadKept(ManualResetEventSlim reads, CancellationToken stop)
    {
        var missing = 0;
        for (; !stop.IsCancellationRequested; reads.Set())
        {
            for (var i = 0; i < Keys; i += KeptOneIn)
            {
                if (_store.TryGetUnheld(Name(i), out var value) && value != $"value {i}") missing++;
            }
        }

        return missing;
    }

    private int CountByScan()
    {
        var counter = default(Counter);
        _store.RunOnEverything(TransactionPlan.ReadSnapshot, 0, t =>
        {
            counter = default;
            var cursor = 0UL;
            do cursor = t.Scan(cursor, 100, ref counter);
            while (cursor != 0);
        });
        return counter.Count;
    }

    private struct Counter : IEntryVisitor
    {
        public int Count;

        public void Visit(in Entry entry) => Count++;
    }
}
