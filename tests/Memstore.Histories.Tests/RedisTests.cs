using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using Memstore.Histories.Driving;
using Memstore.Histories.Recording;
using Memstore.Histories.Resp;
using Xunit;

namespace Memstore.Histories.Tests;

/// <summary>A real redis-server, which has one thread and so must pass; skipped where none is installed.</summary>
public sealed class RedisTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Redis_is_strictly_serialisable()
    {
        await using RedisProcess redis = await RedisProcess.StartAsync();
        RunReport report = await HistoryRun.RunAsync(
            new Workload { Seed = 11, Clients = 12, Transactions = 40_000 }.WithoutBegin(),
            (_, keys) => RespHistoryClient.ConnectAsync(redis.EndPoint, keys));
        output.WriteLine(report.ToString());
        Assert.True(report.Valid, report.ToString());
    }

    [Fact]
    public async Task Redis_is_strictly_serialisable_to_clients_whose_connections_break()
    {
        await using RedisProcess redis = await RedisProcess.StartAsync();
        RunReport report = await HistoryRun.RunAsync(
            new Workload { Seed = 12, Clients = 12, Transactions = 40_000 }.WithoutBegin(),
            (_, keys) => RespHistoryClient.ConnectAsync(redis.EndPoint, keys),
            new RunOptions { Disturbance = cancellation => KillClientsAsync(redis.EndPoint, cancellation) });
        output.WriteLine(report.ToString());
        Assert.True(report.Valid, report.ToString());
    }

    /// <summary>Closes all other connections again and again; each time some requests lose their answers.</summary>
    private static async Task KillClientsAsync(EndPoint endPoint, CancellationToken cancellation)
    {
        await using RespConnection connection = await RespConnection.ConnectAsync(endPoint, CancellationToken.None);
        while (!cancellation.IsCancellationRequested)
        {
            for (int i = 0; i < 200; i++)
            {
                connection.Command(i == 0 ? ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"] : ["PING"]);
                await connection.FlushAsync(CancellationToken.None);
                await connection.ReadAsync(CancellationToken.None);
            }
        }
    }

    private sealed class RedisProcess : IAsyncDisposable
    {
        private readonly Process _process;

        private RedisProcess(Process process, IPEndPoint endPoint) => (_process, EndPoint) = (process, endPoint);

        public IPEndPoint EndPoint { get; }

        public static async Task<RedisProcess> StartAsync()
        {
            string? program = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
                .Select(folder => Path.Combine(folder, "redis-server")).FirstOrDefault(File.Exists);
            Assert.SkipWhen(program == null, "redis-server is not installed.");
            var endPoint = new IPEndPoint(IPAddress.Loopback, UnusedPort());
            var start = new ProcessStartInfo(program, ["--bind", "127.0.0.1", "--port", $"{endPoint.Port}", "--save", "", "--appendonly", "no", "--dir", Path.GetTempPath()])
            {
                RedirectStandardOutput = true,
            };
            Process process = Process.Start(start)!;
            while (await process.StandardOutput.ReadLineAsync() is { } line)
            {
                if (line.Contains("Ready to accept connections", StringComparison.Ordinal)) return new RedisProcess(process, endPoint);
            }

            throw new InvalidOperationException("redis-server did not start.");
        }

        // Redis does not choose a port by itself. The kernel hands out none below 32768, so neither clients nor servers of other tests take it meanwhile.
        private static int UnusedPort()
        {
            HashSet<int> taken = [.. IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Select(endPoint => endPoint.Port)];
            int port;
            do port = Random.Shared.Next(15_000, 30_000);
            while (taken.Contains(port));
            return port;
        }

        public async ValueTask DisposeAsync()
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            _process.Dispose();
        }
    }
}
