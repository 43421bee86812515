namespace Memstore.Engine.Transactions;

/// <summary>
/// Which content each database number shows to a private transaction that has flushed or swapped databases: one that the snapshot shows, named by its number
/// there, or a new empty one.
/// </summary>
// A content is a number: below the number of databases it is that of the snapshot's database, from there on it is new. Private writes are kept by content,
// so a swap takes them along and a flush leaves them behind.
internal sealed class DatabaseMap
{
    private readonly int[] _contents;
    private int _next;

    public DatabaseMap(int databases)
    {
        _contents = new int[databases];
        Reset();
    }

    /// <summary>Whether any number shows something else than before.</summary>
    public bool HasChanged { get; private set; }

    /// <summary>Number of databases.</summary>
    public int Count => _contents.Length;

    /// <summary>The content of a database.</summary>
    public int this[int database] => _contents[database];

    /// <summary>Whether a content is one that the snapshot shows.</summary>
    public bool IsOld(int content) => content < _contents.Length;

    /// <summary>The database that shows a content; -1 if none does.</summary>
    public int Find(int content) => Array.IndexOf(_contents, content);

    /// <summary>Gives a database a new content.</summary>
    public void Flush(int database)
    {
        _contents[database] = _next++;
        HasChanged = true;
    }

    /// <summary>Two databases change places.</summary>
    public void Swap(int first, int second)
    {
        (_contents[first], _contents[second]) = (_contents[second], _contents[first]);
        HasChanged = true;
    }

    /// <summary>All is as the snapshot shows it.</summary>
    public void Reset()
    {
        for (var i = 0; i < _contents.Length; i++) _contents[i] = i;
        _next = _contents.Length;
        HasChanged = false;
    }
}
