using System.CommandLine;

namespace Memstore.Server.CommandLine;

/// <summary>ping: asks a server whether it serves; the health check of containers, which have no other client.</summary>
internal static class PingCommand
{
    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = new Command("ping", "Asks a server whether it serves: prints PONG and answers 0, or says why not and answers 1.");
        var server = Options.AddServer(command);
        var timeout = Options.Number("--timeout", "Seconds to wait for the answer.", 3, 1, 3_600);
        command.Options.Add(timeout);
        command.SetAction((parsed, cancellation) =>
            RunAsync(Options.AddressOf(parsed, server), TimeSpan.FromSeconds(parsed.GetValue(timeout)), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(ServerAddress server, TimeSpan timeout, CancellationToken cancellation)
    {
        try
        {
            using var socket = await server.ConnectAsync(timeout, cancellation);
            Console.WriteLine("PONG");
            return MemstoreCommand.Good;
        }
        catch (IOException error)
        {
            return MemstoreCommand.Fail(error.Message.TrimEnd('.') + ".");
        }
    }
}
