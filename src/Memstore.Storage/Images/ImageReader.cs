using System.Buffers.Binary;
using Memstore.Storage.Disks;

namespace Memstore.Storage.Images;

/// <summary>
/// Reads an image. <see cref="TryRead"/> may be called by several threads at once, each with a block of its own: a thread takes the next
/// block's place under a lock, and reads and checks it without. The image is good only if all blocks were read and <see cref="Totals"/> is set.
/// </summary>
internal sealed class ImageReader : IDisposable
{
    private readonly IDiskFile _file;
    private readonly Lock _lock = new();

    // Under the lock.
    private long _next = ImageFormat.HeaderSize;
    private long _blocks;
    private uint _checksums;
    private ImageTotals? _totals;

    private ImageReader(IDiskFile file)
    {
        _file = file;
        FileBytes = file.Length;
        Span<byte> bytes = stackalloc byte[ImageFormat.HeaderSize];
        Header = ImageHeader.Parse(file.Path, bytes[..file.Read(0, bytes)], out var checksum);
        _checksums = ImageFormat.Accumulate(0, checksum);
    }

    /// <summary>What it says of itself.</summary>
    public ImageHeader Header { get; }

    /// <summary>Length of the file.</summary>
    public long FileBytes { get; }

    /// <summary>Path of the file.</summary>
    public string Path => _file.Path;

    /// <summary>What it holds; null until the last block has been read.</summary>
    public ImageTotals? Totals => _totals;

    /// <summary>Opens an image and reads its header.</summary>
    /// <exception cref="StorageDamagedException">It is none, or its header is damaged.</exception>
    /// <exception cref="StorageVersionException">A later version wrote it.</exception>
    public static ImageReader Open(IDisk disk, string path)
    {
        var file = disk.Open(path, DiskFileMode.Read);
        try
        {
            return new ImageReader(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads the next block of entries; false if there are no more.</summary>
    public bool TryRead(ImageBlock block)
    {
        Span<byte> head = stackalloc byte[ImageFormat.BlockHeadSize];
        long at;
        lock (_lock)
        {
            if (_totals is not null) return false;
            at = _next;
            TakeHead(head);
            if (BinaryPrimitives.ReadUInt16LittleEndian(head[ImageFormat.BlockKindAt..]) == ImageFormat.EndKind)
            {
                TakeEnd(head, at);
                return false;
            }

            _checksums = ImageFormat.Accumulate(_checksums, BinaryPrimitives.ReadUInt32LittleEndian(head[ImageFormat.BlockChecksumAt..]));
            _blocks++;
        }

        ReadPayload(head, at, block);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>An exception that says where in the file something is wrong.</summary>
    internal StorageDamagedException Damaged(long offset, string reason) => new(_file.Path, offset, reason);

    private void TakeHead(Span<byte> head)
    {
        var at = _next;
        if (_file.Read(at, head) < head.Length) throw Damaged(at, "it ends before its last block");
        var length = BinaryPrimitives.ReadUInt32LittleEndian(head);
        var kind = BinaryPrimitives.ReadUInt16LittleEndian(head[ImageFormat.BlockKindAt..]);
        if (length > FileBytes - at - head.Length || length > Array.MaxLength) throw Damaged(at, "a block is longer than the file");
        if (kind is not (ImageFormat.EntriesKind or ImageFormat.EndKind)) throw Damaged(at, "a block is of a kind that there is not");
        _next = at + head.Length + length;
    }

    private void TakeEnd(ReadOnlySpan<byte> head, long at)
    {
        Span<byte> end = stackalloc byte[ImageFormat.EndSize];
        if (_next != FileBytes || BinaryPrimitives.ReadUInt32LittleEndian(head) != end.Length) throw Damaged(at, "something follows its last block");
        if (_file.Read(at + head.Length, end) < end.Length) throw Damaged(at, "it ends within its last block");
        if (ImageFormat.ChecksumOf(head, end) != BinaryPrimitives.ReadUInt32LittleEndian(head[ImageFormat.BlockChecksumAt..]))
            throw Damaged(at, "the checksum of its last block does not match");
        if (BinaryPrimitives.ReadInt64LittleEndian(end[ImageFormat.EndBlocksAt..]) != _blocks
            || BinaryPrimitives.ReadUInt32LittleEndian(end[ImageFormat.EndChecksumAt..]) != _checksums)
        {
            throw Damaged(at, "its blocks are not those that were written");
        }

        _totals = new ImageTotals(BinaryPrimitives.ReadInt64LittleEndian(end), FileBytes);
    }

    private void ReadPayload(ReadOnlySpan<byte> head, long at, ImageBlock block)
    {
        block.Resize((int)BinaryPrimitives.ReadUInt32LittleEndian(head));
        block.Offset = at + head.Length;
        block.Database = BinaryPrimitives.ReadUInt16LittleEndian(head[ImageFormat.BlockDatabaseAt..]);
        block.Entries = (int)BinaryPrimitives.ReadUInt32LittleEndian(head[ImageFormat.BlockEntriesAt..]);
        if (_file.Read(block.Offset, block.Payload) < block.Length) throw Damaged(at, "it ends within a block");
        if (ImageFormat.ChecksumOf(head, block.Payload) != BinaryPrimitives.ReadUInt32LittleEndian(head[ImageFormat.BlockChecksumAt..]))
            throw Damaged(at, "the checksum of a block does not match");
        if (block.Database >= Header.Databases) throw Damaged(at, "a block belongs to a database that there is not");
    }
}
