using System.Text;
using Memstore.Server.Configuration;
using Memstore.Storage.Tests.Disks;
using Xunit;

namespace Memstore.Server.Tests.Configuration;

/// <summary>CONFIG REWRITE on disks that fail: the file is the old one or the new one, and what is left beside it does not become more.</summary>
public sealed class FileReplacementTests
{
    private const string Folder = "/etc/memstore";
    private const string Target = Folder + "/memstore.yaml";

    // Several sectors each, of other lengths, so that a mixture shows.
    private static readonly byte[] Old = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 200).Select(i => $"# old line {i}\n")));
    private static readonly byte[] New = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 300).Select(i => $"# a new line {i}\n")));
    private static readonly byte[] Newer = "timeout: 9\n"u8.ToArray();

    [Theory]
    [InlineData(DiskCall.Create, "No space left on device")]
    [InlineData(DiskCall.Write, "No space left on device")]
    [InlineData(DiskCall.Sync, "Input/output error")]
    [InlineData(DiskCall.Rename, "Read-only file system")]
    public void A_disk_that_refuses_leaves_the_old_file_alone_and_nothing_beside_it(DiskCall refused, string message)
    {
        var disk = Disk(seed: 1);
        disk.Fault = (call, _) =>
        {
            if (call == refused) throw new IOException(message);
        };
        Assert.Equal(message, Assert.Throws<IOException>(() => FileReplacement.Replace(disk, Target, New)).Message);
        Assert.Equal(["memstore.yaml"], disk.List(Folder));
        Assert.Equal(Old, disk.ReadAll(Target));
        disk.Fault = null;
        FileReplacement.Replace(disk, Target, Newer);
        Assert.Equal(Newer, disk.ReadAll(Target));
    }

    [Fact]
    public void A_directory_that_cannot_be_synced_is_an_error_over_the_new_file()
    {
        var disk = Disk(seed: 1);
        disk.Fault = static (call, _) =>
        {
            if (call == DiskCall.SyncDirectory) throw new IOException("Input/output error");
        };
        Assert.Throws<IOException>(() => FileReplacement.Replace(disk, Target, New));
        Assert.Equal(["memstore.yaml"], disk.List(Folder));
        Assert.Equal(New, disk.ReadAll(Target));
    }

    [Fact]
    public void What_cannot_be_deleted_is_deleted_the_next_time()
    {
        var disk = Disk(seed: 1);
        disk.Fault = static (call, _) =>
        {
            if (call is DiskCall.Sync or DiskCall.Delete) throw new IOException("Input/output error");
        };
        for (var i = 0; i < 3; i++) Assert.Throws<IOException>(() => FileReplacement.Replace(disk, Target, New));
        disk.Fault = null;
        FileReplacement.Replace(disk, Target, New);
        Assert.Equal(["memstore.yaml"], disk.List(Folder));
        Assert.Equal(New, disk.ReadAll(Target));
    }

    [Fact]
    public void A_crash_at_any_call_leaves_one_whole_file_and_at_most_one_beside_it()
    {
        var first = Environment.TickCount & 0xffff;
        for (var seed = first; seed < first + 200; seed++)
        {
            var disk = Disk(seed);
            for (var lossAt = 0; ; lossAt++)
            {
                // Crash after crash on the same disk, each at a later call: what each leaves is there for the next.
                var before = disk.ReadAll(Target);
                disk.PowerLossAt = disk.Calls + lossAt;
                var isDone = TryReplace(disk, New);
                disk = disk.Reboot();
                var where = $"seed {seed}, call {lossAt}";
                var now = disk.ReadAll(Target);
                Assert.True(now.AsSpan().SequenceEqual(before) || now.AsSpan().SequenceEqual(New), where);
                Assert.True(disk.List(Folder).Count <= 2, $"{where}: {string.Join(' ', disk.List(Folder))}");
                if (!isDone) continue;
                Assert.Equal(New, now);
                break;
            }

            FileReplacement.Replace(disk, Target, Newer);
            Assert.Equal(["memstore.yaml"], disk.Reboot().List(Folder));
        }
    }

    private static bool TryReplace(SimulatedDisk disk, byte[] bytes)
    {
        try
        {
            FileReplacement.Replace(disk, Target, bytes);
            return true;
        }
        catch (PowerLossException)
        {
            return false;
        }
    }

    private static SimulatedDisk Disk(int seed)
    {
        var disk = new SimulatedDisk(seed);
        disk.WriteAll(Target, Old);
        return disk;
    }
}
