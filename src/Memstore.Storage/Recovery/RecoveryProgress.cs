namespace Memstore.Storage.Recovery;

/// <summary>What recovery is doing.</summary>
public enum RecoveryPhase : byte
{
    /// <summary>It has not begun.</summary>
    Waiting,

    /// <summary>It loads an image.</summary>
    Image,

    /// <summary>It replays the journal.</summary>
    Journal,

    /// <summary>It has ended.</summary>
    Done,
}

/// <summary>How far recovery is. Written by it, read by anyone at any time, for a terminal and for INFO.</summary>
public sealed class RecoveryProgress
{
    private long _bytesDone;
    private long _bytesTotal;
    private long _keys;
    private long _records;
    private volatile RecoveryPhase _phase;

    /// <summary>What it is doing.</summary>
    public RecoveryPhase Phase
    {
        get => _phase;
        internal set => _phase = value;
    }

    /// <summary>Bytes of image and journal that were read.</summary>
    public long BytesDone => Volatile.Read(ref _bytesDone);

    /// <summary>Bytes of image and journal.</summary>
    public long BytesTotal
    {
        get => Volatile.Read(ref _bytesTotal);
        internal set => Volatile.Write(ref _bytesTotal, value);
    }

    /// <summary>Keys loaded from the image.</summary>
    public long Keys => Volatile.Read(ref _keys);

    /// <summary>Transactions replayed from the journal.</summary>
    public long Records => Volatile.Read(ref _records);

    internal void AddBytes(long bytes) => Interlocked.Add(ref _bytesDone, bytes);

    internal void AddKeys(long keys) => Interlocked.Add(ref _keys, keys);

    internal void AddRecord() => Volatile.Write(ref _records, _records + 1);
}
