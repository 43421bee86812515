using Memstore.Histories.Recording;

namespace Memstore.Histories.Checking;

/// <summary>Step 2: lists tell the order of their versions; two reads of which neither continues the other tell of a fault.</summary>
// Each element remembers one read in which it stands ("home") and its place there. A further read is compared with the home of its last known
// element in one vectorised comparison, so the work is a lookup for each read and for each new element, not for each element of each read.
internal sealed class ListOrders(Analysis analysis)
{
    private readonly List<ListRead> _reads = [];
    private readonly Dictionary<int, (int Read, int Place)> _homes = [];
    private readonly HashSet<int> _lists = [];

    /// <summary>Notes a read whose first <paramref name="count"/> elements were written by others.</summary>
    public void Add(int transaction, int key, in Operation operation, int count) => _reads.Add(new ListRead(transaction, key, operation, count));

    public void Run()
    {
        // Longest first would be fewer steps; oldest first finds the earliest of the disagreeing reads, which is what a person wants to see.
        for (int read = 0; read < _reads.Count; read++)
        {
            _lists.Add(_reads[read].Key);
            if (!Walk(read)) Diagnose(read);
        }

        FindLostAppends();
    }

    private ReadOnlySpan<long> Elements(int read) =>
        analysis.History.Elements(_reads[read].Transaction, _reads[read].Operation)[.._reads[read].Count];

    /// <summary>From the last element back to the first one that is known; false if anything is odd.</summary>
    private bool Walk(int read)
    {
        VersionStore versions = analysis.Versions;
        ReadOnlySpan<long> elements = Elements(read);
        int later = VersionStore.None;
        for (int i = elements.Length - 1; i >= 0; i--)
        {
            int version = versions.Find(_reads[read].Key, elements[i]);
            if (version == VersionStore.None || versions.Has(version, VersionTraits.Aborted)) return false;
            if (later != VersionStore.None && !versions.TryLink(version, later)) return false;
            if (_homes.TryGetValue(version, out var home))
                return home.Place == i && home.Read != read && Elements(home.Read)[..i].SequenceEqual(elements[..i]);
            _homes.Add(version, (read, i));
            analysis.Transactions.Definite[versions.Writer[version]] = true;
            later = version;
        }

        if (later != VersionStore.None) AddFirst(later);
        return true;
    }

    /// <summary>The append of a first element saw the key absent, unless its own transaction had deleted it.</summary>
    private void AddFirst(int version)
    {
        VersionStore versions = analysis.Versions;
        versions.Traits[version] |= VersionTraits.First;
        int own = versions.OwnPrevious[version];
        if (own != VersionStore.None)
        {
            if (!versions.Has(own, VersionTraits.Absent))
                analysis.Report(AnomalyKind.LostAppend, $"a transaction's earlier append to {Describe.Key(analysis, versions.Key[version])} is gone", versions.Writer[version]);
            return;
        }

        analysis.Reads.Add(new ReadEvent
        {
            Transaction = versions.Writer[version],
            Key = versions.Key[version],
            Sight = Sight.Absent,
            Version = VersionStore.None,
            Successor = version,
        });
    }

    private void Diagnose(int read)
    {
        (int transaction, int key, _, _) = _reads[read];
        VersionStore versions = analysis.Versions;
        ReadOnlySpan<long> elements = Elements(read);
        string name = Describe.Key(analysis, key);
        var seen = new HashSet<long>();
        for (int i = 0; i < elements.Length; i++)
        {
            int version = versions.Find(key, elements[i]);
            if (!seen.Add(elements[i]))
            {
                analysis.Report(AnomalyKind.DuplicateElement, $"{elements[i]} stands twice in {name}", transaction);
                return;
            }

            if (version == VersionStore.None)
            {
                analysis.Report(AnomalyKind.NeverWritten, $"nobody appended {elements[i]} to {name}", transaction);
                return;
            }

            if (!versions.Has(version, VersionTraits.Aborted)) continue;
            analysis.Report(AnomalyKind.G1a, $"{elements[i]} in {name} was appended by an aborted transaction", transaction, versions.Writer[version]);
            if (i + 1 < elements.Length)
                analysis.Report(AnomalyKind.DirtyUpdate, $"an append to {name} was built on the aborted {elements[i]}", transaction, versions.Writer[version]);
            return;
        }

        ReportDisagreement(read, elements, name);
    }

    private void ReportDisagreement(int read, ReadOnlySpan<long> elements, string name)
    {
        int other = -1;
        foreach (long element in elements)
        {
            if (!_homes.TryGetValue(analysis.Versions.Find(_reads[read].Key, element), out var home) || home.Read == read) continue;
            other = home.Read;
            ReadOnlySpan<long> theirs = Elements(other);
            if (theirs.CommonPrefixLength(elements) < Math.Min(theirs.Length, elements.Length)) break;
        }

        int[] both = other < 0 ? [_reads[read].Transaction] : [_reads[other].Transaction, _reads[read].Transaction];
        analysis.Report(AnomalyKind.IncompatibleOrder, $"two reads of {name} of which neither continues the other", both);
    }

    /// <summary>An acknowledged append that no list shows although one was read later. Lists that are emptied at times are left to the graph.</summary>
    private void FindLostAppends()
    {
        var lastRead = new Dictionary<int, int>();
        foreach (ListRead read in _reads)
        {
            if (!lastRead.TryGetValue(read.Key, out int best) || Invoked(read.Transaction) > Invoked(best)) lastRead[read.Key] = read.Transaction;
        }

        VersionStore versions = analysis.Versions;
        for (int version = analysis.History.Keys.Count; version < versions.Count; version++)
        {
            int key = versions.Key[version];
            if (!_lists.Contains(key) || analysis.Resettable[key] || _homes.ContainsKey(version)) continue;
            int writer = versions.Writer[version];
            if (versions.Has(version, VersionTraits.Aborted) || analysis.Transactions.Completed[writer] >= Invoked(lastRead[key])) continue;
            analysis.Report(AnomalyKind.LostAppend, $"{versions.Value[version]} is missing from {Describe.Key(analysis, key)}", writer, lastRead[key]);
        }
    }

    private long Invoked(int transaction) => analysis.Transactions.Invoked[transaction];

    private readonly record struct ListRead(int Transaction, int Key, Operation Operation, int Count);
}
