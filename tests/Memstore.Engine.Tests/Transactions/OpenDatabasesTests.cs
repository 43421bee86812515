using Memstore.Engine.Memory;
using Memstore.Engine.Tests.Journaling;
using Memstore.Engine.Values;
using Xunit;

namespace Memstore.Engine.Tests.Transactions;

/// <summary>Flushing and swapping databases inside an open transaction, against a model of plain dictionaries.</summary>
public sealed class OpenDatabasesTests(ITestOutputHelper output)
{
    private const int Databases = 4;
    private const int Keys = 12;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    // It reads nothing that others write, so it must commit whatever they do meanwhile.
    [Theory]
    [MemberData(nameof(Seeds))]
    public void An_open_transaction_with_flushes_and_swaps_does_what_the_model_does(int seed)
    {
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var log = new ListLog();
        using var store = new Store(new StoreOptions { Databases = Databases, RunMaintenance = false, Seed = 1, CommitLog = log, EffectEncoder = new TextEncoder(), PackedHashEntriesMax = 4 });
        var shared = NewModel();
        for (var round = 0; round < 30; round++)
        {
            for (var i = random.Next(10); i > 0; i--) WriteOutside(store, shared, random);
            var open = new Transaction(store);
            var worker = store.Rent();
            Assert.True(open.TryOpen(worker, random.Next(Databases), readOnly: false));
            var seen = shared.Select(static database => new Dictionary<string, string>(database)).ToArray();
            var replay = new List<Action<Dictionary<string, string>[]>>();
            for (var step = random.Next(1, 12); step > 0; step--) replay.Add(RunStep(open, worker, seen, random));
            // Blind writes and flushes do not conflict with what comes meanwhile.
            for (var i = random.Next(5); i > 0; i--) WriteOutside(store, shared, random);
            if (random.Next(4) == 0)
            {
                open.RunOpen(worker, new Script(t => AssertSame(t, seen)));
                open.Rollback(worker);
            }
            else
            {
                var records = log.Records().Count;
                Assert.Equal(CommitOutcome.Committed, open.TryCommitOpen(worker));
                Assert.True(log.Records().Count <= records + 1);
                replay.ForEach(action => action(shared));
            }

            store.Return(worker);
            AssertShows(store, shared);
            if (random.Next(5) == 0) store.Maintain();
        }

        for (var i = 0; i < 30; i++) store.Maintain();
        store.RunOnEverything(TransactionPlan.Held, 0, t => AssertSame(t, shared));
        for (var database = 0; database < Databases; database++) store.RunOnEverything(TransactionPlan.Held, 0, t => t.Flush(database));
        for (var i = 0; i < 30; i++) store.Maintain();
        Assert.InRange(store.UsedBytes, 0, 3 * 4_096);
    }

    [Fact]
    public void A_commit_with_a_flush_that_fails_changes_nothing()
    {
        for (var n = 1; ; n++)
        {
            var log = new ListLog();
            using var store = new Store(new StoreOptions { Databases = Databases, RunMaintenance = false, Seed = 1, CommitLog = log, EffectEncoder = new TextEncoder() });
            store.Set("a", "1");
            store.Set("b", "2", database: 1);
            var open = new Transaction(store);
            var worker = store.Rent();
            Assert.True(open.TryOpen(worker, 0, readOnly: false));
            open.RunOpen(worker, new Script(t =>
            {
                t.Flush(0);
                t.Swap(0, 1);
                for (var i = 0; i < 20; i++) t.Write($"new{i}", "3");
            }));
            worker.AllocationFault = new AllocationFault(n, forGood: false);
            try
            {
                Assert.Equal(CommitOutcome.Committed, open.TryCommitOpen(worker));
                Assert.True(n > 1);
                return;
            }
            catch (InsufficientMemoryException)
            {
                worker.AllocationFault = null;
                store.Return(worker);
            }

            Assert.Equal("1", store.Get("a"));
            Assert.Equal("2", store.Get("b", database: 1));
            Assert.Null(store.Get("new0"));
            Assert.Equal(["put a 1;", "in 1: put b 2;", ""], log.Records());
        }
    }

    [Fact]
    public void What_was_read_before_a_flush_is_still_validated_and_what_is_read_after_it_is_not()
    {
        using var store = new Store(new StoreOptions { RunMaintenance = false, Databases = Databases });
        store.Set("a", "1");
        var open = new Transaction(store);
        var worker = store.Rent();
        Assert.True(open.TryOpen(worker, 0, readOnly: false));
        open.RunOpen(worker, new Script(t =>
        {
            t.Flush(0);
            Assert.Null(t.Read("a"));
            t.Swap(0, 1);
            t.Write("b", "2");
        }));
        store.Set("a", "changed");
        Assert.Equal(CommitOutcome.Committed, open.TryCommitOpen(worker));
        Assert.Null(store.Get("a", database: 1));
        Assert.Equal("2", store.Get("b"));
        Assert.True(open.TryOpen(worker, 0, readOnly: false));
        open.RunOpen(worker, new Script(t =>
        {
            Assert.Equal("2", t.Read("b"));
            t.Flush(0);
        }));
        store.Set("b", "changed");
        Assert.Equal(CommitOutcome.Conflict, open.TryCommitOpen(worker));
        Assert.Equal("changed", store.Get("b"));
        store.Return(worker);
    }

    private static Dictionary<string, string>[] NewModel() => [.. Enumerable.Range(0, Databases).Select(static _ => new Dictionary<string, string>())];

    private static void WriteOutside(Store store, Dictionary<string, string>[] model, Random random)
    {
        var (database, key, value) = (random.Next(Databases), $"k{random.Next(Keys)}", $"{random.Next(1_000)}");
        if (random.Next(6) == 0)
        {
            var other = random.Next(Databases);
            store.RunOnEverything(TransactionPlan.Held, 0, t => t.Swap(database, other));
            (model[database], model[other]) = (model[other], model[database]);
            return;
        }

        store.Set(key, value, database: database);
        model[database][key] = value;
    }

    // Each step is run now, on what the transaction sees, and told to the model again at the commit, on what is there then.
    private static Action<Dictionary<string, string>[]> RunStep(Transaction open, Worker worker, Dictionary<string, string>[] seen, Random random)
    {
        var (database, other, key, value) = (random.Next(Databases), random.Next(Databases), $"k{random.Next(Keys)}", $"{random.Next(1_000)}");
        Action<Dictionary<string, string>[]> change;
        switch (random.Next(6))
        {
            case 0:
                change = model => model[database] = [];
                open.RunOpen(worker, new Script(t => t.Flush(database)));
                break;
            case 1:
                change = model => (model[database], model[other]) = (model[other], model[database]);
                open.RunOpen(worker, new Script(t => t.Swap(database, other)));
                break;
            case 2:
                // A tree, which must be freed if its database is flushed.
                change = model => model[database]["tree"] = "hash";
                open.RunOpen(worker, new Script(t =>
                {
                    t.Database = database;
                    t.PutString(Of(t, "tree"), default);
                    t.Delete(Of(t, "tree"));
                    for (var i = 0; i < 20; i++) t.SetFields(Of(t, "tree"), new FieldValue($"f{i}".Bytes(), "v"u8));
                }));
                break;
            default:
                change = model => model[database][key] = value;
                open.RunOpen(worker, new Script(t =>
                {
                    t.Database = database;
                    t.Write(key, value);
                    Assert.Equal(value, t.Read(key));
                }));
                break;
        }

        change(seen);
        return change;
    }

    private static void AssertShows(Store store, Dictionary<string, string>[] model)
    {
        store.RunOnEverything(TransactionPlan.Held, 0, t => AssertSame(t, model));
        var open = new Transaction(store);
        var worker = store.Rent();
        Assert.True(open.TryOpen(worker, 0, readOnly: false));
        open.RunOpen(worker, new Script(t => AssertSame(t, model)));
        // The same through a map that has changed and shows all as before, and through one that shows all elsewhere.
        open.RunOpen(worker, new Script(t =>
        {
            t.Swap(0, 1);
            AssertSame(t, [model[1], model[0], .. model[2..]]);
            t.Swap(0, 1);
            AssertSame(t, model);
            t.Flush(2);
            AssertSame(t, [model[0], model[1], [], .. model[3..]]);
        }));
        open.Rollback(worker);
        store.Return(worker);
    }

    private static void AssertSame(Transaction transaction, Dictionary<string, string>[] model)
    {
        for (var database = 0; database < Databases; database++)
        {
            transaction.Database = database;
            var visitor = new Lister([]);
            Assert.Equal(0UL, transaction.Scan(0, int.MaxValue, ref visitor));
            Assert.Equal(model[database].OrderBy(static pair => pair.Key), visitor.Found.OrderBy(static pair => pair.Key));
            Assert.Equal(model[database].Count, transaction.Count(database));
            Assert.Equal(model[database].Count > 0, transaction.RandomKey(new Random(1), out var picked));
            if (model[database].Count > 0) Assert.Contains(picked.Key.Text(), model[database].Keys);
        }
    }

    private static Key Of(Transaction transaction, string key) => transaction.Store.KeyOf(key.Bytes());

    private readonly struct Lister(List<KeyValuePair<string, string>> found) : IEntryVisitor
    {
        public List<KeyValuePair<string, string>> Found => found;

        public void Visit(in Entry entry) => found.Add(new(entry.Key.Text(), entry.Type == ValueType.String ? entry.Value.Text() : "hash"));
    }
}
