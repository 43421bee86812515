namespace Memstore.Engine.Transactions;

/// <summary>From hashes to places in a list: open addressing over a power of two. Grows, is cleared, and allocates nothing in between.</summary>
internal sealed class KeyIndex
{
    private (ulong Hash, int Place)[] _cells = new (ulong, int)[16];
    private int _count;
    private int _probe;

    /// <summary>The first place with this hash, or -1.</summary>
    public int First(ulong hash)
    {
        _probe = (int)(hash & (ulong)(_cells.Length - 1));
        return Seek(hash);
    }

    /// <summary>The place after the one that was answered last, or -1.</summary>
    public int Next(ulong hash)
    {
        _probe = (_probe + 1) & (_cells.Length - 1);
        return Seek(hash);
    }

    /// <summary>Adds a place, which is not negative.</summary>
    public void Add(ulong hash, int place)
    {
        if ((_count + 1) * 2 > _cells.Length) Grow();
        Insert(hash, place + 1);
        _count++;
    }

    /// <summary>Forgets all; a table that grew large is dropped.</summary>
    public void Clear()
    {
        if (_count == 0) return;
        if (_cells.Length > 4_096) _cells = new (ulong, int)[16];
        else Array.Clear(_cells);
        _count = 0;
    }

    private int Seek(ulong hash)
    {
        while (_cells[_probe].Place != 0)
        {
            if (_cells[_probe].Hash == hash) return _cells[_probe].Place - 1;
            _probe = (_probe + 1) & (_cells.Length - 1);
        }

        return -1;
    }

    private void Insert(ulong hash, int place)
    {
        var at = (int)(hash & (ulong)(_cells.Length - 1));
        while (_cells[at].Place != 0) at = (at + 1) & (_cells.Length - 1);
        _cells[at] = (hash, place);
    }

    private void Grow()
    {
        var old = _cells;
        _cells = new (ulong, int)[old.Length * 2];
        foreach (var (hash, place) in old)
        {
            if (place != 0) Insert(hash, place);
        }
    }
}
