using System.Buffers.Binary;
using System.Numerics;
using Memstore.Storage.Checksums;

namespace Memstore.Storage.Journals;

/// <summary>What kind of record it is.</summary>
public enum RecordKind : byte
{
    /// <summary>One transaction; the payload is its effects.</summary>
    Transaction = 0,

    /// <summary>Says how far the journal was on stable storage when it was written.</summary>
    Mark = 1,

    /// <summary>A mark after which nothing follows in its segment.</summary>
    Closed = 2,
}

/// <summary>The bytes of a journal segment, for writer and reader alike. Everything is little endian. docs/storage.md shows the layout.</summary>
public static class SegmentFormat
{
    /// <summary>The format that this program writes, and the newest that it reads.</summary>
    public const uint Version = 1;

    /// <summary>Bytes of a segment's header.</summary>
    public const int HeaderSize = 64;

    /// <summary>Bytes of a record before its payload.</summary>
    public const int RecordHeaderSize = 24;

    /// <summary>Bytes of a mark's payload: the sequence that was durable.</summary>
    public const int MarkPayloadSize = 8;

    /// <summary>Bytes of a whole mark.</summary>
    public const int MarkSize = RecordHeaderSize + MarkPayloadSize;

    /// <summary>The largest payload, in bytes.</summary>
    public const int PayloadMax = 0x7FFF_0000;

    /// <summary>The largest database number that a record's header can hold; a larger one is a SELECT in the payload.</summary>
    public const int DatabaseMax = 0xFFF;

    /// <summary>The last commit time that a record can hold (48 bits of milliseconds: the year 10889).</summary>
    public const long UnixMsMax = (1L << 48) - 1;

    // Header of a segment.
    internal const int HeaderFormatAt = 8;
    internal const int HeaderCrcAt = 12;
    internal const int HeaderStoreAt = 16;
    internal const int HeaderNumberAt = 32;
    internal const int HeaderFirstAt = 40;
    internal const int HeaderCreatedAt = 48;
    internal const int HeaderFlagsAt = 56;
    internal const int HeaderSaltAt = 60;

    // Header of a record. Time and kind share the last eight bytes: 48 bits of time, 12 of database, 4 of kind.
    internal const int LengthAt = 0;
    internal const int CrcAt = 4;
    internal const int SequenceAt = 8;
    internal const int TimeAndKindAt = 16;
    internal const int DatabaseShift = 48;
    internal const int KindShift = 60;

    internal static ReadOnlySpan<byte> Magic => "MEMSTJNL"u8;

    /// <summary>Writes a record's header, checksum included, before a payload that is already behind it.</summary>
    /// <param name="record">Header and payload.</param>
    /// <param name="seed">The segment's seed (<see cref="SegmentHeader.Seed"/>), so that a record is valid in its segment only.</param>
    /// <param name="sequence">Its sequence.</param>
    /// <param name="timeAndKind">What <see cref="TimeAndKind"/> makes.</param>
    internal static void WriteRecordHeader(Span<byte> record, uint seed, long sequence, ulong timeAndKind)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(record[LengthAt..], (uint)(record.Length - RecordHeaderSize));
        BinaryPrimitives.WriteInt64LittleEndian(record[SequenceAt..], sequence);
        BinaryPrimitives.WriteUInt64LittleEndian(record[TimeAndKindAt..], timeAndKind);
        BinaryPrimitives.WriteUInt32LittleEndian(record[CrcAt..], ChecksumOf(record, seed));
    }

    internal static ulong TimeAndKind(long unixMs, RecordKind kind, int database) =>
        (ulong)unixMs | ((ulong)database << DatabaseShift) | ((ulong)kind << KindShift);

    /// <summary>As the other, for the writer: without bounds, and the last bytes in at most three steps. Little-endian processors only.</summary>
    internal static unsafe uint ChecksumOf(byte* record, int length, uint seed)
    {
        var register = BitOperations.Crc32C(~seed, *(uint*)record);
        var at = record + SequenceAt;
        var end = record + length;
        for (; end - at >= sizeof(ulong); at += sizeof(ulong)) register = BitOperations.Crc32C(register, *(ulong*)at);
        if (((end - at) & sizeof(uint)) != 0)
        {
            register = BitOperations.Crc32C(register, *(uint*)at);
            at += sizeof(uint);
        }

        if (((end - at) & sizeof(ushort)) != 0)
        {
            register = BitOperations.Crc32C(register, *(ushort*)at);
            at += sizeof(ushort);
        }

        return end == at ? ~register : ~BitOperations.Crc32C(register, *at);
    }

    /// <summary>The checksum of a whole record: of all its bytes but those of the checksum.</summary>
    internal static uint ChecksumOf(ReadOnlySpan<byte> record, uint seed) =>
        Crc32C.Append(Crc32C.Append(seed, record[..CrcAt]), record[SequenceAt..]);
}
