using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Memstore.Histories.Resp;

namespace Memstore.Crash;

/// <summary>A server in a process of its own, on a port that it chooses, with its data in a directory.</summary>
internal sealed partial class ServerProcess : IDisposable
{
    // Ends only what hangs: a busy machine may take many seconds.
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly List<string> _output = [];
    private volatile int _port;

    private ServerProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Where it listens, once it does.</summary>
    public IPEndPoint EndPoint => new(IPAddress.Loopback, _port);

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
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var word in (string[])[program, "serve", "--port", "0", "--http-port", "0", "--data", directory, .. options]) start.ArgumentList.Add(word);
        return new ServerProcess(Process.Start(start)!);
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

    private async Task<bool> AnswersAsync()
    {
        if (_port == 0) return false;
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
        if (Serves().Match(line.Data) is { Success: true } match) _port = int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
    }

    // Memstore 0.1.0 serves on 127.0.0.1:35501 (transport ...
    [GeneratedRegex(@" serves on 127\.0\.0\.1:(\d+) ")]
    private static partial Regex Serves();
}
