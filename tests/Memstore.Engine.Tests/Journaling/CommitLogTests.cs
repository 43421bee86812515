using System.Globalization;
using Memstore.Engine.Journaling;
using Memstore.Engine.Values;
using Xunit;

namespace Memstore.Engine.Tests.Journaling;

/// <summary>Positions in the commit log: whoever reads an effect and then writes stands behind it.</summary>
public sealed class CommitLogTests
{
    [Fact]
    public void A_commit_fills_one_record_with_all_its_effects_in_order()
    {
        var log = new ListLog();
        using var store = NewStore(log, CommitFaults.None);
        store.Run(TransactionPlan.Held, 0, ["a", "b", "c"], t =>
        {
            t.Write("a", "1");
            t.Write("b", "2");
            t.SetDeadline(store.KeyOf("b".Bytes()), 9_000_000_000_000);
            t.Remove("a");
            t.Read("c");
        });
        store.Run(TransactionPlan.Held, 0, ["c"], t => t.Read("c"));
        store.RunOnEverything(TransactionPlan.Held, 0, t => t.Flush(0));
        Assert.Equal(["put a 1;put b 2;expire b 9000000000000;del a;", "flush;"], log.Records());
    }

    [Fact]
    public void A_reply_depends_on_what_it_wrote_and_on_what_it_read()
    {
        var log = new ListLog();
        using var store = NewStore(log, CommitFaults.None);
        store.Set("a", "1");
        store.Set("b", "1");
        var position = 0L;
        store.Run(TransactionPlan.Held, 0, ["a"], t => position = t.Read("a") is null ? -1 : t.Position);
        Assert.Equal(1, position);
        Transaction? writer = null;
        store.Run(TransactionPlan.Held, 0, ["b", "c"], t =>
        {
            t.Read("b");
            t.Write("c", "1");
            writer = t;
        });
        Assert.Equal(3, writer!.Position);
    }

    [Theory]
    [InlineData(TransactionPlan.Held, "")]
    [InlineData(TransactionPlan.Snapshot, "del h;")]
    public void A_change_of_a_hash_is_logged_as_the_fields_that_changed(TransactionPlan plan, string before)
    {
        var log = new ListLog();
        using var store = NewStore(log, CommitFaults.None);
        store.Run(plan, 0, ["h"], t => t.SetFields(store.KeyOf("h".Bytes()), new FieldValue("f"u8, "1"u8)));
        store.Run(plan, 0, ["h"], t => t.SetFields(store.KeyOf("h".Bytes()), new FieldValue("g"u8, "2"u8)));
        store.Run(plan, 0, ["h"], t => t.RemoveFields(store.KeyOf("h".Bytes()), new FieldValue("f"u8, default)));
        store.Run(plan, 0, ["h"], t => t.SetDeadline(store.KeyOf("h".Bytes()), 9_000_000_000_000));
        store.Run(plan, 0, ["h", "i"], t => t.MoveValue(store.KeyOf("h".Bytes()), 0, store.KeyOf("i".Bytes()), 3));
        Assert.Equal([before + "hset h f=1;", "hset h g=2;", "hdel h f;", "expire h 9000000000000;", "copy h 3 i;del h;"], log.Records());
    }

    [Fact]
    public void What_a_snapshot_prepared_is_logged_once_and_what_is_rolled_back_never()
    {
        var log = new ListLog();
        using var store = NewStore(log, CommitFaults.None);
        store.Run(TransactionPlan.Snapshot, 2, ["a", "b"], t =>
        {
            t.Write("a", "1");
            t.Write("a", "2");
            t.Database = 3;
            t.Write("b", "3");
        });
        var worker = store.Rent();
        var open = new Transaction(store);
        Assert.True(open.TryOpen(worker, 0, readOnly: false));
        open.RunOpen(worker, new Script(t => t.Write("c", "4")));
        open.Rollback(worker);
        Assert.True(open.TryOpen(worker, 0, readOnly: false));
        open.RunOpen(worker, new Script(t => t.Write("d", "5")));
        Assert.Equal(CommitOutcome.Committed, open.TryCommitOpen(worker));
        store.Return(worker);
        Assert.Equal(["in 2: put a 1;put a 2;select 3;put b 3;", "put d 5;"], log.Records());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(30)]
    public void The_log_tells_nothing_that_memory_was_too_short_for(int valueLength)
    {
        var log = new ListLog();
        using var store = new Store(new StoreOptions
        {
            CommitLog = log,
            EffectEncoder = new TextEncoder(),
            RunMaintenance = false,
            Seed = 1,
            Arena = new Memstore.Engine.Memory.ArenaOptions { LimitBytes = 8 << 20 },
        });
        var value = new string('v', valueLength);
        var failures = 0;
        for (var i = 0; failures < 20; i++)
        {
            string[] keys = [$"{i}a", $"{i}b", $"{i}c"];
            try
            {
                store.Run(TransactionPlan.Held, 0, keys, t => Array.ForEach(keys, key => t.Write(key, value)));
            }
            catch (OutOfMemoryException)
            {
                failures++;
            }
        }

        var logged = log.Records().SelectMany(static record => record.Split(';', StringSplitOptions.RemoveEmptyEntries)).Select(static effect => effect.Split(' ')[1]).ToHashSet();
        Assert.NotEmpty(logged);
        foreach (var key in logged) Assert.True(store.TryGetUnheld(key, out var seen) && seen == value, key);
    }

    [Fact]
    public void An_expiry_is_logged_as_a_delete()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var log = new ListLog();
        using var store = new Store(new StoreOptions { TimeProvider = clock, CommitLog = log, EffectEncoder = new TextEncoder(), RunMaintenance = false });
        store.Set("k", "v", store.NowUnixMs + 10);
        clock.Advance(TimeSpan.FromMilliseconds(50));
        store.Maintain();
        Assert.Equal(["put k v;", "del k;"], log.Records());
    }

    [Fact]
    public void No_effect_is_logged_before_its_cause() => Assert.Equal(0, CountEffectsBeforeTheirCause(CommitFaults.None, 3));

    [Fact]
    public void A_position_reserved_after_publishing_is_noticed() => Assert.NotEqual(0, CountEffectsBeforeTheirCause(CommitFaults.ReserveLate, 20));

    // Writers count a key up; copiers read it without its shard and write what they saw to a key of their own. In the log, a
    // copy must stand behind the write that it copied.
    private static int CountEffectsBeforeTheirCause(CommitFaults faults, int rounds)
    {
        var wrong = 0;
        for (var round = 0; round < rounds && wrong == 0; round++)
        {
            var log = new ListLog();
            using var store = NewStore(log, faults);
            var threads = Enumerable.Range(0, 4).Select(number => new Thread(() => Work(store, number))).ToList();
            threads.ForEach(static thread => thread.Start());
            threads.ForEach(static thread => thread.Join());
            var newest = 0;
            foreach (var record in log.Records())
            {
                var words = record.TrimEnd(';').Split(' ');
                var value = int.Parse(words[2], CultureInfo.InvariantCulture);
                if (words[1] == "source") newest = Math.Max(newest, value);
                else if (value > newest) wrong++;
            }
        }

        return wrong;
    }

    private static void Work(Store store, int number)
    {
        for (var i = 1; i <= 3_000; i++)
        {
            if (number == 0)
            {
                store.Set("source", i.ToString(CultureInfo.InvariantCulture));
                continue;
            }

            if (!store.TryGetUnheld("source", out var value) || value is null) continue;
            store.Set($"copy{number}", value);
        }
    }

    private static Store NewStore(ICommitLog log, CommitFaults faults) =>
        new(new StoreOptions { CommitLog = log, EffectEncoder = new TextEncoder(), Faults = faults });
}
