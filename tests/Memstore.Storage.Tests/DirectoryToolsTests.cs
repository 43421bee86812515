using System.Globalization;
using Memstore.Storage.Journals;
using Memstore.Storage.Manifests;
using Memstore.Storage.Recovery;
using Memstore.Storage.Repairs;
using Memstore.Storage.Tests.Disks;
using Microsoft.Extensions.Time.Testing;

namespace Memstore.Storage.Tests;

public sealed class DirectoryToolsTests
{
    private const string Directory = TestStore.Path;
    private const string Restored = "/restored";

    private readonly MemoryDisk _disk = new();
    private readonly FakeTimeProvider _clock = new(TestStore.Start);
    private readonly List<IReadOnlyDictionary<string, string>> _history = [new Dictionary<string, string>()];
    private readonly List<string> _lines = [];

    [Fact]
    public void A_good_directory_is_described_and_left_alone()
    {
        Write(commits: 10, saveAt: [4, 7]);
        var before = Files();
        Assert.True(Check());
        Assert.Equal(before, Files());
        Assert.StartsWith("/data: store ", _lines[0], StringComparison.Ordinal);
        Assert.Equal(
            [
                "image-0000000000000004.msi, for a restore: sequence 4, 2026-01-01 00:00:04.000Z, 5 keys, " + $"{_disk[PathOf(StorageFiles.Image(4))].Length} bytes",
                "image-0000000000000007.msi: sequence 7, 2026-01-01 00:00:07.000Z, 8 keys, " + $"{_disk[PathOf(StorageFiles.Image(7))].Length} bytes",
                "journal, for a restore: segments 1 to 2, 7 transactions, 1 to 7, 2026-01-01 00:00:01.000Z to 2026-01-01 00:00:07.000Z",
                "journal: segments 3 to 3, 3 transactions, 8 to 10, 2026-01-01 00:00:08.000Z to 2026-01-01 00:00:10.000Z",
                "The directory is good.",
            ],
            _lines[1..]);
        Assert.True(Repair(isAgreed: true));
        Assert.Equal(["There is nothing to repair."], _lines);
    }

    [Fact]
    public void A_torn_end_is_good_and_is_cut_by_repair()
    {
        Write(commits: 5, saveAt: []);
        var path = PathOf(StorageFiles.Segment(1));
        _disk[path] = _disk[path][..^33];
        Assert.True(Check());
        Assert.Contains(_lines, static line => line.Contains("; torn at byte ", StringComparison.Ordinal));
        Assert.Equal("The directory is good; the torn end of its journal is cut at the next start.", _lines[^1]);
        Assert.True(Repair(isAgreed: false));
        Assert.Contains("had a torn end", Assert.Single(_lines), StringComparison.Ordinal);
        AssertHolds(4);
        Assert.True(Check());
        Assert.Equal("The directory is good.", _lines[^1]);
    }

    [Fact]
    public void Damage_in_the_journal_loses_what_follows_only_if_that_was_agreed_to()
    {
        Write(commits: 9, saveAt: [2, 6], keep: TimeSpan.Zero);
        // The second transaction after the image.
        using (var journal = JournalReader.Open(_disk, Directory, IdOf(), 3))
        {
            journal.Read();
            journal.Read();
            Flip(StorageFiles.Segment(3), (int)journal.Offset + 30);
        }

        Assert.False(Check());
        Assert.Contains("'memstore repair /data'", _lines[^1], StringComparison.Ordinal);
        var before = Files();
        Assert.False(Repair(isAgreed: false));
        Assert.Equal(before, Files());
        Assert.Contains(_lines, static line => line.StartsWith("Transactions from 8 ", StringComparison.Ordinal) && line.EndsWith("The data will be as of sequence 7.", StringComparison.Ordinal));
        Assert.Equal("Nothing was changed. To do it, run again with --yes.", _lines[^1]);
        var whole = _disk[PathOf(StorageFiles.Segment(3))];
        Assert.True(Repair(isAgreed: true));
        var cut = _disk[PathOf(StorageFiles.Segment(3))];
        Assert.Equal(whole, cut.Concat(_disk[PathOf(StorageFiles.Segment(3) + ".damaged")]).ToArray());
        AssertHolds(7);
    }

    [Fact]
    public void Later_segments_go_with_the_damaged_one_and_their_transactions_are_named()
    {
        Write(commits: 9, saveAt: [3, 6]);
        // Without the images the journal is all there is: three segments.
        foreach (var image in new[] { 3, 6 }) _disk.Delete(PathOf(StorageFiles.Image(image)));
        Flip(StorageFiles.Segment(2), 70);
        Assert.False(Repair(isAgreed: false));
        Assert.Contains(_lines, static line => line.StartsWith("Transactions from 4 to 9, and perhaps later ones, are lost.", StringComparison.Ordinal));
        Assert.True(Repair(isAgreed: true));
        Assert.True(_disk.Exists(PathOf(StorageFiles.Segment(3) + ".damaged")));
        AssertHolds(3);
    }

    [Fact]
    public void A_damaged_image_gives_way_to_the_one_before_and_the_journal_after_that()
    {
        Write(commits: 9, saveAt: [3, 6]);
        Flip(StorageFiles.Image(6), 100);
        Assert.False(Check());
        Assert.True(Repair(isAgreed: true));
        Assert.Contains("image-0000000000000003.msi and the journal after it take its place.", _lines);
        AssertHolds(9);
    }

    [Fact]
    public void A_damaged_image_without_a_past_cannot_be_repaired()
    {
        Write(commits: 9, saveAt: [3, 6], keep: TimeSpan.Zero);
        Flip(StorageFiles.Image(6), 100);
        var before = Files();
        Assert.False(Repair(isAgreed: true));
        Assert.EndsWith("Use a backup.", _lines[^1], StringComparison.Ordinal);
        Assert.Equal(before, Files());
    }

    [Fact]
    public void A_damaged_past_is_given_up_and_the_present_stays()
    {
        Write(commits: 9, saveAt: [3, 6]);
        Flip(StorageFiles.Segment(2), 100);
        Assert.False(Check());
        Assert.True(Repair(isAgreed: true));
        AssertHolds(9);
        Assert.Throws<StorageException>(() => Restore(sequence: 4));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_manifest_is_made_anew(bool isMissing)
    {
        Write(commits: 9, saveAt: [3, 6]);
        if (isMissing) _disk.Delete(PathOf(StorageFiles.Manifest));
        else Flip(StorageFiles.Manifest, 40);
        Assert.False(Check());
        Assert.False(Repair(isAgreed: false));
        Assert.True(Repair(isAgreed: true));
        Assert.Equal(!isMissing, _disk.Exists(PathOf("manifest.damaged")));
        Assert.True(Restore(sequence: 4));
        AssertHolds(4, Restored);
        AssertHolds(9);
    }

    [Fact]
    public void What_a_later_version_wrote_is_not_touched()
    {
        Write(commits: 3, saveAt: [2]);
        var bytes = _disk[PathOf(StorageFiles.Image(2))];
        bytes[8] = 7;
        _disk[PathOf(StorageFiles.Image(2))] = bytes;
        var before = Files();
        Assert.False(Repair(isAgreed: true));
        Assert.Equal(before, Files());
        Assert.Contains("later version", _lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_crash_at_every_step_of_a_repair_can_be_repaired()
    {
        for (var stop = 1; ; stop++)
        {
            var test = new DirectoryToolsTests();
            test.Write(commits: 9, saveAt: [3, 6]);
            test.Flip(StorageFiles.Image(6), 100);
            test.Flip(StorageFiles.Segment(2), 100);
            test._disk.StopsAt = test._disk.Changes + stop;
            var isDone = Record.Exception(() => test.Repair(isAgreed: true)) is null;
            foreach (var keepsUnsynced in new[] { true, false })
            {
                var after = test._disk.AfterCrash(keepsUnsynced);
                Assert.True(DirectoryTools.Repair(after, Directory, true, new RecoveryProgress(), static _ => { }));
                using var store = new TestStore(after, clock: test._clock);
                Assert.Equal(test._history[3], store.AsLoaded);
            }

            if (isDone) break;
        }
    }

    [Fact]
    public void Every_sequence_that_is_kept_can_be_restored()
    {
        Write(commits: 12, saveAt: [3, 8]);
        for (var sequence = 0; sequence <= 13; sequence++)
        {
            Assert.True(Restore(sequence));
            AssertHolds(Math.Min(sequence, 12), Restored);
            foreach (var name in _disk.List(Restored)) _disk.Delete(Path.Combine(Restored, name));
        }
    }

    [Fact]
    public void Every_time_that_is_kept_can_be_restored()
    {
        Write(commits: 6, saveAt: [3]);
        // Commit n is at second n.
        for (var ms = 500; ms <= 7_000; ms += 500)
        {
            Assert.True(Restore(unixMs: TestStore.Start.ToUnixTimeMilliseconds() + ms));
            AssertHolds(Math.Min(ms / 1_000, 6), Restored);
            foreach (var name in _disk.List(Restored)) _disk.Delete(Path.Combine(Restored, name));
        }
    }

    [Fact]
    public void A_past_that_is_not_kept_and_a_target_that_is_taken_are_refused()
    {
        Write(commits: 6, saveAt: [3], keep: TimeSpan.Zero);
        var error = Assert.Throws<StorageException>(() => Restore(sequence: 2));
        Assert.Equal("The directory does not go back so far: its oldest image is of sequence 3, 2026-01-01 00:00:03.000Z.", error.Message);
        Assert.True(Restore(sequence: 4));
        Assert.Throws<StorageException>(() => Restore(sequence: 5));
        Assert.Throws<StorageException>(() => DirectoryTools.Check(_disk, "/nowhere", new RecoveryProgress(), static _ => { }));
        Assert.Empty(_disk.List("/nowhere"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_restore_that_ends_anywhere_leaves_no_store_or_all_of_it(int seed)
    {
        Write(commits: 6, saveAt: [3]);
        var (without, with, lossAt) = (0, 0, 0);
        for (var isDone = false; !isDone; lossAt++)
        {
            var disk = new SimulatedDisk((seed * 1_000_003) + lossAt) { PowerLossAt = lossAt };
            foreach (var name in _disk.List(Directory)) disk.WriteAll(PathOf(name), _disk[PathOf(name)]);
            isDone = RestoresOn(disk);
            var after = disk.Reboot();
            if (!after.Exists(Path.Combine(Restored, StorageFiles.Manifest)))
            {
                without++;
                if (after.List(Restored).Any(StorageDirectory.IsData))
                {
                    // It looks like somebody's data that has lost its manifest.
                    Assert.False(DirectoryTools.Check(after, Restored, new RecoveryProgress(), static _ => { }));
                    Assert.Throws<StorageDamagedException>(() => RestoresOn(after));
                    continue;
                }

                Assert.Throws<StorageException>(() => DirectoryTools.Check(after, Restored, new RecoveryProgress(), static _ => { }));
                Assert.True(RestoresOn(after), $"seed {seed}, call {lossAt}");
            }

            with++;
            using var directory = StorageDirectory.Open(after, Restored);
            using var store = TestStore.New(_clock);
            Assert.Equal(5, directory.Recover(store).LastSequence);
            Assert.Equal(_history[5], TestStore.Dump(store));
        }

        Assert.True(without > 3 && with > 0, $"{without} times there was no store, {with} times one");
    }

    [Fact]
    public void A_directory_in_use_is_refused()
    {
        using var store = new TestStore(_disk);
        Assert.Throws<IOException>(() => Check());
        Assert.Throws<IOException>(() => Repair(isAgreed: true));
        Assert.Throws<IOException>(() => Restore(sequence: 1));
    }

    // Each commit sets two keys and lasts a second; _history[n] is what was there after commit n.
    private void Write(int commits, int[] saveAt, TimeSpan? keep = null)
    {
        using var store = new TestStore(_disk, clock: _clock, keep: keep ?? TimeSpan.FromHours(1));
        for (var i = 1; i <= commits; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            var value = i.ToString(CultureInfo.InvariantCulture);
            store.Run(0, transaction =>
            {
                transaction.PutString(store.KeyOf("last"), System.Text.Encoding.ASCII.GetBytes(value));
                transaction.PutString(store.KeyOf("key" + value), System.Text.Encoding.ASCII.GetBytes(value));
            });
            _history.Add(store.Dump());
            if (saveAt.Contains(i)) store.Save();
        }
    }

    private Guid IdOf() => ManifestFile.Read(_disk, Directory)!.StoreId;

    private void Flip(string name, int at)
    {
        var bytes = _disk[PathOf(name)];
        bytes[at] ^= 4;
        _disk[PathOf(name)] = bytes;
    }

    private void AssertHolds(int commits, string directory = Directory)
    {
        using var store = new TestStore(_disk, clock: _clock, path: directory);
        Assert.Equal(_history[commits], store.Dump());
        Assert.Equal(commits, store.Recovered.LastSequence);
    }

    private bool Check()
    {
        _lines.Clear();
        return DirectoryTools.Check(_disk, Directory, new RecoveryProgress(), _lines.Add);
    }

    private bool Repair(bool isAgreed)
    {
        _lines.Clear();
        return DirectoryTools.Repair(_disk, Directory, isAgreed, new RecoveryProgress(), _lines.Add);
    }

    private bool Restore(long sequence = long.MaxValue, long unixMs = long.MaxValue) =>
        DirectoryTools.Restore(_disk, Directory, Restored, new RecoveryLimit(sequence, unixMs), new RecoveryProgress(), _lines.Add);

    private static bool RestoresOn(SimulatedDisk disk)
    {
        try
        {
            return DirectoryTools.Restore(disk, Directory, Restored, new RecoveryLimit(5, long.MaxValue), new RecoveryProgress(), static _ => { });
        }
        catch (PowerLossException)
        {
            return false;
        }
    }

    private Dictionary<string, string> Files() => _disk.List(Directory).Where(static name => name != StorageFiles.Lock)
        .ToDictionary(static name => name, name => Convert.ToHexString(_disk[PathOf(name)]));

    private static string PathOf(string name) => Path.Combine(Directory, name);
}
