using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Memstore.Engine.Tests.Transactions;

public sealed class TransactionTests : IDisposable
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UnixEpoch.AddYears(50));
    private readonly Store _store;

    public TransactionTests() =>
        _store = new Store(new StoreOptions { Shards = 4, TimeProvider = _clock, RunMaintenance = false, Seed = 1 });

    public void Dispose() => _store.Dispose();

    [Fact]
    public void A_key_that_was_set_is_found()
    {
        _store.Set("greeting", "hello");
        Assert.Equal("hello", _store.Get("greeting"));
        Assert.True(_store.TryGetUnheld("greeting", out var value));
        Assert.Equal("hello", value);
    }

    [Fact]
    public void A_key_that_was_never_set_is_absent()
    {
        Assert.Null(_store.Get("nobody"));
        Assert.True(_store.TryGetUnheld("nobody", out var value));
        Assert.Null(value);
    }

    [Fact]
    public void Keys_and_values_of_every_size_come_back()
    {
        foreach (var size in new[] { 0, 1, 15, 255, 256, 4_096, 70_000, 3_000_000 })
        {
            var key = "k" + new string('x', Math.Min(size, 100_000));
            _store.Set(key, new string('v', size));
            Assert.Equal(size, _store.Get(key)!.Length);
        }
    }

    [Fact]
    public void A_deleted_key_is_gone()
    {
        _store.Set("a", "1");
        var deleted = false;
        _store.Run(TransactionPlan.Held, 0, ["a"], t => deleted = t.Remove("a"));
        Assert.True(deleted);
        Assert.Null(_store.Get("a"));
        _store.Run(TransactionPlan.Held, 0, ["a"], t => deleted = t.Remove("a"));
        Assert.False(deleted);
    }

    [Fact]
    public void A_key_is_dead_at_its_deadline_and_not_before()
    {
        _store.Set("session", "x", _store.NowUnixMs + 1_000);
        _clock.Advance(TimeSpan.FromMilliseconds(999));
        Assert.Equal("x", _store.Get("session"));
        Assert.True(_store.TryGetUnheld("session", out _));
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        // Without its shard nobody may say that a key is dead.
        Assert.False(_store.TryGetUnheld("session", out _));
        Assert.Null(_store.Get("session"));
        Assert.True(_store.TryGetUnheld("session", out var value));
        Assert.Null(value);
    }

    [Fact]
    public void Maintenance_deletes_what_is_due_and_nothing_else()
    {
        for (var i = 0; i < 2_000; i++) _store.Set($"k{i}", "v", i % 2 == 0 ? _store.NowUnixMs + 100 : 0);
        _clock.Advance(TimeSpan.FromMilliseconds(120));
        _store.Maintain();
        Assert.Equal(1_000, _store.Statistics().Databases[0].Keys);
        Assert.Equal(0, _store.Statistics().Databases[0].WithDeadline);
        Assert.Equal(1_000, _store.Statistics().ExpiredKeys);
    }

    [Fact]
    public void The_mean_time_to_live_is_that_of_the_keys_that_have_one()
    {
        Assert.Equal(0, _store.Statistics().Databases[0].MeanTtlMs);
        for (var i = 0; i < 100; i++) _store.Set($"k{i}", "v", i % 2 == 0 ? _store.NowUnixMs + (i * 1_000) : 0);
        Assert.InRange(_store.Statistics().Databases[0].MeanTtlMs, 50_000 - 64, 50_000 + 64);
        for (var i = 2; i < 100; i += 2) _store.Set($"k{i}", "v", _store.NowUnixMs + 10_000);
        Assert.InRange(_store.Statistics().Databases[0].MeanTtlMs, 10_000 - 64, 10_000 + 64);
        _clock.Advance(TimeSpan.FromSeconds(4));
        Assert.InRange(_store.Statistics().Databases[0].MeanTtlMs, 6_000 - 64, 6_000 + 64);
    }

    [Fact]
    public void A_deadline_that_was_moved_counts_from_its_new_place()
    {
        _store.Set("k", "v", _store.NowUnixMs + 100);
        for (var i = 0; i < 1_000; i++)
            _store.Run(TransactionPlan.Held, 0, ["k"], t => t.SetDeadline(_store.KeyOf("k".Bytes()), _store.NowUnixMs + 10_000 + i));
        _clock.Advance(TimeSpan.FromMilliseconds(5_000));
        _store.Maintain();
        Assert.Equal("v", _store.Get("k"));
        _clock.Advance(TimeSpan.FromMilliseconds(7_000));
        _store.Maintain();
        Assert.Equal(0, _store.Statistics().Databases[0].Keys);
    }

    [Theory]
    [InlineData(TransactionPlan.Held)]
    [InlineData(TransactionPlan.Snapshot)]
    public void A_transaction_sees_its_own_writes(TransactionPlan plan)
    {
        _store.Set("a", "1");
        string? a = null, b = null, deleted = "x";
        _store.Run(plan, 0, ["a", "b"], t =>
        {
            t.Write("a", "2");
            t.Write("b", "3");
            a = t.Read("a");
            b = t.Read("b");
            t.Remove("a");
            deleted = t.Read("a");
        });
        Assert.Equal(("2", "3", null), (a, b, deleted));
        Assert.Null(_store.Get("a"));
        Assert.Equal("3", _store.Get("b"));
    }

    [Fact]
    public void A_snapshot_transaction_runs_again_when_what_it_read_has_changed()
    {
        _store.Set("counter", "1");
        var transaction = new Transaction(_store);
        transaction.Begin(0, TransactionPlan.Snapshot);
        transaction.Declare(_store.RouteOf("counter".Bytes()), KeyAccess.Write);
        var runs = 0;
        _store.Finish(transaction, t =>
        {
            var seen = int.Parse(t.Read("counter")!);
            if (runs++ == 0) _store.Set("counter", "10");
            t.Write("counter", (seen + 1).ToString());
        });
        Assert.Equal(2, runs);
        Assert.Equal("11", _store.Get("counter"));
        Assert.Equal(1, _store.Statistics().Conflicts);
    }

    [Fact]
    public void An_open_transaction_sees_its_snapshot_and_its_own_writes_and_others_see_neither()
    {
        _store.Set("a", "1");
        _store.Set("b", "1");
        var open = Open(readOnly: false);
        _store.Set("a", "2");
        string? a = null, b = null;
        RunOpen(open, t =>
        {
            a = t.Read("a");
            t.Write("b", "mine");
            b = t.Read("b");
        });
        Assert.Equal(("1", "mine"), (a, b));
        Assert.Equal("1", _store.Get("b"));
        Assert.Equal(CommitOutcome.Conflict, Commit(open));
        Assert.Equal("1", _store.Get("b"));
    }

    [Fact]
    public void An_open_transaction_commits_when_nothing_it_read_has_changed()
    {
        _store.Set("a", "1");
        var open = Open(readOnly: false);
        RunOpen(open, t =>
        {
            Assert.Equal("1", t.Read("a"));
            Assert.Null(t.Read("c"));
            t.Write("b", "2");
            t.Remove("a");
        });
        _store.Set("unrelated", "x");
        Assert.Equal(CommitOutcome.Committed, Commit(open));
        Assert.Null(_store.Get("a"));
        Assert.Equal("2", _store.Get("b"));
    }

    [Fact]
    public void A_snapshot_that_waits_while_several_databases_are_flushed_sees_what_was_there_before()
    {
        for (var database = 0; database < 3; database++) _store.Set("a", "1", database: database);
        var flush = new Script(t =>
        {
            for (var database = 0; database < 3; database++) t.Flush(database);
        });
        var seen = new List<string?>();
        var look = new Script(t =>
        {
            for (t.Database = 0; seen.Count < 3; t.Database++) seen.Add(t.Read("a"));
        });
        // While a shard is held, the flush queues for it, and then a snapshot, which was opened before the flush could begin.
        _store.Run(TransactionPlan.Held, 0, ["a"], _ =>
        {
            var flushing = new Transaction(_store);
            flushing.Begin(0);
            flushing.DeclareEverything(KeyAccess.Write);
            Submit(flushing, flush);
            var looking = new Transaction(_store);
            looking.Begin(0, TransactionPlan.ReadSnapshot);
            looking.Declare(_store.RouteOf("a".Bytes()), KeyAccess.Read);
            Submit(looking, look);
            Assert.Equal((0, 0), (flush.Runs, look.Runs));
        });
        flush.Wait();
        look.Wait();
        Assert.Null(look.Error);
        Assert.Equal(["1", "1", "1"], seen);
        Assert.Null(_store.Get("a"));
    }

    [Fact]
    public void A_key_read_as_absent_and_created_since_is_a_conflict()
    {
        var open = Open(readOnly: false);
        RunOpen(open, t =>
        {
            Assert.Null(t.Read("a"));
            t.Write("b", "2");
        });
        _store.Set("a", "1");
        Assert.Equal(CommitOutcome.Conflict, Commit(open));
        Assert.Null(_store.Get("b"));
    }

    [Fact]
    public void A_key_deleted_and_written_back_is_a_conflict()
    {
        _store.Set("a", "1");
        var open = Open(readOnly: false);
        RunOpen(open, t =>
        {
            Assert.Equal("1", t.Read("a"));
            t.Write("b", "2");
        });
        _store.Run(TransactionPlan.Held, 0, ["a"], t => t.Remove("a"));
        _store.Set("a", "1");
        Assert.Equal(CommitOutcome.Conflict, Commit(open));
    }

    [Theory]
    [InlineData(63, 0, false)]
    [InlineData(64, 0, true)]
    [InlineData(64, 8, true)]
    [InlineData(64, 9, false)]
    [InlineData(1_024, 128, true)]
    public void A_long_transaction_that_mostly_reads_runs_on_a_snapshot_and_again_in_its_shards_if_it_was_overtaken(int keys, int writes, bool onSnapshot)
    {
        _store.Set("k0", "1");
        var transaction = new Transaction(_store);
        transaction.Begin(0);
        for (var i = 0; i < keys; i++) transaction.Declare(_store.RouteOf($"k{i}".Bytes()), i < writes ? KeyAccess.Write : KeyAccess.Read);
        transaction.PlanByLength();
        var modes = new List<bool>();
        var other = new Thread(() => _store.Set("k0", "2"));
        _store.Finish(transaction, t =>
        {
            modes.Add(t.IsPrivate);
            var seen = t.Read("k0")!;
            for (var i = 1; i < keys; i++) t.Read($"k{i}");
            if (writes == 0) return;
            t.Write("k1", seen);
            if (!t.IsPrivate || modes.Count > 1) return;
            other.Start();
            other.Join();
        });
        Assert.Equal(onSnapshot, modes[0]);
        Assert.Equal(onSnapshot && writes > 0 ? [true, false] : [onSnapshot], modes);
        if (writes > 0) Assert.Equal(onSnapshot ? "2" : "1", _store.Get("k1"));
    }

    [Fact]
    public void A_transaction_with_watches_runs_in_its_shards_however_long_it_is()
    {
        using var watched = new Watched(_store, "a");
        var transaction = new Transaction(_store);
        transaction.Begin(0);
        for (var i = 0; i < 100; i++) transaction.Declare(_store.RouteOf($"k{i}".Bytes()), KeyAccess.Read);
        transaction.DeclareWatches(watched.Set);
        transaction.PlanByLength();
        _store.Finish(transaction, t => Assert.False(t.IsPrivate));
    }

    [Fact]
    public void A_key_whose_database_was_swapped_is_a_conflict_though_the_other_one_is_as_old()
    {
        _store.Set("a", "1");
        _store.Set("a", "2", database: 4);
        var open = Open(readOnly: false);
        RunOpen(open, t => t.Write("b", t.Read("a")!));
        _store.RunOnEverything(TransactionPlan.Held, 0, t => t.Swap(0, 4));
        Assert.Equal(CommitOutcome.Conflict, Commit(open));
        Assert.Null(_store.Get("b"));
        Assert.Null(_store.Get("b", database: 4));
    }

    [Fact]
    public void A_key_that_died_before_the_commit_is_a_conflict()
    {
        _store.Set("a", "1", _store.NowUnixMs + 100);
        var open = Open(readOnly: false);
        RunOpen(open, t =>
        {
            Assert.Equal("1", t.Read("a"));
            t.Write("b", "2");
        });
        _clock.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(CommitOutcome.Conflict, Commit(open));
    }

    [Fact]
    public void A_rolled_back_transaction_leaves_nothing()
    {
        var open = Open(readOnly: false);
        RunOpen(open, t => t.Write("a", "1"));
        var worker = _store.Rent();
        open.Rollback(worker);
        _store.Return(worker);
        Assert.Null(_store.Get("a"));
        Assert.Equal(0, _store.Statistics().OpenSnapshots);
    }

    [Fact]
    public void A_snapshot_reads_the_same_whatever_is_overwritten_deleted_created_or_flushed()
    {
        for (var i = 0; i < 500; i++) _store.Set($"k{i}", $"old{i}");
        var open = Open(readOnly: true);
        for (var i = 0; i < 500; i += 2) _store.Set($"k{i}", "new");
        for (var i = 1; i < 500; i += 4) _store.Run(TransactionPlan.Held, 0, [$"k{i}"], t => t.Remove($"k{i}"));
        for (var i = 0; i < 500; i++) _store.Set($"n{i}", "new");
        AssertReadsOld(open);
        _store.RunOnEverything(TransactionPlan.Held, 0, t => t.Flush(0));
        for (var i = 0; i < 10; i++) _store.Maintain();
        AssertReadsOld(open);
        Assert.Null(_store.Get("k2"));
        RunOpen(open, t => Assert.Equal(500, t.Count(0)));
        Assert.Equal(CommitOutcome.Committed, Commit(open));
    }

    [Fact]
    public void A_snapshot_sees_its_version_behind_many_newer_ones()
    {
        _store.Set("k", "old");
        var open = Open(readOnly: true);
        for (var i = 0; i < 5; i++)
        {
            _store.Set("k", $"new{i}");
            RunOpen(open, t => Assert.Equal("old", t.Read("k")));
            _store.Run(TransactionPlan.Held, 0, ["k"], t => t.Remove("k"));
            RunOpen(open, t => Assert.Equal("old", t.Read("k")));
        }

        var later = Open(readOnly: true);
        _store.Set("k", "newest");
        RunOpen(later, t => Assert.Null(t.Read("k")));
        RunOpen(open, t => Assert.Equal("old", t.Read("k")));
        Assert.Equal(CommitOutcome.Committed, Commit(later));
        for (var i = 0; i < 10; i++) _store.Maintain();
        RunOpen(open, t => Assert.Equal("old", t.Read("k")));
        Assert.Equal(CommitOutcome.Committed, Commit(open));
    }

    [Fact]
    public void Memory_returns_to_its_baseline_when_snapshots_close_and_keys_go()
    {
        for (var i = 0; i < 10; i++) _store.Maintain();
        var before = _store.UsedBytes;
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 2_000; i++) _store.Set($"k{i}", new string('v', i % 300), i % 3 == 0 ? _store.NowUnixMs + 50 : 0);
            var open = Open(readOnly: true);
            for (var i = 0; i < 2_000; i++) _store.Set($"k{i}", "w");
            for (var i = 0; i < 1_000; i++) _store.Run(TransactionPlan.Held, 0, [$"k{i}"], t => t.Remove($"k{i}"));
            Assert.Equal(CommitOutcome.Committed, Commit(open));
            _store.RunOnEverything(TransactionPlan.Held, 0, t => t.Flush(0));
            _clock.Advance(TimeSpan.FromSeconds(1));
            for (var i = 0; i < 200; i++) _store.Maintain();
        }

        Assert.Equal(before, _store.UsedBytes);
    }

    [Fact]
    public unsafe void Moving_a_key_to_another_database_marks_its_slot_until_both_records_are_there()
    {
        _store.Set("k", "v");
        var slot = _store.RouteOf("k".Bytes()).Slot;
        _store.Run(TransactionPlan.Held, 0, ["k"], t =>
        {
            Assert.True(t.MoveValue(_store.KeyOf("k".Bytes()), 0, _store.KeyOf("k".Bytes()), 3));
            Assert.Equal(1, _store.Marks[slot] & 1);
        });
        Assert.Equal(0, _store.Marks[slot] & 1);
        Assert.Null(_store.Get("k"));
        Assert.Equal("v", _store.Get("k", database: 3));
    }

    [Fact]
    public void Databases_are_apart_and_can_be_swapped()
    {
        _store.Set("k", "zero");
        _store.Set("k", "five", database: 5);
        _store.RunOnEverything(TransactionPlan.Held, 0, t => t.Swap(0, 5));
        Assert.Equal("five", _store.Get("k"));
        Assert.Equal("zero", _store.Get("k", database: 5));
    }

    [Fact]
    public void A_watch_breaks_on_a_write_a_delete_an_expiry_and_a_key_that_came_and_went()
    {
        _store.Set("a", "1");
        _store.Set("t", "1", _store.NowUnixMs + 10);
        AssertBreaks("a", () => _store.Set("a", "1"));
        AssertBreaks("a", () => _store.Run(TransactionPlan.Held, 0, ["a"], t => t.Remove("a")));
        AssertBreaks("ghost", () =>
        {
            _store.Set("ghost", "1");
            _store.Run(TransactionPlan.Held, 0, ["ghost"], t => t.Remove("ghost"));
        });
        AssertBreaks("t", () =>
        {
            _clock.Advance(TimeSpan.FromMilliseconds(30));
            _store.Maintain();
        });
        _store.Set("a", "1");
        AssertBreaks("a", () => _store.RunOnEverything(TransactionPlan.Held, 0, t => t.Flush(0)));
    }

    [Fact]
    public void A_watched_key_that_has_expired_breaks_the_watch_though_nobody_has_removed_it()
    {
        _store.Set("t", "1", _store.NowUnixMs + 10);
        using var watched = new Watched(_store, "t");
        Assert.False(IsBrokenInExec(watched));
        _clock.Advance(TimeSpan.FromMilliseconds(9));
        Assert.False(IsBrokenInExec(watched));
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.True(IsBrokenInExec(watched));
        using var again = new Watched(_store, "t");
        Assert.False(IsBrokenInExec(again));
    }

    private bool IsBrokenInExec(Watched watched)
    {
        var transaction = new Transaction(_store);
        transaction.Begin(0);
        transaction.DeclareWatches(watched.Set);
        var broken = false;
        _store.Finish(transaction, t => broken = t.WatchesBroken);
        return broken;
    }

    [Fact]
    public void A_watch_stays_whole_when_other_keys_change()
    {
        using var watched = new Watched(_store, "a");
        _store.Set("b", "1");
        _store.Set("a", "1", database: 3);
        Assert.False(watched.Set.IsBroken);
    }

    [Fact]
    public void A_slot_moves_with_all_it_holds()
    {
        _store.Set("k", "v");
        var slot = _store.RouteOf("k".Bytes()).Slot;
        for (var shard = 0; shard < 4; shard++)
        {
            var worker = _store.Rent();
            Assert.True(_store.TryMoveSlot(worker, slot, shard));
            _store.Return(worker);
            Assert.Equal(shard, _store.ShardOf(slot));
            Assert.Equal("v", _store.Get("k"));
        }
    }

    [Fact]
    public void A_million_keys_under_one_hash_tag_are_found()
    {
        const int Keys = 1_000_000;
        var transaction = new Transaction(_store);
        var worker = _store.Rent();
        var number = 0;
        var body = new Script(t => t.PutString(_store.KeyOf($"{{tag}}{number}".Bytes()), "v"u8));
        for (; number < Keys; number++)
        {
            transaction.Begin(0);
            transaction.Declare(_store.RouteOf("{tag}"u8), KeyAccess.Write);
            Assert.True(transaction.TryRun(worker, body));
            if (number % 1_000 == 0)
            {
                _store.Return(worker);
                worker = _store.Rent();
            }
        }

        _store.Return(worker);
        Assert.Equal(Keys, _store.Statistics().Databases[0].Keys);
        for (var i = 0; i < Keys; i += 997) Assert.Equal("v", _store.Get($"{{tag}}{i}"));
    }

    // Address space in use, where the system tells; keyspaces that are not given back show here at once.
    private static void AssertReadsOld(Transaction open) => RunOpen(open, t =>
    {
        for (var i = 0; i < 500; i++) Assert.Equal($"old{i}", t.Read($"k{i}"));
        for (var i = 0; i < 500; i++) Assert.Null(t.Read($"n{i}"));
    });

    private static void RunOpen(Transaction open, Action<Transaction> run)
    {
        var worker = open.Store.Rent();
        open.RunOpen(worker, new Script(run));
        open.Store.Return(worker);
    }

    private static CommitOutcome Commit(Transaction open)
    {
        var worker = open.Store.Rent();
        var outcome = open.TryCommitOpen(worker);
        open.Store.Return(worker);
        return outcome;
    }

    private Transaction Open(bool readOnly)
    {
        var transaction = new Transaction(_store);
        var worker = _store.Rent();
        Assert.True(transaction.TryOpen(worker, 0, readOnly));
        _store.Return(worker);
        return transaction;
    }

    private void AssertBreaks(string key, Action change)
    {
        using var watched = new Watched(_store, key);
        Assert.False(watched.Set.IsBroken);
        change();
        Assert.True(watched.Set.IsBroken);
    }

    private void Submit(Transaction transaction, Script script)
    {
        var worker = _store.Rent();
        transaction.Submit(worker, script);
        _store.Return(worker);
    }

    private sealed class Watched : IDisposable
    {
        public Watched(Store store, string key)
        {
            Set = new WatchSet(store);
            store.Run(TransactionPlan.Held, 0, [key], t => Set.Add(t, store.KeyOf(key.Bytes())));
        }

        public WatchSet Set { get; }

        public void Dispose() => Set.Clear();
    }
}
