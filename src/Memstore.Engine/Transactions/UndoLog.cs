using Memstore.Engine.Keys;
using Memstore.Engine.Memory;

namespace Memstore.Engine.Transactions;

/// <summary>What a change was, for taking it back or for finishing it.</summary>
internal enum ChangeKind : byte
{
    /// <summary>A record was put where another one or none was.</summary>
    Put,

    /// <summary>A record was taken out, or hidden behind a tombstone.</summary>
    Remove,

    /// <summary>Fields of a tree were changed in its nodes.</summary>
    Fields,

    /// <summary>A key whose time was over was removed. Stays removed whatever becomes of the transaction.</summary>
    Expiry,
}

/// <summary>One change that a transaction has made while it holds its shards, and that it may still have to take back.</summary>
internal struct Change
{
    /// <summary>Where.</summary>
    public Keyspace Keyspace;

    /// <summary>Of a private tree that was published: who owns its nodes.</summary>
    public TreeContext? Context;

    /// <summary>The record that stands in the index now; 0 if none does.</summary>
    public nint Record;

    /// <summary>The record that stood there; 0 if none did.</summary>
    public nint Old;

    /// <summary>The key's hash and slot.</summary>
    public KeyRoute Route;

    /// <summary>The number of the database.</summary>
    public int Database;

    /// <summary>Of changed fields: where their notes begin.</summary>
    public int Notes;

    /// <summary>What it was.</summary>
    public ChangeKind Kind;

    /// <summary>The tree goes on: with the new record, or (removed) with that of the change before, where it was moved.</summary>
    public bool KeepsTree;

    /// <summary>The tree came from another key, whose removal is the next change.</summary>
    public bool TakesTree;
}

/// <summary>The changes of one transaction, in order. Kept while it holds its shards.</summary>
internal sealed class UndoLog
{
    private const int ChangesKept = 4_096;

    private Change[] _changes = new Change[4];

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>One of them.</summary>
    public ref readonly Change this[int index] => ref _changes[index];

    /// <summary>Makes room for one more: to be called before the change is made, for it may fail.</summary>
    public void Reserve()
    {
        if (Count == _changes.Length) Array.Resize(ref _changes, Count * 2);
    }

    /// <summary>Adds a change that room was made for.</summary>
    public void Add(in Change change) => _changes[Count++] = change;

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        if (_changes.Length > ChangesKept) _changes = new Change[4];
        // Keyspaces and contexts must not be kept alive.
        else Array.Clear(_changes, 0, Count);
        Count = 0;
    }
}
