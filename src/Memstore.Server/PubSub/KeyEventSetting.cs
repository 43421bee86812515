namespace Memstore.Server.PubSub;

/// <summary>Reads what <c>notify-keyspace-events</c> says.</summary>
internal static class KeyEventSetting
{
    private static readonly (char Letter, KeyEventKinds Kinds)[] Letters =
    [
        ('K', KeyEventKinds.Keyspace), ('E', KeyEventKinds.Keyevent), ('g', KeyEventKinds.Generic), ('$', KeyEventKinds.String),
        ('l', KeyEventKinds.List), ('s', KeyEventKinds.Set), ('h', KeyEventKinds.Hash), ('z', KeyEventKinds.SortedSet),
        ('x', KeyEventKinds.Expired), ('e', KeyEventKinds.Evicted), ('t', KeyEventKinds.Stream), ('m', KeyEventKinds.KeyMiss),
        ('d', KeyEventKinds.Module), ('n', KeyEventKinds.New), ('A', KeyEventKinds.All),
    ];

    /// <summary>The classes that letters name; none unless one of K and E is among them, since nothing would be published.</summary>
    public static KeyEventKinds Parse(string letters)
    {
        var kinds = KeyEventKinds.None;
        foreach (var (letter, named) in Letters)
            if (letters.Contains(letter)) kinds |= named;
        return (kinds & (KeyEventKinds.Keyspace | KeyEventKinds.Keyevent)) == 0 ? KeyEventKinds.None : kinds;
    }
}
