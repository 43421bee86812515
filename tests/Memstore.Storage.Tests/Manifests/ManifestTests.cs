using System.Text;
using Memstore.Storage.Checksums;
using Memstore.Storage.Manifests;
using Xunit;

namespace Memstore.Storage.Tests.Manifests;

public sealed class ManifestTests
{
    private const string Directory = "/data";
    private const string File = "/data/manifest";

    private static readonly Manifest Full = new()
    {
        StoreId = Guid.Parse("6f8a0f3e-0a53-4e86-9c2c-1f0a34bb5a10"),
        FirstSegment = 3,
        Images =
        [
            new ManifestImage(StorageFiles.Image(10), 10, 1_700_000_000_000, 4_096, 3),
            new ManifestImage(StorageFiles.Image(25), 25, 1_700_000_060_000, 8_192, 5),
        ],
    };

    [Fact]
    public void What_is_written_is_read_back()
    {
        var disk = new MemoryDisk();
        ManifestFile.Write(disk, Directory, Full);
        AssertSame(Full, ManifestFile.Read(disk, Directory)!);
        Assert.Equal([StorageFiles.Manifest], disk.List(Directory));
    }

    [Fact]
    public void A_new_store_has_neither_image_nor_past()
    {
        var disk = new MemoryDisk();
        Assert.Null(ManifestFile.Read(disk, Directory));
        ManifestFile.Write(disk, Directory, new Manifest { StoreId = Full.StoreId });
        var manifest = ManifestFile.Read(disk, Directory)!;
        Assert.Null(manifest.Latest);
        Assert.Equal(1, manifest.ReplayFrom);
    }

    [Fact]
    public void It_says_which_files_belong_to_the_store()
    {
        Assert.Equal(5, Full.ReplayFrom);
        Assert.True(Full.Names(StorageFiles.Image(10)));
        Assert.False(Full.Names(StorageFiles.Image(11)));
        Assert.False(Full.Names(StorageFiles.Segment(2)));
        Assert.True(Full.Names(StorageFiles.Segment(9)));
    }

    [Fact]
    public void Every_flipped_bit_and_every_cut_is_noticed()
    {
        var bytes = ManifestFile.Print(Full);
        for (var at = 0; at < bytes.Length; at++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var flipped = (byte[])bytes.Clone();
                flipped[at] ^= (byte)(1 << bit);
                Assert.ThrowsAny<StorageException>(() => ManifestFile.Parse(File, flipped));
            }

            Assert.Throws<StorageDamagedException>(() => ManifestFile.Parse(File, bytes.AsSpan(0, at)));
        }
    }

    [Fact]
    public void A_later_version_is_refused_by_name()
    {
        var error = Assert.Throws<StorageVersionException>(() => ManifestFile.Parse(File, "memstore manifest 2\nwhatever comes\n"u8));
        Assert.Equal("/data/manifest has format 2; this version of Memstore reads formats up to 1. Use the version that wrote it, or a later one.", error.Message);
    }

    [Fact]
    public void Lines_that_mean_nothing_are_refused_although_the_checksum_matches()
    {
        foreach (var line in new[] { "imago x", "image image-1.msi 1 1 1 1", "segment -1", "store x" })
        {
            var text = $"memstore manifest 1\nstore {Full.StoreId}\nsegment 1\n{line}\n";
            text += $"crc32c {Crc32C.Of(Encoding.ASCII.GetBytes(text)):x8}\n";
            Assert.Throws<StorageDamagedException>(() => ManifestFile.Parse(File, Encoding.ASCII.GetBytes(text)));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_crash_while_it_is_replaced_leaves_the_old_one_or_the_new_one(bool keepsUnsynced)
    {
        var old = Full with { Images = [] };
        var seen = new HashSet<int>();
        for (var stop = 1; ; stop++)
        {
            var disk = new MemoryDisk();
            ManifestFile.Write(disk, Directory, old);
            disk.StopsAt = disk.Changes + stop;
            var isDone = Record.Exception(() => ManifestFile.Write(disk, Directory, Full)) is null;
            var found = ManifestFile.Read(disk.AfterCrash(keepsUnsynced), Directory)!;
            AssertSame(found.Images.Count == 0 ? old : Full, found);
            if (isDone) Assert.Equal(2, found.Images.Count);
            seen.Add(found.Images.Count);
            if (isDone) break;
        }

        Assert.Equal(2, seen.Count);
    }

    private static void AssertSame(Manifest expected, Manifest actual)
    {
        Assert.Equal(expected.StoreId, actual.StoreId);
        Assert.Equal(expected.FirstSegment, actual.FirstSegment);
        Assert.Equal(expected.Images, actual.Images);
    }
}
