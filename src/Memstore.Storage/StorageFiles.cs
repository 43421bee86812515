using System.Globalization;

namespace Memstore.Storage;

/// <summary>Names of the files of a data directory (docs/storage.md).</summary>
public static class StorageFiles
{
    /// <summary>Locked while a server or a tool has the directory.</summary>
    public const string Lock = "lock";

    /// <summary>Says which files belong to the store.</summary>
    public const string Manifest = "manifest";

    /// <summary>Ends the name of a file that is not finished; nothing ever reads one.</summary>
    public const string UnfinishedSuffix = ".tmp";

    /// <summary>Ends the name of a copy of what a repair cut.</summary>
    public const string DamagedSuffix = ".damaged";

    private const string ImagePrefix = "image-";
    private const string ImageSuffix = ".msi";
    private const string SegmentPrefix = "journal-";
    private const string SegmentSuffix = ".msj";

    /// <summary>The name of the image of all commits up to a sequence number.</summary>
    public static string Image(long sequence) => Name(ImagePrefix, sequence, ImageSuffix);

    /// <summary>The name of a segment of the journal.</summary>
    public static string Segment(long number) => Name(SegmentPrefix, number, SegmentSuffix);

    /// <summary>Reads an image's name.</summary>
    public static bool TryParseImage(string name, out long sequence) => TryParse(name, ImagePrefix, ImageSuffix, out sequence);

    /// <summary>Reads a segment's name.</summary>
    public static bool TryParseSegment(string name, out long number) => TryParse(name, SegmentPrefix, SegmentSuffix, out number);

    private static string Name(string prefix, long number, string suffix) =>
        string.Create(CultureInfo.InvariantCulture, $"{prefix}{number:x16}{suffix}");

    // Only the very names that are written: a file that a person has renamed or copied is not ours.
    private static bool TryParse(string name, string prefix, string suffix, out long number)
    {
        number = 0;
        ArgumentNullException.ThrowIfNull(name);
        return name.Length == prefix.Length + 16 + suffix.Length
            && name.StartsWith(prefix, StringComparison.Ordinal)
            && name.EndsWith(suffix, StringComparison.Ordinal)
            && long.TryParse(name.AsSpan(prefix.Length, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            && number >= 0
            && Name(prefix, number, suffix) == name;
    }
}
