using Memstore.Engine.Values;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Memstore.Engine.Tests.Transactions;

public sealed class HashTransactionTests : IDisposable
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UnixEpoch.AddYears(50));
    private readonly Store _store;

    public HashTransactionTests() =>
        _store = new Store(new StoreOptions { TimeProvider = _clock, RunMaintenance = false, Seed = 1, PackedHashEntriesMax = 16 });

    public void Dispose() => _store.Dispose();

    [Theory]
    [InlineData(TransactionPlan.Held)]
    [InlineData(TransactionPlan.Snapshot)]
    public void Fields_are_set_found_and_removed_packed_and_as_a_tree(TransactionPlan plan)
    {
        for (var i = 0; i < 1_000; i++) Assert.Equal(1, Set("h", $"f{i}", $"v{i}", plan));
        Assert.Equal(0, Set("h", "f3", "w", plan));
        Assert.Equal("w", Get("h", "f3"));
        Assert.Equal("v999", Get("h", "f999"));
        for (var i = 0; i < 1_000; i++) Assert.Equal(1, Remove("h", $"f{i}", plan));
        Assert.Null(Get("h", "f1"));
        _store.Run(TransactionPlan.Held, 0, ["h"], t => Assert.False(t.Find(_store.KeyOf("h".Bytes()), out _)));
    }

    [Fact]
    public void A_copy_of_a_large_hash_leaves_its_shards_and_runs_on_a_snapshot()
    {
        for (var i = 0; i < 3_000; i++) Set("h", $"f{i}", $"v{i}", TransactionPlan.Held);
        var (h, g) = (_store.KeyOf("h".Bytes()).Route, _store.KeyOf("g".Bytes()).Route);
        var transaction = new Transaction(_store);
        transaction.Begin(0);
        transaction.Declare(h, KeyAccess.Read);
        transaction.Declare(g, KeyAccess.Write);
        var copy = new Script(t => t.CopyValue(_store.KeyOf("h".Bytes()), 0, _store.KeyOf("g".Bytes()), 0));
        var worker = _store.Rent();
        Assert.False(transaction.TryRun(worker, copy));
        Assert.True(transaction.IsLong);
        Assert.All(_store.Shards, shard => Assert.False(shard.IsHeld));
        transaction.Submit(worker, copy);
        _store.Return(worker);
        copy.Wait();
        Assert.Equal(2, copy.Runs);
        Assert.Equal("v2999", Get("g", "f2999"));
        Set("g", "f1", "changed", TransactionPlan.Held);
        Assert.Equal("v1", Get("h", "f1"));
    }

    [Fact]
    public void Long_work_after_a_write_stays_in_its_shards()
    {
        for (var i = 0; i < 3_000; i++) Set("h", $"f{i}", $"v{i}", TransactionPlan.Held);
        var runs = 0;
        _store.Run(TransactionPlan.Held, 0, ["h", "g", "x"], t =>
        {
            runs++;
            t.Write("x", "1");
            t.CopyValue(_store.KeyOf("h".Bytes()), 0, _store.KeyOf("g".Bytes()), 0);
        });
        Assert.Equal(1, runs);
        Assert.Equal("1", _store.Get("x"));
        Assert.Equal("v7", Get("g", "f7"));
    }

    [Fact]
    public void A_snapshot_sees_a_tree_as_it_was_and_no_memory_is_lost()
    {
        // The first round leaves a few nodes that a worker keeps ready; later ones must leave nothing.
        var used = new List<long>();
        for (var round = 0; round < 4; round++)
        {
            for (var i = 0; i < 3_000; i++) Set("h", $"f{i}", $"old{i}", TransactionPlan.Held);
            var open = Open(readOnly: true);
            for (var i = 0; i < 3_000; i += 2) Set("h", $"f{i}", "new", TransactionPlan.Held);
            for (var i = 1; i < 3_000; i += 4) Remove("h", $"f{i}", TransactionPlan.Held);
            _store.Run(TransactionPlan.Held, 0, ["h"], t => t.SetDeadline(_store.KeyOf("h".Bytes()), _store.NowUnixMs + 5_000));
            AssertAllOld(open);
            _store.Run(TransactionPlan.Held, 0, ["h", "g"], t => t.MoveValue(_store.KeyOf("h".Bytes()), 0, _store.KeyOf("g".Bytes()), 0));
            Set("g", "f1", "moved", TransactionPlan.Held);
            AssertAllOld(open);
            _store.Run(TransactionPlan.Held, 0, ["g", "h"], t => t.CopyValue(_store.KeyOf("g".Bytes()), 0, _store.KeyOf("h".Bytes()), 0));
            _store.Run(TransactionPlan.Held, 0, ["g"], t => t.Remove("g"));
            Settle();
            AssertAllOld(open);
            Assert.Equal("moved", Get("h", "f1"));
            End(open, commit: true);
            if (round == 1) _store.RunOnEverything(TransactionPlan.Held, 0, t => t.Flush(0));
            else _store.Set("h", "a string now");
            _store.Run(TransactionPlan.Held, 0, ["h"], t => t.Remove("h"));
            _store.RunOnEverything(TransactionPlan.Held, 0, t => t.Flush(0));
            Settle();
            used.Add(_store.UsedBytes);
        }

        Assert.Equal(used[0], used[^1]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Renaming_a_tree_when_memory_runs_out_moves_it_or_leaves_it(bool underSnapshot)
    {
        using var store = new Store(new StoreOptions { RunMaintenance = false, Seed = 1, PackedHashEntriesMax = 16, Arena = new Memstore.Engine.Memory.ArenaOptions { LimitBytes = 8 << 20 } });
        for (var i = 0; i < 2_000; i++)
            store.Run(TransactionPlan.Held, 0, ["h"], t => t.SetFields(store.KeyOf("h".Bytes()), new FieldValue($"f{i}".Bytes(), "v"u8)));
        var open = new Transaction(store);
        var worker = store.Rent();
        if (underSnapshot) Assert.True(open.TryOpen(worker, 0, readOnly: true));
        store.Return(worker);
        var filled = FillUp(store);
        var target = new string('t', 3_000);
        var failures = 0;
        while (!TryRename(store, target))
        {
            failures++;
            Assert.Equal(2_000, CountOf(store, "h"));
            Assert.Equal(-1, CountOf(store, target));
            Assert.True(filled > 0);
            var last = --filled;
            store.Run(TransactionPlan.Held, 0, ["fill" + last], t => t.Remove("fill" + last));
            for (var i = 0; i < 20; i++) store.Maintain();
        }

        Assert.True(failures > 0);
        Assert.Equal(-1, CountOf(store, "h"));
        Assert.Equal(2_000, CountOf(store, target));
        open.Rollback(worker);
    }

    private static int FillUp(Store store)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                var worker = store.Rent();
                var transaction = new Transaction(store);
                transaction.Begin(0);
                transaction.Declare(store.RouteOf($"fill{i}".Bytes()), KeyAccess.Write);
                try
                {
                    Assert.True(transaction.TryRun(worker, new Script(t => t.Write($"fill{i}", new string('x', 2_900)))));
                }
                finally
                {
                    store.Return(worker);
                }
            }
            catch (OutOfMemoryException)
            {
                return i;
            }
        }
    }

    private static bool TryRename(Store store, string target)
    {
        var worker = store.Rent();
        try
        {
            var transaction = new Transaction(store);
            transaction.Begin(0);
            transaction.Declare(store.RouteOf("h"u8), KeyAccess.Write);
            transaction.Declare(store.RouteOf(target.Bytes()), KeyAccess.Write);
            return transaction.TryRun(worker, new Script(t => t.MoveValue(store.KeyOf("h".Bytes()), 0, store.KeyOf(target.Bytes()), 0)));
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
        finally
        {
            store.Return(worker);
        }
    }

    private static long CountOf(Store store, string key)
    {
        var count = -1L;
        store.Run(TransactionPlan.Held, 0, [key], t =>
        {
            if (t.FindHash(store.KeyOf(key.Bytes()), out var hash) == Found.Present) count = hash.Count;
        });
        return count;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_private_tree_is_seen_by_nobody_until_it_commits_and_by_nobody_ever_if_it_does_not(bool commit)
    {
        var used = new List<long>();
        for (var round = 0; round < 3; round++)
        {
            RunPrivateRound(commit);
            used.Add(_store.UsedBytes);
        }

        Assert.Equal(used[0], used[^1]);
    }

    private void RunPrivateRound(bool commit)
    {
        for (var i = 0; i < 1_000; i++) Set("h", $"f{i}", $"old{i}", TransactionPlan.Held);
        var open = Open(readOnly: false);
        RunOpen(open, t =>
        {
            for (var i = 0; i < 1_500; i += 3) t.SetFields(_store.KeyOf("h".Bytes()), new FieldValue($"f{i}".Bytes(), "mine"u8));
            t.SetDeadline(_store.KeyOf("h".Bytes()), _store.NowUnixMs + 60_000);
            for (var i = 1; i < 500; i += 3) t.RemoveFields(_store.KeyOf("h".Bytes()), new FieldValue($"f{i}".Bytes(), default));
            for (var i = 0; i < 100; i++) t.SetFields(_store.KeyOf("fresh".Bytes()), new FieldValue($"f{i}".Bytes(), "mine"u8));
            t.MoveValue(_store.KeyOf("fresh".Bytes()), 0, _store.KeyOf("fresher".Bytes()), 0);
        });
        Assert.Equal("old0", Get("h", "f0"));
        Assert.Equal("old1", Get("h", "f1"));
        End(open, commit);
        Assert.Equal(commit ? "mine" : "old0", Get("h", "f0"));
        Assert.Equal(commit ? null : "old1", Get("h", "f1"));
        Assert.Equal(commit ? "mine" : null, Get("fresher", "f99"));
        Set("h", "f0", "after", TransactionPlan.Held);
        Assert.Equal("after", Get("h", "f0"));
        _store.RunOnEverything(TransactionPlan.Held, 0, t => t.Flush(0));
        Settle();
    }

    private void Settle()
    {
        for (var i = 0; i < 400; i++) _store.Maintain();
    }

    private void AssertAllOld(Transaction open) => RunOpen(open, t =>
    {
        Assert.Equal(Found.Present, t.FindHash(_store.KeyOf("h".Bytes()), out var hash));
        Assert.Equal(3_000, hash.Count);
        for (var i = 0; i < 3_000; i++)
        {
            Assert.True(hash.TryGet($"f{i}".Bytes(), out var value));
            Assert.Equal($"old{i}", value.Text());
        }
    });

    private long Set(string key, string field, string value, TransactionPlan plan)
    {
        var created = 0L;
        _store.Run(plan, 0, [key], t => created = t.SetFields(_store.KeyOf(key.Bytes()), new FieldValue(field.Bytes(), value.Bytes())));
        return created;
    }

    private long Remove(string key, string field, TransactionPlan plan)
    {
        var removed = 0L;
        _store.Run(plan, 0, [key], t => removed = t.RemoveFields(_store.KeyOf(key.Bytes()), new FieldValue(field.Bytes(), default)));
        return removed;
    }

    private string? Get(string key, string field)
    {
        string? text = null;
        _store.Run(TransactionPlan.Held, 0, [key], t =>
        {
            if (t.FindHash(_store.KeyOf(key.Bytes()), out var hash) == Found.Present && hash.TryGet(field.Bytes(), out var value)) text = value.Text();
        });
        return text;
    }

    private static void RunOpen(Transaction open, Action<Transaction> run)
    {
        var worker = open.Store.Rent();
        open.RunOpen(worker, new Script(run));
        open.Store.Return(worker);
    }

    private static void End(Transaction open, bool commit)
    {
        var worker = open.Store.Rent();
        if (commit) Assert.Equal(CommitOutcome.Committed, open.TryCommitOpen(worker));
        else open.Rollback(worker);
        open.Store.Return(worker);
    }

    private Transaction Open(bool readOnly)
    {
        var transaction = new Transaction(_store);
        var worker = _store.Rent();
        Assert.True(transaction.TryOpen(worker, 0, readOnly));
        _store.Return(worker);
        return transaction;
    }
}
