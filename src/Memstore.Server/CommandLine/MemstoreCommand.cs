using System.CommandLine;

namespace Memstore.Server.CommandLine;

/// <summary>The program's command line.</summary>
internal static class MemstoreCommand
{
    /// <summary>The exit code of what went well.</summary>
    public const int Good = 0;

    /// <summary>The exit code for a wrong command line, an address that cannot be used, a directory that is not good.</summary>
    public const int Failed = 1;

    /// <summary>Runs what the arguments ask for; the result is the exit code.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        var result = Make().Parse(args);
        if (result.Errors.Count > 0) return Fail($"{result.Errors[0].Message.TrimEnd('.')}. See memstore --help.");
        return await result.InvokeAsync();
    }

    /// <summary>Prints one line on standard error.</summary>
    public static int Fail(string line)
    {
        Console.Error.WriteLine("memstore: " + line);
        return Failed;
    }

    private static RootCommand Make()
    {
        var root = new RootCommand("An in-memory store with transactions that speaks the Redis protocol.");
        root.Subcommands.Add(ServeCommand.Make());
        var version = new Command("version", "Prints the version.");
        version.SetAction(_ => Console.WriteLine(ProductVersion.Text));
        root.Subcommands.Add(version);
        foreach (var tool in ToolCommands.All()) root.Subcommands.Add(tool);
        return root;
    }
}
