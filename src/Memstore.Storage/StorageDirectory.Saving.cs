using System.Diagnostics;
using Memstore.Engine;
using Memstore.Storage.Images;
using Memstore.Storage.Journals;
using Memstore.Storage.Manifests;

namespace Memstore.Storage;

// Saving: cut, image, manifest, and only then what is not needed any more. A crash or an error at any step leaves a directory that recovers
// to all that was safe before.
public sealed partial class StorageDirectory
{
    private int _isSaving;

    // The last manifest could not be put in its place for sure: a restart may find it, or the one before.
    private bool _isManifestUnsure;

    // The sequence of the last image of a store without a journal, which has no sequences of its own.
    private long _imagesWithoutJournal;

    /// <summary>Whether an image is being saved.</summary>
    public bool IsSaving => Volatile.Read(ref _isSaving) != 0;

    /// <summary>How far the save under way, or the last one, is.</summary>
    public SaveProgress SaveProgress { get; private set; } = new();

    /// <summary>
    /// Saves an image of a store and removes what is not needed any more. Commits go on meanwhile; call it on a thread of its own. Null, and
    /// nothing done, if another save is under way.
    /// </summary>
    /// <param name="store">The store that was recovered from here.</param>
    /// <param name="split">
    /// Called while no commit is under way, with the last sequence before it: ends when the journal goes on in another segment, of the number that it
    /// gives, and all before is on stable storage. Null without a journal; then no past is kept.
    /// </param>
    /// <param name="isBroken">The journal before the image cannot be read through, so that nothing of the past is kept.</param>
    /// <param name="stop">Ends the save early, without an image.</param>
    /// <exception cref="IOException">It failed; what was saved before is still what a restart finds. It may be tried again.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public SaveResult? TrySave(Store store, Func<long, Task<long>>? split = null, bool isBroken = false, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        if (_recovered is null) throw new InvalidOperationException("A store is saved where it was recovered from.");
        if (Interlocked.CompareExchange(ref _isSaving, 1, 0) != 0) return null;
        try
        {
            return Save(store, split, isBroken, stop);
        }
        finally
        {
            Volatile.Write(ref _isSaving, 0);
        }
    }

    /// <summary>Saves a store into a directory that is new, as of a sequence and time of another's past. It may still be loading: then nothing in it is dead.</summary>
    internal SaveResult SaveAs(Store store, long sequence, long unixMs)
    {
        var start = Stopwatch.GetTimestamp();
        using var cut = store.TakeCut();
        var image = Write(cut, sequence, unixMs, Manifest.FirstSegmentOfAll, 1, CancellationToken.None, out var keys);
        Publish(_manifest.With(image, DateTimeOffset.MaxValue));
        return new SaveResult(image, keys, Stopwatch.GetElapsedTime(start));
    }

    private SaveResult Save(Store store, Func<long, Task<long>>? split, bool isBroken, CancellationToken stop)
    {
        var start = Stopwatch.GetTimestamp();
        SaveProgress = new SaveProgress();
        if (_isManifestUnsure) Publish(_manifest);
        var segment = split is null ? Task.FromResult(SegmentAfterAll()) : null;
        ManifestImage image;
        long keys;
        using (var cut = store.TakeCut(sequence => segment ??= split!(sequence)))
        {
            var sequence = split is null ? SequenceAfterAll() : cut.Sequence;
            image = WriteUnlessSame(cut, sequence, stop, out keys);
        }

        image = image with { Segment = Wait(segment!, stop) };
        Publish(_manifest.With(image, split is null || isBroken ? DateTimeOffset.MaxValue : PastFrom()));
        RemoveUnneeded();
        return new SaveResult(image, keys, Stopwatch.GetElapsedTime(start));
    }

    private static long Wait(Task<long> segment, CancellationToken stop) => segment.WaitAsync(stop).GetAwaiter().GetResult();

    // Without a commit since the last image there is nothing to write.
    private ManifestImage WriteUnlessSame(StoreCut cut, long sequence, CancellationToken stop, out long keys)
    {
        keys = 0;
        return _manifest.Latest is { } latest && latest.Sequence == sequence
            ? latest
            : Write(cut, sequence, cut.NowUnixMs, 0, Math.Clamp(_options.SaveShare, 0.01, 1), stop, out keys);
    }

    private ManifestImage Write(StoreCut cut, long sequence, long unixMs, long segment, double share, CancellationToken stop, out long keys)
    {
        var name = StorageFiles.Image(sequence);
        var path = Path.Combine(DirectoryPath, name);
        try
        {
            var header = new ImageHeader(StoreId, sequence, unixMs, cut.DatabaseCount);
            var totals = ImageWriter.Write(_disk, path, header, cut, share, SaveProgress, stop);
            keys = totals.Keys;
            return new ManifestImage(name, sequence, unixMs, totals.Bytes, segment);
        }
        catch
        {
            TryDelete(path + StorageFiles.UnfinishedSuffix);
            throw;
        }
    }

    private DateTimeOffset PastFrom() =>
        _options.Keep <= TimeSpan.Zero ? DateTimeOffset.MaxValue : _options.TimeProvider.GetUtcNow() - _options.Keep;

    private long SequenceAfterAll() => _imagesWithoutJournal = Math.Max(_imagesWithoutJournal, _recovered!.LastSequence) + 1;

    private long SegmentAfterAll()
    {
        var segments = JournalReader.Segments(_disk, DirectoryPath);
        return Math.Max(_manifest.ReplayFrom, segments.Count == 0 ? 0 : segments[^1] + 1);
    }

    private void Publish(Manifest manifest)
    {
        _isManifestUnsure = true;
        ManifestFile.Write(_disk, DirectoryPath, manifest);
        _isManifestUnsure = false;
        Volatile.Write(ref _manifest, manifest);
    }

    // What stays because of an error goes after the next save, or at the next start.
    private void RemoveUnneeded()
    {
        foreach (var name in _disk.List(DirectoryPath))
        {
            if (IsData(name) && !_manifest.Names(name)) TryDelete(Path.Combine(DirectoryPath, name));
        }
    }

    private void TryDelete(string path)
    {
        try
        {
            _disk.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Room that is not given back is no reason to fail.
        }
    }
}

/// <summary>What a save did.</summary>
/// <param name="Image">The image, as the manifest names it.</param>
/// <param name="Keys">Keys written; 0 if the last image was as good as a new one.</param>
/// <param name="Duration">How long it took.</param>
public sealed record SaveResult(ManifestImage Image, long Keys, TimeSpan Duration);
