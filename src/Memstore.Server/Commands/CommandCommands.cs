using System.Text;
using static Memstore.Server.Commands.CommandFlags;

namespace Memstore.Server.Commands;

/// <summary>COMMAND and its subcommands: they read the table to clients.</summary>
internal static partial class CommandCommands
{
    private const string Shuffled = "nondeterministic_output_order";

    public static readonly CommandFamily Family = new("server", AclCategories.Connection,
    [
        new("COMMAND", Loading | Stale, All)
        {
            Summary = "Answers what is known of all commands.",
            Complexity = "O(N) for N commands", Since = "2.8.13", Arity = -1, Tips = [Shuffled],
        },
        new("COMMAND COUNT", Loading | Stale, Count)
        {
            Summary = "Counts the commands.",
            Complexity = "O(1)", Since = "2.8.13",
        },
        new("COMMAND DOCS [command-name [command-name ...]]", Loading | Stale, Docs)
        {
            Summary = "Answers the documentation of commands: of all, or of those named.",
            Complexity = "O(N) for N commands", Since = "7.0.0", Tips = [Shuffled],
        },
        new("COMMAND GETKEYS command [arg [arg ...]]", Loading | Stale, GetKeys)
        {
            Summary = "Answers which arguments of a command are keys.",
            Complexity = "O(N) for N arguments", Since = "2.8.13", Arity = -4,
        },
        new("COMMAND GETKEYSANDFLAGS command [arg [arg ...]]", Loading | Stale, GetKeysAndFlags)
        {
            Summary = "Answers which arguments of a command are keys, and what it does with them.",
            Complexity = "O(N) for N arguments", Since = "7.0.0", Arity = -4,
        },
        new("COMMAND HELP", Loading | Stale, ContainerHelp.Answer)
        {
            Summary = "Lists the subcommands.",
            Complexity = "O(1)", Since = "5.0.0",
        },
        new("COMMAND INFO [command-name [command-name ...]]", Loading | Stale, Info)
        {
            Summary = "Answers what is known of commands: of all, or of those named.",
            Complexity = "O(N) for N commands", Since = "2.8.13", Tips = [Shuffled],
        },
        new("COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]", Loading | Stale, List)
        {
            Summary = "Lists the names of commands: of all, or of those that a filter lets through.",
            Complexity = "O(N) for N commands", Since = "7.0.0", Tips = [Shuffled],
        },
    ]);

    private static void All(ref CommandCall call)
    {
        var commands = call.Server.Commands.Commands;
        call.Reply.ArrayHeader(commands.Count);
        foreach (var command in commands) CommandReplies.Info(call.Reply, command);
    }

    private static void Count(ref CommandCall call) => call.Reply.Integer(call.Server.Commands.Commands.Count);

    private static void Info(ref CommandCall call)
    {
        if (call.Args.Remaining == 0)
        {
            All(ref call);
            return;
        }
        call.Reply.ArrayHeader(call.Args.Remaining);
        while (call.Args.Remaining > 0)
        {
            if (call.Server.Commands.FindFullName(call.Args.Bytes()) is { } command) CommandReplies.Info(call.Reply, command);
            else call.Reply.Null();
        }
    }

    private static void Docs(ref CommandCall call)
    {
        var commands = call.Server.Commands.Commands;
        if (call.Args.Remaining > 0)
        {
            var named = new List<Command>();
            while (call.Args.Remaining > 0)
            {
                if (call.Server.Commands.FindFullName(call.Args.Bytes()) is { } command) named.Add(command);
            }
            commands = named;
        }
        call.Reply.MapHeader(commands.Count);
        foreach (var command in commands)
        {
            call.Reply.BulkString(command.Name);
            CommandReplies.Docs(call.Reply, command);
        }
    }

    private static void List(ref CommandCall call)
    {
        var commands = call.Server.Commands.Commands.SelectMany(command => command.Subcommands.Prepend(command));
        if (call.Args.Remaining > 0 && !TryFilter(ref call, ref commands)) return;
        var names = commands.Select(command => command.Name).ToArray();
        call.Reply.ArrayHeader(names.Length);
        foreach (var name in names) call.Reply.BulkString(name);
    }

    // FILTERBY MODULE name | ACLCAT category | PATTERN pattern
    private static bool TryFilter(ref CommandCall call, ref IEnumerable<Command> commands)
    {
        if (call.Args.Remaining != 3 || !call.Args.Word("FILTERBY"u8))
        {
            call.Reply.Error(Errors.Syntax);
            return false;
        }
        if (call.Args.Word("MODULE"u8))
        {
            commands = [];                                          // There are no modules.
        }
        else if (call.Args.Word("ACLCAT"u8))
        {
            var name = "@" + Encoding.UTF8.GetString(call.Args.Bytes()).ToLowerInvariant();
            var category = FlagNames.Categories.FirstOrDefault(entry => entry.Name == name).Category;
            commands = commands.Where(command => (command.AclCategories & category) != 0);
        }
        else if (call.Args.Word("PATTERN"u8))
        {
            var pattern = call.Args.Bytes().ToArray();
            commands = commands.Where(command => GlobPattern.Matches(pattern, Encoding.ASCII.GetBytes(command.Name), ignoreCase: true));
        }
        else
        {
            call.Reply.Error(Errors.Syntax);
            return false;
        }
        return true;
    }

    private static void GetKeys(ref CommandCall call)
    {
        if (FindKeys(ref call) is not { } keys) return;
        call.Reply.ArrayHeader(keys.Count);
        foreach (var key in keys) call.Reply.Bulk(call.Args.Request[key.Argument]);
    }

    private static void GetKeysAndFlags(ref CommandCall call)
    {
        if (FindKeys(ref call) is not { } keys) return;
        call.Reply.ArrayHeader(keys.Count);
        foreach (var key in keys)
        {
            call.Reply.ArrayHeader(2);
            call.Reply.Bulk(call.Args.Request[key.Argument]);
            CommandReplies.KeyFlagNames(call.Reply, key.Flags);
        }
    }

    // The keys of the request inside this one, as places in this one; null when an error has been answered.
    private static List<KeyUse>? FindKeys(ref CommandCall call)
    {
        var inner = call.Args.Request.Slice(2);
        var command = call.Server.Commands.Resolve(inner, out _);
        var keys = new List<KeyUse>();
        if (command is null) call.Reply.Error(Errors.InvalidCommand);
        else if (command.NamedKeys.Length == 0) call.Reply.Error(Errors.NoKeyArguments);
        else if (!command.AcceptsCount(inner.ArgumentCount)) call.Reply.Error(Errors.InvalidArgumentCount);
        else if (!command.FindKeys(inner, keys)) call.Reply.Error(Errors.InvalidArguments);
        else return keys.ConvertAll(key => key with { Argument = key.Argument + 2 });
        return null;
    }
}
