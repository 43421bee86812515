namespace Memstore.Engine.Shards;

/// <summary>One slot that is to change its shard.</summary>
/// <param name="Slot">The slot.</param>
/// <param name="From">The shard that has it.</param>
/// <param name="To">The shard that gets it.</param>
/// <param name="Load">Its part of the whole load, from 0 to 1.</param>
public readonly record struct SlotMove(int Slot, int From, int To, double Load);

/// <summary>
/// Where slots are to go: consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2016) over measured loads, starting from where they
/// are. A slot that moves goes to the first shard clockwise on the ring that stays within the bound with it. Only three kinds of slots move:
/// those of shards that go, those that the ring gives to shards that are new, and as many as a shard above the bound has too many.
/// The same input gives the same plan.
/// </summary>
internal static class ShardPlanner
{
    /// <summary>No shard gets more than this times the average load, unless one slot alone is more.</summary>
    public const double LoadFactor = 1.2;

    /// <summary>Owners of slots that are all equal and belong to nobody yet.</summary>
    public static ushort[] Assign(HashRing ring, int slots)
    {
        var owners = new ushort[slots];
        Array.Fill(owners, ushort.MaxValue);
        var loads = new double[slots];
        Array.Fill(loads, 1.0 / slots);
        foreach (var move in Plan(ring, 0, owners, loads, LoadFactor)) owners[move.Slot] = (ushort)move.To;
        return owners;
    }

    /// <summary>Plans the moves.</summary>
    /// <param name="ring">The shards that there are to be.</param>
    /// <param name="before">Number of shards before; those from here on are new.</param>
    /// <param name="owners">The shard of each slot; one that is not on the ring goes.</param>
    /// <param name="loads">The load of each slot; together 1.</param>
    /// <param name="factor">What a shard may have, as a multiple of the average; above 1.</param>
    public static List<SlotMove> Plan(HashRing ring, int before, ReadOnlySpan<ushort> owners, ReadOnlySpan<double> loads, double factor)
    {
        var plan = new Planning(ring, owners, loads, factor);
        plan.LeaveShardsThatGo();
        if (before > 0 && ring.Shards > before) plan.FillShardsThatAreNew(before);
        plan.Relieve();
        return plan.Moves();
    }

    /// <summary>The load of each shard.</summary>
    public static double[] LoadsOf(int shards, ReadOnlySpan<ushort> owners, ReadOnlySpan<double> loads)
    {
        var sums = new double[shards];
        for (var slot = 0; slot < owners.Length; slot++)
        {
            if (owners[slot] < shards) sums[owners[slot]] += loads[slot];
        }

        return sums;
    }

    private sealed class Planning
    {
        // Sums of doubles are not exact.
        private const double Slack = 1e-9;

        // What a slot that fits nowhere must bring to be pushed out, as a part of the average load of a shard.
        private const double PushMin = 0.1;

        private readonly HashRing _ring;
        private readonly ushort[] _before;
        private readonly ushort[] _owners;
        private readonly double[] _loads;
        private readonly double[] _sums;
        private readonly double _bound;

        public Planning(HashRing ring, ReadOnlySpan<ushort> owners, ReadOnlySpan<double> loads, double factor)
        {
            _ring = ring;
            _before = owners.ToArray();
            _owners = owners.ToArray();
            _loads = loads.ToArray();
            _sums = LoadsOf(ring.Shards, owners, loads);
            _bound = (factor / ring.Shards) + Slack;
        }

        public void LeaveShardsThatGo()
        {
            for (var slot = 0; slot < _owners.Length; slot++)
            {
                if (_owners[slot] >= _ring.Shards) Give(slot, Clockwise(slot, -1));
            }
        }

        public void FillShardsThatAreNew(int before)
        {
            for (var slot = 0; slot < _owners.Length; slot++)
            {
                var shard = _ring.ShardAt(_ring.PointOf(slot));
                if (shard >= before && _owners[slot] != shard && _sums[shard] + _loads[slot] <= _bound) Give(slot, shard);
            }
        }

        // Shards above the bound give slots away, the most loaded shard first. What one slot alone has too much stays with it.
        public void Relieve()
        {
            var above = new PriorityQueue<int, double>();
            for (var shard = 0; shard < _ring.Shards; shard++) Enqueue(above, shard);
            var pushed = new HashSet<int>();
            while (above.TryDequeue(out var shard, out _))
            {
                GiveWhatFits(shard);
                if (_sums[shard] > _bound) PushOut(shard, above, pushed);
            }
        }

        private void Enqueue(PriorityQueue<int, double> above, int shard)
        {
            if (_sums[shard] > _bound) above.Enqueue(shard, -_sums[shard]);
        }

        // The heaviest that fit elsewhere first, so that they are few.
        private void GiveWhatFits(int shard)
        {
            foreach (var slot in SlotsOf(shard))
            {
                if (_sums[shard] <= _bound) return;
                var to = Clockwise(slot, shard);
                if (_sums[to] + _loads[slot] <= _bound) Give(slot, to);
            }
        }

        // Heavy slots that fit nowhere may still be better apart: the shard that gets one gives lighter slots away in its turn.
        private void PushOut(int shard, PriorityQueue<int, double> above, HashSet<int> pushed)
        {
            foreach (var slot in SlotsOf(shard).Skip(1))
            {
                if (_sums[shard] <= _bound) return;
                var to = Least(shard);
                if (to < 0 || _sums[to] + _loads[slot] > _sums[shard] - (PushMin / _ring.Shards) || !pushed.Add(slot)) continue;
                Give(slot, to);
                Enqueue(above, to);
            }
        }

        public List<SlotMove> Moves()
        {
            var moves = new List<SlotMove>();
            for (var slot = 0; slot < _owners.Length; slot++)
            {
                if (_owners[slot] != _before[slot]) moves.Add(new SlotMove(slot, _before[slot], _owners[slot], _loads[slot]));
            }

            return moves;
        }

        private int[] SlotsOf(int shard) =>
        [
            .. Enumerable.Range(0, _owners.Length)
                .Where(slot => _owners[slot] == shard && _loads[slot] > 0)
                .OrderByDescending(slot => _loads[slot]).ThenBy(static slot => slot),
        ];

        // The first shard from the slot's point on that stays within the bound; if there is none, the one with the least.
        private int Clockwise(int slot, int except)
        {
            var point = _ring.PointOf(slot);
            // Most shards come by within a few rounds' worth of points; going over all of them for each slot would be quadratic.
            var points = Math.Min(_ring.Points.Count, _ring.Shards * 4);
            for (var i = 0; i < points; i++)
            {
                var shard = _ring.ShardAt(point + i);
                if (shard != except && _sums[shard] + _loads[slot] <= _bound) return shard;
            }

            return Math.Max(Least(except), 0);
        }

        private int Least(int except)
        {
            var least = -1;
            for (var shard = 0; shard < _ring.Shards; shard++)
            {
                if (shard != except && (least < 0 || _sums[shard] < _sums[least])) least = shard;
            }

            return least;
        }

        private void Give(int slot, int shard)
        {
            if (_owners[slot] < _ring.Shards) _sums[_owners[slot]] -= _loads[slot];
            _owners[slot] = (ushort)shard;
            _sums[shard] += _loads[slot];
        }
    }
}
