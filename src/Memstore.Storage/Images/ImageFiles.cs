using Memstore.Storage.Disks;
using Memstore.Storage.Manifests;

namespace Memstore.Storage.Images;

/// <summary>Opens images that a manifest names.</summary>
internal static class ImageFiles
{
    /// <summary>Opens an image and sees to it that it is the one that the manifest means.</summary>
    /// <exception cref="StorageException">It is missing, damaged, too new, or another one.</exception>
    public static ImageReader Open(IDisk disk, string path, Guid storeId, ManifestImage image)
    {
        if (!disk.Exists(path)) throw new StorageDamagedException(path, 0, "the manifest names it, but it is missing");
        var reader = ImageReader.Open(disk, path);
        var header = reader.Header;
        if (header.StoreId == storeId && header.Sequence == image.Sequence && header.CommitUnixMs == image.CommitUnixMs && reader.FileBytes == image.Bytes)
            return reader;
        reader.Dispose();
        if (header.StoreId != storeId) throw new StorageDamagedException(path, 0, $"it belongs to the store {header.StoreId}, not to {storeId}");
        throw new StorageDamagedException(path, reader.FileBytes, $"it is not the image that the manifest names, of {image.Bytes} bytes as of sequence {image.Sequence}");
    }
}
