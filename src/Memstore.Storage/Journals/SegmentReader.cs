using System.Buffers.Binary;
using Memstore.Storage.Disks;

namespace Memstore.Storage.Journals;

/// <summary>
/// Reads one segment from its beginning, as a stream: it holds a part of the file, at least one record. It says where the valid records
/// end, and what can be learned from the bytes behind; what that means is <see cref="JournalReader"/>'s business. For one thread.
/// </summary>
// Invariants: _buffer[_start.._end] are the bytes of the file from _offset on; all before _offset is valid.
public sealed class SegmentReader : IDisposable
{
    private const int BufferSize = 1 << 18;

    private readonly IDiskFile _file;
    private readonly long _fileLength;
    private byte[] _buffer;
    private int _start;
    private int _end;
    private int _recordLength;
    private long _offset;

    private SegmentReader(IDiskFile file)
    {
        _file = file;
        _fileLength = file.Length;
        _buffer = GC.AllocateUninitializedArray<byte>((int)Math.Clamp(_fileLength, SegmentFormat.HeaderSize, BufferSize));
        Require(SegmentFormat.HeaderSize);
        Header = SegmentHeader.Read(_buffer.AsSpan(_start, _end - _start), out var version, out var reason);
        Version = version;
        Reason = reason;
        if (Header is null) return;
        Skip(SegmentFormat.HeaderSize);
        LastSequence = Header.FirstSequence - 1;
    }

    /// <summary>The header; null if it is not valid, and <see cref="Reason"/> says why.</summary>
    public SegmentHeader? Header { get; }

    /// <summary>The format that the header names; 0 if there is none.</summary>
    public uint Version { get; }

    /// <summary>Why the bytes at <see cref="Offset"/> are no record; empty at the end of the file and while records are read.</summary>
    public string Reason { get; private set; }

    /// <summary>Bytes of the file.</summary>
    public long Length => _fileLength;

    /// <summary>Where the valid part ends: behind the record that was read last, or before it until the next is asked for.</summary>
    public long Offset => _offset + _recordLength;

    /// <summary>The sequence of the last transaction that was read; before the first, that before it.</summary>
    public long LastSequence { get; private set; }

    /// <summary>How far the journal was on stable storage, as the marks say that were read; 0 if there was none.</summary>
    public long DurableSequence { get; private set; }

    /// <summary>The last record says that nothing follows.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Kind of the record.</summary>
    public RecordKind Kind { get; private set; }

    /// <summary>Commit time of the record.</summary>
    public long UnixMs { get; private set; }

    /// <summary>Database that the payload begins in.</summary>
    public int Database { get; private set; }

    /// <summary>Payload of the record, until the next is read.</summary>
    public ReadOnlySpan<byte> Payload => _buffer.AsSpan(_start + SegmentFormat.RecordHeaderSize, _recordLength - SegmentFormat.RecordHeaderSize);

    /// <summary>Opens a segment and reads its header.</summary>
    public static SegmentReader Open(IDisk disk, string path)
    {
        ArgumentNullException.ThrowIfNull(disk);
        return new SegmentReader(disk.Open(path, DiskFileMode.Read));
    }

    /// <summary>Reads the next record, marks too. False at the end of the file and where no valid record is: then <see cref="Reason"/> is not empty.</summary>
    public bool Read()
    {
        if (Header is null || Reason.Length > 0) return false;
        Skip(_recordLength);
        _recordLength = 0;
        if (_offset == _fileLength) return false;
        Reason = Parse();
        return Reason.Length == 0;
    }

    /// <summary>Whether only zeros are behind the valid part: room that was made ahead and never used.</summary>
    public bool IsZeroBehind()
    {
        for (var at = Offset; at < _fileLength; at += _end)
        {
            Load(at);
            if (_buffer.AsSpan(0, _end).ContainsAnyExcept((byte)0)) return false;
        }

        return true;
    }

    /// <summary>
    /// Looks behind the valid part, at every byte, for a mark that says that a sequence was on stable storage. The reader reads no more records afterwards.
    /// </summary>
    /// <returns>The offset of the mark; -1 if there is none.</returns>
    public long FindMark(long sequence)
    {
        for (var at = Offset; at + SegmentFormat.MarkSize <= _fileLength; at += _end - SegmentFormat.MarkSize + 1)
        {
            Load(at);
            for (var i = 0; i + SegmentFormat.MarkSize <= _end; i++)
            {
                if (_buffer[i] == SegmentFormat.MarkPayloadSize && IsMark(_buffer.AsSpan(i, SegmentFormat.MarkSize), sequence)) return at + i;
            }
        }

        return -1;
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private bool IsMark(ReadOnlySpan<byte> bytes, long sequence)
    {
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes) != SegmentFormat.MarkPayloadSize) return false;
        var kind = (RecordKind)(BinaryPrimitives.ReadUInt64LittleEndian(bytes[SegmentFormat.TimeAndKindAt..]) >> SegmentFormat.KindShift);
        return kind is RecordKind.Mark or RecordKind.Closed
            && BinaryPrimitives.ReadInt64LittleEndian(bytes[SegmentFormat.RecordHeaderSize..]) >= sequence
            && BinaryPrimitives.ReadUInt32LittleEndian(bytes[SegmentFormat.CrcAt..]) == SegmentFormat.ChecksumOf(bytes, Header!.Seed);
    }

    // Reads the record at _offset into the properties; says what is wrong with it, or nothing.
    private string Parse()
    {
        if (IsClosed) return "bytes follow the end of a closed segment";
        if (!Require(SegmentFormat.RecordHeaderSize)) return "the file ends within the header of a record";
        var length = BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(_start));
        if (length > SegmentFormat.PayloadMax) return "the length of a record is impossible";
        var total = SegmentFormat.RecordHeaderSize + (int)length;
        if (!Require(total)) return "the file ends within a record";
        var record = _buffer.AsSpan(_start, total);
        if (BinaryPrimitives.ReadUInt32LittleEndian(record[SegmentFormat.CrcAt..]) != SegmentFormat.ChecksumOf(record, Header!.Seed)) return "the checksum of a record is wrong";
        var reason = Interpret(record);
        if (reason.Length == 0) _recordLength = total;
        return reason;
    }

    private string Interpret(ReadOnlySpan<byte> record)
    {
        var timeAndKind = BinaryPrimitives.ReadUInt64LittleEndian(record[SegmentFormat.TimeAndKindAt..]);
        var sequence = BinaryPrimitives.ReadInt64LittleEndian(record[SegmentFormat.SequenceAt..]);
        var kind = (RecordKind)(timeAndKind >> SegmentFormat.KindShift);
        if (kind > RecordKind.Closed) return $"a record is of kind {(int)kind}, which this program does not know";
        if (sequence != LastSequence + (kind == RecordKind.Transaction ? 1 : 0)) return $"a record has sequence {sequence} after {LastSequence}";
        if (kind != RecordKind.Transaction)
        {
            if (record.Length != SegmentFormat.MarkSize) return "a mark has a wrong length";
            DurableSequence = Math.Max(DurableSequence, BinaryPrimitives.ReadInt64LittleEndian(record[SegmentFormat.RecordHeaderSize..]));
        }

        Kind = kind;
        IsClosed = kind == RecordKind.Closed;
        LastSequence = sequence;
        UnixMs = (long)(timeAndKind & SegmentFormat.UnixMsMax);
        Database = (int)(timeAndKind >> SegmentFormat.DatabaseShift) & SegmentFormat.DatabaseMax;
        return "";
    }

    private void Skip(int count)
    {
        _start += count;
        _offset += count;
    }

    // Sees to it that the buffer holds this many bytes from _offset on; false if the file does not have them.
    private bool Require(int count)
    {
        if (_end - _start >= count) return true;
        if (_fileLength - _offset < count && _end - _start == _fileLength - _offset) return false;
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        var wanted = (int)Math.Min(count, _fileLength - _offset);
        if (wanted > _buffer.Length) Array.Resize(ref _buffer, wanted);
        _end += _file.Read(_offset + _end, _buffer.AsSpan(_end));
        return _end >= count;
    }

    // For the search: the buffer begins at this offset of the file.
    private void Load(long at)
    {
        _start = 0;
        _end = _file.Read(at, _buffer);
        if (_end == 0) throw new IOException($"{_file.Path} became shorter while it was read.");
    }
}
