using System.Text;

namespace Memstore.Server.Commands;

/// <summary>Answers the HELP subcommand of a container from the rows of its subcommands.</summary>
internal static class HelpText
{
    /// <summary>The lines: a title, then each subcommand with what it does.</summary>
    public static void Help(ref CommandCall call)
    {
        var container = call.Command.Parent!;
        var reply = call.Reply;
        reply.ArrayHeader(1 + (container.Subcommands.Count * 2));
        reply.SimpleString($"{container.Name.ToUpperInvariant()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
        foreach (var subcommand in container.Subcommands)
        {
            reply.SimpleString(subcommand.UsageLine[(subcommand.UsageLine.IndexOf(' ') + 1)..]);
            reply.SimpleString(Encoding.UTF8.GetBytes("    " + subcommand.Summary));
        }
    }
}
