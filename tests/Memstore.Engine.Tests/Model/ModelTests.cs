using Memstore.Engine.Shards;
using Xunit;

namespace Memstore.Engine.Tests.Model;

/// <summary>
/// Every schedule of small models of the engine's concurrency: the rules of docs/concurrency.md hold in all of them, and breaking one is
/// found. The numbers of states are asserted, so that an exploration cannot become empty unnoticed.
/// </summary>
public sealed class ModelTests(ITestOutputHelper output)
{
    // ---- The commit queue --------------------------------------------------------------------------------------------

    [Theory]
    [InlineData(2, 3, 25_000)]
    [InlineData(3, 1, 9_000)]
    public void The_commit_queue_has_one_holder_at_a_time_serves_in_order_and_forgets_nobody(int threads, int transactions, int statesMin) =>
        AssertHolds(new CommitQueueModel(threads, transactions), statesMin);

    [Fact]
    public void The_commit_queue_holds_in_schedules_of_more_threads_drawn_by_chance()
    {
        var sampled = Explorer.Sample(new CommitQueueModel(4, 4), seed: 1, schedules: 3_000);
        output.WriteLine(sampled.ToString());
        Assert.Null(sampled.Violation);
        Assert.InRange(sampled.States, 400_000, int.MaxValue);
    }

    [Theory]
    [InlineData((int)QueueFaults.LeaveLooksOnce, "waits forever; the shard is free")]
    [InlineData((int)QueueFaults.LeaveLooksTooEarly, "waits forever; the shard is free")]
    [InlineData((int)QueueFaults.ArriveLooksOnce, "waits forever; the shard is free")]
    [InlineData((int)QueueFaults.EnterWithoutSwap, "Two threads hold the shard")]
    [InlineData((int)QueueFaults.LastComeFirstServed, "before one that came earlier")]
    public void A_broken_commit_queue_is_found(int fault, string violation) =>
        AssertFound(new CommitQueueModel(3, 1, (QueueFaults)fault), violation);

    [Fact]
    public void The_model_of_the_commit_queue_does_what_the_shard_does()
    {
        using var store = new Store(new StoreOptions { Shards = 1, RunMaintenance = false });
        for (var seed = 0; seed < 200; seed++) CompareWithShard(store, seed);
    }

    // ---- Stamps and snapshots ----------------------------------------------------------------------------------------

    [Theory]
    [InlineData(1, 1, true, true, 30_000)]
    [InlineData(2, 1, true, false, 6_000)]
    [InlineData(1, 2, false, true, 5_000)]
    public void A_snapshot_sees_whole_commits_with_their_causes_and_nothing_that_was_freed(
        int setterRounds, int copierRounds, bool whole, bool partial, int statesMin) =>
        AssertHolds(new SnapshotModel(setterRounds, copierRounds, whole, partial), statesMin);

    [Theory]
    [InlineData((int)SnapshotFaults.StampBeforeLastShard, "half of a commit")]
    [InlineData((int)SnapshotFaults.NewestOpenBeforeStamp, "does not find a key")]
    [InlineData((int)SnapshotFaults.AdvanceBeforeOpen, "does not find a key")]
    [InlineData((int)SnapshotFaults.NoSettling, "half of a commit")]
    [InlineData((int)SnapshotFaults.OldestBeforeVersion, "has been freed")]
    public void A_broken_stamp_or_snapshot_is_found(int fault, string violation) =>
        AssertFound(new SnapshotModel(1, 1, whole: true, partial: true, (SnapshotFaults)fault), violation);

    // ---- Marks -------------------------------------------------------------------------------------------------------

    [Fact]
    public void Who_has_seen_one_record_of_a_commit_finds_the_others_without_a_shard() => AssertHolds(new MarkModel(), 40_000);

    [Theory]
    [InlineData((int)MarkFaults.NoMarks)]
    [InlineData((int)(MarkFaults.MarkLate | MarkFaults.UnmarkEarly))]
    [InlineData((int)(MarkFaults.MarkLate | MarkFaults.NoSecondLook))]
    public void Broken_marks_are_found(int faults) => AssertFound(new MarkModel((MarkFaults)faults), "saw what was there before it");

    // To wait while a commit is under way, or not to answer before it is over: each alone would do for two keys.
    [Theory]
    [InlineData((int)MarkFaults.MarkLate, 40_000)]
    [InlineData((int)MarkFaults.UnmarkEarly, 40_000)]
    [InlineData((int)MarkFaults.NoSecondLook, 8_000)]
    public void Half_of_what_marks_do_is_enough(int fault, int statesMin) => AssertHolds(new MarkModel((MarkFaults)fault), statesMin);

    // ---- Moving slots ------------------------------------------------------------------------------------------------

    [Fact]
    public void Only_who_holds_the_owner_of_a_slot_writes_in_it() => AssertHolds(new MoveModel(), 1_800);

    [Theory]
    [InlineData((int)MoveFaults.TransactionTrustsItsRoute)]
    [InlineData((int)MoveFaults.MoveTrustsItsRoute)]
    [InlineData((int)MoveFaults.MoveHoldsNewOnly)]
    public void A_broken_move_is_found(int fault) => AssertFound(new MoveModel((MoveFaults)fault), "slot");

    // ---- The log -----------------------------------------------------------------------------------------------------

    [Fact]
    public void A_cut_of_the_log_holds_no_effect_without_its_cause() => AssertHolds(new LogModel(), 300);

    [Theory]
    [InlineData((int)LogFaults.ReserveAfterPublishing)]
    [InlineData((int)LogFaults.SlotAfterPublishing)]
    [InlineData((int)LogFaults.ReaderLoadsPositionFirst)]
    public void A_position_that_comes_too_late_is_found(int fault) => AssertFound(new LogModel((LogFaults)fault), "in the log");

    // ---- Checks ------------------------------------------------------------------------------------------------------

    private void AssertHolds(Model model, int statesMin)
    {
        var explored = Explorer.Explore(model);
        output.WriteLine(explored.ToString());
        Assert.True(explored.Violation is null, explored.Violation);
        Assert.InRange(explored.States, statesMin, int.MaxValue);
        Assert.InRange(explored.Ends, 1, int.MaxValue);
    }

    private void AssertFound(Model model, string violation)
    {
        var explored = Explorer.Explore(model);
        output.WriteLine(explored.ToString());
        Assert.Contains(violation, explored.Violation, StringComparison.Ordinal);
    }

    // Runs the calls of Shard, each whole, in an order drawn by chance, beside the model.
    private static void CompareWithShard(Store store, int seed)
    {
        const int Threads = 3;
        const int Rounds = 4;
        var random = new Random(seed);
        var model = new CommitQueueModel(Threads, Rounds);
        var shard = new Shard(0);
        var numbers = new Dictionary<Transaction, int>();
        var running = new Transaction?[Threads];
        for (var call = 0; call < 100; call++)
        {
            var thread = random.Next(Threads);
            if (!model.RunAlone(thread)) continue;
            if (running[thread] is not null)
            {
                running[thread] = shard.Leave();
            }
            else
            {
                var own = new Transaction(store);
                numbers.Add(own, model.Own(thread));
                running[thread] = shard.TryEnter(own) ? own : shard.Enqueue(own);
            }

            Assert.Null(model.Violation);
            Assert.True(model.IsHeld == shard.IsHeld, $"Seed {seed}, call {call}.");
            for (var i = 0; i < Threads; i++)
                Assert.True(model.RunningOf(i) == (running[i] is { } inside ? numbers[inside] : 0), $"Seed {seed}, call {call}, thread {i}.");
        }

        Assert.Equal(Threads * Rounds, numbers.Count);
        Assert.False(shard.IsHeld);
    }
}
