using Memstore.Histories.Checking;
using Memstore.Histories.Recording;
using Xunit;

namespace Memstore.Histories.Tests;

/// <summary>One small history for each thing that can be wrong, and for its nearest innocent neighbours.</summary>
public sealed class AnomalyTests
{
    private static HistoryScript New() => new();

    private static void Expect(HistoryScript script, AnomalyKind kind, bool? realTime = false, CheckOptions? options = null)
    {
        CheckResult result = script.Check(options);
        Assert.Contains(result.Anomalies, anomaly => anomaly.Kind == kind && (realTime == null || anomaly.RealTime == realTime));
        Assert.False(BruteForceChecker.IsStrictlySerialisable(script.ToHistory(), options?.DeadlineSlackMs ?? -1));
    }

    private static void ExpectValid(HistoryScript script, CheckOptions? options = null)
    {
        Assert.True(BruteForceChecker.IsStrictlySerialisable(script.ToHistory(), options?.DeadlineSlackMs ?? -1));
        CheckResult result = script.Check(options);
        Assert.True(result.Valid, result.ToString());
    }

    [Fact]
    public void An_empty_history_is_fine() => ExpectValid(New());

    [Fact]
    public void Lists_and_registers_in_turn_are_fine() => ExpectValid(New()
        .Add(1, 2, "x += 1; y := 7")
        .Add(3, 4, "x -> [1]; x += 2; x -> [1 2]")
        .Add(5, 6, "x -> [1 2]; y -> 7; z -> nil"));

    [Fact]
    public void A_read_during_a_write_may_see_either() => ExpectValid(New()
        .Add(1, 10, "x := 1")
        .Add(2, 3, "x -> nil")
        .Add(4, 5, "x -> 1"));

    [Fact]
    public void G0_writes_of_two_transactions_in_two_orders() => Expect(
        New().Add(1, 10, "x += 1; y += 1").Add(1, 10, "x += 2; y += 2").Add(11, 12, "x -> [1 2]").Add(11, 12, "y -> [2 1]"),
        AnomalyKind.G0);

    [Fact]
    public void G1a_read_of_an_aborted_write() => Expect(
        New().Add(1, 10, "x := 1", Outcome.Aborted).Add(2, 3, "x -> 1"), AnomalyKind.G1a);

    [Fact]
    public void G1a_read_of_an_aborted_append() => Expect(
        New().Add(1, 10, "x += 1", Outcome.Aborted).Add(2, 3, "x -> [1]"), AnomalyKind.G1a);

    [Fact]
    public void Dirty_update_on_top_of_an_aborted_append() => Expect(
        New().Add(1, 10, "x += 1", Outcome.Aborted).Add(2, 3, "x += 2").Add(4, 5, "x -> [1 2]"), AnomalyKind.DirtyUpdate);

    [Fact]
    public void G1b_read_of_an_intermediate_write() => Expect(
        New().Add(1, 10, "x := 1; x := 2").Add(2, 3, "x -> 1"), AnomalyKind.G1b);

    [Fact]
    public void G1b_read_between_two_appends() => Expect(
        New().Add(1, 10, "x += 1; x += 2").Add(2, 3, "x -> [1]").Add(11, 12, "x -> [1 2]"), AnomalyKind.G1b);

    [Fact]
    public void G1c_each_reads_from_the_other() => Expect(
        New().Add(1, 10, "x := 1; y -> 2").Add(1, 10, "y := 2; x -> 1"), AnomalyKind.G1c);

    [Fact]
    public void GSingle_a_multi_key_read_sees_half_of_a_multi_key_write() => Expect(
        New().Add(1, 2, "x := 1; y := 1").Add(3, 10, "x := 2; y := 2").Add(4, 9, "x -> 1; y -> 2"), AnomalyKind.GSingle, realTime: null);

    [Fact]
    public void GSingle_half_of_each_of_two_concurrent_multi_key_writes() => Expect(
        New().Add(1, 10, "x := 1; y := 1").Add(1, 10, "x := 2; y := 2").Add(4, 20, "x -> 1; y -> 2"), AnomalyKind.G0);

    [Fact]
    public void GSingle_a_lost_update_of_a_list() => Expect(
        New().Add(1, 10, "x -> []; x += 1").Add(1, 10, "x -> []; x += 2").Add(11, 12, "x -> [1 2]"), AnomalyKind.GSingle);

    [Fact]
    public void GSingle_a_lost_update_of_a_register() => Expect(
        New().Add(1, 2, "x := 1").Add(3, 10, "x -> 1; x := 2").Add(3, 10, "x -> 1; x := 3"), AnomalyKind.GSingle);

    [Fact]
    public void GSingle_two_increments_with_one_answer() => Expect(
        New().Add(1, 10, "incr x -> 1").Add(1, 10, "incr x -> 1"), AnomalyKind.GSingle);

    [Fact]
    public void G2_write_skew() => Expect(
        New().Add(1, 10, "x -> nil; y := 1").Add(1, 10, "y -> nil; x := 1"), AnomalyKind.G2Item);

    [Fact]
    public void G2_write_skew_of_lists() => Expect(
        New().Add(1, 10, "x -> []; y += 1").Add(1, 10, "y -> []; x += 1").Add(11, 12, "x -> [1]; y -> [1]"), AnomalyKind.G2Item);

    [Fact]
    public void G2_two_readers_see_two_writes_in_different_orders() => Expect(
        New().Add(1, 20, "x := 1").Add(1, 20, "y := 1").Add(2, 10, "x -> 1; y -> nil").Add(2, 10, "x -> nil; y -> 1"),
        AnomalyKind.G2Item);

    [Fact]
    public void Real_time_a_read_of_what_was_overwritten_before_it_began() => Expect(
        New().Add(1, 2, "x := 1").Add(3, 4, "x := 2").Add(5, 6, "x -> 1"), AnomalyKind.GSingle, realTime: true);

    [Fact]
    public void Real_time_a_list_without_an_append_that_was_acknowledged() => Expect(
        New().Add(1, 2, "x += 1").Add(3, 4, "x -> []").Add(5, 6, "x -> [1]"), AnomalyKind.GSingle, realTime: true);

    [Fact]
    public void Real_time_two_readers_in_turn_see_a_write_and_then_not() => Expect(
        New().Add(1, 20, "x := 1").Add(2, 3, "x -> 1").Add(4, 5, "x -> nil"), AnomalyKind.GSingle, realTime: true);

    [Fact]
    public void Real_time_a_counter_that_runs_backwards() => Expect(
        New().Add(1, 2, "incr x -> 2").Add(3, 4, "incr x -> 1"), AnomalyKind.G0, realTime: true);

    [Fact]
    public void A_duplicate_element() => Expect(New().Add(1, 2, "x += 1").Add(3, 4, "x -> [1 1]"), AnomalyKind.DuplicateElement);

    [Fact]
    public void A_lost_append() => Expect(
        New().Add(1, 2, "x += 1").Add(3, 4, "x += 2").Add(5, 6, "x -> [2]"), AnomalyKind.LostAppend);

    [Fact]
    public void Lists_in_incompatible_orders() => Expect(
        New().Add(1, 10, "x += 1").Add(1, 10, "x += 2").Add(11, 12, "x -> [1 2]").Add(11, 12, "x -> [2 1]"), AnomalyKind.IncompatibleOrder);

    [Fact]
    public void A_value_that_nobody_wrote() => Expect(New().Add(1, 2, "x -> 1"), AnomalyKind.NeverWritten);

    [Fact]
    public void An_element_that_nobody_appended() => Expect(New().Add(1, 2, "x -> [1]"), AnomalyKind.NeverWritten);

    [Fact]
    public void A_transaction_that_does_not_see_its_own_write() => Expect(New().Add(1, 2, "x := 1; x -> nil"), AnomalyKind.Internal);

    [Fact]
    public void A_transaction_that_does_not_see_its_own_append() => Expect(New().Add(1, 2, "x += 1; x -> []"), AnomalyKind.Internal);

    [Fact]
    public void A_read_that_changes_within_a_transaction() => Expect(
        New().Add(1, 10, "x := 1").Add(2, 9, "x -> nil; x -> 1"), AnomalyKind.NonRepeatableRead);

    [Fact]
    public void An_absence_without_a_cause() => Expect(
        New().Add(1, 2, "x := 1").Add(3, 4, "x -> nil").Add(5, 6, "x -> 1; x := nil"), AnomalyKind.NoCause);

    [Fact]
    public void A_deletion_of_what_was_deleted() => Expect(
        New().Add(1, 2, "x := 1").Add(3, 4, "x exists; x := nil").Add(5, 6, "x exists; x := nil"), AnomalyKind.NoCause);

    [Fact]
    public void An_expired_key_seen_alive_after_it_was_seen_dead() => Expect(
        New().Add(1, 2, "x := 1 for 5").Add(3, 4, "x -> nil").Add(5, 6, "x -> 1"), AnomalyKind.GSingle, realTime: true);

    [Fact]
    public void A_key_that_expired_under_a_transaction_that_replaced_it() => Expect(
        New().Add(1, 2, "x := 1 for 5").Add(3, 10, "x -> 1; y := 1").Add(4, 5, "x -> nil").Add(6, 7, "y -> nil").Add(11, 12, "x -> 1"),
        AnomalyKind.GSingle, realTime: true);

    [Fact]
    public void A_key_with_a_ttl_may_vanish_and_come_back_by_a_write() => ExpectValid(New()
        .Add(1, 2, "x := 1 for 5").Add(3, 4, "x -> 1").Add(5, 6, "x -> nil").Add(7, 8, "x := 2").Add(9, 10, "x -> 2"));

    [Fact]
    public void A_key_that_vanishes_before_its_deadline()
    {
        long ms = HistoryClock.StampsPerMs;
        Expect(New().Add(1 * ms, 2 * ms, "x := 1 for 50").Add(20 * ms, 21 * ms, "x -> nil"), AnomalyKind.NoCause, options: new CheckOptions { DeadlineSlackMs = 5 });
    }

    [Fact]
    public void A_key_that_outlives_its_deadline()
    {
        long ms = HistoryClock.StampsPerMs;
        Expect(New().Add(1 * ms, 2 * ms, "x := 1 for 50").Add(60 * ms, 61 * ms, "x -> 1"), AnomalyKind.SeenAfterDeadline, options: new CheckOptions { DeadlineSlackMs = 5 });
    }

    [Fact]
    public void A_key_may_vanish_about_its_deadline()
    {
        long ms = HistoryClock.StampsPerMs;
        ExpectValid(
            New().Add(1 * ms, 2 * ms, "x := 1 for 50").Add(48 * ms, 49 * ms, "x -> 1").Add(50 * ms, 51 * ms, "x -> nil"),
            new CheckOptions { DeadlineSlackMs = 5 });
    }

    [Fact]
    public void A_flush_that_missed_a_key() => Expect(
        New().Add(1, 2, "x@1 := 1; y@1 := 1").Add(3, 4, "flush 1").Add(5, 6, "x@1 -> nil").Add(7, 8, "y@1 -> 1"),
        AnomalyKind.GSingle, realTime: true);

    [Fact]
    public void A_flush_that_was_seen_in_halves() => Expect(
        New().Add(1, 2, "x@1 := 1; y@1 := 1").Add(3, 20, "flush 1").Add(4, 5, "x@1 -> nil; y@1 -> 1"), AnomalyKind.GSingle, realTime: null);

    [Fact]
    public void A_flush_leaves_other_databases_alone() => ExpectValid(
        New().Add(1, 2, "x := 1; y@1 := 1").Add(3, 4, "flush 1").Add(5, 6, "x -> 1; y@1 -> nil"));

    [Fact]
    public void A_list_may_begin_again_after_a_deletion() => ExpectValid(New()
        .Add(1, 2, "x += 1").Add(3, 4, "x -> [1]").Add(5, 6, "x exists; x := nil").Add(7, 8, "x += 2").Add(9, 10, "x -> [2]"));

    [Fact]
    public void A_counter_may_begin_again_after_a_flush() => ExpectValid(New()
        .Add(1, 2, "incr x -> 1").Add(3, 4, "incr x -> 2").Add(5, 6, "flush 0").Add(7, 8, "incr x -> 1").Add(9, 10, "x -> 1"));

    [Fact]
    public void A_transaction_without_answer_may_take_effect_late_or_never() => ExpectValid(New()
        .Add(1, 2, "x := 1", Outcome.Unknown).Add(3, 4, "x -> nil").Add(5, 6, "x -> 1").Add(1, 2, "y := 1", Outcome.Unknown).Add(7, 8, "y -> nil"));

    [Fact]
    public void A_transaction_without_answer_takes_effect_as_a_whole() => Expect(
        New().Add(1, 2, "x := 1; y := 1", Outcome.Unknown).Add(3, 4, "x -> 1").Add(5, 6, "y -> nil"), AnomalyKind.GSingle, realTime: true);

    [Fact]
    public void An_increment_without_answer_explains_one_gap() => ExpectValid(New()
        .Add(1, 2, "incr x -> 1").Add(3, 4, "incr x -> ?", Outcome.Unknown).Add(5, 6, "incr x -> 3"));

    [Fact]
    public void An_increment_without_answer_does_not_explain_two_gaps() => Expect(
        New().Add(1, 2, "incr x -> 1").Add(3, 4, "incr x -> ?", Outcome.Unknown).Add(5, 6, "incr x -> 4"), AnomalyKind.NeverWritten);

    [Fact]
    public void The_reads_of_a_loser_must_come_from_one_moment() => Expect(
        New().Add(1, 2, "x := 1; y := 1").Add(3, 4, "x := 2; y := 2").Add(3, 9, "x -> 1; y -> 2; z := 1", Outcome.Aborted, readsStand: true),
        AnomalyKind.GSingle, realTime: null);

    [Fact]
    public void The_reads_of_other_aborted_transactions_do_not_count() => ExpectValid(
        New().Add(1, 2, "x := 1; y := 1").Add(3, 4, "x := 2; y := 2").Add(3, 9, "x -> 1; y -> 2; z := 1", Outcome.Aborted));

    [Fact]
    public void A_report_names_transactions_keys_reasons_and_times()
    {
        Anomaly anomaly = Assert.Single(New().Add(1, 2, "x := 1").Add(3, 4, "x := 2").Add(5, 6, "x -> 1").Check().Anomalies);
        Assert.Equal([1, 2], anomaly.Transactions.Order());
        Assert.Contains("G-single with real time: a cycle of 2 transactions", anomaly.Report, StringComparison.Ordinal);
        Assert.Contains("T2 -> T1: rw: the first saw x = 1 of T0, the second wrote the later x = 2 of T1", anomaly.Report, StringComparison.Ordinal);
        Assert.Contains("T1 -> T2: real time: the first was complete before the second was invoked", anomaly.Report, StringComparison.Ordinal);
        Assert.Contains("T2 client 2 [0.0000 .. 0.0000 ms] Committed: x -> 1", anomaly.Report, StringComparison.Ordinal);
    }
}
