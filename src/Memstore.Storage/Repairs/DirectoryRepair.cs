using System.Globalization;
using Memstore.Storage.Disks;
using Memstore.Storage.Images;
using Memstore.Storage.Journals;
using Memstore.Storage.Manifests;
using Memstore.Storage.Recovery;

namespace Memstore.Storage.Repairs;

/// <summary>
/// Makes a damaged directory one that a start accepts: a prefix of the commits, as long as can be had. Nothing is thrown away: what is cut is kept
/// under another name. The caller holds the directory's lock.
/// </summary>
// First a plan is made: a new manifest, files that get out of the way, and a segment that is cut. It is carried out in an order in which a crash
// leaves a directory that can be repaired again.
internal sealed class DirectoryRepair
{
    private readonly IDisk _disk;
    private readonly string _directory;
    private readonly DirectoryCheck _check;
    private readonly List<string> _lines = [];
    private readonly List<string> _aside = [];
    private Manifest? _manifest;
    private long _cutSegment;
    private long _cutOffset;

    private DirectoryRepair(IDisk disk, string directory)
    {
        _disk = disk;
        _directory = directory;
        _check = new DirectoryCheck(disk, directory, new RecoveryProgress());
    }

    /// <summary>What will be done, a sentence each.</summary>
    public IReadOnlyList<string> Lines => _lines;

    /// <summary>Whether anything can be done.</summary>
    public bool IsPossible { get; private set; }

    /// <summary>Plans a repair of what a check found.</summary>
    public static DirectoryRepair Plan(IDisk disk, string directory, DirectoryFindings findings)
    {
        var repair = new DirectoryRepair(disk, directory);
        repair.IsPossible = !findings.IsNewer && repair.TryPlan(findings);
        if (findings.IsNewer) repair._lines.Add("A later version of Memstore wrote some of the files; only such a version can repair them.");
        return repair;
    }

    /// <summary>Carries the plan out.</summary>
    public void Run()
    {
        if (!IsPossible) throw new InvalidOperationException("There is nothing that can be done.");
        if (_cutSegment > 0) KeepWhatIsCut();
        // From the back, so that what is left is always one piece.
        foreach (var name in _aside.OrderDescending(StringComparer.Ordinal)) _disk.Rename(PathOf(name), PathOf(name) + StorageFiles.DamagedSuffix);
        _disk.SyncDirectory(_directory);
        if (_cutSegment > 0)
        {
            using var file = _disk.Open(PathOf(StorageFiles.Segment(_cutSegment)), DiskFileMode.Write);
            file.Truncate(_cutOffset);
            file.Sync();
        }

        ManifestFile.Write(_disk, _directory, _manifest!);
    }

    private bool TryPlan(DirectoryFindings findings)
    {
        var manifest = findings.Manifest ?? RebuildManifest(findings.ManifestProblem);
        if (manifest is null) return false;
        if (findings.Manifest is null) findings = _check.Run(manifest);
        var good = findings.Images.Where(static found => found.Problem.Length == 0).Select(static found => found.Image).ToList();
        foreach (var found in findings.Images.Where(static found => found.Problem.Length > 0))
        {
            _lines.Add($"{found.Image.Name} cannot be used: {found.Problem}.");
            SetAside(found.Image.Name);
        }

        if (Best(manifest, good) is not { } best)
        {
            _lines.Add("There is no other image, and no journal from the first commit on: the data cannot be had from this directory. Use a backup.");
            return false;
        }

        _manifest = best.Manifest;
        foreach (var image in good.Except(_manifest.Images)) SetAside(image.Name);
        if (_manifest.Latest != manifest.Latest) _lines.Add(_manifest.Latest is { } latest ? $"{latest.Name} and the journal after it take its place." : "The journal holds all commits and takes its place.");
        PlanJournal(best.Journal);
        PlanPast();
        return true;
    }

    // The image, or the empty store, from which the journal leads furthest.
    private (Manifest Manifest, JournalFinding? Journal)? Best(Manifest manifest, List<ManifestImage> good)
    {
        (Manifest Manifest, JournalFinding? Journal)? best = null;
        for (var count = good.Count; count >= (BeginsAtFirstCommit(manifest) ? 0 : 1); count--)
        {
            var candidate = manifest with { Images = good[..count] };
            var journal = _check.ReadJournal(candidate, candidate.ReplayFrom, long.MaxValue, candidate.Latest?.Sequence ?? 0);
            if (best is null || Reach(candidate, journal) > Reach(best.Value.Manifest, best.Value.Journal)) best = (candidate, journal);
        }

        return best;
    }

    private static long Reach(Manifest manifest, JournalFinding? journal) => Math.Max(manifest.Latest?.Sequence ?? 0, journal?.LastSequence ?? 0);

    // If the past cannot be read through, nothing before the last image can be restored.
    private void PlanPast()
    {
        var manifest = _manifest!;
        if (manifest.FirstSegment >= manifest.ReplayFrom || _check.ReadJournal(manifest, manifest.FirstSegment, manifest.ReplayFrom, 0) is not { Problem.Length: > 0 } past) return;
        _lines.Add($"{StorageFiles.Segment(past.LastSegment)} is damaged ({past.Problem}). Only a restore needs it: what was before the last image cannot be restored any more.");
        foreach (var number in JournalReader.Segments(_disk, _directory).Where(number => number < manifest.ReplayFrom)) SetAside(StorageFiles.Segment(number));
        foreach (var image in manifest.Images.SkipLast(1)) SetAside(image.Name);
        _manifest = manifest with { Images = [manifest.Latest!], FirstSegment = manifest.ReplayFrom };
    }

    private bool BeginsAtFirstCommit(Manifest manifest)
    {
        using var journal = JournalReader.Open(_disk, _directory, manifest.StoreId, manifest.FirstSegment);
        journal.Read();
        return journal.FirstSequence == 1;
    }

    private void PlanJournal(JournalFinding? journal)
    {
        if (journal is null or { Problem.Length: 0 }) return;
        var later = JournalReader.Segments(_disk, _directory).Where(number => number > journal.LastSegment).ToList();
        var name = StorageFiles.Segment(journal.LastSegment);
        _lines.Add($"{name} is damaged at byte {journal.Offset}: {journal.Problem}.");
        var last = LastKnown(later.Prepend(journal.LastSegment), journal.LastSequence);
        var upTo = last > journal.LastSequence ? string.Create(CultureInfo.InvariantCulture, $"to {last}, and perhaps later ones,") : "on";
        _lines.Add(string.Create(CultureInfo.InvariantCulture, $"Transactions from {journal.LastSequence + 1} {upTo} are lost. The data will be as of sequence {journal.LastSequence}."));
        foreach (var number in later) SetAside(StorageFiles.Segment(number));
        if (journal.Offset >= SegmentFormat.HeaderSize)
        {
            (_cutSegment, _cutOffset) = (journal.LastSegment, journal.Offset);
            _lines.Add($"{name} will be cut there; the rest of it is kept in {name}{StorageFiles.DamagedSuffix}.");
        }
        else
        {
            SetAside(name);
        }
    }

    // The last sequence that any whole segment still shows.
    private long LastKnown(IEnumerable<long> segments, long last)
    {
        foreach (var number in segments.Where(number => _disk.Exists(PathOf(StorageFiles.Segment(number)))))
        {
            using var segment = SegmentReader.Open(_disk, PathOf(StorageFiles.Segment(number)));
            while (segment.Read()) last = Math.Max(last, segment.LastSequence);
            if (segment.Header is not null) last = Math.Max(last, segment.Header.FirstSequence - 1);
        }

        return last;
    }

    private void SetAside(string name)
    {
        if (_aside.Contains(name) || !_disk.Exists(PathOf(name))) return;
        _aside.Add(name);
        _lines.Add($"{name} will be kept as {name}{StorageFiles.DamagedSuffix}.");
    }

    private void KeepWhatIsCut()
    {
        var name = StorageFiles.Segment(_cutSegment);
        var copy = PathOf(name) + StorageFiles.DamagedSuffix;
        _disk.Delete(copy);
        using var from = _disk.Open(PathOf(name), DiskFileMode.Read);
        using var to = _disk.Open(copy, DiskFileMode.CreateNew);
        var buffer = new byte[ImageFormat.BlockSize];
        for (long at = _cutOffset, count; at < from.Length; at += count)
        {
            count = from.Read(at, buffer);
            to.Write(at - _cutOffset, buffer.AsSpan(0, (int)count));
        }

        to.Sync();
    }

    // From what the files say of themselves: every image and segment names its store and its place.
    private Manifest? RebuildManifest(string problem)
    {
        _lines.Add($"The manifest cannot be used: {problem}. It will be made anew from the files.");
        SetAside(StorageFiles.Manifest);
        var segments = JournalReader.Segments(_disk, _directory).Select(number => HeaderOf(number)).OfType<SegmentHeader>().ToList();
        var images = _disk.List(_directory).Where(static name => StorageFiles.TryParseImage(name, out _)).Select(ImageOf).OfType<(Guid Store, ManifestImage Image)>().ToList();
        var store = segments.Select(static segment => segment.StoreId).Concat(images.Select(static image => image.Store)).GroupBy(static id => id).MaxBy(static group => group.Count())?.Key;
        if (store is null)
        {
            _lines.Add("There is neither an image nor a segment that can be read: the data cannot be had from this directory. Use a backup.");
            return null;
        }

        segments.RemoveAll(segment => segment.StoreId != store);
        var firstSegment = segments.Count == 0 ? Manifest.FirstSegmentOfAll : segments.Min(static segment => segment.Number);
        var after = segments.Count == 0 ? firstSegment : segments.Max(static segment => segment.Number) + 1;
        return new Manifest
        {
            StoreId = store.Value,
            FirstSegment = firstSegment,
            Images =
            [
                .. images.Where(image => image.Store == store).Select(image => image.Image with { Segment = SegmentAfter(segments, image.Image.Sequence, after) })
                    .OrderBy(static image => image.Sequence),
            ],
        };
    }

    private static long SegmentAfter(List<SegmentHeader> segments, long sequence, long afterAll) =>
        segments.Where(segment => segment.FirstSequence <= sequence + 1).MaxBy(static segment => segment.Number)?.Number ?? afterAll;

    private SegmentHeader? HeaderOf(long number)
    {
        using var segment = SegmentReader.Open(_disk, PathOf(StorageFiles.Segment(number)));
        return segment.Header;
    }

    private (Guid Store, ManifestImage Image)? ImageOf(string name)
    {
        try
        {
            using var reader = ImageReader.Open(_disk, PathOf(name));
            var header = reader.Header;
            return (header.StoreId, new ManifestImage(name, header.Sequence, header.CommitUnixMs, reader.FileBytes, 0));
        }
        catch (StorageException)
        {
            return null;
        }
    }

    private string PathOf(string name) => Path.Combine(_directory, name);
}
