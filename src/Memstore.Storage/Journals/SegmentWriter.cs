using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Memstore.Storage.Disks;

namespace Memstore.Storage.Journals;

/// <summary>
/// Makes the records of one segment in a buffer and writes the buffer to the segment's file. A write that fails may be tried again: what it
/// concerns stays in the buffer. Not thread-safe.
/// </summary>
internal sealed class SegmentWriter : IDisposable
{
    /// <summary>
    /// What is written at once, and where in the file it begins: small enough to stay in a core's cache between encoding and writing, large and aligned so that
    /// the page cache takes it in large pieces.
    /// </summary>
    public const int BlockSize = 1 << 17;

    // The buffer always has this much more than is used, so that a cell is copied in pieces of a fixed size.
    private const int Slack = FillRing.CellSize;
    private const int BufferSize = BlockSize + (BlockSize >> 2);

    // A buffer that one large record or a fault blew up is given back beyond this.
    private const int BufferKept = 1 << 20;

    private byte[] _buffer;
    private int _used;

    /// <summary>Begins a segment that has no file yet.</summary>
    public SegmentWriter(SegmentHeader header)
    {
        Header = header;
        _buffer = NewBuffer(BufferSize);
        LastSequence = header.FirstSequence - 1;
        WrittenSequence = LastSequence;
        Written = SegmentFormat.HeaderSize;
    }

    /// <summary>Its header.</summary>
    public SegmentHeader Header { get; }

    /// <summary>Its file; null until <see cref="Attach"/>.</summary>
    public IDiskFile? File { get; private set; }

    /// <summary>Where the next byte goes that leaves the buffer.</summary>
    public long Written { get; private set; }

    /// <summary>Bytes in the buffer.</summary>
    public int Pending => _used;

    /// <summary>Bytes of the segment, those in the buffer included.</summary>
    public long Length => Written + _used;

    /// <summary>Where in the file the block ends that the next byte belongs to.</summary>
    public long NextBlock => (Length / BlockSize * BlockSize) + BlockSize;

    /// <summary>Whether the buffer holds the end of a block.</summary>
    public bool HasBlock => Length / BlockSize > Written / BlockSize;

    /// <summary>Sequence of the last transaction, in the buffer or in the file.</summary>
    public long LastSequence { get; private set; }

    /// <summary>Sequence of the last transaction that was in the file when the buffer was last empty.</summary>
    public long WrittenSequence { get; private set; }

    /// <summary>
    /// Makes the file of a segment with nothing but its header: under another name first, so that a file of a segment's name always has a whole header.
    /// Durable on return.
    /// </summary>
    public static IDiskFile CreateFile(IDisk disk, string directory, SegmentHeader header)
    {
        var path = Path.Combine(directory, StorageFiles.Segment(header.Number));
        var draft = path + StorageFiles.UnfinishedSuffix;
        disk.Delete(draft);
        Span<byte> bytes = stackalloc byte[SegmentFormat.HeaderSize];
        header.Write(bytes);
        using (var file = disk.Open(draft, DiskFileMode.CreateNew))
        {
            file.Write(0, bytes);
            file.Sync();
        }

        disk.Rename(draft, path);
        disk.SyncDirectory(directory);
        return disk.Open(path, DiskFileMode.Write);
    }

    /// <summary>From now on the buffer can be written.</summary>
    public void Attach(IDiskFile file) => File = file;

    /// <summary>Adds a transaction from a cell of the ring; its sequence is the next.</summary>
    /// <param name="cell">Begins as the record does, but for its time and its checksum.</param>
    /// <param name="payload">The payload if it is not in the cell.</param>
    /// <param name="unixMs">The commit time.</param>
    public unsafe void Append(byte* cell, byte[]? payload, long unixMs)
    {
        var length = *(int*)(cell + SegmentFormat.LengthAt);
        if (payload is not null)
        {
            Append(*(long*)(cell + SegmentFormat.SequenceAt), *(ulong*)(cell + SegmentFormat.TimeAndKindAt) | (ulong)unixMs, payload.AsSpan(0, length));
            return;
        }

        if (_buffer.Length - _used < Slack) Grow(Slack);
        var total = SegmentFormat.RecordHeaderSize + length;
        var record = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_buffer)) + _used;
        // Of a fixed size, so that it is a few moves and no call.
        Unsafe.CopyBlockUnaligned(record, cell, Slack / 2);
        if (total > Slack / 2) Unsafe.CopyBlockUnaligned(record + (Slack / 2), cell + (Slack / 2), Slack / 2);
        *(ulong*)(record + SegmentFormat.TimeAndKindAt) |= (ulong)unixMs;
        *(uint*)(record + SegmentFormat.CrcAt) = SegmentFormat.ChecksumOf(record, total, Header.Seed);
        LastSequence = *(long*)(record + SegmentFormat.SequenceAt);
        _used += total;
    }

    /// <summary>Adds a transaction; its sequence is the next.</summary>
    public void Append(long sequence, ulong timeAndKind, ReadOnlySpan<byte> payload)
    {
        var total = SegmentFormat.RecordHeaderSize + payload.Length;
        if (_buffer.Length - _used < total) Grow(total);
        var record = _buffer.AsSpan(_used, total);
        payload.CopyTo(record[SegmentFormat.RecordHeaderSize..]);
        SegmentFormat.WriteRecordHeader(record, Header.Seed, sequence, timeAndKind);
        _used += total;
        LastSequence = sequence;
    }

    /// <summary>Adds a mark.</summary>
    public void AppendMark(RecordKind kind, long unixMs, long durableSequence)
    {
        Span<byte> payload = stackalloc byte[SegmentFormat.MarkPayloadSize];
        BinaryPrimitives.WriteInt64LittleEndian(payload, durableSequence);
        Append(LastSequence, SegmentFormat.TimeAndKind(unixMs, kind, 0), payload);
    }

    /// <summary>Writes the buffer, or only what ends a block.</summary>
    public void Flush(bool blocksOnly = false)
    {
        var count = blocksOnly ? (int)((Length / BlockSize * BlockSize) - Written) : _used;
        if (count <= 0) return;
        File!.Write(Written, _buffer.AsSpan(0, count));
        Written += count;
        _used -= count;
        if (_used == 0) WrittenSequence = LastSequence;
        var rest = _buffer.AsSpan(count, _used);
        if (_buffer.Length > BufferKept && _used < BlockSize) _buffer = NewBuffer(BufferSize);
        rest.CopyTo(_buffer);
    }

    /// <inheritdoc/>
    public void Dispose() => File?.Dispose();

    // Pinned, because cells are copied into it by address.
    private static byte[] NewBuffer(int size) => GC.AllocateUninitializedArray<byte>(size, pinned: true);

    private void Grow(int wanted)
    {
        var size = Math.Min(Math.Max((long)_used + wanted, (long)_buffer.Length * 2), Array.MaxLength);
        var larger = NewBuffer((int)Math.Max(size, (long)_used + wanted));
        _buffer.AsSpan(0, _used).CopyTo(larger);
        _buffer = larger;
    }
}
