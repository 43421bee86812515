using Memstore.Storage.Disks;

namespace Memstore.Server.Tests.Persistence;

/// <summary>The machine's disk, which fails when the test says so.</summary>
internal sealed class FailingDisk : IDisk
{
    /// <summary>What writes of the journal throw; null lets them through.</summary>
    public volatile Func<Exception>? OnWrite;

    /// <summary>What syncs throw, or wait for; null lets them through.</summary>
    public volatile Action? OnSync;

    /// <summary>Waited for before a file is opened to be read.</summary>
    public volatile ManualResetEventSlim? OnOpenToRead;

    public IDiskFile Open(string path, DiskFileMode mode)
    {
        if (mode == DiskFileMode.Read && !path.EndsWith("manifest", StringComparison.Ordinal)) OnOpenToRead?.Wait();
        return new File(this, FileDisk.Instance.Open(path, mode));
    }

    public IDiskFile CreateLike(string path, string model) => new File(this, FileDisk.Instance.CreateLike(path, model));

    public bool Exists(string path) => FileDisk.Instance.Exists(path);

    public IReadOnlyList<string> List(string directory) => FileDisk.Instance.List(directory);

    public void CreateDirectory(string directory) => FileDisk.Instance.CreateDirectory(directory);

    public void Rename(string from, string to) => FileDisk.Instance.Rename(from, to);

    public void Delete(string path) => FileDisk.Instance.Delete(path);

    public void SyncDirectory(string directory) => FileDisk.Instance.SyncDirectory(directory);

    public IDisposable Lock(string path) => FileDisk.Instance.Lock(path);

    private sealed class File(FailingDisk disk, IDiskFile file) : IDiskFile
    {
        public string Path => file.Path;

        public long Length => file.Length;

        public bool IsInPlace => file.IsInPlace;

        public int Read(long offset, Span<byte> buffer) => file.Read(offset, buffer);

        public void Write(long offset, ReadOnlySpan<byte> data)
        {
            if (disk.OnWrite is { } fail) throw fail();
            file.Write(offset, data);
        }

        public void Sync()
        {
            disk.OnSync?.Invoke();
            file.Sync();
        }

        public void Truncate(long length) => file.Truncate(length);

        public void Dispose() => file.Dispose();
    }
}
