using Memstore.Histories.Recording;

namespace Memstore.Histories.Checking;

/// <summary>Step 4: reads whose value fits several versions (absent keys above all) are resolved where only one of them fits in time.</summary>
// A version u of writer P cannot be what R saw if P took effect after R, or if another write took effect after P and before R. The bounds
// within which a transaction took effect (Effect) become tighter with each round, so a later round may decide what an earlier one could not.
// A value with a TTL is also a candidate for the absence that its expiry leaves, if nothing replaced it; its place is right behind the value.
internal sealed class Candidates(Analysis analysis, Effects effects)
{
    private readonly VersionStore _versions = analysis.Versions;
    private readonly List<Candidate> _closed = [];
    private readonly List<Candidate> _open = [];
    private int[] _versionsByKey = [];
    private int[] _firstOfKey = [];
    private long[] _completions = [];
    private long[] _lastInvocation = [];
    private long[] _deadPrefix = [];

    /// <summary>Reads that are still ambiguous.</summary>
    public int Unresolved { get; private set; }

    /// <summary>Tries all ambiguous reads; returns how many were decided (or reported as impossible).</summary>
    public int Resolve()
    {
        var open = new List<int>();
        for (int i = 0; i < analysis.Reads.Count; i++)
        {
            if (analysis.Reads[i].Version == VersionStore.None) open.Add(i);
        }

        if (open.Count == 0) return 0;
        open.Sort(Compare);
        GroupVersions();
        int resolved = 0;
        int key = -1;
        for (int from = 0, to; from < open.Count; from = to)
        {
            for (to = from + 1; to < open.Count && SameQuestion(open[from], open[to]); to++)
            {
            }

            ReadEvent first = analysis.Reads[open[from]];
            if (first.Key != key) LoadWriters(key = first.Key);
            LoadCandidates(first);
            for (int i = from; i < to; i++) resolved += Decide(open[i]) ? 1 : 0;
        }

        Unresolved = open.Count - resolved;
        return resolved;
    }

    private int Compare(int left, int right)
    {
        ReadEvent a = analysis.Reads[left];
        ReadEvent b = analysis.Reads[right];
        int order = a.Key.CompareTo(b.Key);
        if (order == 0) order = a.Sight.CompareTo(b.Sight);
        if (order == 0) order = a.Value.CompareTo(b.Value);
        return order == 0 ? left.CompareTo(right) : order;
    }

    private bool SameQuestion(int left, int right)
    {
        ReadEvent a = analysis.Reads[left];
        ReadEvent b = analysis.Reads[right];
        return a.Key == b.Key && a.Sight == b.Sight && a.Value == b.Value;
    }

    private void GroupVersions()
    {
        _firstOfKey = new int[analysis.History.Keys.Count + 1];
        for (int v = 0; v < _versions.Count; v++) _firstOfKey[_versions.Key[v] + 1]++;
        for (int key = 1; key < _firstOfKey.Length; key++) _firstOfKey[key] += _firstOfKey[key - 1];
        _versionsByKey = new int[_versions.Count];
        int[] at = _firstOfKey[..^1];
        for (int v = 0; v < _versions.Count; v++) _versionsByKey[at[_versions.Key[v]]++] = v;
    }

    private ReadOnlySpan<int> VersionsOf(int key) => _versionsByKey.AsSpan(_firstOfKey[key].._firstOfKey[key + 1]);

    /// <summary>The definite writers of a key, other than expiries, by the latest time of their effect, with the largest earliest time of all up to there.</summary>
    private void LoadWriters(int key)
    {
        var writers = new List<(long Latest, long Earliest)>();
        foreach (int version in VersionsOf(key))
        {
            int writer = _versions.Writer[version];

            // The initial state and expiries have writers behind those of the history; an expiry is judged with the value that expired.
            if (writer >= analysis.Transactions.Real || _versions.Has(version, VersionTraits.Aborted) || !analysis.Transactions.Definite[writer]) continue;
            writers.Add((effects.Latest(writer), effects.Earliest(writer)));
        }

        writers.Sort();
        _completions = [.. writers.Select(writer => writer.Latest)];
        _lastInvocation = [.. writers.Select(writer => writer.Earliest)];
        for (int i = 1; i < writers.Count; i++) _lastInvocation[i] = Math.Max(_lastInvocation[i], _lastInvocation[i - 1]);
    }

    private void LoadCandidates(in ReadEvent question)
    {
        _open.Clear();
        _closed.Clear();
        foreach (int version in VersionsOf(question.Key))
        {
            if (_versions.Has(version, VersionTraits.Aborted | VersionTraits.Intermediate)) continue;
            bool absent = _versions.Has(version, VersionTraits.Absent);
            if (question.Sight == Sight.Absent)
            {
                // The absence left by an expiry is looked at together with the value that expired.
                if (absent && _versions.Writer[version] <= analysis.Transactions.Real) AddCandidate(version, false);
                else if (!absent && _versions.TtlMs[version] > 0) AddCandidate(version, true);
            }
            else if (!absent && (question.Sight == Sight.Alive || _versions.Value[version] == question.Value || _versions.Has(version, VersionTraits.NoValue)))
            {
                AddCandidate(version, false);
            }
        }

        _closed.Sort((a, b) => a.Earliest.CompareTo(b.Earliest));
        _deadPrefix = [.. _closed.Select(candidate => candidate.Latest)];
        for (int i = 1; i < _deadPrefix.Length; i++) _deadPrefix[i] = Math.Max(_deadPrefix[i], _deadPrefix[i - 1]);
    }

    private void AddCandidate(int version, bool expiry)
    {
        int writer = _versions.Writer[version];
        int next = _versions.Next[version];
        if (expiry && next != VersionStore.None && next != _versions.Expiry[version]) return;
        long earliest = effects.Earliest(writer);
        if (expiry) earliest = Math.Max(earliest, EarliestExpiry(version));
        long latest = effects.Latest(writer);
        (latest == long.MaxValue ? _open : _closed).Add(new Candidate(version, expiry, earliest, latest));
    }

    private long EarliestExpiry(int version)
    {
        int slack = analysis.Options.DeadlineSlackMs;
        long invoked = analysis.Transactions.Invoked[_versions.Writer[version]];
        return slack < 0 ? invoked : invoked + ((_versions.TtlMs[version] - slack) * HistoryClock.StampsPerMs);
    }

    private bool Decide(int index)
    {
        ReadEvent read = analysis.Reads[index];
        long lastWrite = LastWriteBefore(effects.Earliest(read.Transaction));
        int found = 0;
        Candidate only = default;
        foreach (Candidate candidate in _open)
        {
            if (!Fits(candidate, read, lastWrite)) continue;
            if (++found > 1) return false;
            only = candidate;
        }

        for (int i = LastUpTo(effects.Latest(read.Transaction)); i >= 0 && _deadPrefix[i] >= lastWrite; i--)
        {
            if (!Fits(_closed[i], read, lastWrite)) continue;
            if (++found > 1) return false;
            only = _closed[i];
        }

        if (found == 0) ReportNoCause(read);
        analysis.Reads[index].Version = found == 0 ? ReadEvent.Dropped : Settle(only);
        return true;
    }

    private bool Fits(in Candidate candidate, in ReadEvent read, long lastWrite)
    {
        int writer = _versions.Writer[candidate.Version];
        if (writer == read.Transaction || candidate.Earliest > effects.Latest(read.Transaction) || candidate.Latest < lastWrite) return false;
        if (candidate.Expiry) return true;
        int next = _versions.Next[candidate.Version];
        return next == VersionStore.None || effects.Latest(_versions.Writer[next]) >= effects.Earliest(read.Transaction);
    }

    /// <summary>The largest earliest time of a write that certainly took effect before <paramref name="time"/>.</summary>
    private long LastWriteBefore(long time)
    {
        int at = LowerBound(_completions, time);
        return at == 0 ? long.MinValue : _lastInvocation[at - 1];
    }

    private int LastUpTo(long time)
    {
        int low = 0;
        int high = _closed.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_closed[middle].Earliest <= time) low = middle + 1;
            else high = middle;
        }

        return low - 1;
    }

    private static int LowerBound(long[] sorted, long value)
    {
        int low = 0;
        int high = sorted.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (sorted[middle] < value) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    private int Settle(in Candidate candidate)
    {
        int version = candidate.Version;
        int writer = _versions.Writer[version];
        analysis.Transactions.Definite[writer] = true;
        if (!candidate.Expiry) return version;
        if (_versions.Expiry[version] != VersionStore.None) return _versions.Expiry[version];

        int slack = analysis.Options.DeadlineSlackMs;
        long completed = analysis.Transactions.Completed[writer];
        bool bounded = slack >= 0 && completed != long.MaxValue;
        long latest = bounded ? completed + ((_versions.TtlMs[version] + slack) * HistoryClock.StampsPerMs) : long.MaxValue;
        int expiry = _versions.Add(_versions.Key[version], Operation.Absent, analysis.Transactions.Count, VersionTraits.Absent, 0, VersionStore.None);
        int node = analysis.Transactions.Add(EarliestExpiry(version), latest, true, expiry);
        effects.Include(node);
        _versions.Expiry[version] = expiry;
        _versions.TryLink(version, expiry);
        return expiry;
    }

    private void ReportNoCause(in ReadEvent read)
    {
        string what = read.Sight switch
        {
            Sight.Absent => "is absent",
            Sight.Alive => "exists",
            _ => $"is {read.Value}",
        };
        analysis.Report(AnomalyKind.NoCause, $"no write, delete, flush or expiry explains that {Describe.Key(analysis, read.Key)} {what}", read.Transaction);
    }

    private readonly record struct Candidate(int Version, bool Expiry, long Earliest, long Latest);
}

/// <summary>When each transaction took effect at the earliest and at the latest, as far as is known; at first its invocation and completion.</summary>
internal sealed class Effects
{
    private readonly TransactionStore _transactions;
    private readonly Column<long> _earliest = new();
    private readonly Column<long> _latest = new();

    public Effects(TransactionStore transactions)
    {
        _transactions = transactions;
        for (int i = 0; i < transactions.Count; i++) Include(i);
    }

    public long Earliest(int transaction) => _earliest[transaction];

    public long Latest(int transaction) => _latest[transaction];

    /// <summary>Adds the next transaction of the store.</summary>
    public void Include(int transaction)
    {
        System.Diagnostics.Debug.Assert(transaction == _earliest.Count, "Transactions are included in their order.");
        _earliest.Add(_transactions.Invoked[transaction]);
        _latest.Add(_transactions.Completed[transaction]);
    }

    public void Tighten(int transaction, long earliest, long latest)
    {
        _earliest[transaction] = Math.Max(_earliest[transaction], earliest);
        _latest[transaction] = Math.Min(_latest[transaction], latest);
    }
}
