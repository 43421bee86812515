using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using Memstore.Server.Configuration;
using Memstore.Server.Transports;
using Memstore.Storage;
using Microsoft.Extensions.Logging;

namespace Memstore.Server.CommandLine;

/// <summary>serve: the server.</summary>
internal static class ServeCommand
{
    private const int LoadingShownEveryMs = 250;

    /// <summary>The command with an option for each setting that does something.</summary>
    public static Command Make()
    {
        var command = new Command("serve", "Serves clients until it is stopped by SIGTERM or SIGINT.");
        var config = new Option<string?>("--config")
        {
            Description = "The configuration file, in YAML or in the syntax of redis.conf; none for none. [default: memstore.yaml or .memstore.yaml, if there is one]",
            HelpName = "file",
        };
        command.Options.Add(config);
        var options = SettingTable.Obeyed.Select(row => (Row: row, Option: OptionOf(row))).ToArray();
        foreach (var (_, option) in options) command.Options.Add(option);
        command.SetAction((parsed, _) =>
        {
            var given = new List<(Setting, string)>();
            foreach (var (row, option) in options)
                if (parsed.GetValue(option) is { } text) given.Add((row, text));
            return ServeAsync(parsed.GetValue(config), given);
        });
        return command;
    }

    private static Option<string?> OptionOf(Setting row)
    {
        string[] words = row.Kind switch
        {
            SettingKind.Choice => row.Choices,
            SettingKind.Flag => ["yes", "no"],
            _ => [],
        };
        var option = new Option<string?>("--" + row.Name)
        {
            Description = $"{row.About} [default: {(row.Initial.Length == 0 ? "none" : row.Initial)}]",
            HelpName = row.Kind switch
            {
                SettingKind.Choice or SettingKind.Flag => string.Join('|', words),
                SettingKind.Integer => "number",
                SettingKind.Bytes => "bytes",
                SettingKind.Octal => "permissions",
                _ => "text",
            },
        };
        if (words.Length > 0) option.CompletionSources.Add(words);
        return option;
    }

    private static Task<int> ServeAsync(string? config, IReadOnlyList<(Setting, string)> options)
    {
        LoadedSettings loaded;
        try
        {
            loaded = SettingLoader.Load(config, options, Environment.GetEnvironmentVariables(), Environment.CurrentDirectory);
        }
        catch (ConfigurationException error)
        {
            return Task.FromResult(MemstoreCommand.Fail(error.Message));
        }

        return ServeAsync(loaded);
    }

    private static async Task<int> ServeAsync(LoadedSettings loaded)
    {
        var settings = loaded.Settings;
        if (File.Exists(settings["data"])) return MemstoreCommand.Fail($"--data {settings["data"]}: it is a file and no directory.");
        var logger = new ServerLogger(settings, TimeProvider.System);
        var stop = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        ServerHost made;
        try
        {
            made = new ServerHost(settings, TimeProvider.System, logger);
        }
        catch (Exception error) when (error is StorageException or IOException or UnauthorizedAccessException)
        {
            return MemstoreCommand.Fail($"--data {settings["data"]}: {error.Message.TrimEnd('.')}.");
        }

        await using var host = made;
        host.State.Shutdown = reason => stop.TrySetResult(reason);
        using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);

        // A terminal that is closed, or somebody who wants a daemon to read its files again, does not end a server, as he does not end Redis.
        using var onHangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, OperatingSystem.IsWindows() ? Stop : static context => context.Cancel = true);
        try
        {
            await host.StartAsync();
        }
        catch (TransportException error)
        {
            return MemstoreCommand.Fail(error.Message);
        }

        ServiceNotifier.Loading();
        foreach (var line in loaded.Reports) ServerLog.Configuration(logger, line);
        if (settings.Password.Length == 0 && host.EndPoints.OfType<IPEndPoint>().Any(endPoint => !IPAddress.IsLoopback(endPoint.Address)))
            ServerLog.Configuration(logger, "bind lets other machines in, and without requirepass whoever reaches the port may do everything");
        await ShowLoadingAsync(host, Task.WhenAny(stop.Task, host.Loading));
        if (host.Loading.Exception?.InnerException is { } failure) return MemstoreCommand.Fail(failure.Message);
        foreach (var line in host.State.Persistence?.Loaded?.Describe() ?? []) ServerLog.Loaded(logger, line);
        if (!stop.Task.IsCompleted)
        {
            // Whoever waits for this line must not be told LOADING afterwards.
            Terminal.TryWrite($"{host}\n");
            if (settings["logfile"].Length > 0) ServerLog.Serves(logger, host.ToString());
            ServiceNotifier.Ready();
            // What it compiles, a hold of shards would have to wait for at the first FLUSHALL and the first expiry. On a thread of its own, because it sleeps;
            // nobody awaits it, and without it the server is no worse than slow for a moment.
            _ = Task.Factory.StartNew(Memstore.Engine.Store.Rehearse, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        ServerLog.Stopping(logger, await stop.Task);
        ServiceNotifier.Stopping();
        return MemstoreCommand.Good;

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.TrySetResult(context.Signal.ToString());
        }
    }

    // The log says once what takes so long; a line that is written over shows it on a terminal, and INFO tells everybody else.
    private static async Task ShowLoadingAsync(ServerHost host, Task end)
    {
        var progress = host.State.Persistence?.Loading;
        var (isLogged, isShown) = (false, false);
        while (await Task.WhenAny(end, Task.Delay(LoadingShownEveryMs)) != end)
        {
            if (progress is null || progress.BytesTotal == 0) continue;
            var (done, total) = (progress.BytesDone, progress.BytesTotal);
            if (!isLogged) ServerLog.Loading(host.State.Logger, total / 1e6, host.Addresses);
            isLogged = true;
            if (!Terminal.IsLive) continue;
            Terminal.TryWrite(string.Create(
                CultureInfo.InvariantCulture,
                $"\rloading: {100.0 * done / total:f0} % of {total / 1e6:f0} MB, {progress.Keys} keys, {progress.Records} transactions "));
            isShown = true;
        }

        if (isShown) Terminal.TryWrite("\n");
    }
}
