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

        // Shards above the bound give slots away, the heaviest that fit first, so that they are few. What one slot alone has too much stays with it.
        public void Relieve()
        {
            foreach (var shard in Enumerable.Range(0, _ring.Shards).Where(shard => _sums[shard] > _bound).OrderByDescending(shard => _sums[shard]).ToArray())
            {
                foreach (var slot in SlotsOf(shard))
                {
                    if (_sums[shard] <= _bound) break;
                    var to = Clockwise(slot, shard);
                    if (_sums[to] + _loads[slot] <= _bound) Give(slot, to);
                }
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
            var least = -1;
            // Most shards come by within a few rounds' worth of points; going over all of them for each slot would be quadratic.
            var points = Math.Min(_ring.Points.Count, _ring.Shards * 4);
            for (var i = 0; i < points; i++)
            {
                var shard = _ring.ShardAt(point + i);
                if (shard != except && _sums[shard] + _loads[slot] <= _bound) return shard;
            }

            for (var shard = 0; shard < _ring.Shards; shard++)
            {
                if (shard != except && (least < 0 || _sums[shard] < _sums[least])) least = shard;
            }

            return Math.Max(least, 0);
        }

        private void Give(int slot, int shard)
        {
            if (_owners[slot] < _ring.Shards) _sums[_owners[slot]] -= _loads[slot];
            _owners[slot] = (ushort)shard;
            _sums[shard] += _loads[slot];
        }
    }
}
