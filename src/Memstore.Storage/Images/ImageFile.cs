using System.Buffers.Binary;
using Memstore.Storage.Disks;

namespace Memstore.Storage.Images;

/// <summary>
/// Writes the bytes of an image, entry by entry, into a file that is new. The entries of a hash are begun and ended; strings are whole.
/// For one thread. Nothing is safe before <see cref="Finish"/> returned.
/// </summary>
internal sealed class ImageFile : IDisposable
{
    private const long SyncBytes = 32 << 20;

    private readonly IDiskFile _file;

    // The block under construction: its head, then entries up to _position.
    private byte[] _buffer = new byte[ImageFormat.BlockSize + 4_096];
    private int _position = ImageFormat.BlockHeadSize;
    private int _entries;
    private int _database;

    // The hash under construction: where its entry and the number of fields are in the block.
    private int _hashAt;
    private int _countAt;
    private uint _fields;

    private uint _checksums;
    private long _blocks;
    private long _unsynced;

    /// <summary>Begins an image.</summary>
    public ImageFile(IDiskFile file, ImageHeader header)
    {
        _file = file;
        Span<byte> bytes = stackalloc byte[ImageFormat.HeaderSize];
        _checksums = ImageFormat.Accumulate(0, header.Print(bytes));
        _file.Write(0, bytes);
        Bytes = bytes.Length;
    }

    /// <summary>Bytes written so far.</summary>
    public long Bytes { get; private set; }

    /// <summary>Keys added so far.</summary>
    public long Keys { get; private set; }

    /// <summary>Adds a string; the media type is empty if it has none.</summary>
    public void AddString(int database, ReadOnlySpan<byte> key, long deadlineUnixMs, bool isRaw, ReadOnlySpan<byte> mediaType, ReadOnlySpan<byte> value)
    {
        var type = !mediaType.IsEmpty ? ImageFormat.TypedStringType : isRaw ? ImageFormat.RawStringType : ImageFormat.StringType;
        // A long value is not copied: it goes from the data into the file.
        var isLong = value.Length >= ImageFormat.BlockSize;
        StartEntry(database, HeadSizeMax(key) + ImageFormat.VarintSizeMax + mediaType.Length + (isLong ? 0 : value.Length), isAlone: isLong);
        PutHead(type, key, deadlineUnixMs);
        if (!mediaType.IsEmpty) Put(mediaType);
        _position += Varint.Write(_buffer.AsSpan(_position), (uint)value.Length);
        Keys++;
        _entries++;
        if (isLong)
        {
            Flush(value);
            return;
        }

        value.CopyTo(_buffer.AsSpan(_position));
        _position += value.Length;
    }

    /// <summary>Begins a hash, of which at least one field is added before <see cref="EndHash"/>.</summary>
    public void BeginHash(int database, ReadOnlySpan<byte> key, long deadlineUnixMs)
    {
        StartEntry(database, HeadSizeMax(key) + sizeof(uint), isAlone: false);
        PutHash(ImageFormat.HashType, key, deadlineUnixMs);
        Keys++;
    }

    /// <summary>Adds a field to the hash that was begun with this key and deadline.</summary>
    public void AddField(ReadOnlySpan<byte> key, long deadlineUnixMs, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        var size = field.Length + value.Length + (2 * ImageFormat.VarintSizeMax);
        if (_position + size > ImageFormat.BlockSize && (_fields > 0 || _entries > 0)) ContinueHash(key, deadlineUnixMs);
        MakeRoom(size);
        Put(field);
        Put(value);
        _fields++;
    }

    /// <summary>Ends the hash.</summary>
    public void EndHash()
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(_countAt), _fields);
        _entries++;
    }

    /// <summary>Syncs what was written when it is much, so that the last sync is short and errors show early.</summary>
    public void SyncLongTail()
    {
        if (_unsynced < SyncBytes) return;
        _file.Sync();
        _unsynced = 0;
    }

    /// <summary>Writes what is left and waits until the file is on stable storage.</summary>
    public ImageTotals Finish()
    {
        Flush([]);
        var end = _buffer.AsSpan(ImageFormat.BlockHeadSize, ImageFormat.EndSize);
        BinaryPrimitives.WriteInt64LittleEndian(end, Keys);
        BinaryPrimitives.WriteInt64LittleEndian(end[ImageFormat.EndBlocksAt..], _blocks);
        BinaryPrimitives.WriteUInt32LittleEndian(end[ImageFormat.EndChecksumAt..], _checksums);
        _position += ImageFormat.EndSize;
        _database = 0;
        WriteBlock(ImageFormat.EndKind, []);
        _file.Sync();
        return new ImageTotals(Keys, Bytes);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static int HeadSizeMax(ReadOnlySpan<byte> key) => 1 + (2 * ImageFormat.VarintSizeMax) + key.Length + ImageFormat.DeadlineSize;

    private void StartEntry(int database, int size, bool isAlone)
    {
        if (database != _database || isAlone || _position + size > ImageFormat.BlockSize) Flush([]);
        _database = database;
        MakeRoom(size);
    }

    private void PutHead(int type, ReadOnlySpan<byte> key, long deadlineUnixMs)
    {
        _buffer[_position++] = (byte)(type | (deadlineUnixMs == 0 ? 0 : ImageFormat.DeadlineFlag));
        Put(key);
        if (deadlineUnixMs == 0) return;
        Span<byte> deadline = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(deadline, deadlineUnixMs);
        deadline[..ImageFormat.DeadlineSize].CopyTo(_buffer.AsSpan(_position));
        _position += ImageFormat.DeadlineSize;
    }

    private void PutHash(int type, ReadOnlySpan<byte> key, long deadlineUnixMs)
    {
        _hashAt = _position;
        PutHead(type, key, deadlineUnixMs);
        _countAt = _position;
        _position += sizeof(uint);
        _fields = 0;
    }

    // The hash goes on in the next block, and a part without fields moves there whole.
    private void ContinueHash(ReadOnlySpan<byte> key, long deadlineUnixMs)
    {
        var type = _fields == 0 ? _buffer[_hashAt] & ~ImageFormat.DeadlineFlag : ImageFormat.HashType | ImageFormat.ContinuationFlag;
        if (_fields == 0) _position = _hashAt;
        else EndHash();
        Flush([]);
        MakeRoom(HeadSizeMax(key) + sizeof(uint));
        PutHash(type, key, deadlineUnixMs);
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        _position += Varint.Write(_buffer.AsSpan(_position), (uint)bytes.Length);
        bytes.CopyTo(_buffer.AsSpan(_position));
        _position += bytes.Length;
    }

    private void MakeRoom(int size)
    {
        if (_buffer.Length - _position < size) Array.Resize(ref _buffer, (int)Math.Min(Array.MaxLength, (long)_position + size));
    }

    private void Flush(ReadOnlySpan<byte> tail)
    {
        if (_entries == 0) return;
        WriteBlock(ImageFormat.EntriesKind, tail);
        if (_buffer.Length > 2 * ImageFormat.BlockSize) _buffer = new byte[ImageFormat.BlockSize + 4_096];
    }

    private void WriteBlock(ushort kind, ReadOnlySpan<byte> tail)
    {
        var head = _buffer.AsSpan(0, ImageFormat.BlockHeadSize);
        var payload = _buffer.AsSpan(ImageFormat.BlockHeadSize, _position - ImageFormat.BlockHeadSize);
        BinaryPrimitives.WriteUInt32LittleEndian(head, (uint)(payload.Length + tail.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(head[ImageFormat.BlockKindAt..], kind);
        BinaryPrimitives.WriteUInt16LittleEndian(head[ImageFormat.BlockDatabaseAt..], (ushort)_database);
        BinaryPrimitives.WriteUInt32LittleEndian(head[ImageFormat.BlockEntriesAt..], (uint)_entries);
        var checksum = Checksums.Crc32C.Append(ImageFormat.ChecksumOf(head, payload), tail);
        BinaryPrimitives.WriteUInt32LittleEndian(head[ImageFormat.BlockChecksumAt..], checksum);
        _checksums = ImageFormat.Accumulate(_checksums, checksum);
        _blocks++;
        Write(_buffer.AsSpan(0, _position));
        if (tail.Length > 0) Write(tail);
        _position = ImageFormat.BlockHeadSize;
        _entries = 0;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        _file.Write(Bytes, bytes);
        Bytes += bytes.Length;
        _unsynced += bytes.Length;
    }
}
