using System.Buffers;
using System.Globalization;
using Memstore.Engine.Journaling;
using Memstore.Engine.Values;
using Xunit;

namespace Memstore.Engine.Tests.Journaling;

/// <summary>Cuts of a store under load, and stores that are filled from elsewhere.</summary>
public sealed class LoadingTests
{
    [Fact]
    public void A_loader_fills_a_store_and_time_stands_still_until_it_ends()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        using var store = new Store(new StoreOptions { TimeProvider = clock, StartsLoading = true, RunMaintenance = false });
        var past = clock.GetUtcNow().ToUnixTimeMilliseconds() - 1;
        using (var loader = new StoreLoader(store))
        {
            loader.PutString(0, "gone"u8, "v"u8, past);
            loader.PutString(0, "here"u8, "v"u8, past + 10_000);
            loader.SetFields(0, "h"u8, new FieldValue("f"u8, "1"u8));
            loader.SetFields(0, "h"u8, new FieldValue("g"u8, "2"u8));
            loader.RemoveFields(0, "h"u8, new FieldValue("f"u8, default));
            Assert.True(loader.SetDeadline(0, "h"u8, past));
            Assert.True(loader.SetDeadline(0, "h"u8, 0));
            Assert.True(loader.Copy(0, "h"u8, 2, "copy"u8));
            loader.PutString(1, "x"u8, "1"u8);
            loader.Flush(1);
            loader.PutString(1, "y"u8, "1"u8);
            loader.Swap(1, 3);
            Assert.True(loader.Delete(0, "h"u8));
            Assert.False(loader.Delete(0, "h"u8));
            store.Maintain();
            Assert.Equal(2, store.Statistics().Databases[0].Keys);
        }

        store.EndLoading(null);
        store.Maintain();
        Assert.Null(store.Get("gone"));
        Assert.Equal("v", store.Get("here"));
        Assert.Equal("1", store.Get("y", 3));
        Assert.Equal([1, 0, 1, 1], store.Statistics().Databases.Take(4).Select(static database => database.Keys));
        Assert.Throws<InvalidOperationException>(() => new StoreLoader(store));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_cut_holds_exactly_the_commits_up_to_its_sequence(int seed)
    {
        var log = new CountingLog();
        using var store = new Store(new StoreOptions { CommitLog = log, EffectEncoder = new NothingEncoder(), Seed = (ulong)seed });
        using var stop = new CancellationTokenSource();
        // Each commit adds one to a counter of its thread, together with a second key that must always be the same.
        var threads = Enumerable.Range(0, 3).Select(number => new Thread(() =>
        {
            for (var i = 1; !stop.IsCancellationRequested; i++)
            {
                var text = i.ToString(CultureInfo.InvariantCulture);
                store.Run(TransactionPlan.Held, 0, [$"a{number}", $"b{number}"], t =>
                {
                    t.Write($"a{number}", text);
                    t.Write($"b{number}", text);
                });
            }
        })).ToList();
        threads.ForEach(static thread => thread.Start());
        // Cuts of a store that is still empty would show nothing.
        while (log.SafePosition(Durability.None) < threads.Count) Thread.Yield();
        for (var i = 0; i < 100; i++)
        {
            var told = -1L;
            using var cut = store.TakeCut(sequence => told = sequence);
            Thread.Yield();
            var sums = new SumVisitor();
            Assert.Equal(0UL, cut.Read(0, 0, int.MaxValue, ref sums));
            Assert.Equal(cut.Sequence, told);
            Assert.Equal((cut.Sequence, cut.Sequence), (sums.A, sums.B));
        }

        stop.Cancel();
        threads.ForEach(static thread => thread.Join());
    }

    [Fact]
    public void A_cut_is_read_in_slices_while_the_data_changes()
    {
        using var store = new Store(new StoreOptions { Seed = 1 });
        for (var i = 0; i < 1_000; i++) store.Set($"k{i}", "1");
        using var cut = store.TakeCut();
        var sums = new SumVisitor();
        var cursor = 0UL;
        var slices = 0;
        do
        {
            cursor = cut.Read(0, cursor, 50, ref sums);
            for (var i = 0; i < 1_000; i += 7) store.Set($"k{i}", "5");
            store.Set($"new{slices++}", "9");
        }
        while (cursor != 0);
        Assert.Equal(1_000, sums.Keys);
        Assert.Equal(1_000, sums.Other);
    }

    private struct SumVisitor : IEntryVisitor
    {
        public long A;
        public long B;
        public long Other;
        public int Keys;

        public void Visit(in Entry entry)
        {
            Keys++;
            var value = long.Parse(entry.Value, CultureInfo.InvariantCulture);
            if (entry.Key[0] == 'a') A += value;
            else if (entry.Key[0] == 'b') B += value;
            else Other += value;
        }
    }

    private sealed class CountingLog : ICommitLog
    {
        private long _reserved;

        public long Reserve() => Interlocked.Increment(ref _reserved);

        public void Fill(long position, int database, ReadOnlySpan<byte> effects)
        {
        }

        public long SafePosition(Durability level) => Volatile.Read(ref _reserved);

        public void WhenSafe(long position, Durability level, Action<object?, bool> callback, object? state) => callback(state, true);
    }

    private sealed class NothingEncoder : IEffectEncoder
    {
        public void Select(IBufferWriter<byte> output, int database)
        {
        }

        public void Put(IBufferWriter<byte> output, in Key key, in Entry entry)
        {
        }

        public void Delete(IBufferWriter<byte> output, in Key key)
        {
        }

        public void Deadline(IBufferWriter<byte> output, in Key key, long deadlineUnixMs)
        {
        }

        public void SetFields<TPairs>(IBufferWriter<byte> output, in Key key, scoped TPairs pairs)
            where TPairs : IFieldValues, allows ref struct
        {
        }

        public void RemoveFields<TFields>(IBufferWriter<byte> output, in Key key, scoped TFields fields)
            where TFields : IFields, allows ref struct
        {
        }

        public void Copy(IBufferWriter<byte> output, in Key source, int destinationDatabase, in Key destination)
        {
        }

        public void Flush(IBufferWriter<byte> output)
        {
        }

        public void Swap(IBufferWriter<byte> output, int first, int second)
        {
        }
    }
}
