using System.Globalization;
using Memstore.Engine;
using Memstore.Engine.Shards;

namespace Memstore.Server;

/// <summary>Changes shards, when asked to and when the loads ask for it, one change at a time, and remembers what happened and why. Thread-safe.</summary>
internal sealed class Balancer(ServerState server) : IAsyncDisposable
{
    private const int EntriesMax = 128;

    /// <summary>Of how many slots or shards the numbers are named, and of how many something is said one by one.</summary>
    private const int Shown = 8;

    /// <summary>Seconds after which a slot that has a shard to itself may be spoken of again.</summary>
    private const int SecondsBetweenWords = 60;

    private const string AboveTheBound = "above the bound";
    private const string Stopping = "the server is stopping";

    private readonly Lock _lock = new();
    private readonly Queue<Entry> _entries = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private volatile bool _isStopping;

    // Only by housekeeping.
    private long _lastTick;

    // Only by whoever has the turn: figures, and slots that were said to have a shard to themselves, with when that was.
    private readonly Dictionary<int, long> _alone = [];
    private ShardStatistics[] _shards = [];

    /// <summary>Something that happened to shards.</summary>
    /// <param name="At">When.</param>
    /// <param name="Text">What and why.</param>
    public readonly record struct Entry(DateTimeOffset At, string Text);

    /// <summary>What has happened, newest first.</summary>
    public Entry[] Entries()
    {
        lock (_lock) return [.. _entries.Reverse()];
    }

    /// <summary>Changes the number of shards; ends when all slots are in their places, with the reason if they are not.</summary>
    public Task<string?> SetAsync(int count) => InTurnAsync(() =>
    {
        var before = server.Store.ShardCount;
        try
        {
            var moves = server.Store.SetShardCount(count);
            Note($"the number of shards {(before == count ? $"was {count} already" : $"was changed from {before} to {count}")}: {moves.Count} slots moved");
        }
        finally
        {
            // A change that fails half way may have made shards all the same.
            server.Settings.Override("shards", server.Store.ShardCount.ToString(CultureInfo.InvariantCulture), byClient: true);
        }

        return null;
    });

    /// <summary>Moves slots so that every shard is within the bound.</summary>
    public Task<string?> RebalanceAsync() => InTurnAsync(() =>
    {
        Rebalance("asked for");
        return null;
    });

    /// <summary>Moves a slot.</summary>
    public Task<string?> MoveAsync(int slot, int shard) => InTurnAsync(() =>
    {
        // While it waited, the number may have changed.
        if (shard >= server.Store.ShardCount) return "there is no such shard";
        var from = server.Store.ShardOf(slot);
        if (server.Store.MoveSlot(slot, shard)) Note($"slot {slot} moved from shard {from} to {shard}: asked for");
        return null;
    });

    /// <summary>Looks at the loads; about ten times a second, of which it uses one.</summary>
    public void KeepHouse()
    {
        var now = Environment.TickCount64;
        if (now - _lastTick < 1_000) return;
        _lastTick = now;
        var decides = server.Settings["rebalance"] == "yes" && !server.Is(ServerStates.Loading);
        var advice = server.Store.FoldLoads(decides);
        if (advice == BalanceAdvice.Stay || _turn.CurrentCount == 0) return;
        _ = InTurnAsync(() =>
        {
            if (advice == BalanceAdvice.Move) Rebalance(AboveTheBound);
            else TakeBack();
            return null;
        });
    }

    /// <summary>Waits for a change that is under way; there are no more after it.</summary>
    public async ValueTask DisposeAsync()
    {
        _isStopping = true;
        await _turn.WaitAsync().ConfigureAwait(false);
        _turn.Release();
    }

    private void Rebalance(string reason)
    {
        var count = server.Store.ReadShardStatistics(ref _shards);
        var before = _shards.AsSpan(0, count).ToArray().Select(static shard => shard.Load).ToArray();
        var moves = server.Store.Rebalance();
        NoteMoves(moves, before, reason);
        if (moves.Count == 0 && reason != AboveTheBound) Note($"nothing moved ({reason}): every shard is within the bound, as far as single slots allow");
        NoteSlotsThatAreAlone();
    }

    // A plan for a thousand shards may relieve a hundred: that many entries would drive out all others.
    private void NoteMoves(IReadOnlyList<SlotMove> moves, double[] before, string reason)
    {
        var shards = moves.GroupBy(static move => move.From).OrderByDescending(shard => before[shard.Key]).ToArray();
        foreach (var shard in shards.Take(Shown)) Note(Explain(shard, before, reason));
        if (shards.Length <= Shown) return;
        var rest = shards.Skip(Shown).SelectMany(static shard => shard).OrderByDescending(static move => move.Load).ToArray();
        Note(string.Create(
            CultureInfo.InvariantCulture,
            $"{shards.Length - Shown} more shards had too much ({reason}): {Some([.. rest.Select(static move => move.Slot)], "slot")} with {PartOf(rest.Sum(static move => move.Load))} of all moved"));
    }

    private void TakeBack()
    {
        var moves = server.Store.TakeBack();
        if (moves.Count == 0) return;
        var slots = moves.Select(static move => move.Slot).ToArray();
        Note($"{Some(slots, "slot")} went back to where they were: the loads have changed since, and moving has not helped");
    }

    private static string Explain(IGrouping<int, SlotMove> moves, double[] before, string reason)
    {
        var load = moves.Sum(static move => move.Load);
        var average = 1.0 / before.Length;
        var slots = moves.OrderByDescending(static move => move.Load).Select(static move => move.Slot).ToArray();
        var shards = moves.Select(static move => move.To).Distinct().Order().ToArray();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"shard {moves.Key} had {before[moves.Key] / average:f2} times the average load ({reason}): {Some(slots, "slot")} with {PartOf(load)} of all moved to {Some(shards, "shard")}");
    }

    /// <summary>A part of the load for people. Among a thousand shards nothing has a whole percent of it.</summary>
    internal static string PartOf(double load) => load.ToString(load < 0.01 ? "p2" : "p1", CultureInfo.InvariantCulture);

    private static string Some(int[] numbers, string name) =>
        numbers.Length <= Shown
            ? $"{name}{(numbers.Length == 1 ? "" : "s")} {string.Join(' ', numbers)}"
            : $"{numbers.Length} {name}s ({string.Join(' ', numbers.Take(Shown))} ...)";

    // One key cannot be split: who looks at the loads should know that nothing can be done about this one.
    private void NoteSlotsThatAreAlone()
    {
        var count = server.Store.ReadShardStatistics(ref _shards);
        var bound = server.Store.LoadFactor / count;
        var now = Environment.TickCount64;
        foreach (var (slot, since) in _alone.ToArray())
        {
            if (now - since > SecondsBetweenWords * 1_000) _alone.Remove(slot);
        }

        var alone = _shards.Take(count).Where(shard => shard.HeaviestSlotLoad > bound && _alone.TryAdd(shard.HeaviestSlot, now))
            .OrderByDescending(static shard => shard.HeaviestSlotLoad).ToArray();
        foreach (var shard in alone.Take(Shown))
        {
            Note(string.Create(
                CultureInfo.InvariantCulture,
                $"slot {shard.HeaviestSlot} alone has {PartOf(shard.HeaviestSlotLoad)} of the load, {shard.HeaviestSlotLoad * count:f1} times a shard's average, and cannot be split: others leave its shard {shard.Index}"));
        }

        if (alone.Length > Shown)
            Note($"{alone.Length - Shown} more slots alone have more than a shard may have, and cannot be split: {Some([.. alone.Skip(Shown).Select(static shard => shard.HeaviestSlot)], "slot")}");
    }

    private void Note(string text)
    {
        ServerLog.Sharding(server.Logger, text);
        lock (_lock)
        {
            _entries.Enqueue(new Entry(server.Time.GetUtcNow(), text));
            while (_entries.Count > EntriesMax) _entries.Dequeue();
        }
    }

    // On the pool: moving waits for shards, and nobody is to wait for that but who asked.
    private async Task<string?> InTurnAsync(Func<string?> change)
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            return _isStopping ? Stopping : await Task.Run(change).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            // Nobody waits for what the loads asked for, so it is said here.
            ServerLog.ShardingFailed(server.Logger, error);
            return "the change failed; the log of the server has the details";
        }
        finally
        {
            _turn.Release();
        }
    }
}
