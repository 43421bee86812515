using Memstore.Histories.Recording;

namespace Memstore.Histories.Checking;

/// <summary>Step 3: finds the version that each read saw, where its value alone tells.</summary>
internal sealed class Resolver(Analysis analysis)
{
    private readonly VersionStore _versions = analysis.Versions;
    private readonly TransactionStore _transactions = analysis.Transactions;
    private readonly Dictionary<int, int> _phantoms = [];

    public void Run()
    {
        // Lost increments that somebody saw the effect of add transactions and reads while this runs.
        for (int i = 0; i < analysis.Reads.Count; i++)
        {
            ReadEvent read = analysis.Reads[i];
            int version = read.Sight switch
            {
                Sight.Value => Exact(read),
                Sight.Absent when !analysis.Resettable[read.Key] => read.Key,
                _ => VersionStore.None,
            };
            analysis.Reads[i].Version = version;
            if (version < 0) continue;
            _transactions.Definite[_versions.Writer[version]] = true;
            if (_versions.TtlMs[version] > 0) CheckDeadline(read, version);
        }
    }

    /// <summary>Own writes on one key follow one another directly, unless lists were seen in another order.</summary>
    public void LinkOwnWrites()
    {
        for (int version = analysis.History.Keys.Count; version < _versions.Count; version++)
        {
            int own = _versions.OwnPrevious[version];
            if (own == VersionStore.None || _versions.Has(version, VersionTraits.Aborted)) continue;
            if (_versions.TryLink(own, version)) continue;
            analysis.Facts.Add(new OrderFact(own, version, _versions.Writer[own], _versions.Writer[version]));
        }
    }

    private int Exact(in ReadEvent read)
    {
        int found = VersionStore.None;
        int aborted = VersionStore.None;
        for (int version = _versions.Find(read.Key, read.Value); version != VersionStore.None; version = _versions.Same(version))
        {
            if (_versions.Has(version, VersionTraits.Aborted)) aborted = version;
            else if (found != VersionStore.None) return VersionStore.None;
            else found = version;
        }

        if (found == VersionStore.None) return Missing(read, aborted);
        int writer = _versions.Writer[found];
        if (writer == read.Transaction) return Drop(AnomalyKind.Internal, $"a transaction sees {Describe.Version(analysis, found)} before it writes it", read);
        if (analysis.Resettable[read.Key] && analysis.LostIncrements[read.Key] > 0) return VersionStore.None;
        if (_versions.Has(found, VersionTraits.Intermediate))
            analysis.Report(AnomalyKind.G1b, $"{Describe.Version(analysis, found)} was seen though its transaction replaced it", writer, read.Transaction);
        return found;
    }

    private int Missing(in ReadEvent read, int aborted)
    {
        if (analysis.LostIncrements[read.Key] > 0)
        {
            if (analysis.Resettable[read.Key]) return VersionStore.None;
            int made = _phantoms.GetValueOrDefault(read.Key);
            if (made < analysis.LostIncrements[read.Key] && read.Value > 0) return Phantom(read.Key, read.Value, made);
        }

        if (aborted != VersionStore.None)
            return Drop(AnomalyKind.G1a, $"{Describe.Version(analysis, aborted)} was seen though it was aborted", read, _versions.Writer[aborted]);
        return Drop(AnomalyKind.NeverWritten, $"nobody wrote {Describe.Key(analysis, read.Key)} = {read.Value}", read);
    }

    /// <summary>An increment without an answer must have made this value: which one stays open, when it began is known.</summary>
    private int Phantom(int key, long value, int made)
    {
        _phantoms[key] = made + 1;
        int version = _versions.Add(key, value, _transactions.Count, VersionTraits.None, 0, VersionStore.None);
        int writer = _transactions.Add(analysis.FirstLostIncrement[key], long.MaxValue, true, version);
        analysis.Reads.Add(new ReadEvent
        {
            Transaction = writer,
            Key = key,
            Value = value - 1,
            Sight = value == 1 ? Sight.Absent : Sight.Value,
            Version = VersionStore.None,
            Successor = version,
        });
        return version;
    }

    private int Drop(AnomalyKind kind, string text, in ReadEvent read, int other = -1)
    {
        int[] concerned = other < 0 ? [read.Transaction] : [other, read.Transaction];
        analysis.Report(kind, text, concerned);
        return ReadEvent.Dropped;
    }

    private void CheckDeadline(in ReadEvent read, int version)
    {
        int writer = _versions.Writer[version];
        if (analysis.Options.DeadlineSlackMs < 0 || _transactions.Completed[writer] == long.MaxValue) return;
        long latest = _transactions.Completed[writer] + ((_versions.TtlMs[version] + analysis.Options.DeadlineSlackMs) * HistoryClock.StampsPerMs);
        if (_transactions.Invoked[read.Transaction] <= latest) return;
        analysis.Report(AnomalyKind.SeenAfterDeadline, $"{Describe.Version(analysis, version)} was seen after its deadline", writer, read.Transaction);
    }
}
