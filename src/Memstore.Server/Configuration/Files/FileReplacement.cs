using System.Text;
using Memstore.Storage.Disks;

namespace Memstore.Server.Configuration;

/// <summary>Replaces a file as a whole: after a crash it is the old one or the new one.</summary>
internal static class FileReplacement
{
    /// <summary>Writes a text in UTF-8 in place of a file's; links are followed, permissions stay.</summary>
    /// <exception cref="ConfigurationException">The system refuses; the message says why and names no path.</exception>
    public static void Write(string path, string text)
    {
        try
        {
            var target = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
            var folder = Path.GetDirectoryName(target)!;
            var temporary = Path.Combine(folder, $".{Path.GetFileName(target)}.{Environment.ProcessId}.tmp");
            try
            {
                WriteNew(temporary, target, text);
                File.Move(temporary, target, overwrite: true);
            }
            finally
            {
                File.Delete(temporary);
            }

            FileDisk.Instance.SyncDirectory(folder);
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

    private static void WriteNew(string temporary, string target, string text)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = File.GetUnixFileMode(target);
        using var stream = new FileStream(temporary, options);
        stream.Write(Encoding.UTF8.GetBytes(text));
        stream.Flush(flushToDisk: true);
    }
}
