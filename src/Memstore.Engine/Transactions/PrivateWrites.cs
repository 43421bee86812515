using System.Runtime.InteropServices;
using Memstore.Engine.Memory;

namespace Memstore.Engine.Transactions;

/// <summary>The records that a transaction has prepared and nobody else sees: the last one for each key.</summary>
// Each entry owns its record, and with a context the private nodes of its tree, until it is published or freed. A tombstone
// means that the key is deleted.
internal sealed unsafe class PrivateWrites
{
    private readonly KeyIndex _index = new();
    private Write[] _writes = new Write[8];

    /// <summary>Number of keys written.</summary>
    public int Count { get; private set; }

    /// <summary>The route of the n-th key.</summary>
    public KeyRoute RouteAt(int index) => _writes[index].Route;

    /// <summary>The content of a database (<see cref="DatabaseMap"/>) that the n-th key belongs to.</summary>
    public int ContentAt(int index) => _writes[index].Content;

    /// <summary>The prepared record of the n-th key.</summary>
    public byte* RecordAt(int index) => (byte*)_writes[index].Record;

    /// <summary>The context of the n-th key's tree, and whether the tree continues the published one.</summary>
    public (TreeContext? Context, bool EditsPublished) TreeAt(int index) => (_writes[index].Context, _writes[index].EditsPublished);

    /// <summary>The record prepared for a key, or null.</summary>
    public byte* Find(int content, in Key key)
    {
        var at = PlaceOf(content, key);
        return at < 0 ? null : (byte*)_writes[at].Record;
    }

    /// <summary>The context of a key's private tree, or null.</summary>
    public TreeContext? ContextOf(int content, in Key key)
    {
        var at = PlaceOf(content, key);
        return at < 0 ? null : _writes[at].Context;
    }

    /// <summary>Sets the record of a key; one that it replaces is freed, with its private nodes.</summary>
    public void Put(int content, in Key key, byte* record, Worker worker, TreeContext? context = null, bool editsPublished = false)
    {
        var at = PlaceOf(content, key);
        if (at < 0)
        {
            if (Count == _writes.Length) Array.Resize(ref _writes, Count * 2);
            at = Count++;
            _index.Add(key.Route.Hash, at);
        }
        else
        {
            // Retired and not freed: the caller may still be reading the old value to make the new one.
            var old = (byte*)_writes[at].Record;
            _writes[at].Record = 0;
            Discard(old, _writes[at].Context, worker);
            worker.Retire(old);
        }

        _writes[at] = new Write(content, key.Route, (nint)record) { Context = context, EditsPublished = editsPublished };
    }

    /// <summary>Gives a key's private tree another record.</summary>
    public void Replace(int content, in Key key, byte* record, Worker worker)
    {
        ref var write = ref _writes[PlaceOf(content, key)];
        worker.Retire((byte*)write.Record);
        write.Record = (nint)record;
    }

    /// <summary>Gives the n-th key another record with the same content.</summary>
    public void Exchange(int index, byte* record, Worker worker)
    {
        ref var write = ref _writes[index];
        worker.Free((byte*)write.Record);
        write.Record = (nint)record;
    }

    /// <summary>The n-th record has been given away.</summary>
    public void Take(int index) => _writes[index] = default;

    /// <summary>Frees what has not been given away and forgets all.</summary>
    public void Free(Worker worker)
    {
        for (var i = 0; i < Count; i++) Free(ref _writes[i], worker);
        Count = 0;
        _index.Clear();
    }

    private static void Free(ref Write write, Worker worker)
    {
        if (write.Record != 0)
        {
            Discard((byte*)write.Record, write.Context, worker);
            worker.Free((byte*)write.Record);
        }

        write = default;
    }

    private static void Discard(byte* record, TreeContext? context, Worker worker)
    {
        if (context is null) return;
        context.Worker = worker;
        var root = MemoryMarshal.Read<TreeRoot>(Record.Value(record));
        CountedTree.Discard(ref root, context);
    }

    private int PlaceOf(int content, in Key key)
    {
        if (Count == 0) return -1;
        for (var at = _index.First(key.Route.Hash); at >= 0; at = _index.Next(key.Route.Hash))
        {
            if (_writes[at].Content == content && Record.KeyEquals((byte*)_writes[at].Record, key.Bytes)) return at;
        }

        return -1;
    }

    private struct Write(int content, KeyRoute route, nint record)
    {
        public readonly int Content = content;
        public readonly KeyRoute Route = route;
        public nint Record = record;
        public TreeContext? Context;
        public bool EditsPublished;
    }
}
