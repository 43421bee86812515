namespace Memstore.Storage;

/// <summary>How a data directory is used.</summary>
public sealed class StorageDirectoryOptions
{
    /// <summary>
    /// How long images and segments are kept that a restart does not need, so that a restore has a past. Zero keeps none. May be changed at any time.
    /// </summary>
    public TimeSpan Keep { get; set; }

    /// <summary>How much of one core writing an image may take while clients are served, above 0 up to 1. May be changed at any time.</summary>
    public double SaveShare { get; set; } = 0.5;

    /// <summary>Whether a directory without a store becomes a new store; the tools leave it as it is.</summary>
    public bool MayCreate { get; init; } = true;

    /// <summary>Where time comes from.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
