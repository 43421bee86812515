using Memstore.Engine.Journaling;
using Memstore.Storage.Disks;
using Memstore.Storage.Journals;
using Memstore.Storage.Tests.Disks;
using Microsoft.Extensions.Time.Testing;

namespace Memstore.Storage.Tests.Journals;

public sealed class JournalTests
{
    private readonly SimulatedDisk _disk = new(seed: 11);

    [Fact]
    public async Task What_many_threads_commit_is_on_the_disk_in_order_and_everybody_is_answered_once()
    {
        const int Threads = 4;
        const int Commits = 20_000;
        var answers = new int[(Threads * Commits) + 1];
        var journal = Journal.Start(_disk, JournalRun.Options() with { RunsThreads = true, Clock = TimeProvider.System, SegmentBytes = 1 << 20 });
        await Task.WhenAll(Enumerable.Range(0, Threads).Select(number => Task.Factory.StartNew(() =>
        {
            var random = new Random(number);
            for (var i = 0; i < Commits; i++)
            {
                var sequence = journal.Reserve();
                if (random.Next(50) == 0) Thread.Yield();
                journal.Fill(sequence, (int)(sequence % 16), JournalRun.Payload(sequence));
                if (random.Next(4) == 0) Await(journal, sequence, answers);
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        Await(journal, journal.LastSequence, answers);
        await journal.DisposeAsync();

        Assert.Equal(Threads * Commits, journal.DurableSequence);
        Assert.DoesNotContain(answers, count => count is not (0 or 1));
        Assert.Equal(1, answers[^1]);
        Assert.Equal("", JournalRun.Check(_disk.Reboot(), Threads * Commits, out var end));
        Assert.True(end.IsClosed);
        Assert.True(end.Segment > 5);
    }

    [Fact]
    public async Task A_commit_without_effects_is_a_record_like_any_other()
    {
        var disk = new SimulatedDisk(1);
        var journal = Journal.Start(disk, JournalRun.Options() with { RunsThreads = true, Clock = TimeProvider.System });
        for (var i = 0; i < 3; i++) journal.Fill(journal.Reserve(), 0, default);
        await journal.DisposeAsync();
        Assert.Equal(3, journal.DurableSequence);
        Assert.Null(journal.Fault);
    }

    [Fact]
    public async Task Closing_under_load_loses_no_answer()
    {
        for (var round = 0; round < 30; round++)
        {
            var disk = new SimulatedDisk(round);
            var journal = Journal.Start(disk, JournalRun.Options() with { RunsThreads = true, Clock = TimeProvider.System });
            var asked = 0;
            var told = 0;
            var acknowledged = 0L;
            var load = Task.Run(() =>
            {
                for (var i = 0; i < 500; i++)
                {
                    var sequence = journal.Reserve();
                    journal.Fill(sequence, (int)(sequence % 16), JournalRun.Payload(sequence));
                    asked++;
                    journal.WhenSafe(sequence, Durability.Always, (_, isSafe) =>
                    {
                        if (isSafe) Max(ref acknowledged, sequence);
                        Interlocked.Increment(ref told);
                    }, null);
                }
            }, TestContext.Current.CancellationToken);
            if (round % 2 == 0) await Task.Yield();
            await journal.DisposeAsync();
            await load;
            Assert.Equal(asked, told);
            Assert.Equal("", JournalRun.Check(disk.Reboot(), acknowledged, out _));
        }
    }

    [Fact]
    public async Task Clients_that_commit_again_when_they_are_told_are_all_told_on_a_slow_disk()
    {
        const int Clients = 12;
        await using var journal = Journal.Start(_disk, JournalRun.Options() with { RunsThreads = true, Clock = TimeProvider.System });
        // The disk's latency, long enough that rounds of clients are gathered.
        _disk.Fault = static (call, _) => Thread.Sleep(call == DiskCall.Sync ? 2 : 0);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var left = Clients;
        for (var client = 0; client < Clients; client++) Next(10 + (client * 3));
        await ended.Task;
        Assert.Equal(journal.LastSequence, journal.DurableSequence);

        void Next(int rounds)
        {
            if (rounds == 0)
            {
                if (Interlocked.Decrement(ref left) == 0) ended.SetResult();
                return;
            }

            var sequence = journal.Reserve();
            journal.Fill(sequence, (int)(sequence % 16), JournalRun.Payload(sequence));
            journal.WhenSafe(sequence, Durability.Always, (_, isSafe) => ThreadPool.UnsafeQueueUserWorkItem(_ => Next(isSafe ? rounds - 1 : 0), null), null);
        }
    }

    [Fact]
    public async Task A_split_begins_a_segment_with_the_next_sequence()
    {
        await using var journal = Journal.Start(_disk, JournalRun.Options() with { RunsThreads = true, Clock = TimeProvider.System, SegmentBytes = 1 << 20 });
        Assert.Equal(1, await journal.SplitAfter(0));
        Commit(journal, 10);
        Assert.Equal(2, await journal.SplitAfter(10));
        Assert.Equal(10, journal.DurableSequence);
        Assert.Equal(2, await journal.SplitAfter(10));
        Commit(journal, 10);
        Assert.Equal(3, await journal.SplitAfter(20));
        await Assert.ThrowsAsync<InvalidOperationException>(() => journal.SplitAfter(15));
        Commit(journal, 5);
        await journal.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => journal.SplitAfter(25));
        Assert.Equal("", JournalRun.Check(_disk, 25, out var end, firstSegment: 3));
        Assert.Equal("", JournalRun.Check(_disk, 25, out _));
        Assert.True(end.IsClosed);
        using var reader = JournalReader.Open(_disk, JournalRun.Data, JournalRun.Store, 3);
        Assert.True(reader.Read());
        Assert.Equal(21, reader.Sequence);
    }

    [Fact]
    public async Task Splits_under_load_fall_where_they_were_asked_for()
    {
        await using var journal = Journal.Start(_disk, JournalRun.Options() with { RunsThreads = true, Clock = TimeProvider.System, SegmentBytes = 1 << 20 });
        var splits = new List<(long Sequence, Task<long> Segment)>();
        for (var i = 0; i < 40; i++)
        {
            Commit(journal, 100);
            splits.Add((journal.LastSequence, journal.SplitAfter(journal.LastSequence)));
        }

        Commit(journal, 10);
        foreach (var (sequence, segment) in splits)
        {
            using var reader = SegmentReader.Open(_disk, Path.Combine(JournalRun.Data, StorageFiles.Segment(await segment)));
            Assert.Equal(sequence + 1, reader.Header!.FirstSequence);
        }
    }

    [Fact]
    public void Commit_times_never_fall()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.FromUnixTimeMilliseconds(5_000)) { AutoAdvanceAmount = TimeSpan.Zero };
        var run = new JournalRun(_disk, 1, options => options with { Clock = clock, LastUnixMs = 7_000 });
        run.Commit(3);
        run.FillAll();
        run.Journal.SyncWritten();
        clock.Advance(TimeSpan.FromSeconds(5));
        run.Commit(3);
        run.FillAll();
        run.Journal.SyncWritten();
        using var reader = JournalReader.Open(_disk, JournalRun.Data, JournalRun.Store, 1);
        var times = new List<long>();
        while (reader.Read()) times.Add(reader.UnixMs);
        Assert.Equal([7_000, 7_000, 7_000, 10_000, 10_000, 10_000], times);
    }

    [Fact]
    public void Levels_that_do_not_wait_do_not_wait()
    {
        var run = new JournalRun(_disk, 1);
        var sequence = run.Journal.Reserve();
        Assert.Equal((1L, 1L, 0L), (run.Journal.SafePosition(Durability.None), run.Journal.SafePosition(Durability.EverySecond), run.Journal.SafePosition(Durability.Always)));
        var told = 0;
        run.Journal.WhenSafe(sequence, Durability.None, (_, isSafe) => told += isSafe ? 1 : 0, null);
        run.Journal.WhenSafe(sequence, Durability.EverySecond, (_, isSafe) => told += isSafe ? 1 : 0, null);
        Assert.Equal(2, told);
        run.Journal.WhenSafe(sequence, Durability.Always, (_, isSafe) => told += isSafe ? 1 : 0, null);
        run.Journal.TurnOfSyncer();
        Assert.Equal(2, told);
        run.Journal.Fill(sequence, 1, JournalRun.Payload(1));
        run.Journal.TurnOfSyncer();
        Assert.Equal(3, told);
        run.Journal.WhenSafe(sequence, Durability.Always, (_, isSafe) => told += isSafe ? 1 : 0, null);
        Assert.Equal(4, told);
    }

    [Fact]
    public async Task A_journal_on_the_real_disk_is_read_back()
    {
        var directory = Directory.CreateTempSubdirectory("memstore-");
        try
        {
            var options = JournalRun.Options() with { Directory = directory.FullName, RunsThreads = true, Clock = TimeProvider.System, SegmentBytes = 1 << 18 };
            var journal = Journal.Start(FileDisk.Instance, options);
            Commit(journal, 10_000);
            var safe = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            journal.WhenSafe(10_000, Durability.Always, (_, isSafe) => safe.SetResult(isSafe), null);
            Assert.True(await safe.Task);
            await journal.DisposeAsync();
            using var reader = JournalReader.Open(FileDisk.Instance, directory.FullName, JournalRun.Store, 1);
            while (reader.Read()) Assert.Equal(JournalRun.Payload(reader.Sequence), reader.Payload.ToArray());
            Assert.Equal((JournalEndKind.Complete, 10_000L, true), (reader.End!.Kind, reader.End.LastSequence, reader.End.IsClosed));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static void Commit(Journal journal, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var sequence = journal.Reserve();
            journal.Fill(sequence, (int)(sequence % 16), JournalRun.Payload(sequence));
        }
    }

    private static void Await(Journal journal, long sequence, int[] answers) => journal.WhenSafe(sequence, Durability.Always, (_, isSafe) =>
    {
        if (isSafe && journal.SafePosition(Durability.Always) >= sequence) Interlocked.Increment(ref answers[sequence]);
        else Interlocked.Add(ref answers[sequence], 1_000);
    }, null);

    private static void Max(ref long target, long value)
    {
        for (var seen = Volatile.Read(ref target); seen < value; seen = Volatile.Read(ref target)) Interlocked.CompareExchange(ref target, value, seen);
    }
}
