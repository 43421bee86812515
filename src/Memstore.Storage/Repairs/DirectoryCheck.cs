using Memstore.Storage.Disks;
using Memstore.Storage.Images;
using Memstore.Storage.Journals;
using Memstore.Storage.Manifests;
using Memstore.Storage.Recovery;

namespace Memstore.Storage.Repairs;

/// <summary>Reads everything in a data directory and changes nothing. The caller holds the directory's lock.</summary>
internal sealed class DirectoryCheck(IDisk disk, string directory, RecoveryProgress progress)
{
    private bool _isNewer;

    /// <summary>Reads it all.</summary>
    public DirectoryFindings Run()
    {
        Manifest? manifest = null;
        var problem = "it is missing";
        try
        {
            manifest = ManifestFile.Read(disk, directory);
        }
        catch (StorageException error)
        {
            problem = Note(error);
        }

        return manifest is null ? new DirectoryFindings { ManifestProblem = problem, IsNewer = _isNewer } : Run(manifest);
    }

    /// <summary>Reads all that a manifest names.</summary>
    public DirectoryFindings Run(Manifest manifest)
    {
        progress.BytesTotal = manifest.Images.Sum(static image => image.Bytes) + SegmentBytes(manifest);
        var images = manifest.Images.Select(image => ReadImage(manifest, image)).ToList();
        progress.Phase = RecoveryPhase.Journal;
        var past = manifest.FirstSegment < manifest.ReplayFrom ? ReadJournal(manifest, manifest.FirstSegment, manifest.ReplayFrom, 0) : null;
        var journal = ReadJournal(manifest, manifest.ReplayFrom, long.MaxValue, manifest.Latest?.Sequence ?? 0);
        progress.Phase = RecoveryPhase.Done;
        return new DirectoryFindings
        {
            Manifest = manifest,
            Images = images,
            Past = past,
            Journal = journal,
            Leftovers = StorageDirectory.LeftoversOf(disk, directory, manifest),
            IsNewer = _isNewer,
        };
    }

    /// <summary>Reads an image whole; answers how many keys it has and what is wrong with it.</summary>
    public ImageFinding ReadImage(Manifest manifest, ManifestImage image)
    {
        progress.Phase = RecoveryPhase.Image;
        try
        {
            using var reader = ImageFiles.Open(disk, Path.Combine(directory, image.Name), manifest.StoreId, image);
            return new ImageFinding(image, CountKeys(reader), "");
        }
        catch (StorageException error)
        {
            return new ImageFinding(image, 0, Note(error));
        }
    }

    private string Note(StorageException error)
    {
        _isNewer |= error is StorageVersionException;
        return error is StorageDamagedException damage ? $"damaged at byte {damage.Offset}: {damage.Reason}" : error.Message;
    }

    private long SegmentBytes(Manifest manifest)
    {
        using var journal = JournalReader.Open(disk, directory, manifest.StoreId, manifest.FirstSegment);
        return journal.BytesTotal;
    }

    private long CountKeys(ImageReader reader)
    {
        var keys = 0L;
        int[] frames = [];
        var block = new ImageBlock();
        while (reader.TryRead(block))
        {
            var entries = new ImageEntries(block, frames);
            var before = keys;
            while (entries.MoveNext()) keys += entries.IsContinuation ? 0 : 1;
            if (entries.IsMalformed) throw reader.Damaged(block.Offset + entries.Position, "there is no entry where one must be");
            frames = entries.Frames;
            progress.AddKeys(keys - before);
            progress.AddBytes(block.Length + ImageFormat.BlockHeadSize);
        }

        if (reader.Totals!.Value.Keys != keys) throw reader.Damaged(reader.FileBytes, "it does not hold as many keys as it says");
        return keys;
    }

    /// <summary>Reads segments from one on, and at most to before another; null if there are none.</summary>
    public JournalFinding? ReadJournal(Manifest manifest, long from, long before, long lastSequence)
    {
        if (JournalReader.Segments(disk, directory).All(number => number < from)) return null;
        using var journal = JournalReader.Open(disk, directory, manifest.StoreId, from);
        var (records, first, firstUnixMs, last, lastUnixMs, bytes) = (0L, 0L, 0L, lastSequence, 0L, 0L);
        var problem = "";
        var batch = new EffectBatch();
        while (problem.Length == 0 && journal.Read() && IsBefore(journal.File, before))
        {
            batch.Clear();
            problem = ProblemOf(journal, batch, last);
            if (problem.Length > 0) break;
            if (records++ == 0) (first, firstUnixMs) = (journal.Sequence, journal.UnixMs);
            (last, lastUnixMs) = (journal.Sequence, journal.UnixMs);
            progress.AddRecord();
            progress.AddBytes(journal.BytesRead - bytes);
            bytes = journal.BytesRead;
        }

        var end = journal.End;
        _isNewer |= end is { Kind: JournalEndKind.Newer };
        if (problem.Length == 0 && end is { Kind: JournalEndKind.Damaged or JournalEndKind.Newer } && end.Segment < before) problem = end.Reason;
        if (problem.Length == 0 && lastSequence > 0 && journal.FirstSequence > lastSequence + 1)
            problem = $"transactions are missing: the image ends at {lastSequence}, the journal goes on at {journal.FirstSequence}";
        return new JournalFinding
        {
            FirstSegment = from,
            LastSegment = Math.Min(end?.Segment ?? NumberOf(journal.File), before - 1),
            Records = records,
            FirstSequence = first,
            LastSequence = last,
            FirstUnixMs = firstUnixMs,
            LastUnixMs = lastUnixMs,
            Offset = end?.Offset ?? journal.Offset,
            Problem = problem,
            End = end,
        };
    }

    private static string ProblemOf(JournalReader journal, EffectBatch batch, long last)
    {
        if (!EffectParser.TryParse(batch, journal.Database, journal.Payload)) return $"the effects of transaction {journal.Sequence} are none that this version knows";
        return last > 0 && journal.Sequence > last + 1 ? $"transactions are missing: {journal.Sequence} follows {last}" : "";
    }

    private static bool IsBefore(string file, long number) => NumberOf(file) < number;

    private static long NumberOf(string file) => StorageFiles.TryParseSegment(Path.GetFileName(file), out var number) ? number : 0;
}
