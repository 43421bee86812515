using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Text;
using System.Text.RegularExpressions;

namespace Memstore.Server.Tests.Conformance;

/// <summary>A server in a process of its own, on a free port of 127.0.0.1: the program as a user starts it, or a real Redis.</summary>
// Threading: start and stop from one thread; Log from any.
internal sealed partial class ServerProcess : IDisposable
{
    // These end only what hangs: a busy machine may take many seconds.
    private static readonly TimeSpan StartMax = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan StopMax = TimeSpan.FromMinutes(1);

    private readonly Process _process;
    private readonly StringBuilder _log = new();
    private readonly TaskCompletionSource<int> _port = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly int _askedPort;

    private ServerProcess(Process process, int askedPort)
    {
        _process = process;
        _askedPort = askedPort;
        process.OutputDataReceived += (_, line) => Keep(line.Data, isOutput: true);
        process.ErrorDataReceived += (_, line) => Keep(line.Data, isOutput: false);
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint => new(IPAddress.Loopback, _port.Task.Result);

    /// <summary>All that the server has printed so far.</summary>
    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    public int Id => _process.Id;

    /// <summary>Its open files, sockets included. On Linux.</summary>
    public int OpenFiles => Directory.EnumerateFileSystemEntries($"/proc/{Id}/fd").Count();

    /// <summary>Starts the built memstore.dll and waits until it accepts connections.</summary>
    public static ServerProcess StartMemstore(params string[] options)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "memstore.dll");
        return Start("dotnet", [program, "serve", "--port", "0", "--bind", "127.0.0.1", "--data", "none", "--http-port", "0", .. options], 0);
    }

    /// <summary>Starts it with a limit on open files, sockets included.</summary>
    public static ServerProcess StartMemstoreWithFiles(int filesMax, params string[] options)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "memstore.dll");
        var command = $"ulimit -n {filesMax}; exec dotnet '{program}' serve --port 0 --bind 127.0.0.1 --data none --http-port 0 {string.Join(' ', options)}";
        return Start("bash", ["-c", command], 0);
    }

    /// <summary>Starts redis-server without persistence, or returns null when it is not installed.</summary>
    public static ServerProcess? StartRedis(params string[] options)
    {
        var port = UnusedPort();
        try
        {
            return Start(
                "redis-server",
                ["--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--enable-debug-command", "yes", .. options],
                port);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    /// <summary>Asks the server to stop (SIGTERM) and returns its exit code; kills it when it does not.</summary>
    public int Stop()
    {
        if (!_process.HasExited)
        {
            using var kill = Process.Start("kill", $"-TERM {_process.Id}");
            kill.WaitForExit();
            if (!_process.WaitForExit(StopMax)) _process.Kill();
        }

        _process.WaitForExit();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        Stop();
        _process.Dispose();
    }

    // Redis does not choose a port by itself. The kernel hands out none below 32768, so neither clients nor servers of other tests take it meanwhile.
    private static int UnusedPort()
    {
        var taken = IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Select(static endPoint => endPoint.Port).ToHashSet();
        int port;
        do port = Random.Shared.Next(15_000, 30_000);
        while (taken.Contains(port));
        return port;
    }

    private static ServerProcess Start(string program, string[] arguments, int askedPort)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        var server = new ServerProcess(Process.Start(start)!, askedPort);
        server._process.BeginOutputReadLine();
        server._process.BeginErrorReadLine();
        if (server._port.Task.Wait(StartMax) && server._port.Task.Result > 0) return server;
        server.Dispose();
        throw new InvalidOperationException($"{program} did not start:\n{server.Log}");
    }

    // Memstore says where it serves, Redis that it is ready; the end of the output says that neither will.
    private void Keep(string? line, bool isOutput)
    {
        lock (_log) _log.AppendLine(line);
        if (!isOutput) return;
        if (line is null) _port.TrySetResult(0);
        else if (Serves().Match(line) is { Success: true } match) _port.TrySetResult(int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
        else if (_askedPort > 0 && line.Contains("Ready to accept connections", StringComparison.Ordinal)) _port.TrySetResult(_askedPort);
    }

    // Memstore 0.1.0 serves on 127.0.0.1:35501 (transport ...
    [GeneratedRegex(@" serves on 127\.0\.0\.1:(\d+) ")]
    private static partial Regex Serves();
}
