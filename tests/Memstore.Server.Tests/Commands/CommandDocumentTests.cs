using System.Globalization;
using System.Text;
using Memstore.Server.Commands;
using Xunit;

namespace Memstore.Server.Tests.Commands;

/// <summary>docs/commands.md is written from the table; MEMSTORE_WRITE_DOCS=1 writes it anew.</summary>
public sealed class CommandDocumentTests
{
    private const string DocumentPath = "docs/commands.md";

    [Fact]
    public void The_list_of_commands_is_up_to_date()
    {
        var expected = Write();
        var path = RepositoryFiles.PathOf(DocumentPath);
        if (Environment.GetEnvironmentVariable("MEMSTORE_WRITE_DOCS") == "1") File.WriteAllText(path, expected);
        Assert.True(File.Exists(path) && File.ReadAllText(path) == expected,
            $"{DocumentPath} is not what the table says: run this test with MEMSTORE_WRITE_DOCS=1 and commit the file.");
    }

    private static string Write()
    {
        var commands = new CommandTable(CommandFamilies.All).Commands;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            # Commands

            {commands.Count} commands, written from the command table by a test (`CommandDocumentTests`): do not edit. Where one differs from Redis, see
            [compatibility.md](compatibility.md). "Since" is the version of Redis that had the command first.

            """);
        foreach (var group in commands.GroupBy(command => command.Group)) WriteGroup(text, group.Key, group);
        return text.ToString();
    }

    private static void WriteGroup(StringBuilder text, string group, IEnumerable<Command> commands)
    {
        text.Append(CultureInfo.InvariantCulture, $"\n## {char.ToUpperInvariant(group[0])}{group[1..]}\n\n");
        text.Append("| Usage | What it does | Complexity | Since |\n|---|---|---|---|\n");
        foreach (var command in commands.SelectMany(command => command.Subcommands.Prepend(command)))
        {
            var replaced = command.Deprecated is { } deprecated ? $" Better: {deprecated.Instead}." : "";
            text.Append(CultureInfo.InvariantCulture,
                $"| `{command.UsageLine.Replace("|", "\\|", StringComparison.Ordinal)}` | {command.Summary}{replaced} | {command.Complexity} | {command.Since} |\n");
        }
    }
}
