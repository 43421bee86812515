using Memstore.Storage.Disks;

namespace Memstore.Storage.Journals;

/// <summary>How a journal ends.</summary>
public enum JournalEndKind : byte
{
    /// <summary>At its last record.</summary>
    Complete,

    /// <summary>
    /// In bytes that a crash left behind while they were written; nothing in them had been promised to be kept. They may be cut: <see cref="JournalEnd.Cut"/>.
    /// </summary>
    Torn,

    /// <summary>At bytes that are not what was written, or at a file that is missing. What follows is lost, and an operator must decide.</summary>
    Damaged,

    /// <summary>At a file that a newer version of the program wrote.</summary>
    Newer,
}

/// <summary>What reading a journal came to.</summary>
public sealed record JournalEnd
{
    /// <summary>How it ends.</summary>
    public required JournalEndKind Kind { get; init; }

    /// <summary>Path of the segment in which it ends.</summary>
    public required string File { get; init; }

    /// <summary>Number of that segment; a new one takes the next.</summary>
    public required long Segment { get; init; }

    /// <summary>Where in the file the valid part ends.</summary>
    public required long Offset { get; init; }

    /// <summary>Bytes behind it; with <see cref="JournalEndKind.Complete"/> they are zeros.</summary>
    public required long BytesBehind { get; init; }

    /// <summary>The sequence of the last transaction that was read; if there was none, that before the first.</summary>
    public required long LastSequence { get; init; }

    /// <summary>The commit time of that transaction; 0 if there was none.</summary>
    public required long LastUnixMs { get; init; }

    /// <summary>Whether the last segment holds no transaction; then a new one may take its number.</summary>
    public required bool LastIsEmpty { get; init; }

    /// <summary>Whether the journal had been closed properly.</summary>
    public required bool IsClosed { get; init; }

    /// <summary>What is wrong; empty if nothing is.</summary>
    public required string Reason { get; init; }

    /// <summary>
    /// Later segments that count for nothing: they continue an image that was never finished after the disk had failed, so that nothing in them was durable.
    /// </summary>
    public IReadOnlyList<string> Abandoned { get; init; } = [];

    /// <summary>The number of the segment that is to be written next.</summary>
    public long NextSegment => LastIsEmpty ? Segment : Segment + 1;

    /// <summary>Makes the files end where the valid part ends, durably. Only for a journal that is complete or torn.</summary>
    public void Cut(IDisk disk)
    {
        ArgumentNullException.ThrowIfNull(disk);
        if (Kind is not (JournalEndKind.Complete or JournalEndKind.Torn)) throw new InvalidOperationException("A damaged journal is not cut.");
        // The abandoned go first and from the back: without them the segment before is the last, however far this came.
        foreach (var path in Abandoned.Reverse()) disk.Delete(path);
        if (Abandoned.Count > 0) disk.SyncDirectory(Path.GetDirectoryName(File)!);
        if (BytesBehind == 0) return;
        using var file = disk.Open(File, DiskFileMode.Write);
        file.Truncate(Offset);
        file.Sync();
    }
}
