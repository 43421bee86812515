using System.Text;
using Memstore.Storage.Disks;

namespace Memstore.Server.Configuration;

/// <summary>Replaces a file as a whole: after a crash it is the old one or the new one.</summary>
internal static class FileReplacement
{
    private const string Ending = ".tmp";

    /// <summary>Writes a text in UTF-8 in place of a file's; links are followed, permissions stay.</summary>
    /// <exception cref="ConfigurationException">The system refuses; the message says why and names no path. The file is the old one or the new one.</exception>
    public static void Write(string path, string text)
    {
        try
        {
            Replace(FileDisk.Instance, File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path, Encoding.UTF8.GetBytes(text));
        }
        catch (UnauthorizedAccessException error)
        {
            throw new ConfigurationException("Permission denied", error);
        }
        catch (IOException error)
        {
            throw new ConfigurationException(error.Message, error);
        }
    }

    /// <summary>Writes other bytes in place of a file's: beside it first, and under its name when they are on stable storage.</summary>
    /// <exception cref="IOException">The disk refuses. The file is the old one or the new one.</exception>
    internal static void Replace(IDisk disk, string path, ReadOnlySpan<byte> bytes)
    {
        var folder = Path.GetDirectoryName(path)!;
        var start = $".{Path.GetFileName(path)}.";
        Clean(disk, folder, start);

        // Nobody else has this name: whoever replaces the same file at the same time is one of two that win, and neither writes into the other's file.
        var temporary = Path.Combine(folder, start + Guid.NewGuid().ToString("N")[..8] + Ending);
        try
        {
            using (var file = disk.CreateLike(temporary, path))
            {
                file.Write(0, bytes);
                file.Sync();
            }

            disk.Rename(temporary, path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Delete(disk, temporary);
            throw;
        }

        disk.SyncDirectory(folder);
    }

    // What a crash has left, of which there would be more with each if it could come back.
    private static void Clean(IDisk disk, string folder, string start)
    {
        var left = disk.List(folder).Where(name => name.StartsWith(start, StringComparison.Ordinal) && name.EndsWith(Ending, StringComparison.Ordinal)).ToList();
        if (left.Count == 0) return;
        foreach (var name in left) Delete(disk, Path.Combine(folder, name));
        disk.SyncDirectory(folder);
    }

    // What cannot be deleted now is tried again the next time.
    private static void Delete(IDisk disk, string path)
    {
        try
        {
            disk.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
        }
    }
}
