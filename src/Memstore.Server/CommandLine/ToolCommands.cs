using System.CommandLine;
using System.Globalization;
using Memstore.Storage;
using Memstore.Storage.Disks;
using Memstore.Storage.Recovery;
using Memstore.Storage.Repairs;

namespace Memstore.Server.CommandLine;

/// <summary>The commands that look after data directories: check, repair, restore. They answer 0 if the directory is good in the end, else 1.</summary>
internal static class ToolCommands
{
    /// <summary>All of them.</summary>
    public static IEnumerable<Command> All() => [Check(), Repair(), Restore()];

    private static Command Check()
    {
        var directory = Directory("The data directory.");
        var command = new Command("check", "Verifies every byte of a data directory and says what is in it. Changes nothing.");
        command.Arguments.Add(directory);
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(directory), (path, progress, say) => DirectoryTools.Check(FileDisk.Instance, path, progress, say)));
        return command;
    }

    private static Command Repair()
    {
        var directory = Directory("The data directory.");
        var yes = new Option<bool>("--yes") { Description = "Does what loses data, too; without it, only says what would be done." };
        var command = new Command("repair", "Cuts the torn end of a journal. Of a damaged directory it saves what can be saved.");
        command.Arguments.Add(directory);
        command.Options.Add(yes);
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(directory), (path, progress, say) => DirectoryTools.Repair(FileDisk.Instance, path, parsed.GetValue(yes), progress, say)));
        return command;
    }

    private static Command Restore()
    {
        var from = new Option<string>("--from") { Description = "The data directory with the past. It stays as it is.", HelpName = "dir", Required = true };
        var to = new Option<string>("--to") { Description = "The directory to make.", HelpName = "dir", Required = true };
        var at = new Option<string>("--at")
        {
            Description = "The moment: a time such as 2026-01-31T12:30:00Z (without a zone it is UTC), or the sequence of the last transaction.",
            HelpName = "time|sequence",
            Required = true,
        };
        var command = new Command("restore", "Makes a new data directory that holds the data of another as of a moment in the past.");
        foreach (var option in new[] { from, to, at }) command.Options.Add(option);
        command.SetAction(parsed => TryReadMoment(parsed.GetRequiredValue(at), out var limit)
            ? Run(parsed.GetRequiredValue(from), (path, progress, say) => RestoreTo(parsed.GetRequiredValue(to), path, limit, progress, say))
            : MemstoreCommand.Fail($"--at {parsed.GetValue(at)}: it is neither a time such as 2026-01-31T12:30:00Z nor a sequence."));
        return command;
    }

    // A restore that fails (the disk is full) leaves nothing behind.
    private static bool RestoreTo(string to, string from, RecoveryLimit limit, RecoveryProgress progress, Action<string> say)
    {
        if (to.Length == 0 || File.Exists(to)) throw new IOException($"--to '{to}': the name of a directory is expected");
        var wasThere = System.IO.Directory.Exists(to);
        var wasEmpty = !wasThere || !System.IO.Directory.EnumerateFileSystemEntries(to).Any();
        try
        {
            return DirectoryTools.Restore(FileDisk.Instance, from, to, limit, progress, say);
        }
        catch (Exception) when (wasEmpty)
        {
            foreach (var file in FileDisk.Instance.List(to)) File.Delete(Path.Combine(to, file));
            if (!wasThere && System.IO.Directory.Exists(to)) System.IO.Directory.Delete(to);
            throw;
        }
    }

    private static Argument<string> Directory(string about) => new("directory") { Description = about };

    private static bool TryReadMoment(string text, out RecoveryLimit limit)
    {
        limit = RecoveryLimit.None;
        var culture = CultureInfo.InvariantCulture;
        if (long.TryParse(text, NumberStyles.None, culture, out var sequence))
        {
            limit = limit with { Sequence = sequence };
            return true;
        }

        if (!DateTimeOffset.TryParse(text, culture, DateTimeStyles.AssumeUniversal, out var time)) return false;
        limit = limit with { UnixMs = time.ToUnixTimeMilliseconds() };
        return true;
    }

    private static int Run(string directory, Func<string, RecoveryProgress, Action<string>, bool> tool)
    {
        if (File.Exists(directory)) return MemstoreCommand.Fail($"{directory} is a file and no directory.");
        if (!System.IO.Directory.Exists(directory)) return MemstoreCommand.Fail($"'{directory}': there is no such directory, or it may not be entered.");
        var progress = new RecoveryProgress();
        try
        {
            using var shown = ProgressLine.Show(progress);
            return tool(directory, progress, line =>
            {
                shown?.Clear();
                Console.WriteLine(line);
            })
                ? MemstoreCommand.Good
                : MemstoreCommand.Failed;
        }
        catch (Exception error) when (error is StorageException or IOException or UnauthorizedAccessException)
        {
            return MemstoreCommand.Fail(error.Message.TrimEnd('.') + ".");
        }
    }
}
