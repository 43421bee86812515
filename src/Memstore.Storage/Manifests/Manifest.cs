namespace Memstore.Storage.Manifests;

/// <summary>Which files of a data directory belong to the store. Does not change; a change is a new manifest.</summary>
public sealed record Manifest
{
    /// <summary>The number of the first segment of a new store.</summary>
    public const long FirstSegmentOfAll = 1;

    /// <summary>Which store it is; every file says the same, so that files of two stores cannot be mixed up.</summary>
    public required Guid StoreId { get; init; }

    /// <summary>The images, oldest first. The last is the one to load; those before it are kept for a restore.</summary>
    public IReadOnlyList<ManifestImage> Images { get; init; } = [];

    /// <summary>The oldest segment of the journal that is kept. Those after it are found by number, without gap.</summary>
    public long FirstSegment { get; init; } = FirstSegmentOfAll;

    /// <summary>The image to load; null if there is none yet.</summary>
    public ManifestImage? Latest => Images.Count == 0 ? null : Images[^1];

    /// <summary>The first segment to replay after <see cref="Latest"/>.</summary>
    public long ReplayFrom => Latest?.Segment ?? FirstSegment;

    /// <summary>The manifest after an image was saved.</summary>
    /// <param name="image">The image; one of the same sequence gives way to it.</param>
    /// <param name="pastFrom">Of what was before, so much is kept that every moment after this one can be restored.</param>
    public Manifest With(ManifestImage image, DateTimeOffset pastFrom)
    {
        ArgumentNullException.ThrowIfNull(image);
        var images = Images.Where(older => older.Sequence < image.Sequence).Append(image).ToList();
        var oldest = images.FindLastIndex(older => older.CommitUnixMs <= pastFrom.ToUnixTimeMilliseconds());
        // The newest image that is not after that moment is the first one needed; if all are after it, so is what was before them.
        return oldest < 0 ? this with { Images = images } : this with { Images = images[oldest..], FirstSegment = images[oldest].Segment };
    }

    /// <summary>Whether a file of this name belongs to the store. Files that are no store's do not count as its own.</summary>
    public bool Names(string name)
    {
        if (StorageFiles.TryParseSegment(name, out var number)) return number >= FirstSegment;
        return Images.Any(image => image.Name == name);
    }
}
