namespace Memstore.Engine.Transactions;

/// <summary>What a transaction has read on its snapshot, for validation: each key once, with its record or its absence.</summary>
// A record that was seen stays where it is while the snapshot is open, so its key needs no copy; an absent key's bytes do.
internal sealed unsafe class ReadSet
{
    private const int BytesKept = 64 * 1024;

    private readonly KeyIndex _index = new();
    private Read[] _reads = new Read[8];
    private byte[] _bytes = [];
    private int _bytesUsed;

    /// <summary>Number of keys read.</summary>
    public int Count { get; private set; }

    /// <summary>Whether the whole keyspace was read (a scan, a count).</summary>
    public bool Everything { get; set; }

    /// <summary>The route of the n-th key.</summary>
    public KeyRoute RouteAt(int index) => _reads[index].Route;

    /// <summary>The database that the snapshot showed the n-th key in.</summary>
    public int ContentAt(int index) => _reads[index].Content;

    /// <summary>The record that the n-th key had, or null if it was absent.</summary>
    public byte* RecordAt(int index) => (byte*)_reads[index].Record;

    /// <summary>The bytes of the n-th key.</summary>
    public ReadOnlySpan<byte> KeyAt(int index)
    {
        ref var read = ref _reads[index];
        return read.Record != 0 ? Memory.Record.Key((byte*)read.Record) : _bytes.AsSpan(read.KeyOffset, read.KeyLength);
    }

    /// <summary>Adds a key, unless it is there.</summary>
    public void Add(int content, in Key key, byte* record)
    {
        for (var at = _index.First(key.Route.Hash); at >= 0; at = _index.Next(key.Route.Hash))
        {
            if (_reads[at].Content == content && KeyAt(at).SequenceEqual(key.Bytes)) return;
        }

        if (Count == _reads.Length) Array.Resize(ref _reads, Count * 2);
        var offset = 0;
        if (record == null)
        {
            offset = _bytesUsed;
            if (_bytes.Length - offset < key.Bytes.Length) Array.Resize(ref _bytes, Math.Max(offset + key.Bytes.Length, _bytes.Length * 2));
            key.Bytes.CopyTo(_bytes.AsSpan(offset));
            _bytesUsed += key.Bytes.Length;
        }

        _reads[Count] = new Read(content, key.Route, (nint)record, offset, key.Bytes.Length);
        _index.Add(key.Route.Hash, Count++);
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        Count = 0;
        _bytesUsed = 0;
        if (_bytes.Length > BytesKept) _bytes = [];
        Everything = false;
        _index.Clear();
    }

    private readonly record struct Read(int Content, KeyRoute Route, nint Record, int KeyOffset, int KeyLength);
}
