namespace Memstore.Server.Commands;

/// <summary>HELP of a container: its rows, so that no text can miss a subcommand.</summary>
internal static class ContainerHelp
{
    /// <summary>Handles the HELP subcommand of any container.</summary>
    public static void Answer(ref CommandCall call)
    {
        var container = call.Command.Parent!;
        var name = container.Name.ToUpperInvariant();
        var lines = new List<string> { $"{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:" };
        if (!container.IsContainer) AddLines(lines, "(no subcommand)", container);
        foreach (var subcommand in container.Subcommands) AddLines(lines, subcommand.UsageLine[(name.Length + 1)..], subcommand);
        call.Reply.ArrayHeader(lines.Count);
        foreach (var line in lines) call.Reply.SimpleString(line);
    }

    private static void AddLines(List<string> lines, string usage, Command command)
    {
        lines.Add(usage);
        lines.Add("    " + command.Summary);
    }
}
