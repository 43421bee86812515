using Memstore.Engine;
using Memstore.Protocol;

namespace Memstore.Server.Commands;

/// <summary>What a command does with a key: one of the first four about the entry, and any of the others about its data.</summary>
[Flags]
internal enum KeyFlags
{
    None = 0,

    /// <summary>Reads the value, or facts about it.</summary>
    ReadOnly = 1 << 0,

    /// <summary>Changes the value or its deadline.</summary>
    ReadWrite = 1 << 1,

    /// <summary>Replaces the value without looking at it.</summary>
    OverWrite = 1 << 2,

    /// <summary>Deletes the entry.</summary>
    Remove = 1 << 3,

    /// <summary>Returns, copies or depends on the user's data in the value.</summary>
    Access = 1 << 4,

    /// <summary>Changes data in the value.</summary>
    Update = 1 << 5,

    /// <summary>Only adds data.</summary>
    Insert = 1 << 6,

    /// <summary>Takes data away.</summary>
    Delete = 1 << 7,

    /// <summary>Looks like a key and is none.</summary>
    NotKey = 1 << 8,

    /// <summary>The specs do not name every key.</summary>
    Incomplete = 1 << 9,

    /// <summary>Other arguments decide the flags.</summary>
    VariableFlags = 1 << 10,
}

/// <summary>A key among the arguments of a request.</summary>
/// <param name="Argument">Its place; 0 is the command's name.</param>
/// <param name="Flags">What the command does with it.</param>
internal readonly record struct KeyUse(int Argument, KeyFlags Flags)
{
    /// <summary>How a transaction declares it.</summary>
    public KeyAccess Access => (Flags & KeyFlags.ReadOnly) != 0 ? KeyAccess.Read : KeyAccess.Write;
}

/// <summary>How the keys of a spec are found.</summary>
internal enum KeyPlacement
{
    /// <summary>From <see cref="KeySpec.First"/> to <see cref="KeySpec.Last"/>, every <see cref="KeySpec.Step"/>.</summary>
    Range,

    /// <summary>A count at <see cref="KeySpec.First"/>, and that many keys after it.</summary>
    Counted,

    /// <summary>After a word, up to the end, or the first part of what follows it.</summary>
    After,

    /// <summary>No arguments: all keys.</summary>
    Everything,
}

/// <summary>Where a command's keys are and what it does with them. Immutable; made by <see cref="Key"/>.</summary>
internal sealed record KeySpec
{
    /// <summary>How the keys are found.</summary>
    public required KeyPlacement Placement { get; init; }

    /// <summary>What the command does with them.</summary>
    public required KeyFlags Flags { get; init; }

    /// <summary>The first key, or the count's place, or where the search for <see cref="Word"/> starts.</summary>
    public int First { get; init; }

    /// <summary>The last key; negative from the end: -1 is the last argument.</summary>
    public int Last { get; init; }

    /// <summary>From one key to the next.</summary>
    public int Step { get; init; } = 1;

    /// <summary>The word before the first key, in upper case.</summary>
    public string? Word { get; init; }

    /// <summary>The keys are the first 1/Limit of what follows the word; 0 or 1 for all of it.</summary>
    public int Limit { get; init; }

    /// <summary>How a transaction declares it.</summary>
    public KeyAccess Access => (Flags & KeyFlags.ReadOnly) != 0 ? KeyAccess.Read : KeyAccess.Write;

    /// <summary>Whether each key has its place whatever the other arguments say.</summary>
    public bool IsFixed => Placement is KeyPlacement.Range or KeyPlacement.Everything;

    /// <summary>Adds the keys of a request whose arity is right.</summary>
    /// <returns>False if the arguments do not tell: a count that is no number or too large.</returns>
    public bool Find(in Request request, List<KeyUse> keys)
    {
        switch (Placement)
        {
            case KeyPlacement.Range:
                AddRange(keys, First, Last < 0 ? request.ArgumentCount + Last : Last);
                return true;
            case KeyPlacement.Counted:
                return FindCounted(request, keys);
            case KeyPlacement.After:
                FindAfter(request, keys);
                return true;
            default:
                return true;
        }
    }

    private bool FindCounted(in Request request, List<KeyUse> keys)
    {
        if (First >= request.ArgumentCount) return false;
        if (!RespNumber.TryParseInt64(request[First], out var count)) return false;
        if (count < 0 || count > request.ArgumentCount - First - 1) return false;
        AddRange(keys, First + 1, First + (int)count);
        return true;
    }

    private void FindAfter(in Request request, List<KeyUse> keys)
    {
        for (var i = First; i < request.ArgumentCount - 1; i++)
        {
            if (!System.Text.Ascii.EqualsIgnoreCase(request[i], Word!)) continue;
            var following = request.ArgumentCount - i - 1;
            AddRange(keys, i + 1, i + (Limit > 1 ? following / Limit : following));
            return;
        }
    }

    private void AddRange(List<KeyUse> keys, int first, int last)
    {
        for (var i = first; i <= last; i += Step) keys.Add(new KeyUse(i, Flags));
    }
}

/// <summary>Makes key specs for rows: the name says how a key is used, the arguments where it is.</summary>
/// <remarks>A place counts from the command's name, which is 0; a subcommand's keys start at 2.</remarks>
internal static class Key
{
    /// <summary>Keys whose values are read.</summary>
    public static KeySpec Reads(int first, int last = 0, int step = 1) =>
        Range(KeyFlags.ReadOnly | KeyFlags.Access, first, last, step);

    /// <summary>Keys of which only facts are read: whether they are there, type, size.</summary>
    public static KeySpec Peeks(int first, int last = 0, int step = 1) => Range(KeyFlags.ReadOnly, first, last, step);

    /// <summary>Keys whose values are read and changed.</summary>
    public static KeySpec Updates(int first, int last = 0, int step = 1) =>
        Range(KeyFlags.ReadWrite | KeyFlags.Access | KeyFlags.Update, first, last, step);

    /// <summary>Keys that get a value whatever they had.</summary>
    public static KeySpec Writes(int first, int last = 0, int step = 1) =>
        Range(KeyFlags.OverWrite | KeyFlags.Update, first, last, step);

    /// <summary>Keys that are deleted.</summary>
    public static KeySpec Removes(int first, int last = 0, int step = 1) =>
        Range(KeyFlags.Remove | KeyFlags.Delete, first, last, step);

    /// <summary>Keys with flags that none of the other names has.</summary>
    public static KeySpec Range(KeyFlags flags, int first, int last = 0, int step = 1) =>
        new() { Placement = KeyPlacement.Range, Flags = flags, First = first, Last = last == 0 ? first : last, Step = step };

    /// <summary>Keys after an argument that says how many there are.</summary>
    public static KeySpec Counted(int at, KeyFlags flags = KeyFlags.ReadOnly | KeyFlags.Access) =>
        new() { Placement = KeyPlacement.Counted, Flags = flags, First = at };

    /// <summary>Keys after a word, which is searched from a place on.</summary>
    public static KeySpec After(string word, int from = 1, int limit = 0, KeyFlags flags = KeyFlags.ReadOnly | KeyFlags.Access) =>
        new() { Placement = KeyPlacement.After, Flags = flags, Word = word, First = from, Last = -1, Limit = limit };

    /// <summary>No key is named: the command reads or writes the whole keyspace.</summary>
    public static KeySpec Everything(KeyAccess access) => new()
    {
        Placement = KeyPlacement.Everything,
        Flags = access == KeyAccess.Read ? KeyFlags.ReadOnly : KeyFlags.ReadWrite,
    };
}
