using System.Text;
using BenchmarkDotNet.Attributes;
using Memstore.Server;
using Memstore.Server.Configuration;
using Microsoft.Extensions.Logging.Abstractions;

namespace Memstore.Benchmarks;

/// <summary>What does a command cost from its bytes to its reply's, in pipelines of 64, without a network? Keys of 16 bytes, values of 32.</summary>
[MemoryDiagnoser]
public class SessionBenchmarks : IDisposable
{
    private const int Pipeline = 64;
    private const int Pipelines = 256;
    private const int Rounds = 1_024;

    private readonly byte[][] _gets = new byte[Pipelines][];
    private readonly byte[][] _sets = new byte[Pipelines][];
    private readonly byte[][] _execs = new byte[Pipelines][];
    private ServerHost _host = null!;

    /// <summary>Keys in the store.</summary>
    [Params(10_000)]
    public int Keys { get; set; }

    /// <summary>Fills the store and makes the requests.</summary>
    [GlobalSetup]
    public void Open()
    {
        var settings = new Settings();
        // A server that keeps its data answers every command with an error until it has been started and has loaded.
        if (!settings.TrySetAtStart("data", "none", out var error)) throw new InvalidOperationException(error);
        _host = new ServerHost(settings, TimeProvider.System, NullLogger.Instance);
        var fill = Enumerable.Range(0, Keys).Select(i => Encoding.ASCII.GetBytes(Set(i))).ToArray();
        new LoopConnection(fill, fill.Length).Serve(_host.ServeAsync);
        var random = new Random(1);
        for (var i = 0; i < Pipelines; i++)
        {
            _gets[i] = Repeat(() => Get(random.Next(Keys)));
            _sets[i] = Repeat(() => Set(random.Next(Keys)));
            _execs[i] = Repeat(() => Exec(random));
        }
    }

    /// <inheritdoc/>
    [GlobalCleanup]
    public void Dispose()
    {
        _host?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        GC.SuppressFinalize(this);
    }

    /// <summary>GET of random keys.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Pipeline * Rounds)]
    public long Get() => Run(_gets);

    /// <summary>SET of random keys that are there.</summary>
    [Benchmark(OperationsPerInvoke = Pipeline * Rounds)]
    public long Set() => Run(_sets);

    /// <summary>MULTI, two GETs, two SETs and EXEC, which counts as one.</summary>
    [Benchmark(OperationsPerInvoke = Pipeline * Rounds)]
    public long ExecOfFour() => Run(_execs);

    private string Exec(Random random) =>
        "*1\r\n$5\r\nMULTI\r\n" + Get(random.Next(Keys)) + Set(random.Next(Keys)) + Get(random.Next(Keys)) + Set(random.Next(Keys)) + "*1\r\n$4\r\nEXEC\r\n";

    private static string Get(int key) => $"*2\r\n$3\r\nGET\r\n$16\r\nkey:{key:D12}\r\n";

    private static string Set(int key) => $"*3\r\n$3\r\nSET\r\n$16\r\nkey:{key:D12}\r\n$32\r\n{new string('v', 32)}\r\n";

    private static byte[] Repeat(Func<string> request) =>
        Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, Pipeline).Select(_ => request())));

    private long Run(byte[][] pipelines)
    {
        var connection = new LoopConnection(pipelines, Rounds);
        connection.Serve(_host.ServeAsync);
        return connection.ReplyBytes;
    }
}
