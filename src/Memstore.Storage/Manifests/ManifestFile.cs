using System.Globalization;
using System.Text;
using Memstore.Storage.Checksums;
using Memstore.Storage.Disks;

namespace Memstore.Storage.Manifests;

/// <summary>The manifest as a file: a few lines of text, replaced in one step (docs/storage.md).</summary>
public static class ManifestFile
{
    /// <summary>The format that is written.</summary>
    public const int Format = 1;

    /// <summary>A manifest is a few lines; whatever is longer is none.</summary>
    private const int SizeMax = 1 << 20;

    private const string Title = "memstore manifest ";
    private const string ChecksumWord = "crc32c ";

    /// <summary>Reads the manifest of a directory; null if there is none.</summary>
    /// <exception cref="StorageDamagedException">It is not what was written.</exception>
    /// <exception cref="StorageVersionException">A later version wrote it.</exception>
    public static Manifest? Read(IDisk disk, string directory)
    {
        ArgumentNullException.ThrowIfNull(disk);
        var path = Path.Combine(directory, StorageFiles.Manifest);
        if (!disk.Exists(path)) return null;
        using var file = disk.Open(path, DiskFileMode.Read);
        var size = file.Length;
        if (size > SizeMax) throw new StorageDamagedException(path, 0, "it is too long for a manifest");
        var bytes = new byte[size];
        var read = file.Read(0, bytes);
        return Parse(path, bytes.AsSpan(0, read));
    }

    /// <summary>
    /// Replaces the manifest: after this, or a crash in it, there is the old one or the new one, whole. When it throws, either may be
    /// what a restart finds, so that the files of both must stay.
    /// </summary>
    public static void Write(IDisk disk, string directory, Manifest manifest)
    {
        ArgumentNullException.ThrowIfNull(disk);
        var path = Path.Combine(directory, StorageFiles.Manifest);
        var unfinished = path + StorageFiles.UnfinishedSuffix;
        disk.Delete(unfinished);
        using (var file = disk.Open(unfinished, DiskFileMode.CreateNew))
        {
            file.Write(0, Print(manifest));
            file.Sync();
        }

        disk.Rename(unfinished, path);
        disk.SyncDirectory(directory);
    }

    /// <summary>The text of a manifest.</summary>
    internal static byte[] Print(Manifest manifest)
    {
        var text = new StringBuilder();
        var culture = CultureInfo.InvariantCulture;
        text.Append(culture, $"{Title}{Format}\nstore {manifest.StoreId:d}\nsegment {manifest.FirstSegment}\n");
        foreach (var image in manifest.Images)
            text.Append(culture, $"image {image.Name} {image.Sequence} {image.CommitUnixMs} {image.Bytes} {image.Segment}\n");
        var checksum = Crc32C.Of(Encoding.ASCII.GetBytes(text.ToString()));
        text.Append(culture, $"{ChecksumWord}{checksum:x8}\n");
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    /// <summary>Reads the text of a manifest.</summary>
    internal static Manifest Parse(string path, ReadOnlySpan<byte> bytes)
    {
        var text = Encoding.Latin1.GetString(bytes);
        var end = text.IndexOf('\n', StringComparison.Ordinal);
        if (end < 0 || !text.StartsWith(Title, StringComparison.Ordinal) || !TryNumber(text.AsSpan(Title.Length, Math.Max(0, end - Title.Length)), out var format))
            throw new StorageDamagedException(path, 0, "it does not begin as a manifest");
        // A later format may have its checksum elsewhere, so the version is looked at first.
        if (format > Format) throw new StorageVersionException(path, format, Format);
        var last = text.LastIndexOf(ChecksumWord, StringComparison.Ordinal);
        if (last < 0) throw new StorageDamagedException(path, bytes.Length, "its checksum is missing");
        if (text[last..] != string.Create(CultureInfo.InvariantCulture, $"{ChecksumWord}{Crc32C.Of(bytes[..last]):x8}\n"))
            throw new StorageDamagedException(path, last, "its checksum does not match");
        return ParseLines(path, text[(end + 1)..last]);
    }

    private static Manifest ParseLines(string path, string text)
    {
        Guid? store = null;
        long? segment = null;
        var images = new List<ManifestImage>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var words = line.Split(' ');
            switch (words[0])
            {
                case "store" when words.Length == 2 && Guid.TryParseExact(words[1], "d", out var id):
                    store = id;
                    break;
                case "segment" when words.Length == 2 && TryNumber(words[1], out var number):
                    segment = number;
                    break;
                case "image" when ParseImage(words) is { } image && (images.Count == 0 || images[^1].Sequence < image.Sequence):
                    images.Add(image);
                    break;
                default:
                    throw new StorageDamagedException(path, 0, $"it has a line that means nothing: {line}");
            }
        }

        if (store is null || segment is null) throw new StorageDamagedException(path, 0, "it lacks the store or the segment");
        return new Manifest { StoreId = store.Value, FirstSegment = segment.Value, Images = images };
    }

    private static ManifestImage? ParseImage(string[] words) =>
        words.Length == 6
        && StorageFiles.TryParseImage(words[1], out _)
        && TryNumber(words[2], out var sequence)
        && TryNumber(words[3], out var time)
        && TryNumber(words[4], out var bytes)
        && TryNumber(words[5], out var segment)
            ? new ManifestImage(words[1], sequence, time, bytes, segment)
            : null;

    private static bool TryNumber(ReadOnlySpan<char> text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
