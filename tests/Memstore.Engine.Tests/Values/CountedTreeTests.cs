using System.Buffers.Binary;
using Memstore.Engine.Memory;
using Xunit;

namespace Memstore.Engine.Tests.Values;

public sealed class CountedTreeTests : IDisposable
{
    private readonly TreeBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData(1, 30, 20, 20_000)]
    [InlineData(2, 3_000, 20, 60_000)]
    [InlineData(3, 30_000, 10, 120_000)]
    [InlineData(4, 300, 400, 20_000)]
    [InlineData(5, 2_000, 255, 40_000)]
    public void Random_changes_agree_with_a_model(int seed, int names, int valueLengthMax, int steps)
    {
        var random = new Random(seed);
        var baseline = _bench.UsedBytes;
        var model = new Dictionary<string, string>(StringComparer.Ordinal);
        var root = new TreeRoot((ulong)seed);
        for (var step = 0; step < steps; step++)
        {
            // Waves of growth and of shrinkage, so that nodes split and join.
            var message = $"seed {seed}, step {step}";
            Change(random, ref root, _bench.Context, model, names, valueLengthMax, (step / (steps / 6)) % 2 == 0 ? 4 : 1, message);
            if (step % (steps / 40) == 0) _bench.AssertSame(root, model, message);
        }

        _bench.AssertSame(root, model, $"seed {seed}, end");
        AssertRanks(root, random);
        foreach (var field in model.Keys.ToList()) Assert.True(CountedTree.Remove(ref root, _bench.Context, HashModel.Bytes(field)));
        _bench.AssertSame(root, new Dictionary<string, string>(), $"seed {seed}, emptied");
        Assert.Equal(0, root.Bytes);
        AssertUsed(baseline);
    }

    [Theory]
    [InlineData("first")]
    [InlineData("last")]
    [InlineData("middle")]
    public void Entries_removed_side_by_side_let_inner_nodes_share_and_join(string end)
    {
        const int Count = 120_000;
        var root = new TreeRoot(7);
        for (var i = 0; i < Count; i++) Set(ref root, _bench.Context, $"{i}", "");
        Assert.True(root.Bytes > 2L * TreeInner.CountMax * TreeLeaf.Size, "there are several inner nodes below the root");
        for (var left = Count; left > 0; left--)
        {
            CountedTree.GetAt(root, end switch { "first" => 0, "last" => left - 1, _ => left / 2 }, out var field, out _);
            Assert.True(CountedTree.Remove(ref root, _bench.Context, field));
            if (left % 1_000 == 1) CountedTree.AssertInvariants(root, _bench.Arena);
        }

        Assert.Equal(0, root.Bytes);
    }

    [Theory]
    [InlineData(11, 2_000, 30)]
    [InlineData(12, 200, 500)]
    [InlineData(13, 20_000, 12)]
    public void What_an_open_snapshot_sees_never_changes_and_nothing_leaks(int seed, int names, int valueLengthMax)
    {
        var random = new Random(seed);
        var baseline = _bench.UsedBytes;
        var model = new Dictionary<string, string>(StringComparer.Ordinal);
        var root = new TreeRoot((ulong)seed);
        var open = new List<(long Snapshot, TreeRoot Root, Dictionary<string, string> Model)>();
        for (var step = 0; step < 40_000; step++)
        {
            Change(random, ref root, _bench.Context, model, names, valueLengthMax, 2, $"seed {seed}, step {step}");
            if (random.Next(400) == 0) open.Add((_bench.OpenSnapshot(), root, new(model, StringComparer.Ordinal)));
            if (open.Count > 0 && random.Next(600) == 0)
            {
                var index = random.Next(open.Count);
                _bench.AssertSame(open[index].Root, open[index].Model, $"seed {seed}, step {step}", open[index].Snapshot);
                _bench.CloseSnapshot(open[index].Snapshot);
                open.RemoveAt(index);
            }
        }

        foreach (var (snapshot, old, then) in open)
        {
            _bench.AssertSame(old, then, $"seed {seed}, snapshot {snapshot}", snapshot);
            _bench.CloseSnapshot(snapshot);
        }

        Assert.Equal(0, _bench.RetiredCount);
        AssertUsed(baseline + root.Bytes);
        _bench.Free(ref root);
        AssertUsed(baseline);
    }

    [Fact]
    public void Without_a_snapshot_nothing_is_copied()
    {
        var root = new TreeRoot(1);
        for (var i = 0; i < 20_000; i++) Set(ref root, _bench.Context, $"field:{i}", "value");
        Assert.Equal(0, _bench.RetiredCount);

        _bench.CloseSnapshot(_bench.OpenSnapshot());
        for (var i = 0; i < 20_000; i++) Set(ref root, _bench.Context, $"field:{i}", "other");
        Assert.Equal(0, _bench.RetiredCount);
    }

    [Theory]
    [InlineData(21, true)]
    [InlineData(22, false)]
    [InlineData(23, true)]
    [InlineData(24, false)]
    public void A_private_transaction_is_invisible_until_it_commits_and_gone_when_it_rolls_back(int seed, bool commits)
    {
        var random = new Random(seed);
        var baseline = _bench.UsedBytes;
        var model = new Dictionary<string, string>(StringComparer.Ordinal);
        var root = new TreeRoot((ulong)seed);
        for (var round = 0; round < 20; round++)
        {
            var snapshot = _bench.OpenSnapshot();
            var context = _bench.Private(snapshot);
            var draft = root;
            var draftModel = new Dictionary<string, string>(model, StringComparer.Ordinal);
            for (var step = 0; step < 500; step++) Change(random, ref draft, context, draftModel, 3_000, 300, 2, $"seed {seed}");

            _bench.AssertSame(draft, draftModel, $"seed {seed}, round {round}");
            _bench.AssertSame(root, model, $"seed {seed}, round {round}", snapshot);
            if (commits || round == 0)
            {
                context.Committed();
                (root, model) = (draft, draftModel);
            }
            else
            {
                CountedTree.Discard(ref draft, context);
            }

            Assert.Equal(0, context.ReplacedCount);
            _bench.AssertSame(root, model, $"seed {seed}, round {round}");
            _bench.CloseSnapshot(snapshot);
            AssertUsed(baseline + root.Bytes);
        }

        _bench.Free(ref root);
        AssertUsed(baseline);
    }

    [Fact]
    public void Deleting_a_tree_that_a_private_transaction_has_written_leaves_the_published_one_whole()
    {
        var baseline = _bench.UsedBytes;
        var root = new TreeRoot(1);
        for (var i = 0; i < 1_000; i++) Set(ref root, _bench.Context, $"field:{i}", $"{i}");

        var context = _bench.Private(_bench.OpenSnapshot());
        var draft = root;
        for (var i = 0; i < 1_000; i += 3) Set(ref draft, context, $"field:{i}", new string('x', 300));
        CountedTree.Discard(ref draft, context);
        Assert.Equal(0, draft.Count);
        _bench.AssertSame(root, Enumerable.Range(0, 1_000).ToDictionary(i => $"field:{i}", i => $"{i}"), "published");

        _bench.Free(ref root);
        AssertUsed(baseline);
    }

    [Fact]
    public void Fields_with_one_hash_stay_apart_across_leaves_and_inner_nodes()
    {
        // Whoever knows the seed can make 32-byte fields whose XXH3 is the same for any bytes 8 to 15: the first eight cancel
        // the secret, and a product with 0 is 0.
        const ulong Seed = 5;
        var random = new Random(31);
        var baseline = _bench.UsedBytes;
        var model = new Dictionary<string, string>(StringComparer.Ordinal);
        var root = new TreeRoot(Seed);
        var field = new byte[32];
        BinaryPrimitives.WriteUInt64LittleEndian(field, 0xBE4B_A423_396C_FEB8UL + Seed);
        var order = CountedTree.OrderOf(root, field);
        for (var step = 0; step < 60_000; step++)
        {
            BinaryPrimitives.WriteInt64BigEndian(field.AsSpan(8), random.Next(12_000));
            Assert.Equal(order, CountedTree.OrderOf(root, field));
            var remove = (step / 20_000) == 1 ? random.Next(10) < 8 : random.Next(10) < 2;
            var text = HashModel.Text(field);
            if (remove) Assert.Equal(model.Remove(text), CountedTree.Remove(ref root, _bench.Context, field));
            else Assert.Equal(Put(model, text, "v"), CountedTree.Set(ref root, _bench.Context, field, "v"u8));
            if (step % 5_000 == 0) _bench.AssertSame(root, model, $"step {step}");
        }

        _bench.AssertSame(root, model, "end");
        foreach (var text in model.Keys) Assert.True(CountedTree.Contains(root, HashModel.Bytes(text)));
        _bench.Free(ref root);
        AssertUsed(baseline);
    }

    [Fact]
    public async Task A_snapshot_can_be_read_by_another_thread_while_the_tree_is_written()
    {
        var root = new TreeRoot(3);
        for (var i = 0; i < 30_000; i++) Set(ref root, _bench.Context, $"field:{i}", $"{i}");
        _bench.OpenSnapshot();
        var old = root;
        var done = 0;
        var reader = Task.Run(() =>
        {
            var rounds = 0;
            do
            {
                for (var i = 0; i < 30_000; i += 7)
                {
                    if (!CountedTree.TryGet(old, HashModel.Bytes($"field:{i}"), out var value) || HashModel.Text(value) != $"{i}") return -1;
                }

                rounds++;
            }
            while (Volatile.Read(ref done) == 0);
            return rounds;
        });
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 30_000; i++)
            {
                if (i % 3 == round) CountedTree.Remove(ref root, _bench.Context, HashModel.Bytes($"field:{i}"));
                else Set(ref root, _bench.Context, $"field:{i}", $"changed in round {round}");
            }
        }

        Volatile.Write(ref done, 1);
        Assert.True(await reader > 0, "the snapshot changed");
        CountedTree.AssertInvariants(root, _bench.Arena);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(1_000)]
    public void Freeing_in_slices_frees_everything_and_no_more_at_once_than_asked(int nodesMax)
    {
        var baseline = _bench.UsedBytes;
        var root = new TreeRoot(1);
        for (var i = 0; i < 5_000; i++) Set(ref root, _bench.Context, $"field:{i}", new string('v', i % 10 == 0 ? 300 : 10));
        while (true)
        {
            var before = _bench.UsedBytes;
            var done = CountedTree.FreeSlice(ref root, _bench.Worker, nodesMax);
            Assert.InRange(before - _bench.UsedBytes, done ? 0 : 1, nodesMax * TreeInner.Size);
            if (done) break;
        }

        AssertUsed(baseline);
    }

    // Without the nodes that the context keeps ready.
    private void AssertUsed(long bytes)
    {
        _bench.Context.ReleaseSpares();
        Assert.Equal(bytes, _bench.UsedBytes);
    }

    private static void Change(
        Random random, ref TreeRoot root, TreeContext context, Dictionary<string, string> model, int names, int lengthMax, int growth, string message)
    {
        var field = HashModel.RandomField(random, names, 12);
        var text = HashModel.Text(field);
        if (random.Next(growth + 2) >= 2)
        {
            var value = HashModel.RandomValue(random, lengthMax);
            Assert.True(Put(model, text, HashModel.Text(value)) == CountedTree.Set(ref root, context, field, value), message);
        }
        else
        {
            Assert.True(model.Remove(text) == CountedTree.Remove(ref root, context, field), message);
        }

        var found = CountedTree.TryGet(root, field, out var now);
        Assert.True(found == model.TryGetValue(text, out var expected), message);
        Assert.True(!found || HashModel.Text(now) == expected, message);
    }

    private static void AssertRanks(in TreeRoot root, Random random)
    {
        var fields = new List<string>();
        var cursor = new TreeCursor(root, 0);
        while (cursor.MoveNext()) fields.Add(HashModel.Text(cursor.Field));
        for (var i = 0; i < 200 && fields.Count > 0; i++)
        {
            var rank = random.Next(fields.Count);
            CountedTree.GetAt(root, rank, out var field, out _);
            Assert.Equal(fields[rank], HashModel.Text(field));
        }
    }

    private static bool Put(Dictionary<string, string> model, string field, string value)
    {
        var created = model.TryAdd(field, value);
        model[field] = value;
        return created;
    }

    private static void Set(ref TreeRoot root, TreeContext context, string field, string value)
        => CountedTree.Set(ref root, context, HashModel.Bytes(field), HashModel.Bytes(value));
}
