namespace Memstore.Storage.Images;

/// <summary>A block of entries in memory; reused by one thread for many blocks.</summary>
internal sealed class ImageBlock
{
    private byte[] _bytes = [];

    /// <summary>The database that the entries belong to.</summary>
    public int Database { get; internal set; }

    /// <summary>How many entries there are.</summary>
    public int Entries { get; internal set; }

    /// <summary>Where the block's payload begins in the file.</summary>
    public long Offset { get; internal set; }

    /// <summary>Length of the payload.</summary>
    public int Length { get; private set; }

    /// <summary>The entries.</summary>
    public Span<byte> Payload => _bytes.AsSpan(0, Length);

    /// <summary>Makes room for a payload.</summary>
    internal void Resize(int length)
    {
        Length = length;
        if (_bytes.Length < length || (_bytes.Length > 4 * ImageFormat.BlockSize && length <= ImageFormat.BlockSize))
            _bytes = GC.AllocateUninitializedArray<byte>(Math.Max(length, ImageFormat.BlockSize));
    }
}
