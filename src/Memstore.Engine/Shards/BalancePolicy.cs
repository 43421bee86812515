namespace Memstore.Engine.Shards;

/// <summary>
/// Decides once a second whether slots should move. It asks two questions of the loads: are they still what they were (if not, the past is forgotten), and has
/// a shard had too much for long enough? After a plan it watches what the plan has brought: where loads change faster than slots can follow,
/// moving does not pay; such a plan is taken back, and the next one waits longer. By one thread.
/// </summary>
internal sealed class BalancePolicy
{
    /// <summary>Below this many commands a second nothing is worth moving.</summary>
    public const long CommandsMin = 1_000;

    /// <summary>How far above the bound a shard must be before slots move: loads that waver around it move nothing.</summary>
    public const double Patience = 1.05;

    /// <summary>For how many seconds in a row it must be.</summary>
    public const int SecondsAbove = 2;

    /// <summary>Seconds from a plan to the next one, when plans have paid.</summary>
    public const int WaitMin = 2;

    /// <summary>The same when they have not.</summary>
    public const int WaitMax = 64;

    // What chance does not do to the counts of a shard, in standard deviations: to be taken for a change, and for a load above the bound.
    private const double DeviationsOfChange = 6;
    private const double DeviationsAbove = 4;

    // What is no change even if it is certain, as a part of the average.
    private const double ChangeMin = 0.15;

    // How much others on the shard of a slot that is above the bound alone may have, as a part of the average.
    private const double OthersMax = 0.1;

    // A plan has paid if it took away more than this part of what was above the bound; if it took away less than the second of these, it is taken back.
    private const double PaidMin = 0.2;
    private const double KeptMin = 0.05;

    // From so many seconds on a plan is taken back at once if there is so much more above the bound than without it.
    private const int SecondsToBeWorse = 8;
    private const double Worse = 1.1;

    private readonly double[] _fading;
    private readonly double[] _last;
    private readonly ushort[] _before;
    private readonly ushort[] _origin;
    private double[] _sums = [];
    private double[] _otherSums = [];
    private double[] _heaviest = [];
    private int _above;
    private int _sincePlan;
    private bool _hasBefore;
    private bool _isWatching;

    // What was above the bound since the last plan: as slots are, as they were before it, and as they were before the first of the plans that followed each other.
    private double _with;
    private double _without;
    private double _atOrigin;

    /// <summary>A policy for so many slots.</summary>
    public BalancePolicy(int slots)
    {
        _fading = new double[slots];
        _last = new double[slots];
        _before = new ushort[slots];
        _origin = new ushort[slots];
    }

    /// <summary>Seconds from the last plan to the next, at least.</summary>
    public int Wait { get; private set; } = WaitMin;

    /// <summary>Whether the last second is not worth a look: it had few commands, and ends a row of seconds above the bound; or there is one shard.</summary>
    public bool Skips(SlotLoads loads, int shards)
    {
        if (loads.LastTotal >= CommandsMin && shards > 1) return false;
        _above = 0;
        return true;
    }

    /// <summary>Looks at the loads of the last second, which have been folded.</summary>
    /// <param name="loads">The loads; they forget what is no longer true.</param>
    /// <param name="bytes">The bytes of each slot.</param>
    /// <param name="owners">The shard of each slot.</param>
    /// <param name="shards">Number of shards.</param>
    /// <param name="factor">What a shard may have, as a multiple of the average.</param>
    /// <param name="weight">Commands that one count stands for.</param>
    public BalanceAdvice Look(SlotLoads loads, ReadOnlySpan<double> bytes, ReadOnlySpan<ushort> owners, int shards, double factor, int weight)
    {
        if (Skips(loads, shards)) return BalanceAdvice.Stay;
        if (_sums.Length < shards) (_sums, _otherSums, _heaviest) = (new double[shards], new double[shards], new double[shards]);
        if (HasChanged(loads, owners, shards, weight)) loads.Forget();
        bytes.CopyTo(_fading);
        loads.ToShares(_fading);
        bytes.CopyTo(_last);
        loads.ToShares(_last, last: true);
        if (!IsWorthIt(owners, shards, factor)) return BalanceAdvice.TakeBack;
        var samples = loads.LastTotal / (double)weight * loads.Seconds;
        _above = IsAbove(_fading, owners, shards, factor, samples) && IsAbove(_last, owners, shards, factor, double.PositiveInfinity) ? _above + 1 : 0;
        return _above >= SecondsAbove && _sincePlan >= Wait ? BalanceAdvice.Move : BalanceAdvice.Stay;
    }

    /// <summary>Says that slots are about to move for the sake of loads.</summary>
    /// <param name="owners">The shard of each slot before.</param>
    public void Planned(ReadOnlySpan<ushort> owners)
    {
        // A plan that comes later than that does not follow the last one.
        if (!_hasBefore || _sincePlan > WaitMax) owners.CopyTo(_origin);
        owners.CopyTo(_before);
        (_hasBefore, _isWatching, _with, _without, _atOrigin) = (true, true, 0, 0, 0);
        (_sincePlan, _above) = (0, 0);
    }

    /// <summary>The moves that bring slots back to where they were before the last plan; none if somebody else has moved slots since.</summary>
    /// <param name="owners">The shard of each slot.</param>
    public List<SlotMove> TakeBack(ReadOnlySpan<ushort> owners)
    {
        var moves = new List<SlotMove>();
        for (var slot = 0; _hasBefore && slot < owners.Length; slot++)
        {
            if (_before[slot] != owners[slot]) moves.Add(new SlotMove(slot, owners[slot], _before[slot], 0));
        }

        Forget();
        return moves;
    }

    /// <summary>Says that slots move for other reasons: what was before is no measure any more.</summary>
    public void Forget() => (_hasBefore, _isWatching, _sincePlan, _above) = (false, false, 0, 0);

    // Are the last second's commands on other shards than those of before? By shard, where counts are large enough to tell.
    private bool HasChanged(SlotLoads loads, ReadOnlySpan<ushort> owners, int shards, int weight)
    {
        var fading = Cleared(_sums, shards);
        var last = Cleared(_otherSums, shards);
        loads.AddShards(owners, fading, last);
        var samples = Math.Max(1.0, loads.LastTotal / (double)weight);
        for (var shard = 0; shard < shards; shard++)
        {
            var chance = DeviationsOfChange * Math.Sqrt(Math.Max(fading[shard], 1 / samples) / samples);
            if (Math.Abs(last[shard] - fading[shard]) > chance + (ChangeMin / shards)) return true;
        }

        return false;
    }

    // The same loads where the slots are and where they were: what would be above the bound if nothing had moved? Plans that each bring something at first
    // may leave slots worse than they were before all of them.
    private bool IsWorthIt(ReadOnlySpan<ushort> owners, int shards, double factor)
    {
        _sincePlan++;
        if (!_isWatching) return true;
        _with += Excess(_last, owners, shards, factor);
        _without += Excess(_last, _before, shards, factor);
        _atOrigin += Excess(_last, _origin, shards, factor);
        var least = Math.Min(_without, _atOrigin);
        if (_sincePlan < Wait && (_sincePlan < SecondsToBeWorse || _with <= least * Worse)) return true;
        _isWatching = false;
        if (_with == 0 && least == 0) return true;
        var isKept = _with <= least * (1 - KeptMin);
        Wait = isKept && _with < _without * (1 - PaidMin) ? Math.Max(WaitMin, Wait / 2) : Math.Min(WaitMax, Wait * 2);
        if (!isKept && _atOrigin < _without) _origin.CopyTo(_before, 0);
        return isKept;
    }

    // Whether a shard has too much that could be elsewhere: one whose heaviest slot alone is above the bound has what it must, if the others have left it.
    private bool IsAbove(ReadOnlySpan<double> shares, ReadOnlySpan<ushort> owners, int shards, double factor, double samples)
    {
        var bound = factor / shards;
        var limit = (bound * Patience) + (SlotLoads.CommandsPart * DeviationsAbove * Math.Sqrt(bound / samples));
        var sums = Sum(shares, owners, shards);
        for (var shard = 0; shard < shards; shard++)
        {
            if (sums[shard] <= limit) continue;
            if (_heaviest[shard] < bound || sums[shard] - _heaviest[shard] > OthersMax / shards) return true;
        }

        return false;
    }

    private double Excess(ReadOnlySpan<double> shares, ReadOnlySpan<ushort> owners, int shards, double factor)
    {
        var excess = 0.0;
        var sums = Sum(shares, owners, shards);
        for (var shard = 0; shard < shards; shard++) excess += Math.Max(0, sums[shard] - Math.Max(factor / shards, _heaviest[shard]));
        return excess;
    }

    private ReadOnlySpan<double> Sum(ReadOnlySpan<double> shares, ReadOnlySpan<ushort> owners, int shards)
    {
        var sums = Cleared(_sums, shards);
        var heaviest = Cleared(_heaviest, shards);
        for (var slot = 0; slot < shares.Length; slot++)
        {
            var owner = owners[slot];
            if (owner >= shards) continue;
            sums[owner] += shares[slot];
            heaviest[owner] = Math.Max(heaviest[owner], shares[slot]);
        }

        return sums;
    }

    private static Span<double> Cleared(double[] array, int count)
    {
        var span = array.AsSpan(0, count);
        span.Clear();
        return span;
    }
}
