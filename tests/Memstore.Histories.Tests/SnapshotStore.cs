using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;
using Memstore.Histories.Driving;
using Memstore.Histories.Recording;

namespace Memstore.Histories.Tests;

/// <summary>Ways in which <see cref="SnapshotStore"/> can be broken.</summary>
public enum Breakage
{
    None,

    /// <summary>COMMIT does not look whether what was read has changed.</summary>
    SkippedValidation,

    /// <summary>EXEC ignores its watched keys.</summary>
    IgnoredWatch,

    /// <summary>Transactions of several keys publish them one by one.</summary>
    KeysPublishedOneByOne,

    /// <summary>Some reads come from a state that is not the newest.</summary>
    OldSnapshot,

    /// <summary>Some writes are acknowledged and dropped.</summary>
    DroppedWrite,

    /// <summary>FLUSHDB forgets a key now and then.</summary>
    ForgetfulFlush,

    /// <summary>Some reads see a key after its deadline.</summary>
    LateExpiry,

    /// <summary>A transaction of BEGIN takes a fresh snapshot for each command.</summary>
    MovingSnapshot,
}

/// <summary>A store for the tests of the driver: one immutable map, replaced under a lock. It can be broken in ways real stores are.</summary>
internal sealed class SnapshotStore(Breakage breakage)
{
    private static readonly ImmutableDictionary<int, Entry> Empty = ImmutableDictionary<int, Entry>.Empty;

    private readonly Lock _lock = new();
    private ImmutableDictionary<int, Entry> _entries = Empty;
    private ImmutableDictionary<int, Entry> _older = Empty;
    private int _calls;

    public IHistoryClient Connect(KeyTable keys) => new Client(this, keys);

    private static long NowMs => Stopwatch.GetTimestamp() / HistoryClock.StampsPerMs;

    /// <summary>True now and then, where the store is broken in this way.</summary>
    private bool Breaks(Breakage how, int every) => breakage == how && Interlocked.Increment(ref _calls) % every == 0;

    private static bool Alive(ImmutableDictionary<int, Entry> entries, int key, long nowMs, out Entry entry) =>
        entries.TryGetValue(key, out entry!) && entry.Deadline > nowMs;

    private sealed record Entry(string Value, long Deadline);

    private sealed class Client(SnapshotStore store, KeyTable keys) : IHistoryClient
    {
        public async ValueTask<Outcome> RunAsync(TransactionPlan plan, TransactionAnswers answers, CancellationToken cancellation) => plan.Kind switch
        {
            PlanKind.WatchedExec => await WatchAsync(plan, answers),
            PlanKind.Begin or PlanKind.BeginReadOnly => await BeginAsync(plan, answers),
            _ => await AtOnceAsync(plan, answers),
        };

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private async ValueTask<Outcome> AtOnceAsync(TransactionPlan plan, TransactionAnswers answers)
        {
            if (store.Breaks(Breakage.KeysPublishedOneByOne, 5) && plan.Commands.Count > 1)
            {
                for (int i = 0; i < plan.Commands.Count; i++)
                {
                    lock (store._lock) store._entries = Run(plan, i, i + 1, answers, store._entries, NowMs);
                    await Task.Yield();
                }

                return Outcome.Committed;
            }

            if (store.Breaks(Breakage.OldSnapshot, 20) && plan.Commands.All(command => command.IsRead))
            {
                Run(plan, 0, plan.Commands.Count, answers, store._older, NowMs);
                return Outcome.Committed;
            }

            lock (store._lock) Publish(Run(plan, 0, plan.Commands.Count, answers, store._entries, NowMs));
            return Outcome.Committed;
        }

        private void Publish(ImmutableDictionary<int, Entry> entries)
        {
            if (store.Breaks(Breakage.DroppedWrite, 50)) return;
            if (store._calls % 10 == 0 || store.Breaks(Breakage.None, 1)) store._older = store._entries;
            store._entries = entries;
        }

        private async ValueTask<Outcome> WatchAsync(TransactionPlan plan, TransactionAnswers answers)
        {
            ImmutableDictionary<int, Entry> watched = Volatile.Read(ref store._entries);
            long watchedAt = NowMs;
            Run(plan, 0, plan.WatchedCount, answers, watched, watchedAt);
            await Task.Yield();
            lock (store._lock)
            {
                bool ignored = store.Breaks(Breakage.IgnoredWatch, 3);
                if (!ignored && !Same(plan.Commands.Take(plan.WatchedCount), watched, watchedAt)) return Outcome.Aborted;
                Publish(Run(plan, plan.WatchedCount, plan.Commands.Count, answers, store._entries, NowMs));
                return Outcome.Committed;
            }
        }

        private async ValueTask<Outcome> BeginAsync(TransactionPlan plan, TransactionAnswers answers)
        {
            ImmutableDictionary<int, Entry> snapshot = Volatile.Read(ref store._entries);
            ImmutableDictionary<int, Entry> own = snapshot;
            long now = NowMs;
            for (int i = 0; i < plan.Commands.Count; i++)
            {
                if (store.Breaks(Breakage.MovingSnapshot, 3) && plan.Commands[i].IsRead)
                {
                    Run(plan, i, i + 1, answers, Volatile.Read(ref store._entries), now);
                    continue;
                }

                own = Run(plan, i, i + 1, answers, own, now);
                await Task.Yield();
            }

            if (plan.Rollback || !Commit(plan, snapshot, own, now))
            {
                answers.ReadsStand = true;
                return Outcome.Aborted;
            }

            return Outcome.Committed;
        }

        /// <summary>A reader's place in the order is that of its snapshot; a writer's is now, so nothing that it touched may have changed.</summary>
        private bool Commit(TransactionPlan plan, ImmutableDictionary<int, Entry> snapshot, ImmutableDictionary<int, Entry> own, long snapshotAt)
        {
            if (plan.Commands.All(command => command.IsRead)) return true;
            lock (store._lock)
            {
                if (!store.Breaks(Breakage.SkippedValidation, 3) && !Same(plan.Commands.Where(IsOfKey), snapshot, snapshotAt)) return false;
                ImmutableDictionary<int, Entry> entries = store._entries;
                if (!plan.Commands.All(IsOfKey)) entries = entries.RemoveRange(entries.Keys.Where(key => keys.Database(key) == plan.Database));
                foreach (int key in plan.Commands.Where(command => !command.IsRead && IsOfKey(command)).Select(command => command.Key).Distinct())
                    entries = own.TryGetValue(key, out Entry? entry) ? entries.SetItem(key, entry) : entries.Remove(key);
                Publish(entries);
                return true;
            }
        }

        private static bool IsOfKey(PlannedCommand command) => command.Kind != CommandKind.Flush;

        private bool Same(IEnumerable<PlannedCommand> commands, ImmutableDictionary<int, Entry> then, long thenMs)
        {
            long now = NowMs;
            foreach (int key in commands.Select(command => command.Key))
            {
                Alive(then, key, thenMs, out Entry before);
                Alive(store._entries, key, now, out Entry after);
                if (!ReferenceEquals(before, after) || (before != null && before.Deadline > thenMs != before.Deadline > now)) return false;
            }

            return true;
        }

        private ImmutableDictionary<int, Entry> Run(TransactionPlan plan, int from, int to, TransactionAnswers answers, ImmutableDictionary<int, Entry> entries, long now)
        {
            for (int i = from; i < to; i++)
            {
                long seen = store.Breaks(Breakage.LateExpiry, 10) ? 0 : now;
                entries = RunOne(plan, i, answers, entries, seen);
            }

            return entries;
        }

        private ImmutableDictionary<int, Entry> RunOne(TransactionPlan plan, int i, TransactionAnswers answers, ImmutableDictionary<int, Entry> entries, long now)
        {
            PlannedCommand command = plan.Commands[i];
            string? old = Alive(entries, command.Key, now, out Entry entry) ? entry.Value : null;
            switch (command.Kind)
            {
                case CommandKind.Get or CommandKind.GetSet:
                    if (old == null) answers.GiveNil(i);
                    else answers.GiveValue(i, Encoding.UTF8.GetBytes(old));
                    return command.IsRead ? entries : entries.SetItem(command.Key, new Entry($"{command.Value}", long.MaxValue));
                case CommandKind.GetList:
                    if (old == null) answers.GiveNil(i);
                    else answers.GiveList(i, Encoding.UTF8.GetBytes(old));
                    return entries;
                case CommandKind.Append:
                    answers.GiveDone(i);
                    return entries.SetItem(command.Key, new Entry($"{old}{command.Value},", long.MaxValue));
                case CommandKind.Increment:
                    long next = 1 + (old == null ? 0 : long.Parse(old, System.Globalization.CultureInfo.InvariantCulture));
                    answers.GiveInteger(i, next);
                    return entries.SetItem(command.Key, new Entry($"{next}", long.MaxValue));
                case CommandKind.Delete:
                    answers.GiveInteger(i, old == null ? 0 : 1);
                    return entries.Remove(command.Key);
                case CommandKind.Flush:
                    answers.GiveDone(i);
                    IEnumerable<int> flushed = entries.Keys.Where(key => keys.Database(key) == plan.Database);
                    return entries.RemoveRange(flushed.Skip(store.Breaks(Breakage.ForgetfulFlush, 2) ? 3 : 0));
                default:
                    answers.GiveDone(i);
                    long deadline = command.Kind == CommandKind.SetFor ? NowMs + command.TtlMs : long.MaxValue;
                    return entries.SetItem(command.Key, new Entry($"{command.Value}", deadline));
            }
        }
    }
}
