using System.Buffers.Binary;
using Memstore.Storage.Checksums;

namespace Memstore.Storage.Images;

/// <summary>The numbers of an image's layout, for writer and reader (docs/storage.md). All integers are little endian.</summary>
internal static class ImageFormat
{
    /// <summary>The format that is written; a reader refuses later ones.</summary>
    public const uint Format = 1;

    // The header.
    public const int HeaderSize = 64;
    public const int FormatAt = 8;
    public const int HeaderChecksumAt = 12;
    public const int StoreIdAt = 16;
    public const int SequenceAt = 32;
    public const int CommitTimeAt = 40;
    public const int DatabasesAt = 48;

    // The head of a block: the length of what follows it, and a checksum of the block without that field.
    public const int BlockHeadSize = 16;
    public const int BlockChecksumAt = 4;
    public const int BlockKindAt = 8;
    public const int BlockDatabaseAt = 10;
    public const int BlockEntriesAt = 12;
    public const ushort EntriesKind = 1;
    public const ushort EndKind = 2;

    /// <summary>Blocks are cut when they reach this size, head included. One entry that is bigger has a block of its own.</summary>
    public const int BlockSize = 256 * 1024;

    // The payload of the last block: keys, blocks before this one, and a checksum over the header's and those blocks' checksums.
    public const int EndSize = 20;
    public const int EndBlocksAt = 8;
    public const int EndChecksumAt = 16;

    // The first byte of an entry.
    public const byte StringType = 1;
    public const byte RawStringType = 2;
    public const byte HashType = 3;

    /// <summary>A string with its media type before its bytes.</summary>
    public const byte TypedStringType = 4;
    public const byte TypeMask = 0x0F;
    public const byte DeadlineFlag = 0x10;

    /// <summary>The entry continues a hash of which an earlier block holds fields.</summary>
    public const byte ContinuationFlag = 0x20;
    public const byte FlagsKnown = TypeMask | DeadlineFlag | ContinuationFlag;

    public const int DeadlineSize = 6;
    public const int VarintSizeMax = 5;

    public static ReadOnlySpan<byte> Magic => "MEMSTIMG"u8;

    /// <summary>The checksum that belongs into a block's head.</summary>
    public static uint ChecksumOf(ReadOnlySpan<byte> head, ReadOnlySpan<byte> payload) => Crc32C.Append(ChecksumOfHead(head), payload);

    /// <summary>The checksum of a head without the field of the checksum; goes on with the payload.</summary>
    public static uint ChecksumOfHead(ReadOnlySpan<byte> head) =>
        Crc32C.Append(Crc32C.Of(head[..BlockChecksumAt]), head[BlockKindAt..BlockHeadSize]);

    /// <summary>Adds one block's checksum to that over all.</summary>
    public static uint Accumulate(uint total, uint blockChecksum)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, blockChecksum);
        return Crc32C.Append(total, bytes);
    }
}
