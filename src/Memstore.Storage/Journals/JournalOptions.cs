using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Memstore.Storage.Journals;

/// <summary>How a journal begins and works.</summary>
public sealed record JournalOptions
{
    /// <summary>The store that it belongs to.</summary>
    public required Guid StoreId { get; init; }

    /// <summary>The directory of its segments; it must be there.</summary>
    public required string Directory { get; init; }

    /// <summary>The number of the segment that is made at the start (<see cref="JournalEnd.NextSegment"/>; 1 for a new store). It replaces an empty one.</summary>
    public required long FirstSegment { get; init; }

    /// <summary>The sequence of the first transaction: one more than the last that was recovered; 1 for a new store.</summary>
    public required long FirstSequence { get; init; }

    /// <summary>The commit time of the last transaction that was recovered; later ones are not earlier. 0 if there was none.</summary>
    public long LastUnixMs { get; init; }

    /// <summary>Bytes after which a new segment begins.</summary>
    public long SegmentBytes { get; init; } = 256L << 20;

    /// <summary>Bytes of records that may wait in memory while the disk does not take them; then a new image is needed.</summary>
    public int PendingBytesMax { get; init; } = 64 << 20;

    /// <summary>The clock that commit times are read from.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>
    /// Called when only a new image can make the journal whole again, and again with growing pauses until <see cref="Journal.CompleteRewrite"/>. On a thread of the
    /// journal's; it must return soon.
    /// </summary>
    public Action<JournalFault>? RewriteNeeded { get; init; }

    /// <summary>Where faults are reported.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;

    /// <summary>Without, a test calls the steps of the two threads.</summary>
    internal bool RunsThreads { get; init; } = true;

    /// <summary>How long a sync may take before commits are held back, so that the power takes not much more than the level says.</summary>
    internal TimeSpan SlowSync { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A fault to be found by tests: commits are called durable before the sync.</summary>
    internal bool AcknowledgesBeforeSync { get; init; }
}

/// <summary>What a fault of the disk asks for.</summary>
public enum JournalFaultKind : byte
{
    /// <summary>A write failed. What was to be written waits in memory, and the journal tries again by itself.</summary>
    Write,

    /// <summary>
    /// A sync failed or the segment is gone, so that nothing says what of it is stored. A new image makes the journal whole: <see cref="JournalOptions.RewriteNeeded"/>.
    /// </summary>
    Image,
}

/// <summary>Why a journal cannot keep what is committed.</summary>
/// <param name="Kind">What it asks for.</param>
/// <param name="Reason">What the disk said, for the operator.</param>
public sealed record JournalFault(JournalFaultKind Kind, string Reason);

/// <summary>Figures of a journal, for INFO. They are read one by one while it works.</summary>
public readonly record struct JournalFigures
{
    /// <summary>Number of the segment that is written.</summary>
    public long Segment { get; init; }

    /// <summary>Its bytes.</summary>
    public long SegmentBytes { get; init; }

    /// <summary>Bytes written since the start, over all segments.</summary>
    public long WrittenBytes { get; init; }

    /// <summary>Transactions that have been committed and not yet written.</summary>
    public long PendingRecords { get; init; }

    /// <summary>Bytes that they take in memory.</summary>
    public long PendingBytes { get; init; }

    /// <summary>Syncs since the start.</summary>
    public long Syncs { get; init; }

    /// <summary>Syncs that took more than a second.</summary>
    public long DelayedSyncs { get; init; }

    /// <summary>How long the last sync took.</summary>
    public TimeSpan LastSyncTime { get; init; }

    /// <summary>When it ended; 0 before the first.</summary>
    public long LastSyncUnixMs { get; init; }

    /// <summary>The last fault; null if there never was one.</summary>
    public JournalFault? LastFault { get; init; }
}
