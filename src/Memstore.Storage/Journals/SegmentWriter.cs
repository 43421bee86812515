using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Memstore.Storage.Disks;

namespace Memstore.Storage.Journals;

/// <summary>
/// Makes the records of one segment in a buffer and writes the buffer to the segment's file. A write that fails may be tried again: what it
/// concerns stays in the buffer. Not thread-safe.
/// </summary>
internal sealed class SegmentWriter : IDisposable
{
    /// <summary>Bytes that are written at once when there are that many; small enough to stay in a core's cache between encoding and writing.</summary>
    public const int GroupSize = 1 << 17;

    // A buffer that one large record or a fault blew up is given back beyond this.
    private const int BufferKept = 1 << 20;

    private byte[] _buffer;
    private int _used;

    /// <summary>Begins a segment that has no file yet.</summary>
    public SegmentWriter(SegmentHeader header)
    {
        Header = header;
        _buffer = GC.AllocateUninitializedArray<byte>(GroupSize + (GroupSize >> 2));
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

    /// <summary>Sequence of the last transaction, in the buffer or in the file.</summary>
    public long LastSequence { get; private set; }

    /// <summary>Sequence of the last transaction of which all is in the file.</summary>
    public long WrittenSequence { get; private set; }

    /// <summary>
    /// Makes the file of a segment with nothing but its header: under another name first, so that a file of a segment's name always has a whole header. Durable on return.
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

    /// <summary>Adds a transaction; its sequence is the next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
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

    /// <summary>Writes the buffer.</summary>
    public void Flush()
    {
        if (_used == 0) return;
        File!.Write(Written, _buffer.AsSpan(0, _used));
        Written += _used;
        WrittenSequence = LastSequence;
        _used = 0;
        if (_buffer.Length > BufferKept) _buffer = GC.AllocateUninitializedArray<byte>(GroupSize + (GroupSize >> 2));
    }

    /// <inheritdoc/>
    public void Dispose() => File?.Dispose();

    private void Grow(int wanted)
    {
        var size = Math.Min(Math.Max((long)_used + wanted, (long)_buffer.Length * 2), Array.MaxLength);
        var larger = GC.AllocateUninitializedArray<byte>((int)Math.Max(size, (long)_used + wanted));
        _buffer.AsSpan(0, _used).CopyTo(larger);
        _buffer = larger;
    }
}
