using Memstore.Storage.Disks;

namespace Memstore.Storage.Tests.Disks;

public sealed class FileDiskTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("memstore-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void What_is_written_is_read_back()
    {
        var path = Path.Combine(_directory, "file");
        using (var file = FileDisk.Instance.Open(path, DiskFileMode.CreateNew))
        {
            file.Write(0, "hello"u8);
            file.Write(5, " world"u8);
            file.Sync();
            Assert.Equal(11, file.Length);
            file.Truncate(7);
        }

        FileDisk.Instance.SyncDirectory(_directory);
        using var reread = FileDisk.Instance.Open(path, DiskFileMode.Read);
        var buffer = new byte[16];
        Assert.Equal(7, reread.Read(0, buffer));
        Assert.Equal("hello w"u8.ToArray(), buffer[..7]);
        Assert.Equal(0, reread.Read(7, buffer));
    }

    [Fact]
    public void A_new_file_must_not_be_there()
    {
        var path = Path.Combine(_directory, "file");
        FileDisk.Instance.Open(path, DiskFileMode.CreateNew).Dispose();
        Assert.Throws<IOException>(() => FileDisk.Instance.Open(path, DiskFileMode.CreateNew));
        FileDisk.Instance.Delete(path);
        FileDisk.Instance.Delete(path);
        Assert.False(FileDisk.Instance.Exists(path));
        Assert.Throws<FileNotFoundException>(() => FileDisk.Instance.Open(path, DiskFileMode.Write));
    }

    [Fact]
    public void A_file_knows_whether_its_path_still_names_it()
    {
        var path = Path.Combine(_directory, "file");
        using var file = FileDisk.Instance.Open(path, DiskFileMode.CreateNew);
        Assert.True(file.IsInPlace);
        FileDisk.Instance.Rename(path, path + ".away");
        Assert.False(file.IsInPlace);
        if (!OperatingSystem.IsLinux()) return;
        FileDisk.Instance.Open(path, DiskFileMode.CreateNew).Dispose();
        Assert.False(file.IsInPlace);
    }

    [Fact]
    public void A_lock_is_held_once_and_says_by_whom()
    {
        var path = Path.Combine(_directory, "lock");
        using (FileDisk.Instance.Lock(path))
        {
            var refused = Assert.Throws<IOException>(() => FileDisk.Instance.Lock(path));
            Assert.Contains(_directory, refused.Message, StringComparison.Ordinal);
            Assert.Contains($"process {Environment.ProcessId}", refused.Message, StringComparison.Ordinal);
        }

        FileDisk.Instance.Lock(path).Dispose();
    }

    [Fact]
    public void Names_are_listed_without_their_directory()
    {
        FileDisk.Instance.Open(Path.Combine(_directory, "a"), DiskFileMode.CreateNew).Dispose();
        FileDisk.Instance.CreateDirectory(Path.Combine(_directory, "below", "below"));
        Assert.Equal(["a"], FileDisk.Instance.List(_directory));
        Assert.Empty(FileDisk.Instance.List(Path.Combine(_directory, "missing")));
    }
}
