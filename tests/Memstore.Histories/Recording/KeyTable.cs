namespace Memstore.Histories.Recording;

/// <summary>The keys of a history: a small number for each, so that operations stay small. Fill it before the clients start.</summary>
public sealed class KeyTable
{
    private readonly List<string> _names = [];
    private readonly List<int> _databases = [];
    private readonly Dictionary<(int Database, string Name), int> _numbers = [];

    /// <summary>The number of keys.</summary>
    public int Count => _names.Count;

    /// <summary>The number of a key, made at the first call. Not thread-safe.</summary>
    public int Add(string name, int database = 0)
    {
        if (_numbers.TryGetValue((database, name), out int known)) return known;
        _numbers.Add((database, name), Count);
        _names.Add(name);
        _databases.Add(database);
        return Count - 1;
    }

    /// <summary>The name of a key.</summary>
    public string Name(int key) => _names[key];

    /// <summary>The database of a key.</summary>
    public int Database(int key) => _databases[key];
}
