using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Memstore.Histories.Resp;

namespace Memstore.Crash;

/// <summary>A server in a process of its own, on a free port, with its data in a directory.</summary>
internal sealed class ServerProcess : IDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly List<string> _output = [];

    private ServerProcess(Process process, IPEndPoint endPoint)
    {
        _process = process;
        EndPoint = endPoint;
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>What it has printed.</summary>
    public string Output
    {
        get
        {
            lock (_output) return string.Join('\n', _output);
        }
    }

    /// <summary>Starts one; it may not listen yet.</summary>
    public static ServerProcess Start(string program, string directory, IReadOnlyList<string> options)
    {
        var endPoint = new IPEndPoint(IPAddress.Loopback, FreePort());
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var word in (string[])[program, "serve", "--port", $"{endPoint.Port}", "--http-port", "0", "--data", directory, .. options]) start.ArgumentList.Add(word);
        return new ServerProcess(Process.Start(start)!, endPoint);
    }

    /// <summary>Waits until it answers PING, so until its data is loaded.</summary>
    /// <exception cref="InvalidOperationException">It ended, or takes too long.</exception>
    public async Task WaitAsync()
    {
        var waited = Stopwatch.StartNew();
        while (!await AnswersAsync())
        {
            if (_process.HasExited) throw new InvalidOperationException($"The server ended with code {_process.ExitCode}:\n{Output}");
            if (waited.Elapsed > StartTimeout) throw new InvalidOperationException($"The server does not answer:\n{Output}");
            await Task.Delay(10);
        }
    }

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself; whoever waits for it sees that.
        }

        _process.WaitForExit();
    }

    public void Dispose()
    {
        Kill();
        _process.Dispose();
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            await using var connection = await RespConnection.ConnectAsync(EndPoint);
            connection.Command("PING");
            await connection.FlushAsync();
            return (await connection.ReadAsync()).Kind == RespKind.Status;
        }
        catch (Exception e) when (e is SocketException or EndOfStreamException)
        {
            return false;
        }
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is null) return;
        lock (_output) _output.Add(line.Data);
    }
}
