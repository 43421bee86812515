using Memstore.Engine.Memory;
using Memstore.Engine.Values;
using Xunit;

namespace Memstore.Engine.Tests.Values;

/// <summary>A key that holds a hash, as a transaction keeps one: it publishes what edits ask for.</summary>
internal sealed class HashKey(TreeBench bench)
{
    private RecordType _type = RecordType.PackedHash;
    private byte[] _payload = [];

    public HashLimits Limits { get; set; } = HashLimits.Default;

    public bool IsPacked => _type == RecordType.PackedHash;

    public HashValue Value => new(_type, _payload);

    public TreeRoot Root => HashValue.RootOf(_type, _payload);

    /// <summary>Sets fields and answers how many are new.</summary>
    public long Set(params (string Field, string Value)[] items)
    {
        var pairs = Pairs.Of(items);
        using var edit = HashEdit.Set(_type, _payload, pairs, Limits);
        if (edit.Step == HashStep.Nothing) return 0;

        var payload = new byte[edit.Size];
        var applied = false;
        try
        {
            edit.ApplySet(payload, pairs, bench.Context, seed: 99);
            applied = true;
        }
        finally
        {
            if (applied || !edit.Converts) (_type, _payload) = (edit.Type, payload);
        }

        Assert.Equal(Value.Count, edit.Count);
        return edit.Created;
    }

    /// <summary>Removes fields and answers how many were there.</summary>
    public long Remove(params string[] fields)
    {
        var pairs = Pairs.Fields(fields);
        using var edit = HashEdit.Remove(_type, _payload, pairs);
        if (edit.Step == HashStep.Put)
        {
            var payload = new byte[edit.Size];
            edit.ApplyRemove(payload, pairs, bench.Context);
            _payload = payload;
            Assert.Equal(Value.Count, edit.Count);
        }

        if (edit.Step != HashStep.Nothing && edit.Count == 0) (_type, _payload) = (RecordType.PackedHash, []);
        return edit.Removed;
    }
}
