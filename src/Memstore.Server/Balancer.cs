using System.Globalization;
using Memstore.Engine;
using Memstore.Engine.Shards;

namespace Memstore.Server;

/// <summary>Watches the loads of shards, moves slots when one has had too much for a while, and remembers why. Thread-safe.</summary>
internal sealed class Balancer(ServerState server)
{
    private const int EntriesMax = 128;

    /// <summary>Below this many commands a second nothing is worth moving.</summary>
    private const long CommandsMin = 1_000;

    /// <summary>How far above the bound a shard must be, and for how many seconds, before slots move: loads that waver move nothing.</summary>
    private const double Patience = 1.05;

    private const int SecondsMin = 3;

    /// <summary>Seconds after a change in which nothing moves: the loads have to show what it did.</summary>
    private const int SecondsAfter = 5;

    private readonly Lock _lock = new();
    private readonly Queue<Entry> _entries = new();
    private long _lastTick;
    private int _secondsAbove;
    private int _secondsQuiet;
    private int _isolated = -1;
    private int _isBusy;
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

    /// <summary>Changes the number of shards; ends when all slots are in their places.</summary>
    public Task<string?> SetAsync(int count) => RunAsync(() =>
    {
        var before = server.Store.ShardCount;
        var moves = server.Store.SetShardCount(count);
        server.Settings.Override("shards", count.ToString(CultureInfo.InvariantCulture));
        Note($"the number of shards was changed from {before} to {count}: {moves.Count} slots moved");
    });

    /// <summary>Moves slots so that every shard is within the bound.</summary>
    public Task<string?> RebalanceAsync() => RunAsync(() => Explain(server.Store.Rebalance(), "asked for"));

    /// <summary>Moves a slot.</summary>
    public Task<string?> MoveAsync(int slot, int shard) => RunAsync(() =>
    {
        var from = server.Store.ShardOf(slot);
        if (server.Store.MoveSlot(slot, shard)) Note($"slot {slot} moved from shard {from} to {shard}: asked for");
    });

    /// <summary>Looks at the loads; about ten times a second, of which it uses one.</summary>
    public void KeepHouse()
    {
        var now = Environment.TickCount64;
        if (now - _lastTick < 1_000) return;
        _lastTick = now;
        var commands = server.Store.FoldLoads();
        if (server.Settings["rebalance"] != "yes" || server.Store.ShardCount == 1 || server.Is(ServerStates.Loading)) return;
        if (_secondsQuiet > 0)
        {
            _secondsQuiet--;
            return;
        }

        if (commands < CommandsMin || !IsAbove())
        {
            _secondsAbove = 0;
            return;
        }

        if (++_secondsAbove < SecondsMin) return;
        _secondsAbove = 0;
        _secondsQuiet = SecondsAfter;
        _ = RunAsync(() => Explain(server.Store.Rebalance(), "a shard was above the bound"));
    }

    private bool IsAbove()
    {
        var bound = server.Store.LoadFactor / server.Store.ShardCount;
        var count = server.Store.ReadShardStatistics(ref _shards);
        foreach (ref readonly var shard in _shards.AsSpan(0, count))
        {
            if (shard.Load <= bound * Patience) continue;
            if (shard.HeaviestSlotLoad < bound || shard.Load - shard.HeaviestSlotLoad > 1.0 / server.Store.ShardCount / 10) return true;
            if (_isolated != shard.HeaviestSlot)
            {
                _isolated = shard.HeaviestSlot;
                Note(string.Create(
                    CultureInfo.InvariantCulture,
                    $"slot {shard.HeaviestSlot} alone has {shard.HeaviestSlotLoad:p0} of the load and cannot be split: it is nearly alone on shard {shard.Index}"));
            }
        }

        return false;
    }

    private void Explain(IReadOnlyList<SlotMove> moves, string reason)
    {
        if (moves.Count == 0)
        {
            Note($"nothing moved ({reason}): every shard is within the bound, as far as single slots allow");
            return;
        }

        foreach (var group in moves.GroupBy(static move => (move.From, move.To)))
        {
            Note(string.Create(
                CultureInfo.InvariantCulture,
                $"{group.Count()} slots with {group.Sum(static move => move.Load):p1} of the load moved from shard {group.Key.From} to {group.Key.To} ({reason}): {Some(group)}"));
        }
    }

    private static string Some(IEnumerable<SlotMove> moves)
    {
        const int Shown = 8;
        var slots = moves.OrderByDescending(static move => move.Load).Select(static move => move.Slot).ToArray();
        return string.Join(' ', slots.Take(Shown)) + (slots.Length > Shown ? " ..." : "");
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
    private Task<string?> RunAsync(Action work)
    {
        if (Interlocked.Exchange(ref _isBusy, 1) != 0) return Task.FromResult<string?>("shards are being changed already");
        return Task.Run(string? () =>
        {
            try
            {
                work();
                return null;
            }
            finally
            {
                Volatile.Write(ref _isBusy, 0);
            }
        });
    }
}
