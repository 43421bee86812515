using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Memstore.Storage.Disks;

/// <summary>The file system of this machine. On Linux a sync is fdatasync, and directories are synced too; elsewhere it is what .NET offers.</summary>
public sealed class FileDisk : IDisk
{
    private FileDisk()
    {
    }

    /// <summary>The only one there is; it has no state.</summary>
    public static FileDisk Instance { get; } = new();

    /// <inheritdoc/>
    public IDiskFile Open(string path, DiskFileMode mode)
    {
        var (fileMode, access) = mode switch
        {
            DiskFileMode.Read => (FileMode.Open, FileAccess.Read),
            DiskFileMode.Write => (FileMode.Open, FileAccess.ReadWrite),
            _ => (FileMode.CreateNew, FileAccess.ReadWrite),
        };
        return new OpenFile(path, File.OpenHandle(path, fileMode, access, FileShare.ReadWrite | FileShare.Delete));
    }

    /// <inheritdoc/>
    public IDiskFile CreateLike(string path, string model)
    {
        if (OperatingSystem.IsWindows()) return Open(path, DiskFileMode.CreateNew);
        var mode = File.GetUnixFileMode(model);
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite | FileShare.Delete,
            UnixCreateMode = mode,
            BufferSize = 0,
        };
        var handle = new FileStream(path, options).SafeFileHandle;
        // Made with no more than the mode; the umask may have taken some of it away.
        File.SetUnixFileMode(handle, mode);
        return new OpenFile(path, handle);
    }

    /// <inheritdoc/>
    public bool Exists(string path) => File.Exists(path);

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string directory) =>
        Directory.Exists(directory) ? [.. Directory.EnumerateFiles(directory).Select(static path => Path.GetFileName(path))] : [];

    /// <inheritdoc/>
    public void CreateDirectory(string directory) => Directory.CreateDirectory(directory);

    /// <inheritdoc/>
    public void Rename(string from, string to) => File.Move(from, to, overwrite: true);

    /// <inheritdoc/>
    public void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (DirectoryNotFoundException)
        {
            // Then the file is not there either.
        }
    }

    /// <inheritdoc/>
    public void SyncDirectory(string directory)
    {
        if (!OperatingSystem.IsWindows()) DiskCalls.SyncDirectory(directory);
    }

    /// <inheritdoc/>
    public IDisposable Lock(string path) => OperatingSystem.IsWindows() ? LockByShare(path) : LockByFlock(path);

    // The lock belongs to the open file, so a second one in the same process is refused like one in another. The system gives it back
    // when the process ends, however it ends; the file stays.
    private static SafeFileHandle LockByFlock(string path)
    {
        try
        {
            File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite).Dispose();
        }
        catch (IOException) when (File.Exists(path))
        {
            // It is there, which is all that was wanted.
        }

        var handle = DiskCalls.Open(path);
        try
        {
            if (!DiskCalls.TryLock(handle)) throw IsTaken(path, ReadHolder(handle));
            RandomAccess.SetLength(handle, 0);
            RandomAccess.Write(handle, Holder(), 0);
            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private static SafeFileHandle LockByShare(string path)
    {
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
            RandomAccess.SetLength(handle, 0);
            RandomAccess.Write(handle, Holder(), 0);
            return handle;
        }
        catch (IOException) when (handle is null && File.Exists(path))
        {
            using var other = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            throw IsTaken(path, ReadHolder(other));
        }
        catch
        {
            handle?.Dispose();
            throw;
        }
    }

    private static byte[] Holder() => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}\n"));

    private static string ReadHolder(SafeFileHandle handle)
    {
        Span<byte> text = stackalloc byte[32];
        text = text[..RandomAccess.Read(handle, text, 0)];
        return int.TryParse(text.TrimEnd((byte)'\n'), NumberStyles.None, CultureInfo.InvariantCulture, out var process)
            ? string.Create(CultureInfo.InvariantCulture, $"process {process}")
            : "another process";
    }

    private static IOException IsTaken(string path, string holder) =>
        new($"The data directory {Path.GetDirectoryName(path)} is in use by {holder}: {path} is locked.");

    private sealed class OpenFile(string path, SafeFileHandle handle) : IDiskFile
    {
        public string Path => path;

        public long Length => RandomAccess.GetLength(handle);

        public bool IsInPlace => OperatingSystem.IsLinux() ? DiskCalls.IsSameFile(handle, path) : File.Exists(path);

        public int Read(long offset, Span<byte> buffer)
        {
            var total = 0;
            while (total < buffer.Length)
            {
                var count = RandomAccess.Read(handle, buffer[total..], offset + total);
                if (count == 0) break;
                total += count;
            }

            return total;
        }

        public void Write(long offset, ReadOnlySpan<byte> data)
        {
            try
            {
                RandomAccess.Write(handle, data, offset);
            }
            catch (ArgumentOutOfRangeException error) when (offset >= 0)
            {
                throw IsTooLarge(error);
            }
        }

        public void Sync()
        {
            if (OperatingSystem.IsLinux()) DiskCalls.SyncData(handle, path);
            else RandomAccess.FlushToDisk(handle);
        }

        public void Truncate(long length)
        {
            try
            {
                RandomAccess.SetLength(handle, length);
            }
            catch (ArgumentOutOfRangeException error) when (length >= 0)
            {
                throw IsTooLarge(error);
            }
        }

        public void Dispose() => handle.Dispose();

        // What .NET says for EFBIG, as if it were the caller's mistake: a limit of the file system or of the process (ulimit -f).
        private IOException IsTooLarge(Exception cause) => new($"{path} would be larger than the file system or the limit of the process (ulimit -f) allows.", cause);
    }
}
