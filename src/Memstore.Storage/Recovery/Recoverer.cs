using System.Diagnostics;
using Memstore.Engine;
using Memstore.Storage.Disks;
using Memstore.Storage.Images;
using Memstore.Storage.Journals;
using Memstore.Storage.Manifests;

namespace Memstore.Storage.Recovery;

/// <summary>Fills a store from an image and the journal after it. Used once.</summary>
internal sealed class Recoverer(IDisk disk, string directory, Manifest manifest, RecoveryProgress progress)
{
    private const int ThreadsMax = 16;

    private readonly int _threads = Math.Clamp(Environment.ProcessorCount, 1, ThreadsMax);
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>Recovers everything, and cuts the end of the journal if it is torn.</summary>
    /// <exception cref="StorageException">Something is damaged, too new, or does not fit the store.</exception>
    public RecoveryResult Run(Store store)
    {
        var end = Run(store, manifest.Latest, RecoveryLimit.None, out var result);
        if (end is null) return result;
        if (end.Kind is not (JournalEndKind.Complete or JournalEndKind.Torn)) throw RecoveryErrors.Of(end);
        end.Cut(disk);
        return end.Kind == JournalEndKind.Complete
            ? result
            : result with { TornFile = end.File, TornOffset = end.Offset, TornBytes = end.BytesBehind };
    }

    /// <summary>Recovers up to a moment and changes nothing on the disk. A torn end is the end.</summary>
    /// <exception cref="StorageException">Something that is needed is damaged, too new or not there, or does not fit the store.</exception>
    public RecoveryResult RunTo(Store store, RecoveryLimit limit)
    {
        var image = manifest.Images.LastOrDefault(image => image.Sequence <= limit.Sequence && image.CommitUnixMs <= limit.UnixMs);
        if (image is null && manifest.Images.Count > 0 && manifest.FirstSegment >= manifest.Images[0].Segment)
            throw new StorageException($"The directory does not go back so far: {Oldest()}.");
        var end = Run(store, image, limit, out var result);
        if (end is { Kind: JournalEndKind.Damaged or JournalEndKind.Newer }) throw RecoveryErrors.Of(end);
        return result;
    }

    private string Oldest()
    {
        var image = manifest.Images[0];
        return string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"its oldest image is of sequence {image.Sequence}, {DateTimeOffset.FromUnixTimeMilliseconds(image.CommitUnixMs):yyyy-MM-dd HH:mm:ss.fff}Z");
    }

    // Answers how the journal ended; null if there is none, or if it was not read to its end.
    private JournalEnd? Run(Store store, ManifestImage? image, RecoveryLimit limit, out RecoveryResult result)
    {
        var firstSegment = image?.Segment ?? manifest.FirstSegment;
        var segments = JournalReader.Segments(disk, directory).Where(number => number >= firstSegment).ToArray();
        using var journal = segments.Length == 0 ? null : JournalReader.Open(disk, directory, manifest.StoreId, firstSegment);
        progress.BytesTotal = (image?.Bytes ?? 0) + (journal?.BytesTotal ?? 0);
        result = new RecoveryResult
        {
            Image = image?.Name,
            ImageKeys = image is null ? 0 : LoadImage(store, image),
            ImageSequence = image?.Sequence ?? 0,
            LastSequence = image?.Sequence ?? 0,
            LastUnixMs = image?.CommitUnixMs ?? 0,
            NextSegment = firstSegment,
        };
        if (journal is not null) result = Replay(store, journal, limit, result);
        progress.Phase = RecoveryPhase.Done;
        result = result with { Bytes = progress.BytesDone, Duration = Stopwatch.GetElapsedTime(_start) };
        return journal?.End;
    }

    private long LoadImage(Store store, ManifestImage image)
    {
        progress.Phase = RecoveryPhase.Image;
        var path = Path.Combine(directory, image.Name);
        using var reader = ImageFiles.Open(disk, path, manifest.StoreId, image);
        return new ImageLoader(store, reader, progress).Load(_threads);
    }

    private RecoveryResult Replay(Store store, JournalReader journal, RecoveryLimit limit, RecoveryResult result)
    {
        progress.Phase = RecoveryPhase.Journal;
        using var replay = new EffectReplay(store, _threads);
        var (last, lastUnixMs, bytes) = (result.LastSequence, result.LastUnixMs, 0L);
        while (journal.Read() && journal.Sequence <= limit.Sequence && journal.UnixMs <= limit.UnixMs)
        {
            if (journal.Sequence <= last) continue;
            if (journal.Sequence != last + 1) throw Gap(journal, last);
            if (!replay.TryAdd(journal.Database, journal.Payload))
                throw new StorageDamagedException(journal.File, journal.Offset, $"the effects of transaction {journal.Sequence} are none that this version knows");
            (last, lastUnixMs) = (journal.Sequence, journal.UnixMs);
            progress.AddRecord();
            progress.AddBytes(journal.BytesRead - bytes);
            bytes = journal.BytesRead;
        }

        if (journal.End is null or { Kind: not JournalEndKind.Damaged and not JournalEndKind.Newer }) CheckStart(journal, last);
        replay.Finish();
        progress.AddBytes(journal.BytesRead - bytes);
        return result with
        {
            Records = progress.Records,
            LastSequence = last,
            LastUnixMs = lastUnixMs,
            NextSegment = journal.End?.NextSegment ?? result.NextSegment,
        };
    }

    // A journal without transactions after the image must begin right after it all the same.
    private static void CheckStart(JournalReader journal, long last)
    {
        if (journal.FirstSequence > last + 1) throw Gap(journal, last);
    }

    private static StorageDamagedException Gap(JournalReader journal, long last) => new(
        journal.File, 0, $"transactions are missing: the data before it ends at {last}, the journal goes on at {Math.Max(journal.Sequence, journal.FirstSequence)}");
}
