using System.Buffers.Binary;
using Memstore.Storage.Checksums;

namespace Memstore.Storage.Images;

/// <summary>What an image says of itself.</summary>
/// <param name="StoreId">The store that it is an image of.</param>
/// <param name="Sequence">It holds exactly the commits up to this one.</param>
/// <param name="CommitUnixMs">The time of its cut, in milliseconds of Unix time.</param>
/// <param name="Databases">How many databases the store had.</param>
public sealed record ImageHeader(Guid StoreId, long Sequence, long CommitUnixMs, int Databases)
{
    /// <summary>Writes it, <see cref="ImageFormat.HeaderSize"/> bytes; answers its checksum.</summary>
    internal uint Print(Span<byte> bytes)
    {
        bytes = bytes[..ImageFormat.HeaderSize];
        bytes.Clear();
        ImageFormat.Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[ImageFormat.FormatAt..], ImageFormat.Format);
        StoreId.TryWriteBytes(bytes[ImageFormat.StoreIdAt..], bigEndian: true, out _);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[ImageFormat.SequenceAt..], Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[ImageFormat.CommitTimeAt..], CommitUnixMs);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[ImageFormat.DatabasesAt..], Databases);
        var checksum = Crc32C.Of(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[ImageFormat.HeaderChecksumAt..], checksum);
        return checksum;
    }

    /// <summary>Reads the start of a file.</summary>
    internal static ImageHeader Parse(string path, Span<byte> bytes, out uint checksum)
    {
        if (bytes.Length < ImageFormat.HeaderSize) throw new StorageDamagedException(path, bytes.Length, "it ends within its header");
        if (!bytes.StartsWith(ImageFormat.Magic)) throw new StorageDamagedException(path, 0, "it does not begin as an image");
        var format = BinaryPrimitives.ReadUInt32LittleEndian(bytes[ImageFormat.FormatAt..]);
        // A later format may have its checksum elsewhere, so the version is looked at first.
        if (format > ImageFormat.Format) throw new StorageVersionException(path, format, ImageFormat.Format);
        checksum = BinaryPrimitives.ReadUInt32LittleEndian(bytes[ImageFormat.HeaderChecksumAt..]);
        bytes.Slice(ImageFormat.HeaderChecksumAt, sizeof(uint)).Clear();
        if (Crc32C.Of(bytes[..ImageFormat.HeaderSize]) != checksum)
            throw new StorageDamagedException(path, 0, "the checksum of its header does not match");
        return new ImageHeader(
            new Guid(bytes.Slice(ImageFormat.StoreIdAt, 16), bigEndian: true),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[ImageFormat.SequenceAt..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[ImageFormat.CommitTimeAt..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[ImageFormat.DatabasesAt..]));
    }
}

/// <summary>What an image holds, as its last block says.</summary>
/// <param name="Keys">Keys in all databases.</param>
/// <param name="Bytes">Length of the file.</param>
public readonly record struct ImageTotals(long Keys, long Bytes);
