namespace Memstore.Histories.Checking;

/// <summary>Step 5: groups versions that follow one another directly; nothing else of the key can come between the members of a chain.</summary>
internal sealed class Chains
{
    public const int None = -1;

    private readonly Analysis _analysis;
    private readonly VersionStore _versions;
    private readonly int[] _chain;
    private readonly int[] _place;
    private readonly Column<int> _head = new();
    private readonly Column<int> _tail = new();

    public Chains(Analysis analysis)
    {
        (_analysis, _versions) = (analysis, analysis.Versions);
        _chain = new int[_versions.Count];
        _place = new int[_versions.Count];
        Array.Fill(_chain, None);
        for (int v = 0; v < _versions.Count; v++)
        {
            if (_versions.Previous[v] == VersionStore.None && TakesPart(v)) Walk(v);
        }

        // A ring of versions is a fault that the edges of its reads show; here it only has to end somewhere.
        for (int v = 0; v < _versions.Count; v++)
        {
            if (_chain[v] == None && TakesPart(v)) Walk(v);
        }
    }

    public int Count => _head.Count;

    public int Of(int version) => version < _chain.Length ? _chain[version] : None;

    public int Place(int version) => _place[version];

    public int Head(int chain) => _head[chain];

    public int Tail(int chain) => _tail[chain];

    /// <summary>Replaced writes that are linked at a read which became clear; returns the number of new links.</summary>
    public static int Link(Analysis analysis)
    {
        int links = 0;
        VersionStore versions = analysis.Versions;
        foreach (ReadEvent read in analysis.Reads.Items)
        {
            if (read.Version < 0 || read.Successor == VersionStore.None || versions.Next[read.Version] == read.Successor) continue;
            if (versions.TryLink(read.Version, read.Successor)) links++;
        }

        return links;
    }

    // What a lost increment wrote stands in the order as a version of its own (Resolver.Phantom) unless the counter can be reset.
    private bool TakesPart(int version) =>
        _analysis.Transactions.Definite[_versions.Writer[version]]
        && !_versions.Has(version, VersionTraits.Aborted)
        && (!_versions.Has(version, VersionTraits.NoValue) || _analysis.Resettable[_versions.Key[version]]);

    private void Walk(int head)
    {
        int chain = Count;
        int tail = head;
        int place = 0;
        for (int v = head; v != VersionStore.None && _chain[v] == None && TakesPart(v); v = _versions.Next[v])
        {
            _chain[v] = chain;
            _place[v] = place++;
            tail = v;
        }

        _head.Add(head);
        _tail.Add(tail);
    }
}
