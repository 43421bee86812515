using Memstore.Protocol;

namespace Memstore.Server.Commands;

/// <summary>Rows as COMMAND INFO and COMMAND DOCS answer them.</summary>
internal static class CommandReplies
{
    /// <summary>
    /// An array of ten: name, arity, flags, first key, last key, step, ACL categories, tips, key specs, subcommands.
    /// </summary>
    public static void Info(ReplyWriter reply, Command command)
    {
        var (first, last, step) = command.KeyRange;
        reply.ArrayHeader(10);
        reply.BulkString(command.Name);
        reply.Integer(command.Arity);
        FlagSet(reply, command);
        reply.Integer(first);
        reply.Integer(last);
        reply.Integer(step);
        Names(reply, FlagNames.Categories.Where(entry => (command.AclCategories & entry.Category) != 0).Select(entry => entry.Name));
        reply.SetHeader(command.Tips.Length);
        foreach (var tip in command.Tips) reply.BulkString(tip);
        reply.SetHeader(command.NamedKeys.Length);
        foreach (var key in command.NamedKeys) Spec(reply, key);
        reply.SetHeader(command.Subcommands.Count);
        foreach (var subcommand in command.Subcommands) Info(reply, subcommand);
    }

    /// <summary>A map of texts and arguments.</summary>
    public static void Docs(ReplyWriter reply, Command command)
    {
        var count = 4 + (command.Deprecated is null ? 0 : 3) + (command.Arguments.Count > 0 ? 1 : 0) + (command.Subcommands.Count > 0 ? 1 : 0);
        reply.MapHeader(count);
        Pair(reply, "summary", command.Summary);
        Pair(reply, "since", command.Since);
        Pair(reply, "group", command.Group);
        Pair(reply, "complexity", command.Complexity);
        if (command.Deprecated is { } deprecated)
        {
            reply.BulkString("doc_flags");
            Names(reply, ["deprecated"]);
            Pair(reply, "deprecated_since", deprecated.Since);
            Pair(reply, "replaced_by", deprecated.Instead);
        }
        if (command.Arguments.Count > 0) Arguments(reply, command, command.Arguments);
        if (command.Subcommands.Count == 0) return;
        reply.BulkString("subcommands");
        reply.MapHeader(command.Subcommands.Count);
        foreach (var subcommand in command.Subcommands)
        {
            reply.BulkString(subcommand.Name);
            Docs(reply, subcommand);
        }
    }

    /// <summary>A set of the names of key flags.</summary>
    public static void KeyFlagNames(ReplyWriter reply, KeyFlags flags) =>
        Names(reply, FlagNames.Keys.Where(entry => (flags & entry.Flag) != 0).Select(entry => entry.Name));

    private static void FlagSet(ReplyWriter reply, Command command)
    {
        var names = FlagNames.Flags.Where(entry => (command.Flags & entry.Flag) != 0).Select(entry => entry.Name).ToList();
        if (command.HasMovableKeys) names.Insert(names.Contains("allow_busy") ? names.IndexOf("allow_busy") : names.Count, "movablekeys");
        Names(reply, names);
    }

    private static void Names(ReplyWriter reply, IEnumerable<string> names)
    {
        var all = names.ToArray();
        reply.SetHeader(all.Length);
        foreach (var name in all) reply.SimpleString(name);
    }

    private static void Pair(ReplyWriter reply, string name, string value)
    {
        reply.BulkString(name);
        reply.BulkString(value);
    }

    // ---- Key specs: where a search begins and how keys are found from there ------------------------------------------

    private static void Spec(ReplyWriter reply, KeySpec key)
    {
        reply.MapHeader(3);
        reply.BulkString("flags");
        KeyFlagNames(reply, key.Flags);
        reply.BulkString("begin_search");
        if (key.Placement == KeyPlacement.After) Step(reply, "keyword", ("keyword", key.Word!), ("startfrom", key.First));
        else Step(reply, "index", ("index", key.First));
        reply.BulkString("find_keys");
        if (key.Placement == KeyPlacement.Counted) Step(reply, "keynum", ("keynumidx", 0), ("firstkey", 1), ("keystep", key.Step));
        else Step(reply, "range", ("lastkey", key.Last < 0 ? key.Last : key.Last - key.First), ("keystep", key.Step), ("limit", key.Limit));
    }

    private static void Step(ReplyWriter reply, string type, params ReadOnlySpan<(string Name, object Value)> values)
    {
        reply.MapHeader(2);
        Pair(reply, "type", type);
        reply.BulkString("spec");
        reply.MapHeader(values.Length);
        foreach (var (name, value) in values)
        {
            reply.BulkString(name);
            if (value is string text) reply.BulkString(text);
            else reply.Integer((int)value);
        }
    }

    // ---- Arguments -----------------------------------------------------------------------------------------------------

    private static void Arguments(ReplyWriter reply, Command command, IReadOnlyList<Argument> arguments)
    {
        var key = 0;
        Arguments(reply, command, arguments, ref key);
    }

    private static void Arguments(ReplyWriter reply, Command command, IReadOnlyList<Argument> arguments, ref int key)
    {
        reply.BulkString("arguments");
        reply.ArrayHeader(arguments.Count);
        foreach (var argument in arguments) Describe(reply, command, argument, ref key);
    }

    // The n-th key among the arguments is that of the n-th spec.
    private static void Describe(ReplyWriter reply, Command command, Argument argument, ref int key)
    {
        var isKey = argument.Type == ArgumentType.Key && command.NamedKeys.Length > 0;
        var hasFlags = argument.IsOptional || argument.IsMultiple;
        reply.MapHeader(2 + (isKey ? 1 : 0) + (argument.Token is null ? 0 : 1) + (hasFlags ? 1 : 0) + (argument.Parts.Count > 0 ? 1 : 0));
        Pair(reply, "name", argument.Name);
        Pair(reply, "type", NameOf(argument.Type));
        if (isKey)
        {
            reply.BulkString("key_spec_index");
            reply.Integer(Math.Min(key++, command.NamedKeys.Length - 1));
        }
        if (argument.Token is { } token) Pair(reply, "token", token);
        if (hasFlags)
        {
            reply.BulkString("flags");
            Names(reply, ArgumentFlags(argument));
        }
        if (argument.Parts.Count > 0) Arguments(reply, command, argument.Parts, ref key);
    }

    private static IEnumerable<string> ArgumentFlags(Argument argument)
    {
        if (argument.IsOptional) yield return "optional";
        if (argument.IsMultiple) yield return "multiple";
        if (argument.IsTokenMultiple) yield return "multiple_token";
    }

    private static string NameOf(ArgumentType type) => type switch
    {
        ArgumentType.UnixTime => "unix-time",
        ArgumentType.PureToken => "pure-token",
        _ => type.ToString().ToLowerInvariant(),
    };
}
