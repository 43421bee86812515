using System.Diagnostics;
using System.Runtime.InteropServices;
using Memstore.Engine.Memory;

namespace Memstore.Engine.Values;

/// <summary>What an edit asks of whoever holds the key.</summary>
internal enum HashStep : byte
{
    /// <summary>Nothing changes: publish nothing.</summary>
    Nothing,

    /// <summary>Make a record of <see cref="HashEdit.Type"/> with <see cref="HashEdit.Size"/> bytes of payload, apply, publish it.</summary>
    Put,

    /// <summary>Delete the key.</summary>
    Delete,
}

/// <summary>
/// A change of a hash in two steps. Planning has no effect and says what record the key needs; applying fills its payload and,
/// for a tree, changes the nodes.
/// </summary>
/// <remarks>
/// The caller gets the memory for the record between the two, so that nothing that can fail comes after the first effect. A record
/// of a tree that no snapshot sees may be filled again in place: give its own payload to <see cref="ApplySet"/>.
/// </remarks>
internal ref struct HashEdit : IDisposable
{
    private readonly RecordType _oldType;
    private readonly ReadOnlySpan<byte> _old;
    private PackedHashEdit _packed;
    private bool _isSingle;

    private HashEdit(RecordType type, ReadOnlySpan<byte> payload)
    {
        _oldType = type;
        _old = payload;
        Type = type;
        Size = TreeRoot.Size;
        Step = HashStep.Put;
    }

    /// <summary>What to do with the key.</summary>
    public HashStep Step { get; private set; }

    /// <summary>The type of the record to make.</summary>
    public RecordType Type { get; private set; }

    /// <summary>Bytes of the payload of the record to make.</summary>
    public int Size { get; private set; }

    /// <summary>Whether the edit makes a tree of a packed hash.</summary>
    public readonly bool Converts => Type != _oldType;

    /// <summary>Number of fields that the change has created. Of a tree known when applied.</summary>
    public long Created { get; private set; }

    /// <summary>Number of fields that the change has removed. Of a tree known when applied.</summary>
    public long Removed { get; private set; }

    /// <summary>Number of fields after the change; if it is 0 after applying a removal, delete the key. Of a tree known when applied.</summary>
    public long Count { get; private set; }

    /// <summary>Bytes by which the nodes of the tree grew, less those by which they shrank. Known when applied.</summary>
    public long BytesAdded { get; private set; }

    /// <summary>Plans to set fields. An absent key has type PackedHash and an empty payload.</summary>
    public static HashEdit Set<TPairs>(RecordType type, ReadOnlySpan<byte> payload, scoped TPairs pairs, HashLimits limits)
        where TPairs : IFieldValues, allows ref struct
    {
        var edit = new HashEdit(type, payload);
        if (pairs.Count == 0) edit.Step = HashStep.Nothing;
        if (type == RecordType.HashTree || pairs.Count == 0) return edit;

        edit.Type = RecordType.HashTree;
        if (!limits.AllowLengthsOf(pairs)) return edit;

        edit._isSingle = pairs.Count == 1;
        edit._packed = edit._isSingle
            ? PackedHashEdit.Set(payload, pairs.Field(0), pairs.Value(0))
            : PackedHashEdit.SetAll(payload, pairs, limits.CountMax);

        // Redis 7.0.15 looks at the count also when a value is replaced, so a lowered limit takes effect then.
        if (edit._packed.Count > limits.CountMax || edit._packed.Size > HashLimits.PackedSizeMax) return edit;

        edit.TakePacked();
        return edit;
    }

    /// <summary>Plans to remove fields.</summary>
    public static HashEdit Remove<TFields>(RecordType type, ReadOnlySpan<byte> payload, scoped TFields fields)
        where TFields : IFields, allows ref struct
    {
        var edit = new HashEdit(type, payload);
        if (type == RecordType.PackedHash)
        {
            edit._packed = PackedHashEdit.RemoveAll(payload, fields);
            edit.TakePacked();
            if (edit.Removed == 0) edit.Step = HashStep.Nothing;
            else if (edit.Count == 0) edit.Step = HashStep.Delete;
            return edit;
        }

        var root = HashValue.RootOf(type, payload);
        for (var i = 0; i < fields.Count; i++)
        {
            if (CountedTree.Contains(root, fields.Field(i))) return edit;
        }

        edit.Step = HashStep.Nothing;
        return edit;
    }

    /// <summary>Carries out what <see cref="Set"/> planned.</summary>
    /// <param name="destination">The payload of the new record, <see cref="Size"/> bytes; of a tree's own record it may be the old payload.</param>
    /// <param name="pairs">The pairs that the plan was made for.</param>
    /// <param name="context">Who writes; for a packed result it is not used.</param>
    /// <param name="seed">Seed for the order of a new tree: the store's.</param>
    /// <exception cref="OutOfMemoryException">
    /// No memory for a node. A hash that was packed is as before: do not publish. In a tree the pairs before the one that failed are set,
    /// and the destination is in order: publish it.
    /// </exception>
    public void ApplySet<TPairs>(Span<byte> destination, scoped TPairs pairs, TreeContext context, ulong seed)
        where TPairs : IFieldValues, allows ref struct
    {
        Debug.Assert(Step == HashStep.Put && destination.Length == Size);
        if (Type == RecordType.PackedHash)
        {
            if (_isSingle) _packed.Write(destination, pairs.Field(0), pairs.Value(0));
            else _packed.WriteAll(destination, pairs);
            return;
        }

        if (Converts) Convert(destination, pairs, context, seed);
        else SetInTree(destination, pairs, context);
    }

    /// <summary>Carries out what <see cref="Remove"/> planned; parameters and errors are as those of <see cref="ApplySet"/>.</summary>
    public void ApplyRemove<TFields>(Span<byte> destination, scoped TFields fields, TreeContext context)
        where TFields : IFields, allows ref struct
    {
        Debug.Assert(Step == HashStep.Put && destination.Length == Size);
        if (Type == RecordType.PackedHash)
        {
            _packed.WriteAll(destination, default(FieldValue));
            return;
        }

        var root = HashValue.RootOf(_oldType, _old);
        var before = root;
        try
        {
            for (var i = 0; i < fields.Count; i++) CountedTree.Remove(ref root, context, fields.Field(i));
        }
        finally
        {
            Finish(destination, before, root);
        }
    }

    /// <summary>Gives scratch space back.</summary>
    public void Dispose() => _packed.Dispose();

    private void TakePacked()
    {
        Type = RecordType.PackedHash;
        Size = (int)_packed.Size;
        Count = _packed.Count;
        Created = _packed.Created;
        Removed = _packed.RemovedCount;
    }

    private void SetInTree<TPairs>(Span<byte> destination, scoped TPairs pairs, TreeContext context)
        where TPairs : IFieldValues, allows ref struct
    {
        var root = HashValue.RootOf(_oldType, _old);
        var before = root;
        try
        {
            for (var i = 0; i < pairs.Count; i++) CountedTree.Set(ref root, context, pairs.Field(i), pairs.Value(i));
        }
        finally
        {
            Finish(destination, before, root);
        }
    }

    private void Convert<TPairs>(Span<byte> destination, scoped TPairs pairs, TreeContext context, ulong seed)
        where TPairs : IFieldValues, allows ref struct
    {
        var old = new PackedHash(_old);
        var root = new TreeRoot(seed);
        try
        {
            foreach (var pair in old) CountedTree.Set(ref root, context, pair.Field, pair.Value);
            for (var i = 0; i < pairs.Count; i++) CountedTree.Set(ref root, context, pairs.Field(i), pairs.Value(i));
        }
        catch
        {
            CountedTree.FreeSlice(ref root, context.Worker, int.MaxValue);
            throw;
        }

        Finish(destination, default, root);
        Created = root.Count - old.Count;
        Removed = 0;
    }

    private void Finish(Span<byte> destination, in TreeRoot before, in TreeRoot after)
    {
        MemoryMarshal.Write(destination, after);
        Count = after.Count;
        BytesAdded = after.Bytes - before.Bytes;
        Created = long.Max(0, after.Count - before.Count);
        Removed = long.Max(0, before.Count - after.Count);
    }
}
