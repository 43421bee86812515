using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Memstore.Server.CommandLine;

/// <summary>The usual help of a command, and examples below it.</summary>
internal sealed class ExamplesHelp(HelpAction usual) : SynchronousCommandLineAction
{
    private static readonly Dictionary<string, (string Line, string About)[]> Examples = new()
    {
        ["memstore"] =
        [
            ("memstore serve", "serves on 127.0.0.1:6379 and keeps its data in memstore-data"),
            ("memstore help serve", "lists the options of serve"),
            ("memstore bench --seconds 5", "puts load on the server at 127.0.0.1:6379"),
        ],
        ["serve"] =
        [
            ("memstore serve", "port 6379 of this machine, data in memstore-data"),
            ("memstore serve --port 7000 --data none", "in memory only"),
            ("memstore serve --bind 0.0.0.0 --requirepass secret", "for other machines, with a password"),
            ("memstore serve --config redis.conf --maxmemory 2gb", "what a file says, and what the command line adds"),
            ("MEMSTORE_MAXMEMORY=2gb memstore serve", "the same from the environment"),
        ],
        ["check"] = [("memstore check memstore-data", "reads everything and says what is there")],
        ["repair"] =
        [
            ("memstore repair memstore-data", "says what would be done"),
            ("memstore repair memstore-data --yes", "does it"),
        ],
        ["restore"] =
        [
            ("memstore restore --from memstore-data --to past --at 2026-01-31T12:30:00Z", "the data as of a time"),
            ("memstore restore --from memstore-data --to past --at 1200345", "the data as of a transaction"),
        ],
        ["ping"] =
        [
            ("memstore ping", "the server at 127.0.0.1:6379"),
            ("memstore ping --host cache.example --port 7000 --timeout 1", "another one"),
        ],
        ["bench"] =
        [
            ("memstore bench", "50 clients for 10 seconds, four reads to a write"),
            ("memstore bench --clients 200 --pipeline 16 --mix get:8,set:2 --keys 1000000 --distribution zipf", "many clients, few hot keys"),
            ("memstore bench --mix transaction --requests 100000 --json", "a number of transactions, the result for a program"),
        ],
        ["completion"] =
        [
            ("source <(memstore completion bash)", "in ~/.bashrc"),
            ("source <(memstore completion zsh)", "in ~/.zshrc, after compinit"),
            ("memstore completion fish > ~/.config/fish/completions/memstore.fish", "once"),
            ("memstore completion pwsh | Out-String | Invoke-Expression", "in $PROFILE"),
        ],
        ["version"] = [("memstore version", "such as 0.1.0")],
        ["help"] = [("memstore help bench", "the same as memstore bench --help")],
    };

    /// <summary>The commands that have examples.</summary>
    public static IReadOnlyCollection<string> Commands => Examples.Keys;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        var code = usual.Invoke(parseResult);
        var command = parseResult.CommandResult.Command;
        if (!Examples.TryGetValue(command is RootCommand ? "memstore" : command.Name, out var examples)) return code;
        var output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (var (line, about) in examples)
        {
            output.WriteLine("  " + Terminal.Bold(line));
            output.WriteLine("      " + about);
        }

        output.WriteLine();
        if (command is not RootCommand) return code;
        output.WriteLine("Exit codes:");
        output.WriteLine("  0  it went well");
        output.WriteLine("  1  it did not; one line on standard error says why");
        output.WriteLine();
        return code;
    }
}
