using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Memstore.Server.Tests.Conformance;

/// <summary>A server in a process of its own, on a free port of 127.0.0.1: the program as a user starts it, or a real Redis.</summary>
// Threading: start and stop from one thread; Log from any.
internal sealed class ServerProcess : IDisposable
{
    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StopMax = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly StringBuilder _log = new();

    private ServerProcess(Process process, int port)
    {
        _process = process;
        EndPoint = new IPEndPoint(IPAddress.Loopback, port);
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
    }

    public IPEndPoint EndPoint { get; }

    /// <summary>All that the server has printed so far.</summary>
    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    public int Id => _process.Id;

    /// <summary>Starts the built memstore.dll and waits until it accepts connections.</summary>
    public static ServerProcess StartMemstore(params string[] options)
    {
        var port = FreePort();
        var program = Path.Combine(AppContext.BaseDirectory, "memstore.dll");
        return Start("dotnet", [program, "serve", "--port", $"{port}", "--bind", "127.0.0.1", "--data", "none", "--http-port", "0", .. options], port);
    }

    /// <summary>Starts it with a limit on open files, sockets included.</summary>
    public static ServerProcess StartMemstoreWithFiles(int filesMax, params string[] options)
    {
        var port = FreePort();
        var program = Path.Combine(AppContext.BaseDirectory, "memstore.dll");
        var command = $"ulimit -n {filesMax}; exec dotnet '{program}' serve --port {port} --bind 127.0.0.1 --data none --http-port 0 {string.Join(' ', options)}";
        return Start("bash", ["-c", command], port);
    }

    /// <summary>Starts redis-server without persistence, or returns null when it is not installed.</summary>
    public static ServerProcess? StartRedis(params string[] options)
    {
        var port = FreePort();
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

    /// <summary>A port that nobody listens on now.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
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

    private static ServerProcess Start(string program, string[] arguments, int port)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        var server = new ServerProcess(Process.Start(start)!, port);
        server._process.BeginOutputReadLine();
        server._process.BeginErrorReadLine();
        server.WaitUntilReady();
        return server;
    }

    private void WaitUntilReady()
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < StartMax && !_process.HasExited)
        {
            try
            {
                using var probe = new TcpClient();
                probe.Connect(EndPoint);
                return;
            }
            catch (SocketException)
            {
                Thread.Sleep(10); // Another process has to listen first; there is nothing to wait on.
            }
        }

        Dispose();
        throw new InvalidOperationException($"{_process.StartInfo.FileName} did not start:\n{Log}");
    }

    private void Keep(string? line)
    {
        lock (_log) _log.AppendLine(line);
    }
}
