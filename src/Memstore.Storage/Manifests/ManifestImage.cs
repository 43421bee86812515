namespace Memstore.Storage.Manifests;

/// <summary>An image that belongs to a store.</summary>
/// <param name="Name">Its file, without directory.</param>
/// <param name="Sequence">It holds exactly the commits up to this one.</param>
/// <param name="CommitUnixMs">The time of its cut, in milliseconds of Unix time.</param>
/// <param name="Bytes">Length of the file.</param>
/// <param name="Segment">The number of the segment of the journal that goes on after it.</param>
public sealed record ManifestImage(string Name, long Sequence, long CommitUnixMs, long Bytes, long Segment);
