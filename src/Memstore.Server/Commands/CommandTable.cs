using Memstore.Protocol;

namespace Memstore.Server.Commands;

/// <summary>
/// All commands of the server: joined from the families once, checked, and frozen. Thread-safe, since nothing in it changes.
/// </summary>
internal sealed class CommandTable
{
    private readonly NameIndex _index;

    /// <summary>Joins families into a table.</summary>
    /// <exception cref="InvalidOperationException">A row contradicts itself or another one: the program cannot start.</exception>
    public CommandTable(params IReadOnlyList<CommandFamily> families)
    {
        foreach (var family in families)
        {
            foreach (var command in family.Commands) command.Join(family);
        }
        var rows = families.SelectMany(family => family.Commands).ToArray();
        Commands = [.. rows.Where(command => command.ContainerName is null)];
        _index = new NameIndex(Commands.Select(command => (command.Name, command)));
        foreach (var container in rows.Where(command => command.ContainerName is not null).GroupBy(command => command.ContainerName!))
        {
            var parent = _index.Find(System.Text.Encoding.ASCII.GetBytes(container.Key))
                ?? throw new InvalidOperationException($"There is no row for the container {container.Key}.");
            parent.Adopt([.. container]);
        }
        foreach (var command in rows) Check(command);
        for (var i = 0; i < rows.Length; i++) rows[i].Index = i;
        Rows = rows;
    }

    /// <summary>All rows, subcommands included, by <see cref="Command.Index"/>.</summary>
    public IReadOnlyList<Command> Rows { get; }

    /// <summary>The commands in the order of their rows; subcommands hang below them.</summary>
    public IReadOnlyList<Command> Commands { get; }

    /// <summary>The command with this name in any case, or null. A subcommand is not found by "config|get".</summary>
    public Command? Find(ReadOnlySpan<byte> name) => _index.Find(name);

    /// <summary>The command or subcommand that a name like "config|get" means, or null.</summary>
    public Command? FindFullName(ReadOnlySpan<byte> name)
    {
        var bar = name.IndexOf((byte)'|');
        return bar < 0 ? Find(name) : Find(name[..bar])?.FindSubcommand(name[(bar + 1)..]);
    }

    /// <summary>
    /// The row that a request runs: the subcommand's where there is one. Null if there is none; <paramref name="container"/> then says
    /// whether the first word was right.
    /// </summary>
    public Command? Resolve(in Request request, out Command? container)
    {
        var command = _index.Find(request[0]);
        container = command;
        if (command is null || command.Subcommands.Count == 0 || request.ArgumentCount < 2) return command;
        // A container that takes arguments of its own answers for the words that it does not know (DEBUG).
        return command.FindSubcommand(request[1]) ?? (command.Arguments.Count > 0 ? command : null);
    }

    private static void Check(Command command)
    {
        if (command.IsContainer && command.Subcommands.Count == 0)
            throw new InvalidOperationException($"The row of {command.Name} has neither a handler nor subcommands.");
        var wordsMin = Math.Abs(command.Arity);
        foreach (var key in command.NamedKeys)
        {
            if (key.Placement == KeyPlacement.After) continue;
            if (key.First < command.NameWords || key.First >= wordsMin || key.Last >= wordsMin || key.Step < 1)
                throw new InvalidOperationException($"The row of {command.Name} has a key outside its arity of {command.Arity}.");
        }
    }
}
