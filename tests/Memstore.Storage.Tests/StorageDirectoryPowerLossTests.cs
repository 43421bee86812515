using System.Globalization;
using System.Text;
using Memstore.Engine;
using Memstore.Engine.Journaling;
using Memstore.Storage.Journals;
using Memstore.Storage.Tests.Disks;
using Microsoft.Extensions.Time.Testing;

namespace Memstore.Storage.Tests;

/// <summary>Store, journal and images together on a disk that loses its power at every call in turn.</summary>
public sealed class StorageDirectoryPowerLossTests
{
    private const int Steps = 40;

    // A start makes about so many calls, and the first commits after it.
    private const int StartCalls = 25;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void What_was_acknowledged_is_recovered_and_no_transaction_is_half_there(int seed)
    {
        for (var lossAt = 0; ; lossAt++)
        {
            var where = $"seed {seed}, call {lossAt}";
            var disk = new SimulatedDisk((seed * 1_000_003) + lossAt) { PowerLossAt = lossAt };
            long acknowledged;
            bool isDone;
            using (var run = new DirectoryRun(disk, seed))
            {
                isDone = run.Go(Steps);
                acknowledged = run.Acknowledged;
            }

            // It starts again, and loses the power in the midst of that or soon after; then it goes on, saves, and loses it while idle.
            var second = disk.Reboot();
            second.PowerLossAt = lossAt % StartCalls;
            using (var run = new DirectoryRun(second, seed))
            {
                run.Go(Steps / 4);
                acknowledged = Math.Max(acknowledged, run.Acknowledged);
            }

            var third = second.Reboot();
            var last = Check(third, acknowledged, where);
            using (var run = new DirectoryRun(third, seed + 1))
            {
                Assert.True(run.Go(Steps / 4), where);
                Assert.True(run.Acknowledged >= last, where);
                acknowledged = run.Acknowledged;
            }

            Check(third.Reboot(), acknowledged, where);
            if (isDone) break;
        }
    }

    private static long Check(SimulatedDisk disk, long acknowledged, string where)
    {
        using var directory = StorageDirectory.Open(disk, TestStore.Path);
        using var store = TestStore.New(TimeProvider.System);
        var result = directory.Recover(store);
        Assert.True(result.LastSequence >= acknowledged, $"{where}: recovered up to {result.LastSequence}, but {acknowledged} was acknowledged");
        Assert.Equal(DirectoryRun.StateAfter(result.LastSequence), TestStore.Dump(store));
        return result.LastSequence;
    }

    /// <summary>Runs a store in a directory, from a seed. What is in it follows from the number of commits.</summary>
    private sealed class DirectoryRun(SimulatedDisk disk, int seed) : IDisposable
    {
        private const int Keys = 7;

        private readonly Random _random = new(seed);
        private readonly Store _store = TestStore.New(TimeProvider.System);
        private StorageDirectory? _directory;
        private Journal? _journal;
        private long _commits;

        /// <summary>The last commit that somebody was told to be durable.</summary>
        public long Acknowledged { get; private set; }

        public static SortedDictionary<string, string> StateAfter(long commits)
        {
            var state = new SortedDictionary<string, string>(StringComparer.Ordinal);
            for (var i = 1L; i <= commits; i++)
            {
                state["0:last"] = $"@0 string {i}";
                if (i % 5 == 0) state.Remove($"0:key{i % Keys}");
                else state[$"0:key{i % Keys}"] = $"@0 string {i}";
            }

            return state;
        }

        /// <summary>False if the power went.</summary>
        public bool Go(int steps)
        {
            try
            {
                Start();
                for (var i = 0; i < steps; i++) Step();
                Await();
                _journal!.SyncWritten();
                return true;
            }
            catch (PowerLossException)
            {
                return false;
            }
        }

        public void Dispose()
        {
            _store.Dispose();
            _directory?.Dispose();
        }

        private void Start()
        {
            _directory = StorageDirectory.Open(disk, TestStore.Path, new StorageDirectoryOptions { SaveShare = 1, Keep = TimeSpan.FromHours(seed % 2) });
            _commits = _directory.Recover(_store).LastSequence;
            _journal = _directory.OpenJournal(static options => options with { RunsThreads = false, SegmentBytes = 2_048, Clock = new FakeTimeProvider(TestStore.Start) });
            _store.EndLoading(_journal);
        }

        private void Step()
        {
            switch (_random.Next(10))
            {
                case < 5:
                    for (var i = _random.Next(1, 5); i > 0; i--) Commit();
                    break;
                case 5:
                    Await();
                    break;
                case 6:
                    _journal!.TurnOfWriter();
                    break;
                case 7:
                    _journal!.TurnOfSyncer();
                    break;
                default:
                    // The image of a commit that is in one already would not be written.
                    Commit();
                    Save();
                    break;
            }
        }

        private void Commit()
        {
            _commits++;
            var value = Encoding.ASCII.GetBytes(_commits.ToString(CultureInfo.InvariantCulture));
            TestStore.Run(_store, 0, transaction =>
            {
                var key = TestStore.KeyOf(_store, $"key{_commits % Keys}");
                transaction.PutString(TestStore.KeyOf(_store, "last"), value);
                if (_commits % 5 != 0) transaction.PutString(key, value);
                else if (!transaction.Delete(key)) transaction.PutString(TestStore.KeyOf(_store, "last"), value);
            });
        }

        private void Await()
        {
            var sequence = _journal!.LastSequence;
            _journal.WhenSafe(sequence, Durability.Always, (_, isSafe) => Acknowledged = isSafe ? Math.Max(Acknowledged, sequence) : Acknowledged, null);
        }

        // The journal has no threads here: it takes its turns when the image's file is made.
        private void Save()
        {
            Task<long>? segment = null;
            disk.Fault = (call, path) =>
            {
                if (call != DiskCall.Create || !path.Contains("image", StringComparison.Ordinal)) return;
                Commit();
                Await();
                while (!segment!.IsCompleted)
                {
                    _journal!.TurnOfWriter();
                    _journal.TurnOfSyncer();
                }
            };
            var saved = _directory!.TrySave(_store, sequence => segment = _journal!.SplitAfter(sequence), stop: TestContext.Current.CancellationToken)!;
            disk.Fault = null;
            _journal!.CompleteRewrite(saved.Image.Sequence);
            Acknowledged = Math.Max(Acknowledged, saved.Image.Sequence);
        }
    }
}
