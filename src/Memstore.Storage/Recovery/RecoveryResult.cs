using System.Globalization;

namespace Memstore.Storage.Recovery;

/// <summary>What recovery did.</summary>
public sealed record RecoveryResult
{
    /// <summary>The image that was loaded, without directory; null if there was none.</summary>
    public string? Image { get; init; }

    /// <summary>Keys that the image held.</summary>
    public long ImageKeys { get; init; }

    /// <summary>The last commit that the image held; 0 if there was none.</summary>
    public long ImageSequence { get; init; }

    /// <summary>Transactions replayed from the journal.</summary>
    public long Records { get; init; }

    /// <summary>The last commit that is in the store now; 0 if there never was one.</summary>
    public long LastSequence { get; init; }

    /// <summary>Its time, or the image's, in milliseconds of Unix time; 0 if there never was one.</summary>
    public long LastUnixMs { get; init; }

    /// <summary>The number that the next segment of the journal gets.</summary>
    public long NextSegment { get; init; }

    /// <summary>Path of the segment whose torn end was cut; null if there was none.</summary>
    public string? TornFile { get; init; }

    /// <summary>Where it was cut, in bytes.</summary>
    public long TornOffset { get; init; }

    /// <summary>Bytes that were cut.</summary>
    public long TornBytes { get; init; }

    /// <summary>Bytes read.</summary>
    public long Bytes { get; init; }

    /// <summary>How long it took.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>One sentence for each thing that was done, for the log.</summary>
    public IEnumerable<string> Describe()
    {
        var culture = CultureInfo.InvariantCulture;
        yield return Image is null
            ? "There is no image to load."
            : string.Create(culture, $"Loaded {Image}: {ImageKeys} keys as of sequence {ImageSequence}.");
        yield return string.Create(
            culture,
            $"Replayed {Records} transactions from the journal, up to sequence {LastSequence}; {Bytes} bytes read in {Duration.TotalSeconds:f3} seconds.");
        if (TornFile is not null)
            yield return string.Create(culture, $"The journal had a torn end, left by a crash: {TornFile} was cut at byte {TornOffset}, {TornBytes} bytes less.");
    }
}

/// <summary>Up to where to recover; the default is everything.</summary>
/// <param name="Sequence">The last commit.</param>
/// <param name="UnixMs">The time of the last commit, in milliseconds of Unix time.</param>
public readonly record struct RecoveryLimit(long Sequence, long UnixMs)
{
    /// <summary>Everything there is.</summary>
    public static RecoveryLimit None => new(long.MaxValue, long.MaxValue);
}
