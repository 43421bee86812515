namespace Memstore.Storage.Disks;

/// <summary>
/// The part of a file system that storage uses, so that tests can put one in its place that fails. Thread-safe. Paths are whole paths.
/// Members throw <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> when the system refuses.
/// </summary>
public interface IDisk
{
    /// <summary>Opens a file.</summary>
    IDiskFile Open(string path, DiskFileMode mode);

    /// <summary>Makes a file that is not there, to read and write, with the permissions of another from its first moment, as far as the disk knows such.</summary>
    IDiskFile CreateLike(string path, string model) => Open(path, DiskFileMode.CreateNew);

    /// <summary>Whether there is a file of this path.</summary>
    bool Exists(string path);

    /// <summary>The names, without directory, of a directory's files; empty if there is no such directory.</summary>
    IReadOnlyList<string> List(string directory);

    /// <summary>Makes a directory and those above it; nothing if it is there.</summary>
    void CreateDirectory(string directory);

    /// <summary>Gives a file another name in one step, replacing what had it. Durable after <see cref="SyncDirectory"/>.</summary>
    void Rename(string from, string to);

    /// <summary>Removes a file; nothing if there is none. Durable after <see cref="SyncDirectory"/>.</summary>
    void Delete(string path);

    /// <summary>Waits until the names in a directory are on stable storage.</summary>
    void SyncDirectory(string directory);

    /// <summary>Takes a lock that no other process, and nobody else in this one, can hold at the same time. Dispose gives it back.</summary>
    /// <exception cref="IOException">Somebody holds it; the message says who where that is known.</exception>
    IDisposable Lock(string path);
}

/// <summary>How a file is opened.</summary>
public enum DiskFileMode : byte
{
    /// <summary>To read; it must be there.</summary>
    Read,

    /// <summary>To read and write; it must be there.</summary>
    Write,

    /// <summary>To read and write; it must not be there.</summary>
    CreateNew,
}

/// <summary>An open file. One thread may write while another syncs; reads may run side by side.</summary>
public interface IDiskFile : IDisposable
{
    /// <summary>Its path.</summary>
    string Path { get; }

    /// <summary>Its length in bytes.</summary>
    long Length { get; }

    /// <summary>Whether its path still names this file: nobody deleted it, moved it, or put another in its place. False if that cannot be said.</summary>
    bool IsInPlace { get; }

    /// <summary>Reads up to the buffer's length from an offset; fewer only at the end of the file.</summary>
    int Read(long offset, Span<byte> buffer);

    /// <summary>Writes all of the data at an offset. If it throws, any part may have been written.</summary>
    void Write(long offset, ReadOnlySpan<byte> data);

    /// <summary>
    /// Waits until what was written before the call, and the length, are on stable storage. If it throws, nothing that was written since the
    /// last success may be taken for stored, whatever a later call says.
    /// </summary>
    void Sync();

    /// <summary>Cuts the file.</summary>
    void Truncate(long length);
}
