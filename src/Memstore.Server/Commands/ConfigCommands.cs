using System.Text;
using Memstore.Protocol;
using Memstore.Server.Configuration;
using static Memstore.Server.Commands.CommandFlags;

namespace Memstore.Server.Commands;

/// <summary>CONFIG: reads and changes settings.</summary>
internal static class ConfigCommands
{
    private const CommandFlags Usual = Admin | NoScript | Loading | Stale;

    public static readonly CommandFamily Family = new("server", AclCategories.None,
    [
        new("CONFIG", None, null)
        {
            Summary = "A container for commands about settings.",
            Complexity = "Depends on the subcommand", Since = "2.0.0",
        },
        new("CONFIG GET parameter [parameter ...]", Usual, Get)
        {
            Summary = "Answers the settings whose names match patterns.",
            Complexity = "O(N) when N is the number of configuration parameters provided", Since = "2.0.0",
        },
        new("CONFIG HELP", Loading | Stale, ContainerHelp.Answer)
        {
            Summary = "Shows these lines.",
            Complexity = "O(1)", Since = "5.0.0",
        },
        new("CONFIG RESETSTAT", Usual, ResetStat)
        {
            Summary = "Sets the figures of INFO to zero.",
            Complexity = "O(1)", Since = "2.0.0",
        },
        new("CONFIG REWRITE", Usual, Rewrite)
        {
            Summary = "Writes what CONFIG SET has changed into the configuration file.",
            Complexity = "O(1)", Since = "2.8.0",
        },
        new("CONFIG SET parameter value [parameter value ...]", Usual, Set)
        {
            Summary = "Changes settings, all of them or none.",
            Complexity = "O(N) when N is the number of configuration parameters provided", Since = "2.0.0",
            Tips = ["request_policy:all_nodes", "response_policy:all_succeeded"],
        },
    ]);

    private static void Get(ref CommandCall call)
    {
        var settings = call.Server.Settings.All().Select(setting => (Bytes: Encoding.ASCII.GetBytes(setting.Name), setting.Value)).ToArray();
        var wanted = new bool[settings.Length];
        while (call.Args.Remaining > 0)
        {
            var pattern = call.Args.Bytes();
            for (var i = 0; i < settings.Length; i++) wanted[i] |= GlobPattern.Matches(pattern, settings[i].Bytes, ignoreCase: true);
        }
        call.Reply.MapHeader(wanted.Count(isWanted => isWanted));
        for (var i = 0; i < settings.Length; i++)
        {
            if (!wanted[i]) continue;
            call.Reply.Bulk(settings[i].Bytes);
            call.Reply.BulkString(settings[i].Value);
        }
    }

    private static void ResetStat(ref CommandCall call)
    {
        call.Server.Metrics.Reset();
        // As in Redis it is the first command that counts again.
        call.Server.Metrics.OfThisThread.Of(call.Command).Calls++;
        call.Reply.SimpleString("OK"u8);
    }

    private static void Rewrite(ref CommandCall call)
    {
        var settings = call.Server.Settings;
        if (settings.File is not { } file)
        {
            call.Reply.Error("ERR The server is running without a config file"u8);
            return;
        }

        // A sync of the disk may take a while; only EXEC has to have the answer at once.
        var changes = settings.ChangedByClients();
        if (call.Session.IsExecuting)
        {
            Answer(call.Reply, Write(call.Server, file, changes));
            return;
        }

        var server = call.Server;
        var writing = Task.Run(() => Write(server, file, changes));
        call.Session.WaitFor(writing, reply => Answer(reply, writing.Result));
    }

    private static string? Write(ServerState server, ConfigurationFile file, IReadOnlyList<(Setting Row, string Text)> changes)
    {
        try
        {
            lock (file) file.Rewrite(changes);
            return null;
        }
        catch (ConfigurationException error)
        {
            ServerLog.RewriteFailed(server.Logger, file.FullPath, error.Message);
            return error.Message;
        }
    }

    private static void Answer(ReplyWriter reply, string? error)
    {
        if (error is null) reply.SimpleString("OK"u8);
        else reply.Error(Encoding.UTF8.GetBytes($"ERR Rewriting config file: {error.ReplaceLineEndings(" ")}"));
    }

    private static void Set(ref CommandCall call)
    {
        if (call.Args.Remaining % 2 != 0)
        {
            call.Reply.Error(Errors.WrongArity(call.Command));
            return;
        }
        // Texts are Latin-1, so that the bytes of a password come back as they were.
        var changes = new List<(string, string)>();
        while (call.Args.Remaining > 0)
            changes.Add((Encoding.Latin1.GetString(call.Args.Bytes()), Encoding.Latin1.GetString(call.Args.Bytes())));
        if (!call.Server.Settings.TrySet(changes, out var error))
        {
            call.Reply.Error(Encoding.Latin1.GetBytes("ERR " + error));
            return;
        }

        foreach (var (name, _) in changes) ReportIfIdle(call.Server, SettingTable.Names[name]);
        call.Reply.SimpleString("OK"u8);
    }

    // The client must hear OK, as from Redis; the operator hears what the start would have said.
    private static void ReportIfIdle(ServerState server, Setting row)
    {
        var text = server.Settings[row.Name];
        if (row.Instead is not null && text != row.Initial) ServerLog.Configuration(server.Logger, $"{row.Name} {SettingText.Shown(row, SettingText.AsBytes(row, text))}: {row.Instead}");
    }
}
