using Memstore.Engine.Values;
using Xunit;

namespace Memstore.Engine.Tests.Values;

public sealed class PackedHashTests
{
    [Fact]
    public void An_empty_payload_has_no_fields()
    {
        var hash = new PackedHash([]);
        Assert.Equal(0, hash.Count);
        Assert.False(hash.TryGet("field"u8, out _));
        Assert.False(hash.GetEnumerator().MoveNext());
    }

    [Fact]
    public void Fields_keep_their_places_when_their_values_change()
    {
        var payload = SetAll([], Pairs.Of(("b", "1"), ("a", "2"), ("c", "3")));
        payload = Set(payload, "a", "longer than it was");
        payload = Set(payload, "d", "");
        Assert.Equal(["b=1", "a=longer than it was", "c=3", "d="], Content(payload));
    }

    [Fact]
    public void Of_a_field_named_twice_the_first_mention_gives_the_place_and_the_last_the_value()
    {
        var payload = SetAll([], Pairs.Of(("x", "0")));
        using (var edit = PackedHashEdit.SetAll(payload, Pairs.Of(("a", "1"), ("x", "1"), ("b", "1"), ("a", "2"), ("x", "3")), 100))
        {
            Assert.Equal(2, edit.Created);
            Assert.Equal(3, edit.Count);
        }

        payload = SetAll(payload, Pairs.Of(("a", "1"), ("x", "1"), ("b", "1"), ("a", "2"), ("x", "3")));
        Assert.Equal(["x=3", "a=2", "b=1"], Content(payload));
    }

    [Fact]
    public void Planning_stops_when_the_limit_is_passed_but_doubles_do_not_count()
    {
        using var doubles = PackedHashEdit.SetAll([], new Pairs([.. Enumerable.Repeat(("same"u8.ToArray(), "v"u8.ToArray()), 50)]), 4);
        Assert.Equal(1, doubles.Count);

        var five = Pairs.Of(("a", ""), ("b", ""), ("c", ""), ("d", ""), ("e", ""));
        using var over = PackedHashEdit.SetAll([], five, 4);
        Assert.Equal(5, over.Count);
    }

    [Fact]
    public void Removing_fields_that_are_not_there_changes_nothing()
    {
        var payload = SetAll([], Pairs.Of(("a", "1"), ("b", "2"), ("c", "3")));
        using (var edit = PackedHashEdit.RemoveAll(payload, Pairs.Fields("x", "y"))) Assert.Equal(0, edit.RemovedCount);

        using (var edit = PackedHashEdit.RemoveAll(payload, Pairs.Fields("b", "x", "b"))) Assert.Equal(1, edit.RemovedCount);

        Assert.Equal(["a=1", "c=3"], Content(RemoveAll(payload, Pairs.Fields("b", "x", "b"))));
    }

    [Theory]
    [InlineData(253)]
    [InlineData(254)]
    [InlineData(600)]
    public void Counts_around_the_border_of_one_byte_are_kept(int count)
    {
        byte[] payload = [];
        for (var i = 0; i < count; i++) payload = Set(payload, $"field:{i}", $"{i * i}");

        var hash = new PackedHash(payload);
        Assert.Equal(count, hash.Count);
        for (var i = 0; i < count; i++)
        {
            Assert.True(hash.TryGet(HashModel.Bytes($"field:{i}"), out var value));
            Assert.Equal($"{i * i}", HashModel.Text(value));
            hash.GetAt(i, out var field, out value);
            Assert.Equal($"field:{i}={i * i}", $"{HashModel.Text(field)}={HashModel.Text(value)}");
        }
    }

    [Theory]
    [InlineData(255, 255)]
    [InlineData(256, 1)]
    [InlineData(1, 256)]
    [InlineData(70_000, 70_000)]
    public void Lengths_around_the_border_of_one_byte_are_kept(int fieldLength, int valueLength)
    {
        var field = new string('f', fieldLength);
        var payload = SetAll([], Pairs.Of(("a", "1"), ("b", "2")));
        payload = Set(payload, field, new string('v', valueLength));
        payload = Set(payload, "a", "3");
        payload = Set(payload, field, new string('w', valueLength));
        payload = Set(payload, "last", "4");
        Assert.Equal(["a=3", "b=2", $"{field}={new string('w', valueLength)}", "last=4"], Content(payload));
    }

    [Theory]
    [InlineData(1, 12, 40)]
    [InlineData(2, 200, 10)]
    [InlineData(3, 700, 70)]
    [InlineData(4, 40, 400)]
    public void Random_changes_agree_with_a_model(int seed, int names, int valueLengthMax)
    {
        var random = new Random(seed);
        var model = new HashModel();
        byte[] payload = [];
        for (var step = 0; step < 3_000; step++)
        {
            payload = Step(random, model, payload, names, valueLengthMax);
            if (step % 50 == 0) AssertSame(model, payload, $"seed {seed}, step {step}");
        }

        AssertSame(model, payload, $"seed {seed}, end");
    }

    private static byte[] Step(Random random, HashModel model, byte[] payload, int names, int valueLengthMax)
    {
        var pairs = new (byte[] Field, byte[] Value)[random.Next(1, 8)];
        for (var i = 0; i < pairs.Length; i++)
            pairs[i] = (HashModel.RandomField(random, names), HashModel.RandomValue(random, valueLengthMax));

        switch (random.Next(4))
        {
            case 0:
                foreach (var (field, value) in pairs) model.Set(HashModel.Text(field), HashModel.Text(value));
                return SetAll(payload, new Pairs(pairs));
            case 1:
                foreach (var (field, _) in pairs) model.Remove(HashModel.Text(field));
                return RemoveAll(payload, new Pairs(pairs));
            default:
                model.Set(HashModel.Text(pairs[0].Field), HashModel.Text(pairs[0].Value));
                return Set(payload, pairs[0].Field, pairs[0].Value);
        }
    }

    private static void AssertSame(HashModel model, byte[] payload, string message)
    {
        var hash = new PackedHash(payload);
        Assert.True(model.Count == hash.Count, message);
        Assert.True(model.Fields.Select(field => $"{field}={model[field]}").SequenceEqual(Content(payload)), message);
        foreach (var field in model.Fields)
        {
            Assert.True(hash.TryGet(HashModel.Bytes(field), out var value), message);
            Assert.True(HashModel.Text(value) == model[field], message);
        }
    }

    private static List<string> Content(byte[] payload)
    {
        var content = new List<string>();
        foreach (var pair in new PackedHash(payload)) content.Add($"{HashModel.Text(pair.Field)}={HashModel.Text(pair.Value)}");
        return content;
    }

    private static byte[] Set(byte[] payload, string field, string value) => Set(payload, HashModel.Bytes(field), HashModel.Bytes(value));

    private static byte[] Set(byte[] payload, byte[] field, byte[] value)
    {
        using var edit = PackedHashEdit.Set(payload, field, value);
        var next = new byte[edit.Size];
        edit.Write(next, field, value);
        return next;
    }

    private static byte[] SetAll(byte[] payload, Pairs pairs)
    {
        using var edit = PackedHashEdit.SetAll(payload, pairs, int.MaxValue);
        var next = new byte[edit.Size];
        edit.WriteAll(next, pairs);
        return next;
    }

    private static byte[] RemoveAll(byte[] payload, Pairs pairs)
    {
        using var edit = PackedHashEdit.RemoveAll(payload, pairs);
        if (edit.RemovedCount == 0) return payload;
        if (edit.Count == 0) return [];

        var next = new byte[edit.Size];
        edit.WriteAll(next, pairs);
        return next;
    }
}
