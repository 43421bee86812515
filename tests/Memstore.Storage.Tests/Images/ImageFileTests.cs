using System.Text;
using Memstore.Storage.Disks;
using Memstore.Storage.Images;
using Xunit;

namespace Memstore.Storage.Tests.Images;

/// <summary>The bytes of images, without a store.</summary>
public sealed class ImageFileTests
{
    private const string File = "/data/image";

    private static readonly ImageHeader Header = new(Guid.Parse("6f8a0f3e-0a53-4e86-9c2c-1f0a34bb5a10"), 42, 1_700_000_000_000, 16);

    private sealed record Entry(int Database, string Key, long Deadline, bool IsRaw, byte[]? Value, SortedDictionary<string, string>? Fields)
    {
        public string MediaType { get; init; } = "";
    }

    [Fact]
    public void Entries_of_every_kind_come_back()
    {
        List<Entry> entries =
        [
            String(0, "", 0, ""),
            String(0, "name", 0, "value"),
            String(0, "raw", 1, "value") with { IsRaw = true },
            String(0, "typed", 0, "value") with { MediaType = "a/b" },
            String(0, "typed and late", 1, "") with { MediaType = new string('t', 255) },
            String(0, "late", (1L << 48) - 1, "x"),
            Hash(0, "packed", 0, 3),
            Hash(7, "with deadline", 1_800_000_000_000, 1),
            String(15, "far", 0, "y"),
        ];
        var disk = Write(entries, out var totals);
        Assert.Equal(new ImageTotals(9, disk[File].Length), totals);
        AssertSame(entries, Read(disk, out var read));
        Assert.Equal(totals, read);
    }

    [Fact]
    public void An_image_of_nothing_is_an_image()
    {
        Assert.Empty(Read(Write([], out _), out var totals));
        Assert.Equal(0, totals.Keys);
    }

    [Fact]
    public void Sizes_around_that_of_a_block_come_back()
    {
        var entries = new List<Entry>();
        foreach (var size in new[] { 0, 1, 127, 128, ImageFormat.BlockSize })
        {
            for (var around = -40; around <= 40; around += 8)
            {
                if (size + around < 0) continue;
                entries.Add(String(around & 1, $"s{size}.{around}", 0, new string('v', size + around)));
                entries.Add(String(0, $"after{size}.{around}", 5, "small"));
            }
        }

        entries.Add(String(1, "long", 7, new string('z', (3 * ImageFormat.BlockSize) + 1)));
        entries.Add(String(1, new string('k', 2 * ImageFormat.BlockSize), 7, "long key"));
        entries.Add(String(1, "long and typed", 7, new string('z', ImageFormat.BlockSize)) with { MediaType = new string('t', 255) });
        entries.Add(String(1, "end", 7, "x"));
        AssertSame(entries, Read(Write(entries, out _), out _));
    }

    [Fact]
    public void A_hash_that_does_not_fit_goes_on_in_further_blocks_and_counts_once()
    {
        var big = Hash(3, "big", 123, 100_000);
        var long1 = new Entry(3, "long fields", 0, false, null, new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["a"] = new('a', ImageFormat.BlockSize - 100),
            ["b"] = new('b', 2 * ImageFormat.BlockSize),
            [new string('c', ImageFormat.BlockSize)] = "",
        });
        List<Entry> entries = [String(3, "before", 0, "x"), big, long1, String(3, "after", 0, "x")];
        AssertSame(entries, Read(Write(entries, out var totals), out _));
        Assert.Equal(4, totals.Keys);
    }

    [Fact]
    public void Every_flipped_bit_and_every_cut_is_noticed()
    {
        var bytes = Write([String(0, "name", 5, "value"), Hash(1, "hash", 0, 2), String(2, "x", 0, "")], out _)[File];
        for (var at = 0; at < bytes.Length; at++)
        {
            var cut = new MemoryDisk { [File] = bytes[..at] };
            Assert.Throws<StorageDamagedException>(() => Read(cut, out _));
            for (var bit = 0; bit < 8; bit++)
            {
                var flipped = (byte[])bytes.Clone();
                flipped[at] ^= (byte)(1 << bit);
                Assert.ThrowsAny<StorageException>(() => Read(new MemoryDisk { [File] = flipped }, out _));
            }
        }

        Assert.Throws<StorageDamagedException>(() => Read(new MemoryDisk { [File] = [.. bytes, 0] }, out _));
    }

    [Fact]
    public void Blocks_that_changed_places_are_noticed()
    {
        var disk = Write([String(0, "a", 0, new string('a', 300_000)), String(0, "b", 0, new string('b', 300_000))], out _);
        var bytes = disk[File];
        // Two blocks of equal length: head 16, type 1, key 2, length 3, value.
        var size = 16 + 1 + 2 + 3 + 300_000;
        var swapped = bytes.ToArray();
        bytes.AsSpan(ImageFormat.HeaderSize, size).CopyTo(swapped.AsSpan(ImageFormat.HeaderSize + size));
        bytes.AsSpan(ImageFormat.HeaderSize + size, size).CopyTo(swapped.AsSpan(ImageFormat.HeaderSize));
        Assert.Throws<StorageDamagedException>(() => Read(new MemoryDisk { [File] = swapped }, out _));
    }

    [Fact]
    public void A_later_version_is_refused_by_name()
    {
        var bytes = Write([], out _)[File];
        bytes[ImageFormat.FormatAt] = 9;
        var error = Assert.Throws<StorageVersionException>(() => Read(new MemoryDisk { [File] = bytes }, out _));
        Assert.Equal(9, error.Version);
        Assert.Contains(File, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_come_back_and_impossible_ones_are_refused()
    {
        Span<byte> bytes = stackalloc byte[ImageFormat.VarintSizeMax];
        foreach (var value in new[] { 0, 1, 127, 128, 16_383, 16_384, int.MaxValue })
        {
            var position = 0;
            var size = Varint.Write(bytes, (uint)value);
            Assert.True(Varint.TryRead(bytes[..size], ref position, out var read));
            Assert.Equal((value, size), (read, position));
            position = 0;
            Assert.False(Varint.TryRead(bytes[..(size - 1)], ref position, out _));
        }

        var at = 0;
        Assert.False(Varint.TryRead([0xFF, 0xFF, 0xFF, 0xFF, 0x08], ref at, out _));
    }

    private static Entry String(int database, string key, long deadline, string value) =>
        new(database, key, deadline, false, Encoding.UTF8.GetBytes(value), null);

    private static Entry Hash(int database, string key, long deadline, int fields)
    {
        var pairs = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < fields; i++) pairs[$"field{i}"] = $"value{i}";
        return new Entry(database, key, deadline, false, null, pairs);
    }

    private static MemoryDisk Write(List<Entry> entries, out ImageTotals totals)
    {
        var disk = new MemoryDisk();
        using var image = new ImageFile(disk.Open(File, DiskFileMode.CreateNew), Header);
        foreach (var entry in entries)
        {
            var key = Encoding.UTF8.GetBytes(entry.Key);
            if (entry.Fields is null)
            {
                image.AddString(entry.Database, key, entry.Deadline, entry.IsRaw, Encoding.UTF8.GetBytes(entry.MediaType), entry.Value);
                continue;
            }

            image.BeginHash(entry.Database, key, entry.Deadline);
            foreach (var (field, value) in entry.Fields) image.AddField(key, entry.Deadline, Encoding.UTF8.GetBytes(field), Encoding.UTF8.GetBytes(value));
            image.EndHash();
        }

        totals = image.Finish();
        return disk;
    }

    private static List<Entry> Read(MemoryDisk disk, out ImageTotals totals)
    {
        using var reader = ImageReader.Open(disk, File);
        Assert.Equal(Header, reader.Header);
        var found = new List<Entry>();
        var block = new ImageBlock();
        while (reader.TryRead(block)) ReadBlock(block, found);
        totals = reader.Totals!.Value;
        return found;
    }

    private static void ReadBlock(ImageBlock block, List<Entry> found)
    {
        var entries = new ImageEntries(block, []);
        while (entries.MoveNext())
        {
            var key = Encoding.UTF8.GetString(entries.Key);
            if (!entries.IsHash)
            {
                found.Add(new Entry(block.Database, key, entries.DeadlineUnixMs, entries.IsRaw, entries.Value.ToArray(), null) { MediaType = Encoding.UTF8.GetString(entries.MediaType) });
                continue;
            }

            if (!entries.IsContinuation) found.Add(new Entry(block.Database, key, entries.DeadlineUnixMs, false, null, new(StringComparer.Ordinal)));
            var hash = found[^1];
            Assert.Equal((hash.Key, hash.Database, hash.Deadline), (key, block.Database, entries.DeadlineUnixMs));
            var fields = entries.Fields;
            for (var i = 0; i < fields.Count; i++) hash.Fields!.Add(Encoding.UTF8.GetString(fields.Field(i)), Encoding.UTF8.GetString(fields.Value(i)));
        }

        Assert.False(entries.IsMalformed);
    }

    private static void AssertSame(List<Entry> expected, List<Entry> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        foreach (var (wanted, found) in expected.Zip(actual))
        {
            Assert.Equal((wanted.Database, wanted.Key, wanted.Deadline, wanted.IsRaw, wanted.MediaType), (found.Database, found.Key, found.Deadline, found.IsRaw, found.MediaType));
            Assert.True((wanted.Value ?? []).AsSpan().SequenceEqual(found.Value ?? []), wanted.Key);
            Assert.Equal(wanted.Fields is null, found.Fields is null);
            if (wanted.Fields is not null) Assert.True(wanted.Fields.SequenceEqual(found.Fields!), wanted.Key);
        }
    }
}
