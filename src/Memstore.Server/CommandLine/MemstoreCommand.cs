using System.CommandLine;
using System.CommandLine.Help;

namespace Memstore.Server.CommandLine;

/// <summary>The program's command line.</summary>
internal static class MemstoreCommand
{
    /// <summary>The exit code of what went well.</summary>
    public const int Good = 0;

    /// <summary>The exit code for a wrong command line, an address that cannot be used, a directory that is not good.</summary>
    public const int Failed = 1;

    // A value that begins with @ is a value and no file of arguments: passwords do.
    private static readonly ParserConfiguration Parsing = new() { ResponseFileTokenReplacer = null };

    // The server ends by itself when a signal says so, and takes the time that it needs; the library would end it after two seconds. Nor does the library
    // catch what is thrown: it would answer an error of ours with 1, after which no service manager starts the server again.
    private static readonly InvocationConfiguration Running = new() { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false };

    /// <summary>Runs what the arguments ask for; the result is the exit code.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        var result = Make().Parse(args, Parsing);
        if (result.Errors.Count > 0) return Fail($"{OneLine(result.Errors[0].Message)}. See memstore --help.");
        try
        {
            return await result.InvokeAsync(Running);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // What was to be printed has no place: the disk is full, the descriptor closed.
            return Fail($"{(error.InnerException ?? error).Message.TrimEnd('.')}.");
        }
    }

    /// <summary>Prints one line on standard error, if that can be written.</summary>
    public static int Fail(string line)
    {
        try
        {
            Console.Error.WriteLine("memstore: " + line);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
        }

        return Failed;
    }

    /// <summary>All commands.</summary>
    public static RootCommand Make()
    {
        var root = new RootCommand("An in-memory store with transactions that speaks the Redis protocol.");
        root.Subcommands.Add(ServeCommand.Make());
        foreach (var tool in ToolCommands.All()) root.Subcommands.Add(tool);
        root.Subcommands.Add(PingCommand.Make());
        root.Subcommands.Add(BenchCommand.Make());
        root.Subcommands.Add(CompletionCommand.Make());
        root.Subcommands.Add(Version());
        root.Subcommands.Add(Help(root));
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new ExamplesHelp((HelpAction)help.Action!);
        root.SetAction(_ => root.Parse("--help").Invoke(Running));
        return root;
    }

    private static Command Version()
    {
        var version = new Command("version", "Prints the version.");
        version.SetAction(_ => Console.WriteLine(ProductVersion.Text));
        return version;
    }

    private static Command Help(RootCommand root)
    {
        var name = new Argument<string?>("command") { Description = "The command; none for a list of all.", HelpName = "command", Arity = ArgumentArity.ZeroOrOne };
        name.CompletionSources.Add(_ => root.Subcommands.Select(command => new System.CommandLine.Completions.CompletionItem(command.Name)));
        var help = new Command("help", "Describes a command, with examples.");
        help.Arguments.Add(name);
        help.SetAction(parsed =>
        {
            if (parsed.GetValue(name) is not { } wanted) return root.Parse("--help").Invoke(Running);
            if (root.Subcommands.All(command => command.Name != wanted)) return Fail($"help {wanted}: there is no such command. See memstore --help.");
            return root.Parse([wanted, "--help"]).Invoke(Running);
        });
        return help;
    }

    private static string OneLine(string message) => message.ReplaceLineEndings(" ").TrimEnd('.');
}
