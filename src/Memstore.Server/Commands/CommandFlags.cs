namespace Memstore.Server.Commands;

/// <summary>What is true of a command. Admission, COMMAND INFO, ACL and MULTI read these and keep no lists of names.</summary>
[Flags]
internal enum CommandFlags
{
    None = 0,

    /// <summary>May change data.</summary>
    Write = 1 << 0,

    /// <summary>Reads data and never changes it.</summary>
    ReadOnly = 1 << 1,

    /// <summary>May need more memory; refused when maxmemory is reached.</summary>
    DenyOom = 1 << 2,

    /// <summary>For operators.</summary>
    Admin = 1 << 3,

    /// <summary>Publishes or subscribes.</summary>
    PubSub = 1 << 4,

    /// <summary>Not from scripts.</summary>
    NoScript = 1 << 5,

    /// <summary>May wait for a key.</summary>
    Blocking = 1 << 6,

    /// <summary>Allowed while data is being loaded.</summary>
    Loading = 1 << 7,

    /// <summary>Allowed on a replica whose data is old.</summary>
    Stale = 1 << 8,

    /// <summary>Not shown to MONITOR.</summary>
    SkipMonitor = 1 << 9,

    /// <summary>Not recorded by SLOWLOG.</summary>
    SkipSlowlog = 1 << 10,

    /// <summary>Accepted in a slot that is being imported.</summary>
    Asking = 1 << 11,

    /// <summary>Takes constant or logarithmic time.</summary>
    Fast = 1 << 12,

    /// <summary>Allowed before authentication.</summary>
    NoAuth = 1 << 13,

    /// <summary>Reaches replicas although it writes no data (PUBLISH). Not shown by COMMAND INFO.</summary>
    MayReplicate = 1 << 14,

    /// <summary>Takes keys, and works without any.</summary>
    NoMandatoryKeys = 1 << 15,

    /// <summary>Refused unless a setting allows it (DEBUG). Not shown by COMMAND INFO.</summary>
    Protected = 1 << 16,

    /// <summary>Refused while a replica loads in the background.</summary>
    NoAsyncLoading = 1 << 17,

    /// <summary>Not inside MULTI.</summary>
    NoMulti = 1 << 18,

    /// <summary>Allowed while a script runs too long.</summary>
    AllowBusy = 1 << 19,

    /// <summary>
    /// With a single key it reads one published entry and nothing else, so it may run without entering the key's shard.
    /// Ours; not shown by COMMAND INFO.
    /// </summary>
    Unheld = 1 << 20,

    /// <summary>Runs at once between MULTI and EXEC (EXEC, DISCARD, ...). Ours; not shown by COMMAND INFO.</summary>
    Unqueued = 1 << 21,

    /// <summary>Allowed to a RESP2 client that listens to channels. Ours; not shown by COMMAND INFO.</summary>
    WhileSubscribed = 1 << 22,

    /// <summary>Not between BEGIN and COMMIT. Ours; not shown by COMMAND INFO.</summary>
    NotInOpen = 1 << 23,

    /// <summary>
    /// Reads without bound: it runs on a snapshot on another thread while the session is parked. Ours; not shown by COMMAND INFO.
    /// </summary>
    Unbounded = 1 << 24,
}

/// <summary>The categories that ACL rules speak of, in the order in which COMMAND INFO lists them.</summary>
[Flags]
internal enum AclCategories
{
    None = 0,
    Keyspace = 1 << 0,
    Read = 1 << 1,
    Write = 1 << 2,
    Set = 1 << 3,
    SortedSet = 1 << 4,
    List = 1 << 5,
    Hash = 1 << 6,
    String = 1 << 7,
    Bitmap = 1 << 8,
    HyperLogLog = 1 << 9,
    Geo = 1 << 10,
    Stream = 1 << 11,
    PubSub = 1 << 12,
    Admin = 1 << 13,
    Fast = 1 << 14,
    Slow = 1 << 15,
    Blocking = 1 << 16,
    Dangerous = 1 << 17,
    Connection = 1 << 18,
    Transaction = 1 << 19,
    Scripting = 1 << 20,
}

/// <summary>The names of flags and categories as COMMAND INFO writes them, in its order.</summary>
internal static class FlagNames
{
    public static readonly (CommandFlags Flag, string Name)[] Flags =
    [
        (CommandFlags.Write, "write"), (CommandFlags.ReadOnly, "readonly"), (CommandFlags.DenyOom, "denyoom"),
        (CommandFlags.Admin, "admin"), (CommandFlags.PubSub, "pubsub"), (CommandFlags.NoScript, "noscript"),
        (CommandFlags.Blocking, "blocking"), (CommandFlags.Loading, "loading"), (CommandFlags.Stale, "stale"),
        (CommandFlags.SkipMonitor, "skip_monitor"), (CommandFlags.SkipSlowlog, "skip_slowlog"), (CommandFlags.Asking, "asking"),
        (CommandFlags.Fast, "fast"), (CommandFlags.NoAuth, "no_auth"),
        (CommandFlags.NoMandatoryKeys, "no_mandatory_keys"), (CommandFlags.NoAsyncLoading, "no_async_loading"),
        (CommandFlags.NoMulti, "no_multi"), (CommandFlags.AllowBusy, "allow_busy"),
    ];

    public static readonly (AclCategories Category, string Name)[] Categories =
        [.. Enum.GetValues<AclCategories>().Where(category => category != 0)
            .Select(category => (category, "@" + category.ToString().ToLowerInvariant()))];

    public static readonly (KeyFlags Flag, string Name)[] Keys =
    [
        (KeyFlags.ReadOnly, "RO"), (KeyFlags.ReadWrite, "RW"), (KeyFlags.OverWrite, "OW"), (KeyFlags.Remove, "RM"),
        (KeyFlags.Access, "access"), (KeyFlags.Update, "update"), (KeyFlags.Insert, "insert"), (KeyFlags.Delete, "delete"),
        (KeyFlags.NotKey, "not_key"), (KeyFlags.Incomplete, "incomplete"), (KeyFlags.VariableFlags, "variable_flags"),
    ];
}
