using Memstore.Engine.Journaling;
using Memstore.Storage.Journals;
using Memstore.Storage.Tests.Disks;

namespace Memstore.Storage.Tests.Journals;

public sealed class JournalFaultTests
{
    private readonly SimulatedDisk _disk = new(seed: 7);

    [Theory]
    [InlineData("No space left on device")]
    [InlineData("Input/output error")]
    [InlineData("Read-only file system")]
    public void A_write_that_fails_is_tried_again_and_nothing_is_lost(string reason)
    {
        var run = new JournalRun(_disk, 1);
        Commit(run, 10);
        run.Await();
        run.Journal.TurnOfSyncer();
        Assert.Equal(10, run.Acknowledged);

        Fail(DiskCall.Write, reason);
        Commit(run, 5);
        run.Await();
        run.Journal.TurnOfSyncer();
        Assert.Equal((JournalFaultKind.Write, reason), (run.Journal.Fault!.Kind, run.Journal.Fault.Reason));
        Assert.False(run.Journal.CanAccept);
        Assert.Equal((10L, 1), (run.Acknowledged, run.Failed));
        run.Await();
        Assert.Equal(2, run.Failed);
        Assert.Equal("", JournalRun.Check(_disk.Copy(), 10, out _));

        _disk.Fault = null;
        run.Journal.RetryNow();
        run.Journal.TurnOfSyncer();
        Assert.True(run.Journal.CanAccept);
        Assert.Null(run.Journal.Fault);
        Assert.Equal(15, run.Journal.DurableSequence);
        Assert.Equal("", JournalRun.Check(_disk.Reboot(), 15, out _));
    }

    [Fact]
    public async Task A_segment_that_cannot_be_made_is_tried_again()
    {
        var run = new JournalRun(_disk, 1);
        Commit(run, 10);
        Fail(DiskCall.Create, "No space left on device");
        var split = run.Journal.SplitAfter(10);
        Commit(run, 5);
        Turn(run);
        Assert.Equal(JournalFaultKind.Write, run.Journal.Fault!.Kind);
        Assert.Equal(10, run.Journal.DurableSequence);
        Assert.False(split.IsCompleted);

        _disk.Fault = null;
        run.Journal.RetryNow();
        Turn(run);
        Assert.Equal(2, await split);
        Assert.True(run.Journal.CanAccept);
        Assert.Equal(15, run.Journal.DurableSequence);
        Assert.Equal("", JournalRun.Check(_disk.Reboot(), 15, out _));
    }

    [Fact]
    public void A_sync_that_failed_is_not_made_good_by_a_later_one()
    {
        var asked = 0;
        var run = new JournalRun(_disk, 1, options => options with { RewriteNeeded = _ => asked++ });
        Commit(run, 10);
        run.Journal.SyncWritten();
        Fail(DiskCall.Sync, "Input/output error");
        Commit(run, 5);
        run.Await();
        run.Journal.TurnOfSyncer();
        Assert.Equal((10L, 1), (run.Journal.DurableSequence, run.Failed));

        _disk.Fault = null;
        for (var i = 0; i < 5; i++)
        {
            run.Journal.RetryNow();
            Turn(run);
            Commit(run, 1);
        }

        Assert.Equal(JournalFaultKind.Image, run.Journal.Fault!.Kind);
        Assert.False(run.Journal.CanAccept);
        Assert.Equal(10, run.Journal.DurableSequence);
        Assert.True(asked >= 5);
        Assert.Equal("", JournalRun.Check(_disk.Reboot(), 10, out _));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_rewrite_makes_the_journal_whole_again(bool losesPowerBeforeImage)
    {
        var run = FailedSync();
        var split = run.Journal.SplitAfter(run.Journal.LastSequence);
        var image = run.Journal.LastSequence;
        Commit(run, 3);
        Turn(run);
        var segment = await split;
        run.Journal.SyncWritten();
        Assert.False(run.Journal.CanAccept);
        Assert.Equal(10, run.Journal.DurableSequence);
        if (losesPowerBeforeImage)
        {
            var after = _disk.Reboot();
            Assert.Equal("", JournalRun.Check(after, 10, out var end));
            end.Cut(after);
            Assert.Equal("", JournalRun.Check(after, 10, out _));
            return;
        }

        run.Journal.CompleteRewrite(image);
        run.Journal.TurnOfSyncer();
        Assert.True(run.Journal.CanAccept);
        Assert.Equal(image + 3, run.Journal.DurableSequence);
        Commit(run, 4);
        run.Await();
        run.Journal.TurnOfSyncer();
        Assert.Equal(image + 7, run.Acknowledged);
        Assert.Equal("", JournalRun.Check(_disk.Reboot(), image + 7, out _, segment));
    }

    [Fact]
    public void An_image_that_was_cut_before_the_fault_does_not_heal()
    {
        var run = FailedSync();
        run.Journal.CompleteRewrite(10);
        Turn(run);
        Assert.Equal(JournalFaultKind.Image, run.Journal.Fault!.Kind);
        var split = run.Journal.SplitAfter(run.Journal.LastSequence);
        Turn(run);
        Assert.True(split.IsCompletedSuccessfully);
        Assert.Equal(JournalFaultKind.Image, run.Journal.Fault!.Kind);
        run.Journal.CompleteRewrite(run.Journal.LastSequence);
        Turn(run);
        Assert.Null(run.Journal.Fault);
    }

    [Fact]
    public async Task A_rewrite_whose_segment_fails_too_is_asked_for_again()
    {
        var run = FailedSync();
        Fail(DiskCall.Create, "No space left on device");
        var split = run.Journal.SplitAfter(run.Journal.LastSequence);
        Turn(run);
        await Assert.ThrowsAsync<IOException>(() => split);
        _disk.Fault = null;
        split = run.Journal.SplitAfter(run.Journal.LastSequence);
        Turn(run);
        var segment = await split;
        run.Journal.CompleteRewrite(run.Journal.LastSequence);
        Turn(run);
        Assert.True(run.Journal.CanAccept);
        Commit(run, 2);
        run.Journal.SyncWritten();
        Assert.Equal("", JournalRun.Check(_disk.Reboot(), run.Journal.LastSequence, out _, segment));
    }

    [Fact]
    public async Task A_directory_that_disappears_stops_writes_until_it_is_back_and_holds_an_image()
    {
        var run = new JournalRun(_disk, 1);
        Commit(run, 10);
        run.Journal.SyncWritten();
        _disk.LoseDirectory();
        run.Journal.RetryNow();
        run.Journal.TurnOfSyncer();
        Assert.Equal(JournalFaultKind.Image, run.Journal.Fault!.Kind);
        Assert.False(run.Journal.CanAccept);
        var split = run.Journal.SplitAfter(10);
        Turn(run);
        await Assert.ThrowsAsync<IOException>(() => split);

        _disk.Fault = null;
        split = run.Journal.SplitAfter(10);
        Turn(run);
        var segment = await split;
        run.Journal.CompleteRewrite(10);
        Commit(run, 5);
        Turn(run);
        Assert.True(run.Journal.CanAccept);
        Assert.Equal("", JournalRun.Check(_disk.Reboot(), 15, out _, segment));
    }

    [Theory]
    [InlineData(1 << 12)]
    [InlineData(1 << 28)]
    public void Commits_that_find_no_room_in_memory_while_the_disk_is_full_do_not_stop_anybody(long segmentBytes)
    {
        var run = new JournalRun(_disk, 1, options => options with { SegmentBytes = segmentBytes, PendingBytesMax = 1 << 18 });
        Fail(DiskCall.Write, "No space left on device");
        for (var i = 0; i < 30; i++)
        {
            Commit(run, 1_000);
            run.Journal.TurnOfWriter();
        }

        Assert.Equal(JournalFaultKind.Image, run.Journal.Fault!.Kind);
        for (var i = 0; i < 100; i++)
        {
            Commit(run, 1_000);
            run.Journal.TurnOfWriter();
        }

        Assert.True(run.Journal.Figures.PendingRecords < 1_000);
    }

    [Fact]
    public async Task A_slow_sync_holds_back_commits_until_it_ends()
    {
        using var goOn = new ManualResetEventSlim();
        await using var journal = Journal.Start(_disk, JournalRun.Options() with { RunsThreads = true, Clock = TimeProvider.System, SlowSync = TimeSpan.FromMilliseconds(50) });
        _disk.Fault = (call, _) =>
        {
            if (call == DiskCall.Sync) goOn.Wait();
        };
        var safe = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        journal.Fill(journal.Reserve(), 1, JournalRun.Payload(1));
        journal.WhenSafe(1, Durability.Always, (_, isSafe) => safe.SetResult(isSafe), null);
        while (journal.CanAccept) await Task.Yield();
        Assert.Null(journal.Fault);
        Assert.False(safe.Task.IsCompleted);
        goOn.Set();
        Assert.True(await safe.Task);
        while (!journal.CanAccept) await Task.Yield();
    }

    [Fact]
    public async Task Closing_a_journal_whose_disk_fails_answers_everybody()
    {
        var run = new JournalRun(_disk, 1);
        Commit(run, 5);
        run.Await();
        Fail(DiskCall.Write, "Input/output error");
        await run.Journal.DisposeAsync();
        Assert.Equal((0L, 1), (run.Acknowledged, run.Failed));
        run.Await();
        Assert.Equal(2, run.Failed);
        Assert.False(run.Journal.CanAccept);
    }

    private JournalRun FailedSync()
    {
        var run = new JournalRun(_disk, 1);
        Commit(run, 10);
        run.Journal.SyncWritten();
        Fail(DiskCall.Sync, "Input/output error");
        Commit(run, 5);
        run.Journal.SyncWritten();
        _disk.Fault = null;
        return run;
    }

    private static void Commit(JournalRun run, int count)
    {
        run.Commit(count);
        run.FillAll();
    }

    private static void Turn(JournalRun run)
    {
        for (var i = 0; i < 3; i++)
        {
            run.Journal.TurnOfWriter();
            run.Journal.TurnOfSyncer();
            run.Journal.SyncWritten();
        }
    }

    private void Fail(DiskCall call, string reason) => _disk.Fault = (made, _) =>
    {
        if (made == call) throw new IOException(reason);
    };
}
