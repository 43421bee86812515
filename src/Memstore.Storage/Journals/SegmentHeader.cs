using System.Buffers.Binary;
using Memstore.Storage.Checksums;

namespace Memstore.Storage.Journals;

/// <summary>What the first 64 bytes of a segment say.</summary>
public sealed record SegmentHeader
{
    private const uint DetachedFlag = 1;

    /// <summary>The store that it belongs to.</summary>
    public required Guid StoreId { get; init; }

    /// <summary>Its number; that of the next segment is one more.</summary>
    public required long Number { get; init; }

    /// <summary>The sequence of its first transaction.</summary>
    public required long FirstSequence { get; init; }

    /// <summary>When it was made.</summary>
    public required long CreatedUnixMs { get; init; }

    /// <summary>
    /// It continues an image and not the segment before it, which the disk had failed. Unless that image is named by the manifest, what
    /// is in here was never durable.
    /// </summary>
    public bool IsDetached { get; init; }

    /// <summary>Chance, so that no two segments have the same <see cref="Seed"/> for long.</summary>
    public uint Salt { get; init; }

    /// <summary>
    /// Where the checksums of its records begin: the header's own. So bytes that a client stored, and that look like a record, are none here.
    /// </summary>
    public uint Seed { get; private init; }

    /// <summary>Makes the header of a new segment.</summary>
    internal static SegmentHeader Create(Guid storeId, long number, long firstSequence, long createdUnixMs, bool isDetached)
    {
        var header = new SegmentHeader
        {
            StoreId = storeId,
            Number = number,
            FirstSequence = firstSequence,
            CreatedUnixMs = createdUnixMs,
            IsDetached = isDetached,
            Salt = DrawSalt(),
        };
        Span<byte> bytes = stackalloc byte[SegmentFormat.HeaderSize];
        header.Write(bytes);
        return header with { Seed = BinaryPrimitives.ReadUInt32LittleEndian(bytes[SegmentFormat.HeaderCrcAt..]) };
    }

    // What nobody can guess, from the system's own generator (the first four bytes of a GUID are all chance). RandomNumberGenerator would load OpenSSL,
    // which is not on every machine.
    private static uint DrawSalt()
    {
        Span<byte> bytes = stackalloc byte[16];
        Guid.NewGuid().TryWriteBytes(bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    /// <summary>Writes the 64 bytes.</summary>
    internal void Write(Span<byte> bytes)
    {
        bytes = bytes[..SegmentFormat.HeaderSize];
        bytes.Clear();
        SegmentFormat.Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[SegmentFormat.HeaderFormatAt..], SegmentFormat.Version);
        StoreId.TryWriteBytes(bytes[SegmentFormat.HeaderStoreAt..], bigEndian: true, out _);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[SegmentFormat.HeaderNumberAt..], Number);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[SegmentFormat.HeaderFirstAt..], FirstSequence);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[SegmentFormat.HeaderCreatedAt..], CreatedUnixMs);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[SegmentFormat.HeaderFlagsAt..], IsDetached ? DetachedFlag : 0);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[SegmentFormat.HeaderSaltAt..], Salt);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[SegmentFormat.HeaderCrcAt..], Crc32C.Of(bytes));
    }

    /// <summary>Reads the first bytes of a file. On failure the reason says what is wrong, and the version is above ours if that is why.</summary>
    internal static SegmentHeader? Read(ReadOnlySpan<byte> bytes, out uint version, out string reason)
    {
        version = 0;
        reason = "the file is shorter than a segment's header";
        if (bytes.Length < SegmentFormat.HeaderFormatAt + sizeof(uint)) return null;
        reason = "it does not begin as a journal segment does";
        if (!bytes.StartsWith(SegmentFormat.Magic)) return null;
        version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[SegmentFormat.HeaderFormatAt..]);
        reason = $"its format is {version}, and this program reads up to {SegmentFormat.Version}";
        if (version > SegmentFormat.Version) return null;
        reason = "the file is shorter than a segment's header";
        if (bytes.Length < SegmentFormat.HeaderSize) return null;
        bytes = bytes[..SegmentFormat.HeaderSize];
        Span<byte> copy = stackalloc byte[SegmentFormat.HeaderSize];
        bytes.CopyTo(copy);
        copy.Slice(SegmentFormat.HeaderCrcAt, sizeof(uint)).Clear();
        var crc = BinaryPrimitives.ReadUInt32LittleEndian(bytes[SegmentFormat.HeaderCrcAt..]);
        reason = "the checksum of its header is wrong";
        if (version == 0 || crc != Crc32C.Of(copy)) return null;
        reason = "";
        return new SegmentHeader
        {
            StoreId = new Guid(bytes.Slice(SegmentFormat.HeaderStoreAt, 16), bigEndian: true),
            Number = BinaryPrimitives.ReadInt64LittleEndian(bytes[SegmentFormat.HeaderNumberAt..]),
            FirstSequence = BinaryPrimitives.ReadInt64LittleEndian(bytes[SegmentFormat.HeaderFirstAt..]),
            CreatedUnixMs = BinaryPrimitives.ReadInt64LittleEndian(bytes[SegmentFormat.HeaderCreatedAt..]),
            IsDetached = (BinaryPrimitives.ReadUInt32LittleEndian(bytes[SegmentFormat.HeaderFlagsAt..]) & DetachedFlag) != 0,
            Salt = BinaryPrimitives.ReadUInt32LittleEndian(bytes[SegmentFormat.HeaderSaltAt..]),
            Seed = crc,
        };
    }
}
