using System.Globalization;
using Memstore.Engine.Memory;
using Memstore.Engine.Values;
using Xunit;

namespace Memstore.Engine.Tests.Values;

public sealed class HashValueTests : IDisposable
{
    private readonly TreeBench _bench = new();

    public void Dispose() => _bench.Dispose();

    // Each of these was asked of Redis 7.0.15.
    [Theory]
    [InlineData(512, 1, true)]
    [InlineData(513, 1, false)]
    [InlineData(1, 64, true)]
    [InlineData(1, 65, false)]
    public void A_hash_is_packed_as_long_as_in_Redis(int fields, int valueLength, bool packed)
    {
        var oneByOne = new HashKey(_bench);
        var atOnce = new HashKey(_bench);
        var pairs = Enumerable.Range(0, fields).Select(i => ($"f{i}", new string('v', valueLength))).ToArray();
        foreach (var pair in pairs) oneByOne.Set(pair);
        atOnce.Set(pairs);
        Assert.Equal(packed, oneByOne.IsPacked);
        Assert.Equal(packed, atOnce.IsPacked);
        Assert.Equal(fields, oneByOne.Value.Count);
        Assert.Equal(fields, atOnce.Value.Count);
    }

    [Fact]
    public void A_long_field_or_a_long_value_that_is_overwritten_at_once_makes_a_tree()
    {
        var key = new HashKey(_bench);
        key.Set((new string('f', 64), ""));
        Assert.True(key.IsPacked);
        key.Set((new string('f', 65), ""));
        Assert.False(key.IsPacked);

        var other = new HashKey(_bench);
        other.Set(("a", new string('v', 65)), ("a", "x"));
        Assert.False(other.IsPacked);
        Assert.Equal(1, other.Value.Count);
    }

    [Fact]
    public void A_field_named_many_times_counts_once()
    {
        var key = new HashKey(_bench);
        key.Set([.. Enumerable.Repeat(("same", "v"), 600)]);
        Assert.True(key.IsPacked);
    }

    [Fact]
    public void A_tree_stays_a_tree()
    {
        var key = new HashKey(_bench);
        key.Set(("a", new string('v', 65)));
        key.Set(("a", "x"));
        Assert.False(key.IsPacked);
    }

    [Fact]
    public void A_lowered_limit_takes_effect_at_the_next_write_even_of_a_field_that_is_there()
    {
        var key = new HashKey(_bench);
        key.Set(("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"));
        key.Limits = new HashLimits(2, 64);
        key.Remove("d");
        Assert.True(key.IsPacked);
        key.Set(("a", "9"));
        Assert.False(key.IsPacked);
    }

    [Theory]
    [InlineData(null, 5, 5)]
    [InlineData("10", -3, 7)]
    [InlineData("-9223372036854775807", -1, long.MinValue)]
    [InlineData("9223372036854775806", 1, long.MaxValue)]
    public void Increment_adds(string? value, long increment, long expected)
    {
        var key = new HashKey(_bench);
        key.Set(("other", "1"));
        if (value is not null) key.Set(("n", value));
        Assert.Equal(Outcome.Done, key.Value.Increment("n"u8, increment, out var sum));
        Assert.Equal(expected, sum);
    }

    [Theory]
    [InlineData("", Outcome.NotAnInteger)]
    [InlineData("-", Outcome.NotAnInteger)]
    [InlineData("-0", Outcome.NotAnInteger)]
    [InlineData("05", Outcome.NotAnInteger)]
    [InlineData("-05", Outcome.NotAnInteger)]
    [InlineData("+5", Outcome.NotAnInteger)]
    [InlineData(" 5", Outcome.NotAnInteger)]
    [InlineData("5 ", Outcome.NotAnInteger)]
    [InlineData("1e3", Outcome.NotAnInteger)]
    [InlineData("1.0", Outcome.NotAnInteger)]
    [InlineData("9223372036854775808", Outcome.NotAnInteger)]
    [InlineData("-9223372036854775809", Outcome.NotAnInteger)]
    [InlineData("9223372036854775807", Outcome.Overflow)]
    public void Increment_refuses(string value, object outcome)
    {
        var key = new HashKey(_bench);
        key.Set(("n", value));
        Assert.Equal((Outcome)outcome, key.Value.Increment("n"u8, 1, out _));
    }

    [Fact]
    public void Increment_refuses_to_go_below_the_least_integer()
    {
        var key = new HashKey(_bench);
        key.Set(("n", long.MinValue.ToString(CultureInfo.InvariantCulture)));
        Assert.Equal(Outcome.Overflow, key.Value.Increment("n"u8, -1, out _));
        Assert.Equal(Outcome.Done, key.Value.Increment("n"u8, 0, out var sum));
        Assert.Equal(long.MinValue, sum);
    }

    [Theory]
    [InlineData(1, 40)]
    [InlineData(2, 400)]
    [InlineData(3, 4_000)]
    public void Random_edits_agree_with_a_model(int seed, int names)
    {
        var random = new Random(seed);
        var baseline = _bench.UsedBytes;
        var model = new Dictionary<string, string>(StringComparer.Ordinal);
        var key = new HashKey(_bench) { Limits = new HashLimits(100, 64) };
        for (var step = 0; step < 20_000; step++)
        {
            var pairs = new (string Field, string Value)[random.Next(20) == 0 ? random.Next(1, 150) : random.Next(1, 4)];
            for (var i = 0; i < pairs.Length; i++)
                pairs[i] = ($"field:{random.Next(names)}", new string('v', random.Next(random.Next(200) == 0 ? 300 : 20)));
            if (random.Next(step % 4_000 < 2_000 ? 4 : 2) > 0)
            {
                var before = model.Count;
                foreach (var (field, value) in pairs) model[field] = value;
                Assert.True(key.Set(pairs) == model.Count - before, $"seed {seed}, step {step}");
            }
            else
            {
                var fields = pairs.Select(pair => pair.Field).ToArray();
                Assert.True(key.Remove(fields) == fields.Distinct().Count(model.Remove), $"seed {seed}, step {step}");
            }

            if (step % 100 == 0) AssertSame(model, key.Value, $"seed {seed}, step {step}");
        }

        AssertSame(model, key.Value, $"seed {seed}, end");
        key.Remove([.. model.Keys]);
        _bench.Context.ReleaseSpares();
        Assert.Equal(baseline, _bench.UsedBytes);
    }

    [Theory]
    [InlineData(1, 3_000, 10)]
    [InlineData(2, 3_000, 1)]
    [InlineData(3, 20_000, 97)]
    [InlineData(4, 600, 5)]
    public void A_scan_returns_every_field_that_is_there_all_the_time(int seed, int names, int count)
    {
        var random = new Random(seed);
        var key = new HashKey(_bench);
        string[] lasting = [.. Enumerable.Range(0, 400).Select(i => $"lasting:{i}")];
        key.Set([.. lasting.Select(field => (field, "v"))]);
        for (var round = 0; round < 6; round++)
        {
            var seen = new FieldCollector();
            var cursor = 0UL;
            do
            {
                cursor = key.Value.Scan(cursor, count, ref seen);
                for (var i = 0; i < count; i++)
                {
                    // Growth in one round, shrinkage in the next; the first growth makes a tree of it.
                    var field = $"fleeting:{random.Next(names)}";
                    if (random.Next(10) < (round % 2 == 0 ? 9 : 1)) key.Set((field, "v"));
                    else key.Remove(field);
                }
            }
            while (cursor != 0);

            Assert.True(lasting.All(seen.Fields.Contains), $"seed {seed}, round {round}");
        }
    }

    [Fact]
    public void A_scan_that_nobody_disturbs_returns_each_field_once_and_about_as_many_as_asked()
    {
        var key = new HashKey(_bench);
        key.Set([.. Enumerable.Range(0, 5_000).Select(i => ($"field:{i}", "v"))]);
        var all = new FieldCollector();
        var cursor = 0UL;
        do
        {
            var before = all.Visits;
            cursor = key.Value.Scan(cursor, 100, ref all);
            Assert.True(cursor == 0 || all.Visits - before == 100);
        }
        while (cursor != 0);

        Assert.Equal(5_000, all.Visits);
        Assert.Equal(5_000, all.Fields.Count);
        Assert.Equal(0UL, key.Value.Scan(ulong.MaxValue, 10, ref all));
    }

    [Fact]
    public void When_memory_runs_out_each_field_is_set_or_not_and_nothing_is_lost()
    {
        using var small = new TreeBench(limitBytes: 4 << 20);
        var key = new HashKey(small);
        var model = new Dictionary<string, string>(StringComparer.Ordinal);
        key.Set(("first", new string('v', 65)));
        model.Add("first", new string('v', 65));
        var refused = 0;
        for (var i = 0; refused < 50; i++)
        {
            try
            {
                key.Set(($"field:{i}", new string('v', i % 300)));
                model.Add($"field:{i}", new string('v', i % 300));
            }
            catch (InsufficientMemoryException)
            {
                refused++;
            }
        }

        AssertSame(model, key.Value, "full");
        small.AssertSame(key.Root, model, "full");
        Assert.Throws<InsufficientMemoryException>(() => CountedTree.Copy(key.Root, small.Context));
        foreach (var field in model.Keys) key.Remove(field);
        small.Context.ReleaseSpares();
        Assert.Equal(0, small.UsedBytes);
    }

    [Fact]
    public void When_memory_runs_out_within_a_command_the_fields_before_are_set_and_snapshots_are_whole()
    {
        using var small = new TreeBench(limitBytes: 4 << 20);
        var key = new HashKey(small);
        var model = new Dictionary<string, string>(StringComparer.Ordinal);
        var open = new List<(long Snapshot, TreeRoot Root, Dictionary<string, string> Model)>();
        key.Set(("first", new string('v', 65)));
        model.Add("first", new string('v', 65));
        var refusals = 0;
        for (var i = 0; refusals < 8; i++)
        {
            var pairs = Enumerable.Range(i * 37, 37).Select(j => ($"field:{j % 9_000}", new string('v', j % 300))).ToArray();
            var refused = false;
            try
            {
                key.Set(pairs);
            }
            catch (InsufficientMemoryException)
            {
                refused = true;
                refusals++;
            }

            foreach (var (field, value) in pairs)
            {
                // Without memory the first few are set; fields and values here name each other, so a look tells which.
                var isSet = key.Value.TryGet(HashModel.Bytes(field), out var now) && HashModel.Text(now) == value;
                Assert.True(refused || isSet);
                if (isSet) model[field] = value;
            }

            if (i % 40 == 0 || refused) open.Add((small.OpenSnapshot(), key.Root, new(model, StringComparer.Ordinal)));
        }

        foreach (var (snapshot, root, then) in open)
        {
            small.AssertSame(root, then, $"snapshot {snapshot}", snapshot);
            small.CloseSnapshot(snapshot);
        }

        small.AssertSame(key.Root, model, "now");
        small.Context.ReleaseSpares();
        Assert.Equal(key.Root.Bytes, small.UsedBytes);
    }

    [Fact]
    public void A_copy_is_a_tree_of_its_own()
    {
        var baseline = _bench.UsedBytes;
        var key = new HashKey(_bench);
        var model = Enumerable.Range(0, 3_000).ToDictionary(i => $"field:{i}", i => new string('v', i % 300));
        key.Set([.. model.Select(pair => (pair.Key, pair.Value))]);
        var copy = CountedTree.Copy(key.Root, _bench.Context);
        key.Remove([.. model.Keys]);
        _bench.AssertSame(copy, model, "copy");
        _bench.Free(ref copy);
        _bench.Context.ReleaseSpares();
        Assert.Equal(baseline, _bench.UsedBytes);
    }

    private static void AssertSame(Dictionary<string, string> model, HashValue value, string message)
    {
        Assert.True(model.Count == value.Count, message);
        var seen = 0;
        foreach (var pair in value)
        {
            seen++;
            Assert.True(model.TryGetValue(HashModel.Text(pair.Field), out var expected) && expected == HashModel.Text(pair.Value), message);
        }

        Assert.True(seen == model.Count, message);
        foreach (var (field, expected) in model)
        {
            Assert.True(value.TryGet(HashModel.Bytes(field), out var found) && expected == HashModel.Text(found), message);
        }

        if (seen == 0) return;

        value.GetAt(seen - 1, out var last, out _);
        Assert.True(model.ContainsKey(HashModel.Text(last)), message);
    }

    private sealed class FieldCollector : IFieldVisitor
    {
        public HashSet<string> Fields { get; } = [];

        public int Visits { get; private set; }

        public void Visit(scoped ReadOnlySpan<byte> field, scoped ReadOnlySpan<byte> value)
        {
            Visits++;
            Fields.Add(HashModel.Text(field));
        }
    }
}
