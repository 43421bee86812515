using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Xunit;

namespace Memstore.Server.Tests;

/// <summary>The program as an operator starts and stops it.</summary>
public sealed class ProgramTests
{
    [Fact]
    public async Task It_prints_one_line_with_the_port_that_it_chose_and_stops_with_0()
    {
        using var process = Start("serve", "--data", "none", "--http-port", "0", "--port", "0", "--shards", "8", "--databases", "3");
        var line = await ReadLineAsync(process.StandardOutput);
        var match = Regex.Match(line, @"^Memstore \d+\.\d+\.\d+ serves on 127\.0\.0\.1:(\d+) \(transport \w+, 8 shards, 3 databases, pid (\d+)\)$");
        Assert.True(match.Success, line);
        Assert.Equal(process.Id, int.Parse(match.Groups[2].Value));
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(IPAddress.Loopback, int.Parse(match.Groups[1].Value), TestContext.Current.CancellationToken);
            using var resp = new RespClient(client.GetStream());
            Assert.Equal("PONG", await resp.AskAsync("PING"));
        }
        using (var kill = Process.Start("kill", ["-TERM", process.Id.ToString()])) await ExitCodeAsync(kill);
        Assert.Equal(0, await ExitCodeAsync(process));
    }

    [Fact]
    public async Task A_terminal_that_is_closed_does_not_stop_it()
    {
        if (OperatingSystem.IsWindows()) return;
        using var process = Start("serve", "--data", "none", "--port", "0");
        using var client = await ConnectAsync(process);
        using var resp = new RespClient(client.GetStream());
        foreach (var signal in new[] { "-HUP", "-TERM" })
        {
            Assert.Equal("PONG", await resp.AskAsync("PING"));
            using var kill = Process.Start("kill", [signal, process.Id.ToString()]);
            await ExitCodeAsync(kill);
        }

        Assert.Equal(0, await ExitCodeAsync(process));
    }

    [Fact]
    public async Task Shutdown_stops_it_with_0()
    {
        using var process = Start("serve", "--data", "none", "--http-port", "0", "--port", "0");
        using var client = await ConnectAsync(process);
        using var resp = new RespClient(client.GetStream());
        await resp.SendAsync("SHUTDOWN NOSAVE");
        Assert.True(await resp.IsClosedAsync());
        Assert.Equal(0, await ExitCodeAsync(process));
    }

    [Fact]
    public async Task The_log_says_when_it_serves_and_who_stopped_it()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        using (var process = Start("serve", "--data", "none", "--http-port", "0", "--port", "0", "--logfile", path))
        {
            using var client = await ConnectAsync(process);
            using var resp = new RespClient(client.GetStream());
            var id = await resp.AskAsync("CLIENT ID");
            await resp.SendAsync("SHUTDOWN");
            Assert.Equal(0, await ExitCodeAsync(process));
            Assert.Matches($@" \* Memstore .* serves on 127\.0\.0\.1:\d+ \(.*\)\.\n(.*\n)*.* \* Stopping: client {id} at 127\.0\.0\.1:\d+ asked for it\.\n$", await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
        }

        File.WriteAllText(path, "");
        using (var process = Start("serve", "--data", "none", "--http-port", "0", "--port", "0", "--logfile", path))
        {
            using (await ConnectAsync(process))
            using (var kill = Process.Start("kill", ["-TERM", process.Id.ToString()])) await ExitCodeAsync(kill);
            Assert.Equal(0, await ExitCodeAsync(process));
            Assert.EndsWith(" * Stopping: SIGTERM.\n", await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }

        File.Delete(path);
    }

    [Fact]
    public async Task Who_waits_for_its_line_is_served_however_much_there_is_to_load()
    {
        const int Keys = 300_000;
        var folder = Directory.CreateTempSubdirectory("memstore-").FullName;
        string[] arguments = ["serve", "--data", folder, "--port", "0", "--enable-debug-command", "yes"];
        using (var process = Start(arguments))
        {
            using var client = await ConnectAsync(process);
            using var resp = new RespClient(client.GetStream());
            Assert.Equal("OK", await resp.AskAsync($"DEBUG POPULATE {Keys}"));
            await resp.SendAsync("SHUTDOWN");
            Assert.Equal(0, await ExitCodeAsync(process));
        }

        using (var process = Start(arguments))
        {
            using var client = await ConnectAsync(process);
            using var resp = new RespClient(client.GetStream());
            Assert.Equal((long)Keys, await resp.AskAsync("DBSIZE"));
            process.Kill();
            await ExitCodeAsync(process);
        }

        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("--shards 0", "memstore: --shards 0: argument must be between 1 and 4096 inclusive.")]
    [InlineData("--port abc", "memstore: --port abc: argument couldn't be parsed into an integer.")]
    [InlineData("--transport carrier-pigeon", "memstore: --transport carrier-pigeon: argument(s) must be one of the following: auto, uring, sockets.")]
    [InlineData("--maxmemory lots", "memstore: --maxmemory lots: argument must be a memory value.")]
    [InlineData("--config nowhere.yaml", "memstore: nowhere.yaml: there is no such file.")]
    [InlineData("--nosuch 1", "memstore: Unrecognized command or argument '--nosuch'. See memstore --help.")]
    [InlineData("--port 0 --bind nowhere", "memstore: Cannot listen on nowhere: --bind takes IP addresses such as 127.0.0.1 or 0.0.0.0.")]
    [InlineData("--port 0 --unixsocket /nowhere/at/all", "memstore: Cannot listen on /nowhere/at/all: there is no such directory.")]
    public async Task A_bad_option_is_one_line_and_not_0(string options, string start)
    {
        using var process = Start(["serve", "--data", "none", "--http-port", "0", .. options.Split(' ')]);
        var line = await ReadLineAsync(process.StandardError);
        Assert.StartsWith(start, line);
        Assert.Equal("", await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        Assert.NotEqual(0, await ExitCodeAsync(process));
    }

    [Fact]
    public async Task A_port_in_use_is_one_line_that_says_how_to_mend_it()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        using var process = Start("serve", "--data", "none", "--http-port", "0", "--port", port.ToString());
        Assert.Equal(
            $"memstore: Cannot listen on 127.0.0.1:{port}: the port is in use; stop the other program or choose another port.",
            await ReadLineAsync(process.StandardError));
        Assert.NotEqual(0, await ExitCodeAsync(process));
    }

    [Theory]
    [InlineData("127.0.0.1", "Failed to bind to address http://127.0.0.1:{port}: address already in use.")]
    [InlineData("nowhere", "Cannot listen on nowhere: --http-bind takes IP addresses such as 127.0.0.1 or 0.0.0.0.")]
    [InlineData("", "--http-bind has no address that this machine has.")]
    public async Task Where_REST_cannot_listen_is_one_line_of_the_log_and_the_rest_goes_on(string bind, string reason)
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        using var process = Start("serve", "--data", "none", "--port", "0", "--http-port", $"{port}", "--http-bind", bind);
        Assert.EndsWith(
            $" # There is no REST API: {reason.Replace("{port}", $"{port}", StringComparison.Ordinal)} Clients of RESP are served; --http-port names another port, and 0 turns REST off.",
            await ReadLineAsync(process.StandardError),
            StringComparison.Ordinal);
        using (var client = await ConnectAsync(process))
        {
            using var resp = new RespClient(client.GetStream());
            Assert.Equal("PONG", await resp.AskAsync("PING"));
            await resp.SendAsync("SHUTDOWN NOSAVE");
        }

        Assert.Equal(0, await ExitCodeAsync(process));
        Assert.Matches(@"^\S+ [^\n]* \* Stopping: client [^\n]*\n$", await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("memstore.yaml", "port: 0\ndata: none\nshards: 7\n", true)]
    [InlineData("redis.conf", "port 0\ndata none\nshards 7\n", false)]
    public async Task It_reads_a_configuration_file_and_YAML_only_if_there_is_some(string name, string text, bool isYaml)
    {
        var folder = Directory.CreateTempSubdirectory("memstore-").FullName;
        var file = Path.Combine(folder, name);
        await File.WriteAllTextAsync(file, text, TestContext.Current.CancellationToken);
        using var process = isYaml ? StartIn(folder, "serve") : Start("serve", "--config", file);
        Assert.Contains(" 7 shards,", await ReadLineAsync(process.StandardOutput), StringComparison.Ordinal);
        if (OperatingSystem.IsLinux())
        {
            var maps = await File.ReadAllTextAsync($"/proc/{process.Id}/maps", TestContext.Current.CancellationToken);
            Assert.Equal(isYaml, maps.Contains("YamlDotNet.dll", StringComparison.Ordinal));
        }

        process.Kill();
        await ExitCodeAsync(process);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task REST_listens_on_all_addresses_as_RESP_does()
    {
        var (process, port) = await StartHttpAsync("* -::*");
        using (process)
        {
            foreach (var host in new[] { "127.0.0.1" }.Concat(HasIPv6() ? ["[::1]"] : []))
            {
                using var client = new HttpClient { BaseAddress = new Uri($"http://{host}:{port}") };
                Assert.Equal("{\"status\":\"live\"}", await client.GetStringAsync("/health/live", TestContext.Current.CancellationToken));
            }

            process.Kill();
            await ExitCodeAsync(process);
        }

        static bool HasIPv6()
        {
            try
            {
                using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }
    }

    [Fact]
    public async Task What_shows_the_API_is_loaded_when_somebody_opens_it()
    {
        if (!OperatingSystem.IsLinux()) return;
        var (process, port) = await StartHttpAsync();
        using (process)
        {
            using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
            Assert.Contains("openapi", await client.GetStringAsync("/openapi.json", TestContext.Current.CancellationToken), StringComparison.Ordinal);
            Assert.DoesNotContain("Scalar.AspNetCore.dll", await File.ReadAllTextAsync($"/proc/{process.Id}/maps", TestContext.Current.CancellationToken), StringComparison.Ordinal);
            Assert.Contains("scalar.js", await client.GetStringAsync("/docs", TestContext.Current.CancellationToken), StringComparison.Ordinal);
            Assert.Contains("Scalar.AspNetCore.dll", await File.ReadAllTextAsync($"/proc/{process.Id}/maps", TestContext.Current.CancellationToken), StringComparison.Ordinal);
            process.Kill();
            await ExitCodeAsync(process);
        }
    }

    [Fact]
    public async Task What_clients_ask_over_RESP_needs_no_OpenSSL_which_not_every_machine_has()
    {
        if (!OperatingSystem.IsLinux()) return;
        var folder = Directory.CreateTempSubdirectory("memstore-").FullName;
        var file = Path.Combine(folder, "memstore.yaml");
        await File.WriteAllTextAsync(file, $"port: 0\nrequirepass: secret\ndata: {folder}/data\nenable-debug-command: yes\n", TestContext.Current.CancellationToken);
        using var process = Start("serve", "--config", file);
        using (var client = await ConnectAsync(process))
        {
            using var resp = new RespClient(client.GetStream());
            Assert.IsType<RespError>(await resp.AskAsync("AUTH wrong"));
            Assert.Equal("OK", await resp.AskAsync("AUTH secret"));
            foreach (var command in (string[])["SET k v", "CONFIG SET timeout 9", "CONFIG REWRITE", "SAVE"]) Assert.Equal("OK", await resp.AskAsync(command));
            Assert.IsType<string>(await resp.AskAsync("DEBUG DIGEST"));
            Assert.DoesNotContain("libssl", await File.ReadAllTextAsync($"/proc/{process.Id}/maps", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }

        process.Kill();
        await ExitCodeAsync(process);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Half_a_request_over_HTTP_costs_what_was_sent_of_it_and_little_more()
    {
        if (!OperatingSystem.IsLinux()) return;
        const int Clients = 1_000;
        var (process, port) = await StartHttpAsync();
        var slow = new List<Http.RawHttp>();
        using (process)
        {
            using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
            await client.GetStringAsync("/health/live", TestContext.Current.CancellationToken);
            process.Refresh();
            var before = process.WorkingSet64;
            for (var i = 0; i < Clients; i++)
            {
                slow.Add(await Http.RawHttp.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port)));
                var head = i % 2 == 0 ? "GET / HTTP/1.1\r\nHost: localhost\r\nX: " : "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n\r\n[\"";
                await slow[i].SendAsync(head + new string('x', 8 * 1024));
            }

            await client.GetStringAsync("/health/live", TestContext.Current.CancellationToken);
            process.Refresh();
            Assert.InRange(process.WorkingSet64 - before, long.MinValue, Clients * 64 * 1024L);
            process.Kill();
            await ExitCodeAsync(process);
        }
        foreach (var raw in slow) raw.Dispose();
    }

    [Fact]
    public async Task It_starts_with_the_file_of_an_installed_Redis()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, Configuration.RedisFileTests.Installed, TestContext.Current.CancellationToken);
        using var process = Start("serve", "--config", file, "--port", "0", "--data", "none", "--logfile", "");
        Assert.StartsWith("Memstore ", await ReadLineAsync(process.StandardOutput), StringComparison.Ordinal);
        Assert.Contains(
            $" # Configuration: {file}:7: daemonize yes: the server stays in the foreground",
            await ReadLineAsync(process.StandardError),
            StringComparison.Ordinal);
        process.Kill();
        await ExitCodeAsync(process);
        File.Delete(file);
    }

    [Theory]
    [InlineData("--bind", "0.0.0.0", true)]
    [InlineData("--bind", "127.0.0.1 -::1", false)]
    [InlineData("--requirepass", "secret", false)]
    public async Task It_warns_who_lets_other_machines_in_without_a_password(string option, string value, bool warns)
    {
        using var process = Start("serve", "--data", "none", "--http-port", "0", "--port", "0", option, value);
        var port = Regex.Match(await ReadLineAsync(process.StandardOutput), @":(\d+) ").Groups[1].Value;
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(IPAddress.Loopback, int.Parse(port), TestContext.Current.CancellationToken);
            using var resp = new RespClient(client.GetStream());
            await resp.AskAsync("AUTH secret");
            await resp.SendAsync("SHUTDOWN NOSAVE");
            Assert.True(await resp.IsClosedAsync());
        }

        var log = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Equal(warns, log.Contains("bind lets other machines in, and without requirepass whoever reaches the port may do everything", StringComparison.Ordinal));
        Assert.Equal(0, await ExitCodeAsync(process));
    }

    [Fact]
    public async Task It_tells_systemd_how_far_it_is()
    {
        if (OperatingSystem.IsWindows()) return;
        var path = Path.Combine(Path.GetTempPath(), $"memstore-{Guid.NewGuid():n}.sock");
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        systemd.Bind(new UnixDomainSocketEndPoint(path));
        using var process = Start([("NOTIFY_SOCKET", path)], "", "serve", "--data", "none", "--port", "0");
        Assert.Equal("STATUS=Loading the data", await ReceiveAsync(systemd));
        Assert.Equal("READY=1\nSTATUS=Serving", await ReceiveAsync(systemd));
        using (var kill = Process.Start("kill", ["-TERM", process.Id.ToString()])) await ExitCodeAsync(kill);
        Assert.Equal("STOPPING=1\nSTATUS=Stopping", await ReceiveAsync(systemd));
        Assert.Equal(0, await ExitCodeAsync(process));
        File.Delete(path);
    }

    [Fact]
    public async Task It_serves_when_nothing_that_it_prints_or_logs_can_be_written()
    {
        if (!File.Exists("/dev/full")) return;
        var folder = Directory.CreateTempSubdirectory("memstore-").FullName;
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        systemd.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder, "notify")));
        var path = Path.Combine(folder, "memstore");
        const string Silent = "exec dotnet \"$0\" serve --port 0 --http-port 0 --data none --unixsocket \"$1\" >/dev/full 2>/dev/full";
        var start = new ProcessStartInfo("bash", ["-c", Silent, Path.Combine(AppContext.BaseDirectory, "memstore.dll"), path]);
        start.Environment["NOTIFY_SOCKET"] = Path.Combine(folder, "notify");
        using var process = Process.Start(start)!;
        Assert.Equal("STATUS=Loading the data", await ReceiveAsync(systemd));
        Assert.Equal("READY=1\nSTATUS=Serving", await ReceiveAsync(systemd));
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), TestContext.Current.CancellationToken);
            using var resp = new RespClient(new NetworkStream(socket));
            Assert.Equal("OK", await resp.AskAsync("SHARDS SET 5"));
            await resp.SendAsync("SHUTDOWN");
        }

        Assert.Equal(0, await ExitCodeAsync(process));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Port_0_with_a_Unix_socket_is_that_socket_alone()
    {
        var path = Path.Combine(Path.GetTempPath(), $"memstore-{Guid.NewGuid():n}.sock");
        using var process = Start("serve", "--data", "none", "--http-port", "0", "--port", "0", "--unixsocket", path);
        Assert.Matches($@"^Memstore \d+\.\d+\.\d+ serves on {Regex.Escape(path)} \(", await ReadLineAsync(process.StandardOutput));
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), TestContext.Current.CancellationToken);
            using var resp = new RespClient(new NetworkStream(socket));
            Assert.Equal("PONG", await resp.AskAsync("PING"));
            await resp.SendAsync("SHUTDOWN");
        }
        Assert.Equal(0, await ExitCodeAsync(process));
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task Version_prints_the_version()
    {
        using var process = Start("version");
        Assert.Matches(@"^\d+\.\d+\.\d+$", await ReadLineAsync(process.StandardOutput));
        Assert.Equal(0, await ExitCodeAsync(process));
    }

    private static Process Start(params string[] arguments) => StartIn("", arguments);

    private static Process StartIn(string folder, params string[] arguments) => Start([], folder, arguments);

    private static Process Start((string Name, string Value)[] variables, string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "memstore.dll"), .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MEMSTORE_", StringComparison.Ordinal)).ToList()) start.Environment.Remove(name);
        start.Environment["MEMSTORE_HTTP_PORT"] = "0";
        foreach (var (name, value) in variables) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    // A port that was free a moment ago may be taken by now; then REST is not served, and another port is tried.
    private static async Task<(Process Process, int Port)> StartHttpAsync(string bind = "127.0.0.1")
    {
        while (true)
        {
            int port;
            using (var free = new TcpListener(IPAddress.Loopback, 0))
            {
                free.Start();
                port = ((IPEndPoint)free.LocalEndpoint).Port;
            }

            var process = Start("serve", "--data", "none", "--port", "0", "--http-port", $"{port}", "--http-bind", bind);
            if ((await ReadLineAsync(process.StandardError)).Contains("REST on", StringComparison.Ordinal)) return (process, port);
            process.Kill();
            await ExitCodeAsync(process);
            process.Dispose();
        }
    }

    private static async Task<string> ReceiveAsync(Socket socket)
    {
        var buffer = new byte[256];
        var length = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken).AsTask().WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken);
        return System.Text.Encoding.UTF8.GetString(buffer, 0, length);
    }

    // Where io_uring is forbidden, as containers often do, the log begins with a line that says so.
    private static async Task<string> ReadLineAsync(StreamReader reader)
    {
        string? line;
        do line = await reader.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken);
        while (line is not null && line.Contains("io_uring cannot be used", StringComparison.Ordinal));
        return line ?? "";
    }

    // Memstore 0.1.0 serves on 127.0.0.1:35501 (transport ...
    private static async Task<TcpClient> ConnectAsync(Process process)
    {
        var port = Regex.Match(await ReadLineAsync(process.StandardOutput), @":(\d+) ").Groups[1].Value;
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, int.Parse(port), TestContext.Current.CancellationToken);
        return client;
    }

    private static async Task<int> ExitCodeAsync(Process process)
    {
        await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken);
        return process.ExitCode;
    }
}
