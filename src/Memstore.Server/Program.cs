using System.CommandLine;
using System.Runtime.InteropServices;
using Memstore.Server;
using Memstore.Server.Configuration;
using Memstore.Server.Transports;
using Memstore.Storage;
using Microsoft.Extensions.Logging;

var root = new RootCommand("An in-memory store with transactions that speaks the Redis protocol.");
var serve = new Command("serve", "Serves clients until it is stopped by SIGTERM or SIGINT.");
var options = SettingTable.Obeyed.Select(row => (Row: row, Option: ServeOptions.OptionOf(row))).ToArray();
foreach (var (_, option) in options) serve.Options.Add(option);
serve.SetAction((parsed, _) =>
{
    var settings = new Settings();
    foreach (var (row, option) in options)
    {
        if (parsed.GetValue(option) is not { } value || settings.TrySetAtStart(row.Name, value, out var error)) continue;
        return Task.FromResult(ServeOptions.Fail($"--{row.Name} {value}: {error}."));
    }
    return ServeOptions.ServeAsync(settings);
});
var version = new Command("version", "Prints the version.");
version.SetAction(_ => Console.WriteLine(ProductVersion.Text));
root.Subcommands.Add(serve);
root.Subcommands.Add(version);
foreach (var tool in ToolCommands.All()) root.Subcommands.Add(tool);

var result = root.Parse(args);
if (result.Errors.Count > 0) return ServeOptions.Fail($"{result.Errors[0].Message.TrimEnd('.')}. See memstore --help.");
return await result.InvokeAsync();

/// <summary>What the command line does.</summary>
internal static class ServeOptions
{
    /// <summary>The exit code for a wrong command line or an address that cannot be used.</summary>
    private const int Failed = 1;

    private const int LoadingShownEveryMs = 250;

    /// <summary>The option that sets a setting at start.</summary>
    public static Option<string?> OptionOf(Setting row) => new("--" + row.Name)
    {
        Description = $"{row.About} [default: {(row.Initial.Length == 0 ? "none" : row.Initial)}]",
        HelpName = row.Kind switch
        {
            SettingKind.Choice => string.Join('|', row.Choices),
            SettingKind.Flag => "yes|no",
            SettingKind.Integer => "number",
            SettingKind.Bytes => "bytes",
            _ => "text",
        },
    };

    /// <summary>Prints one line on standard error.</summary>
    public static int Fail(string line)
    {
        Console.Error.WriteLine("memstore: " + line);
        return Failed;
    }

    /// <summary>Serves until a signal or SHUTDOWN.</summary>
    public static async Task<int> ServeAsync(Settings settings)
    {
        var logger = new ConsoleLog(() => LevelOf(settings["loglevel"]));
        var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ServerHost made;
        try
        {
            made = new ServerHost(settings, TimeProvider.System, logger);
        }
        catch (Exception error) when (error is StorageException or IOException or UnauthorizedAccessException)
        {
            return Fail($"--data {settings["data"]}: {error.Message.TrimEnd('.')}.");
        }

        await using var host = made;
        host.State.Shutdown = () => stop.TrySetResult();
        using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        try
        {
            await host.StartAsync();
        }
        catch (TransportException error)
        {
            return Fail(error.Message);
        }
        Console.WriteLine(host);
        await ShowLoadingAsync(host, Task.WhenAny(stop.Task, host.Loading));
        if (host.Loading.Exception?.InnerException is { } failure) return Fail(failure.Message);
        foreach (var line in host.State.Persistence?.Loaded?.Describe() ?? []) ServerLog.Loaded(logger, line);
        await stop.Task;
        return 0;

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.TrySetResult();
        }
    }

    // A line that is written over, on a terminal; INFO tells everybody else.
    private static async Task ShowLoadingAsync(ServerHost host, Task end)
    {
        var progress = host.State.Persistence?.Loading;
        var shown = false;
        while (await Task.WhenAny(end, Task.Delay(LoadingShownEveryMs)) != end)
        {
            if (progress is null || Console.IsOutputRedirected || progress.BytesTotal == 0) continue;
            var (done, total) = (progress.BytesDone, progress.BytesTotal);
            Console.Write(string.Create(
                System.Globalization.CultureInfo.InvariantCulture,
                $"\rloading: {100.0 * done / total:f0} % of {total / 1e6:f0} MB, {progress.Keys} keys, {progress.Records} transactions "));
            shown = true;
        }

        if (shown) Console.WriteLine();
    }

    private static LogLevel LevelOf(string name) => name switch
    {
        "debug" => LogLevel.Debug,
        "warning" => LogLevel.Warning,
        _ => LogLevel.Information,
    };
}
