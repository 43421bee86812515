using Memstore.Storage.Journals;
using Memstore.Storage.Manifests;

namespace Memstore.Storage.Repairs;

/// <summary>What a look at a data directory found.</summary>
public sealed record DirectoryFindings
{
    /// <summary>The manifest; null if there is none that can be read.</summary>
    public Manifest? Manifest { get; init; }

    /// <summary>Why there is no manifest; empty if there is one.</summary>
    public string ManifestProblem { get; init; } = "";

    /// <summary>The images that the manifest names, oldest first.</summary>
    public IReadOnlyList<ImageFinding> Images { get; init; } = [];

    /// <summary>The journal that a start replays; null if there is none.</summary>
    public JournalFinding? Journal { get; init; }

    /// <summary>The journal before it, which only a restore needs; null if none is kept.</summary>
    public JournalFinding? Past { get; init; }

    /// <summary>Files that the next start removes.</summary>
    public IReadOnlyList<string> Leftovers { get; init; } = [];

    /// <summary>Whether a later version of the program wrote something of it: then nothing may be repaired by this one.</summary>
    public bool IsNewer { get; init; }

    /// <summary>Whether a start would succeed and all that is kept for a restore is whole. A torn end is no damage.</summary>
    public bool IsGood => Manifest is not null && Images.All(static image => image.Problem.Length == 0) && Journal?.Problem is null or "" && Past?.Problem is null or "";

    /// <summary>Whether the journal has a torn end, which the next start cuts.</summary>
    public bool IsTorn => Journal?.End?.Kind == JournalEndKind.Torn;
}

/// <summary>What was found of an image.</summary>
/// <param name="Image">The image.</param>
/// <param name="Keys">Keys in it.</param>
/// <param name="Problem">What is wrong; empty if nothing is.</param>
public sealed record ImageFinding(ManifestImage Image, long Keys, string Problem);

/// <summary>What was found of a part of the journal.</summary>
public sealed record JournalFinding
{
    /// <summary>The first segment of the part.</summary>
    public required long FirstSegment { get; init; }

    /// <summary>The last segment that could be read, or in which the damage is.</summary>
    public required long LastSegment { get; init; }

    /// <summary>Transactions.</summary>
    public required long Records { get; init; }

    /// <summary>Sequence of the first.</summary>
    public required long FirstSequence { get; init; }

    /// <summary>Sequence of the last.</summary>
    public required long LastSequence { get; init; }

    /// <summary>Time of the first, in milliseconds of Unix time.</summary>
    public required long FirstUnixMs { get; init; }

    /// <summary>Time of the last.</summary>
    public required long LastUnixMs { get; init; }

    /// <summary>Where the valid part ends, in <see cref="LastSegment"/>.</summary>
    public required long Offset { get; init; }

    /// <summary>What is wrong; empty if nothing is.</summary>
    public required string Problem { get; init; }

    /// <summary>How it ends; null if it was not read to its end.</summary>
    public JournalEnd? End { get; init; }
}
