using System.Net;
using System.Net.Sockets;
using Memstore.Engine;
using Memstore.Engine.Journaling;
using Memstore.Server.Configuration;
using Memstore.Server.Tests.Sessions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Memstore.Server.Tests;

/// <summary>A server in the test's process, on a free port and on a clock that only the test moves.</summary>
public sealed class ServerFixture : IAsyncLifetime
{
    /// <summary>Waits for what must come end after this, so that no test hangs. Nothing is decided by it: a busy machine may take many seconds.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>For servers on the machine's clock: no transaction is rolled back because a busy machine gives its client the next turn late.</summary>
    internal static readonly (string Name, string Value) LongTransactions = ("transaction-timeout", $"{(int)Patience.TotalMilliseconds}");

    private ServerHost? _host;

    /// <summary>The clock of deadlines and of the server.</summary>
    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 11, 22, 12, 0, 0, TimeSpan.Zero));

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint => (IPEndPoint)Host.EndPoints[0];

    internal ServerHost Host => _host ?? throw new InvalidOperationException("The fixture has not been initialised.");

    /// <summary>A real Redis that is asked the same, if MEMSTORE_REDIS says where it is.</summary>
    public static IPEndPoint? Redis { get; } = Environment.GetEnvironmentVariable("MEMSTORE_REDIS") is { Length: > 0 } address
        ? IPEndPoint.Parse(address)
        : null;

    public async ValueTask InitializeAsync()
    {
        _host = Make(Clock);
        await _host.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_host is not null) await _host.DisposeAsync();
    }

    /// <summary>A server for one test, with settings of its own. It listens on a free port once it is started.</summary>
    internal static ServerHost Make(TimeProvider clock, params (string Name, string Value)[] settings) => Make(clock, NullLogger.Instance, settings);

    /// <summary>The same with a log.</summary>
    internal static ServerHost Make(TimeProvider clock, ILogger logger, params (string Name, string Value)[] settings)
    {
        var all = new Settings();
        foreach (var (name, value) in (ReadOnlySpan<(string, string)>)[("port", "0"), ("http-port", "0"), ("data", "none"), ("enable-debug-command", "yes"), .. settings])
            if (!all.TrySetAtStart(name, value, out var error)) throw new ArgumentException($"{name} {value}: {error}", nameof(settings));
        return new ServerHost(all, clock, logger);
    }

    /// <summary>The same with a commit log.</summary>
    internal static ServerHost Make(TimeProvider clock, ICommitLog log, IEffectEncoder encoder)
    {
        var all = new Settings();
        if (!all.TrySetAtStart("appendfsync", "always", out var error) || !all.TrySetAtStart("http-port", "0", out error)) throw new InvalidOperationException(error);
        return new ServerHost(
            all,
            clock,
            NullLogger.Instance,
            new StoreOptions { TimeProvider = clock, CommitLog = log, EffectEncoder = encoder });
    }

    /// <summary>A client over TCP.</summary>
    internal static async Task<RespClient> ConnectAsync(ServerHost host)
    {
        var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync((IPEndPoint)host.EndPoints[0]);
        return new RespClient(client.GetStream());
    }

    /// <summary>Waits until there are so many sessions: one ends a while after its client has left, or after the answer of its request has.</summary>
    internal static async Task UntilSessionsAsync(ServerHost host, int count)
    {
        var end = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        while (host.State.Sessions.Count != count && Environment.TickCount64 < end) await Task.Yield();
        Assert.Equal(count, host.State.Sessions.Count);
    }

    /// <summary>A client over a pipe in memory, with no socket.</summary>
    internal static RespClient ConnectInMemory(ServerHost host)
    {
        var connection = new MemoryConnection();
        _ = connection.ServeAsync(host.ServeAsync);
        return new RespClient(connection.ClientStream);
    }
}
