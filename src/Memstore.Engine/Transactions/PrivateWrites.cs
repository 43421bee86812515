using Memstore.Engine.Memory;

namespace Memstore.Engine.Transactions;

/// <summary>The records that a transaction has prepared and nobody else sees: the last one for each key.</summary>
// Each entry owns its record until it is published or freed. A tombstone means that the key is deleted.
internal sealed unsafe class PrivateWrites
{
    private readonly KeyIndex _index = new();
    private Write[] _writes = new Write[8];

    /// <summary>Number of keys written.</summary>
    public int Count { get; private set; }

    /// <summary>The route of the n-th key.</summary>
    public KeyRoute RouteAt(int index) => _writes[index].Route;

    /// <summary>The database of the n-th key.</summary>
    public int DatabaseAt(int index) => _writes[index].Database;

    /// <summary>The prepared record of the n-th key.</summary>
    public byte* RecordAt(int index) => (byte*)_writes[index].Record;

    /// <summary>The record prepared for a key, or null.</summary>
    public byte* Find(int database, in Key key)
    {
        if (Count == 0) return null;
        for (var at = _index.First(key.Route.Hash); at >= 0; at = _index.Next(key.Route.Hash))
        {
            if (Matches(at, database, key)) return (byte*)_writes[at].Record;
        }

        return null;
    }

    /// <summary>Sets the record of a key; one that it replaces is freed.</summary>
    public void Put(int database, in Key key, byte* record, Worker worker)
    {
        for (var at = _index.First(key.Route.Hash); at >= 0; at = _index.Next(key.Route.Hash))
        {
            if (!Matches(at, database, key)) continue;
            worker.Free((byte*)_writes[at].Record);
            _writes[at].Record = (nint)record;
            return;
        }

        if (Count == _writes.Length) Array.Resize(ref _writes, Count * 2);
        _writes[Count] = new Write(database, key.Route, (nint)record);
        _index.Add(key.Route.Hash, Count++);
    }

    /// <summary>Gives the n-th record away.</summary>
    public byte* Take(int index)
    {
        var record = (byte*)_writes[index].Record;
        _writes[index].Record = 0;
        return record;
    }

    /// <summary>Frees what has not been given away and forgets all.</summary>
    public void Free(Worker worker)
    {
        for (var i = 0; i < Count; i++)
        {
            if (_writes[i].Record != 0) worker.Free((byte*)_writes[i].Record);
        }

        Count = 0;
        _index.Clear();
    }

    private bool Matches(int at, int database, in Key key) =>
        _writes[at].Database == database && Record.KeyEquals((byte*)_writes[at].Record, key.Bytes);

    private struct Write(int database, KeyRoute route, nint record)
    {
        public readonly int Database = database;
        public readonly KeyRoute Route = route;
        public nint Record = record;
    }
}
