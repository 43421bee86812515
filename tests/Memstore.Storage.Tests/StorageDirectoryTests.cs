using System.Globalization;
using Memstore.Storage.Images;
using Memstore.Storage.Journals;
using Microsoft.Extensions.Time.Testing;

namespace Memstore.Storage.Tests;

public sealed class StorageDirectoryTests
{
    private const string Directory = TestStore.Path;

    private static readonly long Later = TestStore.Start.AddHours(1).ToUnixTimeMilliseconds();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_image_keeps_every_type_size_and_deadline_in_all_databases(bool hasJournal)
    {
        var disk = new MemoryDisk();
        var clock = new FakeTimeProvider(TestStore.Start);
        IReadOnlyDictionary<string, string> expected;
        using (var store = new TestStore(disk, hasJournal, clock))
        {
            for (var database = 0; database < 16; database++)
            {
                store.Set("string", $"value {database}", database);
                store.SetFields("hash", [("field", "value"), ("empty", "")], database);
            }

            store.Set("", "empty key");
            store.Set("empty value", "");
            store.Set("raw", "built in place", raw: true);
            store.Set("typed", "a,b", mediaType: "text/csv");
            store.Set("typed and late", "a,b", 5, Later * 2, mediaType: "text/csv");
            store.Set("typed and long", new string('x', ImageFormat.BlockSize), 3, mediaType: new string('t', Engine.Transaction.MediaTypeMax));
            store.Set("long", new string('x', (2 * ImageFormat.BlockSize) + 7), 3);
            store.Set("soon", "gone when it is loaded", 5, Later - 1_000);
            store.Set("late", "still there", 5, Later * 2);
            store.SetFields("big", Enumerable.Range(0, 100_000).Select(static i => ($"field{i}", $"value{i}")), 15);
            store.Run(15, transaction => transaction.SetDeadline(store.KeyOf("big"), Later * 2));
            expected = store.Dump();
            var saved = store.Save();
            Assert.Equal(expected.Count, saved.Keys);
            Assert.Equal(saved.Image, Assert.Single(store.Directory.Manifest.Images));
        }

        clock.SetUtcNow(DateTimeOffset.FromUnixTimeMilliseconds(Later));
        using var again = new TestStore(disk, hasJournal, clock);
        Assert.Equal(expected, again.AsLoaded);
        Assert.Equal(expected.Count, again.Recovered.ImageKeys);
        Assert.Equal(0, again.Recovered.Records);
        Assert.False(again.Dump().ContainsKey("5:soon"));
        Assert.True(again.Dump().ContainsKey("5:late"));
    }

    [Fact]
    public void Nothing_of_a_transaction_that_failed_is_recovered()
    {
        var disk = new MemoryDisk();
        IReadOnlyDictionary<string, string> expected;
        using (var store = new TestStore(disk))
        {
            store.Set("a", "1");
            store.SetFields("big", Enumerable.Range(0, 1_000).Select(static i => ($"field{i}", "value")));
            for (var steps = 0; steps < 6; steps++) Assert.Throws<NotSupportedException>(() => store.Run(0, transaction => FailAfter(store, transaction, steps)));
            store.Set("b", "2");
            expected = store.Dump();
            Assert.Equal(3, expected.Count);
        }

        using var again = new TestStore(disk);
        Assert.Equal(expected, again.AsLoaded);
    }

    private static void FailAfter(TestStore store, Memstore.Engine.Transaction transaction, int steps)
    {
        for (var step = 0; step < steps; step++)
        {
            if (step == 0) transaction.PutString(store.KeyOf("a"), "changed"u8);
            else if (step == 1) transaction.SetFields(store.KeyOf("big"), new TestStore.Pairs([("field1", "changed"), ("new", "1")]));
            else if (step == 2) transaction.Delete(store.KeyOf("a"));
            else if (step == 3) transaction.Flush(0);
            else transaction.PutString(store.KeyOf($"new{step}"), "1"u8);
        }

        throw new NotSupportedException("A command fails.");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Image_and_journal_together_give_what_was_there(int seed)
    {
        var random = new Random(seed);
        var disk = new MemoryDisk();
        var clock = new FakeTimeProvider(TestStore.Start);
        IReadOnlyDictionary<string, string> expected = new Dictionary<string, string>();
        for (var run = 0; run < 6; run++)
        {
            using var store = new TestStore(disk, clock: clock, keep: TimeSpan.FromSeconds(random.Next(3)));
            // A key that is dead and was not removed yet is loaded, and dead.
            Assert.Equal(expected, store.Dump());
            for (var i = random.Next(300); i >= 0; i--)
            {
                RandomTransaction(store, random);
                clock.Advance(TimeSpan.FromMilliseconds(random.Next(20)));
                if (random.Next(100) == 0) store.Save();
            }

            expected = store.Dump();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_crash_at_every_step_of_a_save_loses_nothing(bool keepsUnsynced)
    {
        for (var stop = 1; ; stop++)
        {
            var disk = new MemoryDisk();
            bool isDone;
            IReadOnlyDictionary<string, string> expected;
            using (var store = new TestStore(disk))
            {
                Fill(store, 0);
                store.Save();
                Fill(store, 1);
                expected = store.Dump();
                disk.StopsAt = disk.Changes + stop;
                isDone = Record.Exception(store.Save) is null;
            }

            var after = disk.AfterCrash(keepsUnsynced);
            using (var again = new TestStore(after)) Assert.Equal(expected, again.AsLoaded);
            using (var twice = new TestStore(after))
            {
                Assert.Equal(expected, twice.AsLoaded);
                Assert.Empty(twice.Directory.Leftovers);
            }

            if (isDone) break;
        }
    }

    [Fact]
    public void After_an_error_at_any_step_of_a_save_the_next_one_works()
    {
        for (var fail = 1; ; fail++)
        {
            var disk = new MemoryDisk();
            using var store = new TestStore(disk, hasJournal: false);
            Fill(store, 0);
            store.Save();
            Fill(store, 1);
            var expected = store.Dump();
            disk.FailsAt = disk.Changes + fail;
            Record.Exception(store.Save);
            var isDone = disk.Changes < disk.FailsAt;
            disk.FailsAt = 0;
            store.Save();
            using var again = new TestStore(disk.AfterCrash(keepsUnsynced: false), hasJournal: false);
            Assert.Equal(expected, again.AsLoaded);
            Assert.Equal(
                [again.Directory.Manifest.Images[0].Name, StorageFiles.Lock, StorageFiles.Manifest],
                disk.AfterCrash(keepsUnsynced: true).List(Directory).Append(StorageFiles.Lock).Order(StringComparer.Ordinal));
            if (isDone) break;
        }
    }

    [Fact]
    public void Commits_during_a_save_are_in_the_journal_after_it()
    {
        var disk = new MemoryDisk();
        IReadOnlyDictionary<string, string> expected;
        using (var store = new TestStore(disk))
        {
            Fill(store, 0);
            disk.Creating = name =>
            {
                if (name.StartsWith("image", StringComparison.Ordinal)) store.Set("meanwhile", "x");
            };
            store.Save();
            expected = store.Dump();
        }

        using var again = new TestStore(disk);
        Assert.Equal(expected, again.AsLoaded);
        Assert.Equal(1, again.Recovered.Records);
    }

    [Fact]
    public void One_save_at_a_time()
    {
        var disk = new MemoryDisk();
        using var store = new TestStore(disk);
        store.Set("a", "1");
        SaveResult? other = null;
        var wasSaving = false;
        disk.Creating = _ =>
        {
            wasSaving |= store.Directory.IsSaving;
            other ??= store.TrySave();
        };
        store.Save();
        Assert.True(wasSaving);
        Assert.Null(other);
        Assert.False(store.Directory.IsSaving);
    }

    [Fact]
    public void A_save_can_be_stopped_and_leaves_nothing()
    {
        var disk = new MemoryDisk();
        using var store = new TestStore(disk);
        store.Set("a", "1");
        Assert.Throws<OperationCanceledException>(() => store.Directory.TrySave(store.Store, sequence => Task.FromResult(store.Journal.Split(sequence)), stop: new CancellationToken(true)));
        Assert.DoesNotContain(disk.List(Directory), static name => name.StartsWith("image", StringComparison.Ordinal));
    }

    [Fact]
    public void A_save_without_commits_since_the_last_keeps_its_image()
    {
        var disk = new MemoryDisk();
        using (var store = new TestStore(disk))
        {
            store.Set("a", "1");
            var first = store.Save();
            var second = store.Save();
            Assert.Equal(first.Image with { Segment = second.Image.Segment }, second.Image);
        }

        using var again = new TestStore(disk);
        Assert.Single(again.AsLoaded);
    }

    [Fact]
    public void What_a_crash_left_behind_is_removed_and_named()
    {
        var disk = new MemoryDisk();
        using (var store = new TestStore(disk))
        {
            store.Set("a", "1");
            store.Save();
        }

        string[] leftovers = [StorageFiles.Image(77), StorageFiles.Image(78) + ".tmp", StorageFiles.Segment(1), StorageFiles.Segment(9) + ".tmp", "manifest.tmp"];
        string[] others = ["notes.txt", "image-1.msi", StorageFiles.Image(77) + ".damaged", "backup.tmp"];
        foreach (var name in leftovers.Concat(others)) disk[Path.Combine(Directory, name)] = [1, 2, 3];
        using var again = new TestStore(disk);
        Assert.Equal(leftovers.Order(StringComparer.Ordinal), again.Directory.Leftovers.Order(StringComparer.Ordinal));
        Assert.All(leftovers, name => Assert.False(disk.Exists(Path.Combine(Directory, name))));
        Assert.All(others, name => Assert.True(disk.Exists(Path.Combine(Directory, name))));
        Assert.Single(again.AsLoaded);
    }

    [Fact]
    public void Nobody_else_can_have_the_directory()
    {
        var disk = new MemoryDisk();
        using (StorageDirectory.Open(disk, Directory))
            Assert.Throws<IOException>(() => StorageDirectory.Open(disk, Directory));
        StorageDirectory.Open(disk, Directory).Dispose();
    }

    [Fact]
    public void A_directory_that_cannot_be_used_is_not_kept_locked()
    {
        var disk = new MemoryDisk { [Path.Combine(Directory, StorageFiles.Manifest)] = "memstore manifest 9\n"u8.ToArray() };
        Assert.Throws<StorageVersionException>(() => StorageDirectory.Open(disk, Directory));
        Assert.Throws<StorageVersionException>(() => StorageDirectory.Open(disk, Directory));
    }

    [Fact]
    public void Data_without_a_manifest_is_refused()
    {
        var disk = new MemoryDisk { [Path.Combine(Directory, StorageFiles.Segment(1))] = [1] };
        Assert.Throws<StorageDamagedException>(() => StorageDirectory.Open(disk, Directory));
    }

    [Fact]
    public void The_tools_make_no_store()
    {
        var disk = new MemoryDisk();
        var error = Assert.Throws<StorageException>(() => StorageDirectory.Open(disk, Directory, new StorageDirectoryOptions { MayCreate = false }));
        Assert.Equal("/data holds no store.", error.Message);
        Assert.Empty(disk.List(Directory));
    }

    [Fact]
    public void A_store_with_too_few_databases_is_told_how_many_it_needs()
    {
        foreach (var saves in new[] { true, false })
        {
            var disk = new MemoryDisk();
            using (var store = new TestStore(disk))
            {
                store.Set("a", "1", database: 7);
                if (saves) store.Save();
            }

            var error = Assert.Throws<StorageException>(() => new TestStore(disk, databases: 4));
            Assert.Equal("There is data in database 7, but the store has 4 databases. Start with --databases 8 or more.", error.Message);
        }
    }

    [Fact]
    public void A_torn_end_of_the_journal_is_cut_and_reported()
    {
        var disk = new MemoryDisk();
        var expected = WriteTwo(disk);
        var path = Path.Combine(Directory, StorageFiles.Segment(1));
        var whole = disk[path];
        // Without the mark of a proper end, and without the last byte of the second transaction.
        disk[path] = whole[..^33];
        using (var again = new TestStore(disk))
        {
            Assert.Equal((path, 1L, 1L), (again.Recovered.TornFile, again.Recovered.Records, again.Recovered.LastSequence));
            Assert.True(again.Recovered.TornBytes > 0);
            Assert.Equal(expected["0:a"], Assert.Single(again.AsLoaded).Value);
            Assert.Contains(again.Recovered.Describe(), line => line.Contains($"cut at byte {again.Recovered.TornOffset}", StringComparison.Ordinal));
            Assert.Equal(again.Recovered.TornOffset, disk[path].Length);
            again.Set("c", "3");
        }

        using var twice = new TestStore(disk);
        Assert.Null(twice.Recovered.TornFile);
        Assert.Equal(["0:a", "0:c"], twice.AsLoaded.Keys);
    }

    [Fact]
    public void Damage_is_refused_with_file_offset_and_what_to_do()
    {
        var disk = new MemoryDisk();
        WriteTwo(disk);
        var path = Path.Combine(Directory, StorageFiles.Segment(1));
        var bytes = disk[path];
        bytes[100] ^= 1;
        disk[path] = bytes;
        var error = Assert.Throws<StorageDamagedException>(() => new TestStore(disk));
        Assert.Equal((path, 64L), (error.FilePath, error.Offset));
        Assert.Contains("'memstore check /data'", error.Message, StringComparison.Ordinal);
        Assert.Contains("'memstore repair /data'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Newer_files_are_refused_by_name()
    {
        foreach (var isImage in new[] { true, false })
        {
            var disk = new MemoryDisk();
            using (var store = new TestStore(disk))
            {
                store.Set("a", "1");
                if (isImage) store.Save();
            }

            var path = Path.Combine(Directory, isImage ? StorageFiles.Image(1) : StorageFiles.Segment(1));
            var bytes = disk[path];
            bytes[8] = 2;
            disk[path] = bytes;
            var error = Assert.ThrowsAny<StorageException>(() => new TestStore(disk));
            Assert.IsNotType<StorageDamagedException>(error);
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_missing_or_foreign_file_is_damage()
    {
        var other = new MemoryDisk();
        WriteTwo(other);
        foreach (var name in new[] { StorageFiles.Image(2), StorageFiles.Segment(2) })
        {
            var disk = new MemoryDisk();
            using (var store = new TestStore(disk))
            {
                Fill(store, 0);
                store.Save();
                store.Set("x", "1");
                disk.Creating = static name =>
                {
                    if (name.StartsWith("manifest", StringComparison.Ordinal)) throw new IOException("stop");
                };
                Assert.Throws<IOException>(store.Save);
            }

            var names = disk.List(Directory);
            var path = Path.Combine(Directory, names.First(file => file.StartsWith(name[..5], StringComparison.Ordinal)));
            disk.Delete(path);
            Assert.Throws<StorageDamagedException>(() => new TestStore(disk));
        }
    }

    [Fact]
    public void Every_sampled_flip_of_an_image_is_refused()
    {
        var disk = new MemoryDisk();
        using (var store = new TestStore(disk, hasJournal: false))
        {
            Fill(store, 0);
            store.Save();
        }

        var path = Path.Combine(Directory, StorageFiles.Image(1));
        var bytes = disk[path];
        for (var at = 0; at < bytes.Length; at += 7)
        {
            var flipped = (byte[])bytes.Clone();
            flipped[at] ^= 0x10;
            disk[path] = flipped;
            Assert.ThrowsAny<StorageException>(() => new TestStore(disk, hasJournal: false));
        }
    }

    [Fact]
    public void The_past_is_kept_as_long_as_asked()
    {
        var disk = new MemoryDisk();
        var clock = new FakeTimeProvider(TestStore.Start);
        using var store = new TestStore(disk, clock: clock, keep: TimeSpan.FromSeconds(25));
        for (var i = 1; i <= 5; i++)
        {
            store.Set("a", $"{i}");
            store.Save();
            clock.Advance(TimeSpan.FromSeconds(10));
        }

        // Saved at 0, 10, 20, 30 and 40 seconds: at 40, the moments from 15 on need the image of 10.
        Assert.Equal([2L, 3L, 4L, 5L], store.Directory.Manifest.Images.Select(static image => image.Sequence));
        Assert.Equal(store.Directory.Manifest.Images[0].Segment, store.Directory.Manifest.FirstSegment);
        Assert.Equal([3L, 4L, 5L, 6L], JournalReader.Segments(disk, Directory));
    }

    private static IReadOnlyDictionary<string, string> WriteTwo(MemoryDisk disk)
    {
        using var store = new TestStore(disk);
        store.Set("a", "1");
        store.Set("b", "2");
        return store.Dump();
    }

    private static void Fill(TestStore store, int round)
    {
        for (var i = 0; i < 20; i++) store.Set($"key{i}", $"value {round}", i % 3, i % 4 == 0 ? Later : 0);
        store.SetFields("hash", [($"field{round}", "x"), ("same", $"{round}")]);
    }

    private static void RandomTransaction(TestStore store, Random random)
    {
        store.Run(random.Next(3), transaction =>
        {
            for (var i = random.Next(3); i >= 0; i--) RandomChange(store, transaction, random);
        });
    }

    private static void RandomChange(TestStore store, Engine.Transaction transaction, Random random)
    {
        var now = store.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        var text = random.Next(40).ToString(CultureInfo.InvariantCulture);
        var name = store.KeyOf("s" + text);
        var hash = store.KeyOf("h" + text);
        switch (random.Next(100))
        {
            case < 35:
                transaction.PutString(name, System.Text.Encoding.ASCII.GetBytes($"v{random.Next()}"), random.Next(3) == 0 ? now + random.Next(1, 500) : 0, random.Next(5) == 0);
                break;
            case < 40:
                transaction.PutString(name, "typed"u8, random.Next(3) == 0 ? now + random.Next(1, 500) : 0, mediaType: System.Text.Encoding.ASCII.GetBytes($"text/v{random.Next()}"));
                break;
            case < 43:
                transaction.CopyValue(name, transaction.Database, store.KeyOf("s" + random.Next(40)), random.Next(3));
                break;
            case < 60:
                transaction.SetFields(hash, new TestStore.Pairs(Enumerable.Range(0, random.Next(1, 4)).Select(_ => ($"f{random.Next(8)}", $"{random.Next()}"))));
                break;
            case < 70:
                transaction.RemoveFields(hash, new TestStore.Pairs([($"f{random.Next(8)}", "")]));
                break;
            case < 80:
                transaction.Delete(random.Next(2) == 0 ? name : hash);
                break;
            case < 88:
                transaction.SetDeadline(random.Next(2) == 0 ? name : hash, random.Next(3) == 0 ? 0 : now + random.Next(1, 500));
                break;
            case < 95:
                transaction.CopyValue(hash, transaction.Database, store.KeyOf("h" + random.Next(40)), random.Next(3));
                break;
            case < 97:
                transaction.Flush(random.Next(3));
                break;
            default:
                transaction.Swap(random.Next(3), random.Next(3));
                break;
        }
    }
}
