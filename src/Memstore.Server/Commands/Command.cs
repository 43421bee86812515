using Memstore.Engine;
using Memstore.Protocol;

namespace Memstore.Server.Commands;

/// <summary>
/// Runs a command on one moment of the data. It may run again when the transaction could not be committed, so it has no effect but through
/// the call.
/// </summary>
internal delegate void CommandHandler(ref CommandCall call);

/// <summary>
/// The row of a command: the only place that says its name, arguments, arity, flags, keys and docs. Immutable once the
/// <see cref="CommandTable"/> has taken it.
/// </summary>
internal sealed class Command
{
    private readonly Usage _usage;
    private NameIndex? _subcommands;

    /// <summary>A command that names keys, or touches the whole keyspace.</summary>
    /// <param name="usage">As redis.io writes it; see <see cref="Commands.Usage"/>.</param>
    /// <param name="flags">What is true of it.</param>
    /// <param name="keys">Where its keys are.</param>
    /// <param name="handler">What it does; null for a container that does nothing without a subcommand.</param>
    public Command(string usage, CommandFlags flags, KeySpec[] keys, CommandHandler? handler)
    {
        UsageLine = usage;
        _usage = Commands.Usage.Read(usage);
        Flags = flags;
        Keys = keys;
        Handler = handler;
        Name = string.Join('|', _usage.Name).ToLowerInvariant();
        NamedKeys = [.. keys.Where(key => key.Placement != KeyPlacement.Everything)];
        Everything = keys.FirstOrDefault(key => key.Placement == KeyPlacement.Everything);
        SoleKey = NamedKeys is [{ Placement: KeyPlacement.Range } only] && only.First == only.Last ? only.First : 0;
    }

    /// <summary>A command without keys.</summary>
    public Command(string usage, CommandFlags flags, CommandHandler? handler)
        : this(usage, flags, [], handler)
    {
    }

    /// <summary>A sentence for people: what it does.</summary>
    public required string Summary { get; init; }

    /// <summary>What its time grows with.</summary>
    public required string Complexity { get; init; }

    /// <summary>The Redis version that had it first.</summary>
    public required string Since { get; init; }

    /// <summary>Number of words, or at least that many if negative. From the usage line unless a row states an oddity.</summary>
    // Kept, because working it out walks the usage line: that is nothing to do for every request.
    public int Arity
    {
        get
        {
            if (field == 0) field = IsContainer ? -2 : _usage.Arity;
            return field;
        }

        init;
    }

    /// <summary>ACL categories beside those that follow from flags; those of the family unless a row states its own.</summary>
    public AclCategories? Categories { get; init; }

    /// <summary>Hints for clients that spread requests over servers, as COMMAND INFO lists them.</summary>
    public string[] Tips { get; init; } = [];

    /// <summary>The command to use instead, with the version from which on: "since|instead" of a deprecated one.</summary>
    public (string Since, string Instead)? Deprecated { get; init; }

    /// <summary>Whether it takes no longer than what Redis flags as fast, although it is not flagged: SET.</summary>
    public bool IsBrief { get; init; }

    /// <summary>Whether those that stand together in a pipeline share the time that they took, so that the clock is not read for each.</summary>
    public bool SharesTime => IsBrief || (Flags & CommandFlags.Fast) != 0;

    /// <summary>Its place among all rows, subcommands included; for arrays of figures. Set by the table.</summary>
    public int Index { get; internal set; }

    /// <summary>Whether it runs for everybody at any time, whatever its arguments: QUIT.</summary>
    public bool IsAlwaysAdmitted { get; init; }

    /// <summary>The name in lower case; "config|get" for a subcommand.</summary>
    public string Name { get; }

    /// <summary>The line that tells how it is written.</summary>
    public string UsageLine { get; }

    /// <summary>Its flags.</summary>
    public CommandFlags Flags { get; }

    /// <summary>All key specs.</summary>
    public IReadOnlyList<KeySpec> Keys { get; }

    /// <summary>The specs of keys among the arguments.</summary>
    public KeySpec[] NamedKeys { get; }

    /// <summary>The spec that says it touches the whole keyspace, if there is one.</summary>
    public KeySpec? Everything { get; }

    /// <summary>The place of its key if it always has exactly one, at that place; else 0.</summary>
    public int SoleKey { get; }

    /// <summary>Whether it touches data, so that it runs in a transaction of the store.</summary>
    public bool TouchesData => Keys.Count > 0;

    /// <summary>What it does; null for a container that does nothing without a subcommand.</summary>
    public CommandHandler? Handler { get; }

    /// <summary>How many words the name has: 2 for a subcommand.</summary>
    public int NameWords => _usage.Name.Count;

    /// <summary>The arguments after the name.</summary>
    public IReadOnlyList<Argument> Arguments => _usage.Arguments;

    /// <summary>The family's group, as COMMAND DOCS names it.</summary>
    public string Group { get; private set; } = "";

    /// <summary>The subcommands, in the order of their rows.</summary>
    public IReadOnlyList<Command> Subcommands { get; private set; } = [];

    /// <summary>The container of a subcommand.</summary>
    public Command? Parent { get; private set; }

    /// <summary>All ACL categories.</summary>
    public AclCategories AclCategories { get; private set; }

    /// <summary>Whether it only leads to subcommands.</summary>
    public bool IsContainer => Handler is null;

    /// <summary>Whether keys may stand elsewhere than first, last and step say.</summary>
    public bool HasMovableKeys => NamedKeys.Any(key => !key.IsFixed || (key.Flags & KeyFlags.Incomplete) != 0);

    /// <summary>
    /// First key, last key and step over all keys with fixed places, as clients of Redis before 7.0 read them; zeros if there are none.
    /// </summary>
    public (int First, int Last, int Step) KeyRange
    {
        get
        {
            var ranges = NamedKeys.Where(key => key.Placement == KeyPlacement.Range).ToArray();
            if (ranges.Length == 0) return default;
            var last = ranges.Any(key => key.Last < 0) ? ranges.Min(key => key.Last) : ranges.Max(key => key.Last);
            return (ranges.Min(key => key.First), last, ranges[0].Step);
        }
    }

    /// <summary>Whether a request with this many words may run.</summary>
    public bool AcceptsCount(int words) => Arity > 0 ? words == Arity : words >= -Arity;

    /// <summary>Adds the keys of a request whose arity is right.</summary>
    /// <returns>False if the arguments do not tell where the keys are; then the handler answers with an error.</returns>
    public bool FindKeys(in Request request, List<KeyUse> keys)
    {
        var valid = true;
        foreach (var spec in NamedKeys) valid &= spec.Find(request, keys);
        return valid;
    }

    /// <summary>The subcommand with this name in any case, or null.</summary>
    public Command? FindSubcommand(ReadOnlySpan<byte> name) => _subcommands?.Find(name);

    /// <inheritdoc/>
    public override string ToString() => Name;

    internal void Join(CommandFamily family)
    {
        Group = family.Group;
        var explicitCategories = Categories ?? (IsContainer ? AclCategories.None : family.Categories);
        AclCategories = explicitCategories | CategoriesOfFlags(explicitCategories);
    }

    internal void Adopt(IReadOnlyList<Command> subcommands)
    {
        Subcommands = subcommands;
        _subcommands = new NameIndex(subcommands.Select(command => (command._usage.Name[1], command)));
        foreach (var subcommand in subcommands) subcommand.Parent = this;
    }

    /// <summary>The name of a subcommand within its container, or of a command, in lower case.</summary>
    internal string LastName => _usage.Name[^1].ToLowerInvariant();

    /// <summary>The container's name in lower case; null for a command.</summary>
    internal string? ContainerName => NameWords == 2 ? _usage.Name[0].ToLowerInvariant() : null;

    private AclCategories CategoriesOfFlags(AclCategories explicitCategories)
    {
        var categories = AclCategories.None;
        if ((Flags & CommandFlags.Write) != 0) categories |= AclCategories.Write;
        if ((Flags & CommandFlags.ReadOnly) != 0 && (explicitCategories & AclCategories.Scripting) == 0) categories |= AclCategories.Read;
        if ((Flags & CommandFlags.Admin) != 0) categories |= AclCategories.Admin | AclCategories.Dangerous;
        if ((Flags & CommandFlags.PubSub) != 0) categories |= AclCategories.PubSub;
        if ((Flags & CommandFlags.Blocking) != 0) categories |= AclCategories.Blocking;
        return categories | ((Flags & CommandFlags.Fast) != 0 ? AclCategories.Fast : AclCategories.Slow);
    }
}

/// <summary>The commands of one subject: the rows of one file.</summary>
/// <param name="Group">The group as COMMAND DOCS names it: "string", "generic", "hash".</param>
/// <param name="Categories">The ACL categories of its rows.</param>
/// <param name="Commands">The rows; a subcommand's row stands anywhere after its container's.</param>
internal sealed record CommandFamily(string Group, AclCategories Categories, IReadOnlyList<Command> Commands);
