using System.Globalization;
using Memstore.Engine.Keys;
using Memstore.Engine.Memory;
using Memstore.Engine.Tests.Journaling;
using Memstore.Engine.Values;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Memstore.Engine.Tests.Transactions;

/// <summary>A transaction that fails in the middle, at whatever place, leaves nothing: not to readers, not in the log, not in memory.</summary>
public sealed class RollbackTests
{
    private static readonly Dictionary<string, Action<Transaction>[]> Scripts = new()
    {
        ["set a new key"] = [Put("new", "1")],
        ["set a new key with a deadline"] = [Put("new", "1", 9_000_000_000_000)],
        ["overwrite"] = [Put("s", "changed")],
        ["overwrite with a deadline"] = [Put("s", "changed", 9_000_000_000_000)],
        ["overwrite a hash"] = [Put("packed", "1")],
        ["overwrite a tree"] = [Put("tree", "1")],
        ["build in place"] = [t => "abc"u8.CopyTo(t.PutStringInPlace(Of(t, "s"), 3))],
        ["give a media type"] = [Typed("s", "changed"), Deadline("s", 9_000_000_000_000), t => t.CopyValue(Of(t, "s"), 0, Of(t, "packed"), 0), Rename("packed", "new")],
        ["delete"] = [Delete("s")],
        ["delete a tree"] = [Delete("tree")],
        ["give a deadline"] = [Deadline("s", 9_000_000_000_000)],
        ["take a deadline away"] = [Deadline("dated", 0)],
        ["give a tree a deadline"] = [Deadline("tree", 9_000_000_000_000)],
        ["make a hash"] = [Fields("new", 0, 3)],
        ["change a hash"] = [Fields("packed", 2, 8)],
        ["remove from a hash"] = [NoFields("packed", 1, 3)],
        ["remove all of a hash"] = [NoFields("packed", 0, 5)],
        ["make a tree of a hash"] = [Fields("packed", 0, 40)],
        ["make a tree"] = [Fields("new", 0, 300)],
        ["change a tree"] = [Fields("tree", 30, 400)],
        ["change a tree to long values"] = [Fields("tree", 60, 40, 700)],
        ["remove from a tree"] = [NoFields("tree", 10, 150)],
        ["remove all of a tree"] = [NoFields("tree", 0, 2_000)],
        ["rename"] = [Rename("s", "new")],
        ["rename over another"] = [Rename("s", "packed")],
        ["rename a tree"] = [Rename("tree", "new")],
        ["rename a tree over another"] = [Rename("tree", "tree2")],
        ["move a tree to another database"] = [t => t.MoveValue(Of(t, "tree"), 0, Of(t, "tree"), 3)],
        ["copy"] = [t => t.CopyValue(Of(t, "packed"), 0, Of(t, "new"), 0)],
        ["copy a tree"] = [t => t.CopyValue(Of(t, "tree"), 0, Of(t, "tree2"), 0)],
        ["fill a slot"] = [.. Enumerable.Range(1_000, 60).Select(i => Put($"{{tag}}{i}", "1", i % 2 == 0 ? 0 : 8_000_000_000_000 + i))],
        ["all kinds"] =
        [
            Put("new", "1"), Put("s", "changed"), Delete("packed"), Put("packed", "a string now"), Fields("tree", 100, 300), Deadline("tree", 9_000_000_000_000),
            Fields("tree", 0, 20, 900), Rename("tree", "moved"), NoFields("moved", 0, 50), Fields("packed2", 0, 40), Put("dead", "alive again"), Rename("moved", "tree2"),
            t => t.Read("dead2"), Delete("dated"), Fields("tree2", 500, 20), t => t.CopyValue(Of(t, "tree2"), 0, Of(t, "tree"), 0), NoFields("tree", 0, 2_000),
            Put("tree", "gone"), Put("new", "2"), Delete("new"), Put("new", "3", 9_000_000_000_000), Deadline("new", 0), Delete("s"),
        ],
    };

    private static readonly Dictionary<string, Action<Transaction>[]> WholeScripts = new()
    {
        ["flush"] = [t => t.Flush(0)],
        ["flush all"] = [t => t.Flush(0), t => t.Flush(3)],
        ["swap"] = [t => t.Swap(0, 3)],
        ["all kinds"] =
        [
            Put("new", "1"), Fields("tree", 100, 300), t => t.Swap(0, 3), Put("s", "in the other"), t => t.Flush(0), Put("s", "after"), Fields("tree", 0, 40),
            t => t.Swap(3, 5), t => t.Database = 5, Delete("s"), Rename("tree", "tree2"), t => t.Flush(5), Put("last", "1"), t => t.Swap(0, 5), Delete("tree"),
        ],
    };

    public static TheoryData<string, bool, bool> Cases()
    {
        var cases = new TheoryData<string, bool, bool>();
        foreach (var name in Scripts.Keys)
        {
            cases.Add(name, false, false);
            cases.Add(name, true, false);
        }

        foreach (var name in WholeScripts.Keys)
        {
            cases.Add(name, false, true);
            cases.Add(name, true, true);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Nothing_stays_of_a_transaction_when_its_nth_allocation_fails(string name, bool underSnapshot, bool everything)
    {
        var script = (everything ? WholeScripts : Scripts)[name];
        foreach (var forGood in (bool[])[false, true])
        {
            for (var n = 1; Fails(TransactionPlan.Held, script, script.Length, new AllocationFault(n, forGood), underSnapshot, everything); n++) Assert.True(n < 1_000);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Nothing_stays_of_a_transaction_whose_body_throws(string name, bool underSnapshot, bool everything)
    {
        var script = (everything ? WholeScripts : Scripts)[name];
        for (var steps = 0; steps <= script.Length; steps++)
        {
            Action<Transaction>[] broken = [.. script.Take(steps), static _ => throw new InvalidOperationException("A command fails.")];
            Assert.True(Fails(TransactionPlan.Held, broken, steps, null, underSnapshot, everything));
        }
    }

    [Theory]
    [InlineData("all kinds", false)]
    [InlineData("all kinds", true)]
    [InlineData("fill a slot", false)]
    [InlineData("copy a tree", false)]
    public void Nothing_stays_of_a_transaction_on_a_snapshot_that_fails_while_it_runs_or_commits(string name, bool underSnapshot)
    {
        foreach (var forGood in (bool[])[false, true])
        {
            for (var n = 1; Fails(TransactionPlan.Snapshot, Scripts[name], Scripts[name].Length, new AllocationFault(n, forGood), underSnapshot, false); n++) Assert.True(n < 3_000);
        }
    }

    [Fact]
    public void A_commit_that_fails_ends_its_open_transaction_and_shows_nothing()
    {
        for (var n = 1; ; n++)
        {
            using var world = new World(underSnapshot: false);
            var before = world.Dump();
            var open = new Transaction(world.Store);
            var worker = world.Store.Rent();
            Assert.True(open.TryOpen(worker, 0, readOnly: false));
            foreach (var step in Scripts["all kinds"]) open.RunOpen(worker, new Script(step));
            worker.AllocationFault = new AllocationFault(n, forGood: false);
            try
            {
                Assert.Equal(CommitOutcome.Committed, open.TryCommitOpen(worker));
                Assert.True(n > 1);
                return;
            }
            catch (InsufficientMemoryException)
            {
                Assert.False(open.IsOpen);
            }
            finally
            {
                worker.AllocationFault = null;
                world.Store.Return(worker);
            }

            world.AssertUntouched(before, []);
        }
    }

    [Fact]
    public void A_watch_holds_when_the_transaction_that_would_have_broken_it_fails()
    {
        using var world = new World(underSnapshot: false);
        var watches = new WatchSet(world.Store);
        foreach (var key in (string[])["s", "tree", "new"])
            world.Store.Run(TransactionPlan.Held, 0, [key], t => watches.Add(t, world.Store.KeyOf(key.Bytes())));
        foreach (var (script, everything) in (IEnumerable<(Action<Transaction>[], bool)>)[(Scripts["all kinds"], false), (WholeScripts["all kinds"], true)])
        {
            Assert.True(world.Throws(TransactionPlan.Held, [.. script, static _ => throw new InvalidOperationException("A command fails.")], null, everything));
            Assert.False(watches.IsBroken);
        }

        Assert.False(world.Throws(TransactionPlan.Held, Scripts["delete"], null, everything: false));
        Assert.True(watches.IsBroken);
        watches.Clear();
    }

    [Fact]
    public void A_transaction_that_cannot_be_finished_after_it_was_published_stops_the_process()
    {
        string? reason = null;
        using var store = new Store(new StoreOptions
        {
            RunMaintenance = false,
            CommitLog = new BrokenLog(),
            EffectEncoder = new TextEncoder(),
            Stop = (text, _) => reason ??= text,
        });
        Assert.Throws<InsufficientMemoryException>(() => store.Set("k", "v"));
        Assert.NotNull(reason);
    }

    [Fact]
    public void Maintenance_goes_on_when_memory_is_refused()
    {
        using var world = new World(underSnapshot: true);
        world.Clock.Advance(TimeSpan.FromDays(365 * 300));
        var worker = world.Store.Rent();
        worker.AllocationFault = new AllocationFault(1, forGood: true);
        world.Store.Return(worker);
        world.Store.Maintain();
        worker.AllocationFault = null;
        Assert.DoesNotContain("0 dated", world.Dump().Keys);
        world.AssertExact();
    }

    // Runs it; false if it succeeded. Whatever happened, the store is then as it should be.
    private static bool Fails(TransactionPlan plan, Action<Transaction>[] script, int good, AllocationFault? fault, bool underSnapshot, bool everything)
    {
        using var world = new World(underSnapshot);
        var before = world.Dump();
        var watched = world.SnapshotDump();
        if (!world.Throws(plan, script, fault, everything))
        {
            Assert.Equal(watched, world.SnapshotDump());
            world.AssertExact();
            return false;
        }

        world.AssertUntouched(before, watched);
        // And it can be done afterwards, with the same result as without the failure.
        using var other = new World(underSnapshot);
        Assert.False(world.Throws(plan, script[..good], null, everything));
        Assert.False(other.Throws(plan, script[..good], null, everything));
        Assert.Equal(other.Dump(), world.Dump());
        Assert.Equal(watched, world.SnapshotDump());
        world.AssertExact();
        return true;
    }

    private static Key Of(Transaction transaction, string key) => transaction.Store.KeyOf(key.Bytes());

    private static Action<Transaction> Put(string key, string value, long deadline = 0) => t => t.Write(key, value, deadline);

    private static Action<Transaction> Typed(string key, string value) => t => t.PutString(Of(t, key), value.Bytes(), mediaType: "text/csv"u8);

    private static Action<Transaction> Delete(string key) => t => t.Remove(key);

    private static Action<Transaction> Deadline(string key, long deadline) => t => t.SetDeadline(Of(t, key), deadline);

    private static Action<Transaction> Rename(string from, string to) => t => t.MoveValue(Of(t, from), t.Database, Of(t, to), t.Database);

    private static Action<Transaction> Fields(string key, int first, int count, int length = 3) =>
        t => t.SetFields(Of(t, key), new ManyFields(first, count, new string('v', length)));

    private static Action<Transaction> NoFields(string key, int first, int count) => t => t.RemoveFields(Of(t, key), new ManyFields(first, count, ""));

    /// <summary>A store with keys of all kinds, which can say what it shows and whether its accounts are exact.</summary>
    private sealed class World : IDisposable
    {
        private static readonly string[] Names = ["s", "new", "packed", "packed2", "tree", "tree2", "dated", "dead", "dead2", "moved"];

        private readonly ListLog _log = new();
        private readonly Transaction _snapshot;
        private readonly bool _underSnapshot;

        public World(bool underSnapshot)
        {
            Store = new Store(new StoreOptions
            {
                RunMaintenance = false,
                Seed = 1,
                PackedHashEntriesMax = 16,
                CommitLog = _log,
                EffectEncoder = new TextEncoder(),
                TimeProvider = Clock,
                Databases = 6,
            });
            _snapshot = new Transaction(Store);
            _underSnapshot = underSnapshot;
            foreach (var step in Setup()) Assert.False(Throws(TransactionPlan.Held, [step], null, everything: false));
            Clock.Advance(TimeSpan.FromSeconds(1));
            if (!underSnapshot) return;
            var worker = Store.Rent();
            Assert.True(_snapshot.TryOpen(worker, 0, readOnly: true));
            Store.Return(worker);
        }

        public FakeTimeProvider Clock { get; } = new();

        public Store Store { get; }

        public bool Throws(TransactionPlan plan, Action<Transaction>[] script, AllocationFault? fault, bool everything)
        {
            var transaction = new Transaction(Store);
            transaction.Begin(0, plan);
            if (everything) transaction.DeclareEverything(KeyAccess.Write);
            foreach (var key in Names) transaction.Declare(Store.RouteOf(key.Bytes()), KeyAccess.Write);
            transaction.Declare(Store.RouteOf("{tag}"u8), KeyAccess.Write);
            var worker = Store.Rent();
            worker.AllocationFault = fault;
            try
            {
                Assert.True(transaction.TryRun(worker, new Script(t => Array.ForEach(script, step => step(t)))));
                return false;
            }
            catch (Exception error) when (error is InsufficientMemoryException or InvalidOperationException)
            {
                Assert.Equal(fault is null, error is InvalidOperationException);
                return true;
            }
            finally
            {
                worker.AllocationFault = null;
                Store.Return(worker);
            }
        }

        public SortedDictionary<string, string> Dump()
        {
            var dump = new SortedDictionary<string, string>();
            Store.RunOnEverything(TransactionPlan.Held, 0, t => Dump(t, dump));
            return dump;
        }

        public SortedDictionary<string, string> SnapshotDump()
        {
            var dump = new SortedDictionary<string, string>();
            if (!_underSnapshot) return dump;
            var worker = Store.Rent();
            _snapshot.RunOpen(worker, new Script(t => Dump(t, dump)));
            Store.Return(worker);
            return dump;
        }

        public void AssertUntouched(SortedDictionary<string, string> before, SortedDictionary<string, string> watched)
        {
            AssertMarksAreEven();
            // What was over is gone for good, and that may be logged; nothing else.
            Assert.All(_log.Records().Skip(Setup().Count()), record => Assert.Matches("^(del dead2?;)*$", record));
            Assert.Equal(_log.Records().Count, Store.Log!.SafePosition(Memstore.Engine.Journaling.Durability.None));
            Assert.Equal(before, Dump());
            Assert.Equal(watched, SnapshotDump());
            foreach (var (key, shown) in before)
            {
                if (shown[0] != 's' || key[0] != '0') continue;
                Assert.True(Store.TryGetUnheld(key[2..], out var value), key);
                Assert.EndsWith(" " + value, shown, StringComparison.Ordinal);
            }
        }

        /// <summary>What the slots account for is what the arena has handed out, and all of it comes back.</summary>
        public unsafe void AssertExact()
        {
            var worker = Store.Rent();
            if (_underSnapshot) _snapshot.Rollback(worker);
            worker.TreeContext.ReleaseSpares();
            Store.Return(worker);
            Settle();
            var bytes = 0L;
            var allKeys = 0;
            var shown = Dump();
            for (var database = 0; database < Store.DatabaseCount; database++)
            {
                var keyspace = Store.DatabaseSet.Keyspaces[database];
                var (keys, dated, sum) = (0, 0L, 0L);
                for (var slot = 0; slot < SlotHash.Slots; slot++)
                {
                    bytes += keyspace.Cold[slot].Bytes;
                    keys += keyspace.Keys[slot];
                    dated += keyspace.SlotAt(slot)->WithDeadline;
                    sum += keyspace.Cold[slot].DeadlineSum;
                }

                // "string <deadline> ..." and "hash <deadline> ...".
                var deadlines = shown.Where(pair => pair.Key.StartsWith($"{database} ", StringComparison.Ordinal)).Select(pair => long.Parse(pair.Value.Split(' ')[1], CultureInfo.InvariantCulture)).ToArray();
                Assert.Equal((deadlines.Length, deadlines.Count(static deadline => deadline != 0)), (keys, (int)dated));
                Assert.Equal(deadlines.Sum(static deadline => deadline / 64), sum);
                allKeys += keys;
            }

            Assert.Equal(shown.Count, allKeys);
            Assert.Equal(Store.UsedBytes, bytes);
            Assert.Equal(0, Store.Versions.Count);
            Store.RunOnEverything(TransactionPlan.Held, 0, t =>
            {
                for (var database = 0; database < Store.DatabaseCount; database++) t.Flush(database);
            });
            Settle();
            Assert.Equal(0, Store.UsedBytes);
        }

        public void Dispose()
        {
            var worker = Store.Rent();
            _snapshot.Rollback(worker);
            Store.Return(worker);
            Store.Dispose();
        }

        private IEnumerable<Action<Transaction>> Setup()
        {
            yield return Put("s", "v");
            yield return Put("dated", "v", 8_000_000_000_000);
            yield return t => t.Write("dead", "v", t.NowUnixMs + 500);
            yield return t => t.SetFields(Of(t, "dead2"), new ManyFields(0, 3, "v"));
            yield return t => t.SetDeadline(Of(t, "dead2"), t.NowUnixMs + 500);
            yield return Fields("packed", 0, 5);
            yield return Fields("packed2", 0, 5);
            yield return Fields("tree", 0, 800);
            yield return Fields("tree", 3, 50, 900);
            yield return Fields("tree2", 0, 40);
            yield return t =>
            {
                t.Database = 3;
                t.Write("s", "in three");
            };
            for (var i = 0; i < 430; i++) yield return Put($"{{tag}}{i}", "v");
        }

        private void Settle()
        {
            for (var used = -1L; used != Store.UsedBytes;)
            {
                used = Store.UsedBytes;
                for (var i = 0; i < 4; i++) Store.Maintain();
            }
        }

        private unsafe void AssertMarksAreEven()
        {
            for (var slot = 0; slot < SlotHash.Slots; slot++) Assert.Equal(0, Store.Marks[slot] & 1);
            Assert.False(Store.DatabaseSet.IsChanging);
        }

        private static void Dump(Transaction transaction, SortedDictionary<string, string> dump)
        {
            for (var database = 0; database < transaction.Store.DatabaseCount; database++)
            {
                transaction.Database = database;
                var visitor = new Dumper(database, dump);
                for (var cursor = 0UL; ;)
                {
                    cursor = transaction.Scan(cursor, 100, ref visitor);
                    if (cursor == 0) break;
                }
            }
        }
    }

    private struct Dumper(int database, SortedDictionary<string, string> dump) : IEntryVisitor
    {
        public readonly void Visit(in Entry entry)
        {
            var shown = entry.Type == ValueType.String
                ? $"string {entry.DeadlineUnixMs} {entry.MediaType.Text()} {entry.Value.Text()}"
                : $"hash {entry.DeadlineUnixMs} {entry.Hash.Count} {Show(entry.Hash)}";
            dump[$"{database} {entry.Key.Text()}"] = shown;
        }

        private static string Show(HashValue hash)
        {
            var fields = new SortedDictionary<string, string>();
            foreach (var pair in hash) fields.Add(pair.Field.Text(), pair.Value.Text());
            return string.Join(' ', fields.Select(static field => $"{field.Key}={field.Value}"));
        }
    }

    private readonly struct ManyFields(int first, int count, string value) : IFieldValues
    {
        private readonly byte[] _value = value.Bytes();

        public int Count => count;

        public ReadOnlySpan<byte> Field(int index) => (first + index).ToString("'f'00000", CultureInfo.InvariantCulture).Bytes();

        public ReadOnlySpan<byte> Value(int index) => _value;
    }

    private sealed class BrokenLog : Memstore.Engine.Journaling.ICommitLog
    {
        public long Reserve() => 1;

        public void Fill(long position, int database, ReadOnlySpan<byte> effects) => throw new InsufficientMemoryException("A test refuses memory for the log.");

        public long SafePosition(Memstore.Engine.Journaling.Durability level) => 0;

        public void WhenSafe(long position, Memstore.Engine.Journaling.Durability level, Action<object?, bool> callback, object? state) => callback(state, true);
    }
}
