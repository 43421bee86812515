using System.Globalization;

namespace Memstore.Storage;

/// <summary>A data directory cannot be used as it is; the message tells the operator why and what to do.</summary>
public class StorageException : Exception
{
    /// <summary>Makes one.</summary>
    public StorageException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one with a cause.</summary>
    public StorageException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

/// <summary>A file holds what nobody wrote there, or lacks what must be there.</summary>
public sealed class StorageDamagedException : StorageException
{
    /// <summary>Makes one whose message names the place, the reason and the tools that help.</summary>
    /// <param name="path">The damaged file.</param>
    /// <param name="offset">Where in it the damage was noticed, in bytes.</param>
    /// <param name="reason">What is wrong, without a full stop.</param>
    public StorageDamagedException(string path, long offset, string reason)
        : base(Describe(path, offset, reason))
    {
        FilePath = path;
        Offset = offset;
        Reason = reason;
    }

    /// <summary>The damaged file.</summary>
    public string FilePath { get; }

    /// <summary>Where in it the damage was noticed, in bytes.</summary>
    public long Offset { get; }

    /// <summary>What is wrong.</summary>
    public string Reason { get; }

    private static string Describe(string path, long offset, string reason)
    {
        var directory = Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{path} is damaged at byte {offset}: {reason}. 'memstore check {directory}' shows all of it; 'memstore repair {directory}' saves what can be saved.");
    }
}

/// <summary>A file was written by a later version of Memstore.</summary>
public sealed class StorageVersionException : StorageException
{
    /// <summary>Makes one.</summary>
    public StorageVersionException(string path, long version, long known)
        : base(string.Create(
            CultureInfo.InvariantCulture,
            $"{path} has format {version}; this version of Memstore reads formats up to {known}. Use the version that wrote it, or a later one."))
    {
        FilePath = path;
        Version = version;
    }

    /// <summary>The file.</summary>
    public string FilePath { get; }

    /// <summary>The format that it says it has.</summary>
    public long Version { get; }
}
