using Memstore.Engine.Keys;
using Memstore.Engine.Memory;
using Memstore.Engine.Shards;

namespace Memstore.Engine;

// The number of shards and which slots they have, while everything goes on.
public sealed unsafe partial class Store
{
    /// <summary>The most shards that a store may have.</summary>
    public const int ShardsMax = ShardSet.ShardsMax;

    /// <summary>Commands that one call of <see cref="CountLoad"/> stands for: one key in about so many is counted.</summary>
    public const int CommandsPerCount = 16;

    // How many slots change their shard in one hold: well under a microsecond's work.
    private const int SlotsPerHold = 64;

    // How often it is tried to move slots without waiting in a queue: who waits for the second shard holds the first.
    private const int MoveTriesMax = 16;

    private readonly Lock _resharding = new();

    // Used with that lock: who moves slots, and how many shards have got the slots that the ring gives them.
    private Transaction? _mover;
    private int _filled;

    // The loads (but for counting), the policy, and an array for both and for figures: one of this size is a large object, and somebody asks each second.
    private readonly Lock _figures = new();
    private readonly SlotLoads _loads = new(SlotHash.Slots);
    private readonly double[] _shares = new double[SlotHash.Slots];
    private readonly BalancePolicy _policy = new(SlotHash.Slots);

    // Only ever longer: whoever has an index of a shard finds the shard.
    private volatile Shard[] _shards;

    // All slots belong to shards below this: raised before the first slot goes to a new shard, lowered after the last has left.
    private volatile int _shardCount;

    /// <summary>Number of shards now: the larger of the old one and the new one while it changes.</summary>
    public int ShardCount => _shardCount;

    /// <summary>Points of each shard on the ring, from the next change on.</summary>
    public int ReplicationFactor { get; set; } = HashRing.ReplicationFactor;

    /// <summary>What a shard may have of the load as a multiple of the average, from the next change on; above 1.</summary>
    public double LoadFactor { get; set; } = ShardPlanner.LoadFactor;

    internal Shard[] Shards => _shards;

    /// <summary>Set by tests: called before each hold in which slots move; what it throws ends the change there.</summary>
    internal Action? BeforeMove { get; set; }

    /// <summary>Counts a command on a slot that stands for <see cref="CommandsPerCount"/>, for the balance of loads. Cheap.</summary>
    public void CountLoad(int slot) => _loads.Count(slot, CommandsPerCount);

    /// <summary>Takes what was counted into the loads. Once a second, by one thread; allocates nothing.</summary>
    /// <param name="decides">Whether slots may move; if not, the answer is that all stay.</param>
    public BalanceAdvice FoldLoads(bool decides)
    {
        lock (_figures)
        {
            _loads.Fold();
            var shards = _shardCount;
            if (_policy.Skips(_loads, shards)) return BalanceAdvice.Stay;
            var worker = Rent();
            ReadBytes(_shares);
            Return(worker);
            var advice = _policy.Look(_loads, _shares, Owners, shards, LoadFactor, CommandsPerCount);
            return decides ? advice : BalanceAdvice.Stay;
        }
    }

    /// <summary>
    /// Changes the number of shards while transactions go on: about as many slots move as the new number asks for, each in a moment of its own.
    /// Waits until it is done; one change at a time.
    /// </summary>
    /// <returns>The moves that were made.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The number is below 1 or above 4,096.</exception>
    public IReadOnlyList<SlotMove> SetShardCount(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, ShardsMax);
        lock (_resharding)
        {
            // Before anything is changed: for this much memory is needed.
            var moves = Plan(count, _filled);
            var shards = _shards;
            if (count > shards.Length) _shards = [.. shards, .. Enumerable.Range(shards.Length, count - shards.Length).Select(static index => new Shard(index))];
            _shardCount = Math.Max(count, _shardCount);
            _filled = Math.Min(count, _filled);
            lock (_figures) _policy.Forget();
            // If it ends here, slots are where they are, all shards that may have some are covered, and the next change does what this one has not.
            Move(moves);
            _shardCount = _filled = count;
            return moves;
        }
    }

    /// <summary>Moves the fewest slots that bring every shard within the bound, as far as single slots allow. Waits until it is done.</summary>
    /// <returns>The moves that were made; none if every shard is within the bound.</returns>
    public IReadOnlyList<SlotMove> Rebalance()
    {
        lock (_resharding)
        {
            var moves = Plan(_shardCount, _shardCount);
            lock (_figures) _policy.Planned(Owners);
            Move(moves);
            return moves;
        }
    }

    /// <summary>Takes back what <see cref="Rebalance"/> moved last, where nothing else has moved since. Waits until it is done.</summary>
    /// <returns>The moves that were made.</returns>
    public IReadOnlyList<SlotMove> TakeBack()
    {
        lock (_resharding)
        {
            List<SlotMove> moves;
            lock (_figures) moves = _policy.TakeBack(Owners);
            Move(moves);
            return moves;
        }
    }

    /// <summary>Moves a slot to another shard in one attempt, for tests and benchmarks; false if a shard stays busy, or there is no such shard now.</summary>
    internal bool TryMoveSlot(Worker worker, int slot, int shard)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slot);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(slot, SlotHash.Slots);
        ArgumentOutOfRangeException.ThrowIfNegative(shard);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(shard, Shards.Length);
        lock (_resharding) return shard < _shardCount && Mover.TryMove(worker, [new SlotMove(slot, ShardOf(slot), shard, 0)]);
    }

    /// <summary>Moves one slot and waits until it has moved. False if it is there already.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such slot or shard.</exception>
    public bool MoveSlot(int slot, int shard)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slot);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(slot, SlotHash.Slots);
        lock (_resharding)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(shard);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(shard, _shardCount);
            var from = ShardOf(slot);
            if (from == shard) return false;
            lock (_figures) _policy.Forget();
            Move([new SlotMove(slot, from, shard, 0)]);
            return true;
        }
    }

    /// <summary>Figures of each shard; consistent enough for people, not for decisions.</summary>
    public IReadOnlyList<ShardStatistics> ShardStatistics()
    {
        var all = new ShardStatistics[_shardCount];
        ReadShardStatistics(ref all);
        return all;
    }

    /// <summary>As <see cref="ShardStatistics()"/>, into an array that is used again and again: it is replaced only if there are more shards than fit.</summary>
    /// <returns>How many shards there are: so many elements were written.</returns>
    public int ReadShardStatistics(ref ShardStatistics[] into)
    {
        ArgumentNullException.ThrowIfNull(into);
        var count = _shardCount;
        if (into.Length < count) into = new ShardStatistics[count];
        var all = into.AsSpan(0, count);
        for (var i = 0; i < count; i++) all[i] = FiguresOf(_shards[i]);
        lock (_figures)
        {
            // A worker keeps databases that are dropped meanwhile from being freed.
            var worker = Rent();
            ReadBytes(_shares);
            _loads.ToShares(_shares);
            for (var slot = 0; slot < SlotHash.Slots; slot++)
            {
                if (ShardOf(slot) is var owner && owner < count) AddSlot(ref all[owner], slot, _shares[slot]);
            }

            Return(worker);
        }

        return count;
    }

    private static ShardStatistics FiguresOf(Shard shard) => new()
    {
        Index = shard.Index,
        Turns = shard.Turn,
        Commits = shard.Commits,
        Combined = shard.Combined,
        Conflicts = shard.Conflicts,
        LostWatches = shard.LostWatches,
        QueueDepth = shard.QueueDepth,
        LongestQueue = shard.LongestQueue,
    };

    private void AddSlot(ref ShardStatistics shard, int slot, double load)
    {
        var (keys, bytes) = SizeOf(slot);
        shard.Slots++;
        shard.Keys += keys;
        shard.Bytes += bytes;
        shard.Load += load;
        shard.Commands += _loads.CommandsOf(slot);
        if (load <= shard.HeaviestSlotLoad) return;
        shard.HeaviestSlot = slot;
        shard.HeaviestSlotLoad = load;
    }

    /// <summary>The points of the ring in order: place from 0 to 2^64 - 1, and shard.</summary>
    public IReadOnlyList<(ulong Place, ushort Shard)> RingPoints() => new HashRing(_shardCount, ReplicationFactor).Points;

    // By whoever changes shards. The plan is made without the lock of figures: with thousands of shards it takes tens of milliseconds, and event threads ask for figures.
    private List<SlotMove> Plan(int count, int before)
    {
        var shares = new double[SlotHash.Slots];
        var worker = Rent();
        ReadBytes(shares);
        Return(worker);
        lock (_figures) _loads.ToShares(shares);
        return ShardPlanner.Plan(new HashRing(count, ReplicationFactor), before, Owners, shares, LoadFactor);
    }

    // By a caller with a worker.
    private void ReadBytes(double[] bytes)
    {
        for (var slot = 0; slot < bytes.Length; slot++) bytes[slot] = SizeOf(slot).Bytes;
    }

    private (long Keys, long Bytes) SizeOf(int slot)
    {
        var (keys, bytes) = (0L, 0L);
        foreach (var keyspace in DatabaseSet.Keyspaces)
        {
            if (!keyspace.IsWritten) continue;
            keys += keyspace.Keys[slot];
            bytes += keyspace.Cold[slot].Bytes;
        }

        return (keys, bytes);
    }

    private Transaction Mover => _mover ??= new Transaction(this);

    // Slots that go the same way go together, some at a time: a hold stays short, and thousands of slots do not need thousands of holds.
    private void Move(IReadOnlyList<SlotMove> moves)
    {
        foreach (var way in moves.GroupBy(static move => (move.From, move.To)))
        {
            foreach (var part in way.Chunk(SlotsPerHold))
            {
                BeforeMove?.Invoke();
                MoveTogether(part);
            }
        }
    }

    private void MoveTogether(SlotMove[] moves)
    {
        for (var tries = 0; tries < MoveTriesMax; tries++)
        {
            if (TryMoveTogether(moves)) return;
            Thread.Yield();
        }

        // A shard that is handed from one to the next is never free: only who queues gets it.
        using var ended = new ManualResetEventSlim();
        var worker = Rent();
        Mover.SubmitMove(worker, moves, static state => ((ManualResetEventSlim)state!).Set(), ended);
        Return(worker);
        ended.Wait();
    }

    private bool TryMoveTogether(SlotMove[] moves)
    {
        var worker = Rent();
        try
        {
            return Mover.TryMove(worker, moves);
        }
        finally
        {
            Return(worker);
        }
    }
}
