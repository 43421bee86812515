using Memstore.Engine;
using Memstore.Engine.Journaling;
using Memstore.Engine.Transactions;
using Memstore.Server.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Memstore.Server.Tests.Sessions;

/// <summary>Clients that leave while their sessions wait and read nothing: what the sessions hold goes back all the same.</summary>
public sealed class LeavingClientTests
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 11, 22, 12, 0, 0, TimeSpan.Zero));

    public static TheoryData<string> Transports => OperatingSystem.IsLinux() ? ["sockets", "auto"] : ["sockets"];

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task A_client_that_leaves_during_a_pause_is_forgotten_and_its_commands_are_not_run(string transport)
    {
        await using var host = await StartAsync(transport);
        using var other = await ServerFixture.ConnectAsync(host);
        using (var client = await ServerFixture.ConnectAsync(host))
        {
            Assert.Equal("PONG", await client.AskAsync("PING"));
            Assert.Equal("OK", await other.AskAsync("CLIENT PAUSE 1000000 WRITE"));
            await client.SendAsync("SET x 1");
        }
        await UntilOneIsLeft(host);
        Assert.Equal("OK", await other.AskAsync("CLIENT UNPAUSE"));
        Assert.Null(await other.AskAsync("GET x"));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task A_client_that_leaves_before_its_commit_is_safe_is_forgotten(string transport)
    {
        var log = new DelayedLog();
        await using var host = await StartAsync(transport, log);
        using var other = await ServerFixture.ConnectAsync(host);
        using (var client = await ServerFixture.ConnectAsync(host))
        {
            await client.SendAsync("SET x 1");
            await log.WaitedFor.Task.WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken);
        }
        Assert.Equal("PONG", await other.AskAsync("PING"));
        await UntilOneIsLeft(host);
        // What is told to a session that has ended does no harm.
        log.MakeSafe();
        Assert.Equal("1", await other.AskAsync("GET x"));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task A_client_that_leaves_while_its_command_waits_for_a_shard_is_cut_off_and_the_command_runs(string transport)
    {
        await using var host = await StartAsync(transport);
        using var other = await ServerFixture.ConnectAsync(host);
        using var holder = new ShardHolder(host.State.Store, "x"u8.ToArray());
        var holding = Task.Factory.StartNew(holder.Hold, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await holder.Held.Task.WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken);
        object? id;
        using (var client = await ServerFixture.ConnectAsync(host))
        {
            id = await client.AskAsync("CLIENT ID");
            await client.SendAsync("INCR x");
        }
        var session = host.State.Sessions.Unordered().Single(session => session.Id.Equals(id));
        await Eventually(() =>
        {
            _clock.Advance(TimeSpan.FromMilliseconds(100));
            return Task.FromResult(session.Connection.Closed.IsCancellationRequested);
        });
        holder.Release();
        await holding;
        await UntilOneIsLeft(host);
        Assert.Equal("1", await other.AskAsync("GET x"));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task A_client_that_only_shut_down_its_side_gets_its_reply_when_the_commit_is_safe(string transport)
    {
        var log = new DelayedLog();
        await using var host = await StartAsync(transport, log);
        using var socket = new System.Net.Sockets.TcpClient();
        await socket.ConnectAsync((System.Net.IPEndPoint)host.EndPoints[0], TestContext.Current.CancellationToken);
        using var client = new RespClient(socket.GetStream());
        await client.SendAsync("SET x 1");
        socket.Client.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        await log.WaitedFor.Task.WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken);
        _clock.Advance(TimeSpan.FromMilliseconds(300));
        log.MakeSafe();
        Assert.Equal("OK", await client.ReadAsync());
        Assert.True(await client.IsClosedAsync());
    }

    // The clock goes on, so that housekeeping looks.
    private Task UntilOneIsLeft(ServerHost host) => Eventually(() =>
    {
        _clock.Advance(TimeSpan.FromMilliseconds(100));
        return Task.FromResult(host.State.Sessions.Count == 1);
    });

    private static async Task Eventually(Func<Task<bool>> condition)
    {
        var limit = DateTime.UtcNow + ServerFixture.Patience;
        while (!await condition())
        {
            Assert.True(DateTime.UtcNow < limit, "it does not happen");
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }

    private async Task<ServerHost> StartAsync(string transport, ICommitLog? log = null)
    {
        var settings = new Settings();
        Assert.True(settings.TrySetAtStart("http-port", "0", out _));
        Assert.True(settings.TrySetAtStart("port", "0", out _) && settings.TrySetAtStart("transport", transport, out _));
        if (log is not null) Assert.True(settings.TrySetAtStart("appendfsync", "always", out _));
        var options = new StoreOptions { TimeProvider = _clock, CommitLog = log, EffectEncoder = log is null ? null : new NoEffects() };
        var host = new ServerHost(settings, _clock, NullLogger.Instance, options);
        await host.StartAsync();
        return host;
    }

    /// <summary>Holds the shard of a key from inside a transaction.</summary>
    private sealed class ShardHolder(Store store, byte[] key) : ITransactionBody, IDisposable
    {
        private readonly ManualResetEventSlim _released = new();

        public TaskCompletionSource Held { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Hold()
        {
            var transaction = new Transaction(store);
            var worker = store.Rent();
            transaction.Begin(0);
            transaction.Declare(store.RouteOf(key), KeyAccess.Write);
            Assert.True(transaction.TryRun(worker, this));
            store.Return(worker);
        }

        public void Release() => _released.Set();

        public void Run(Transaction transaction)
        {
            Held.SetResult();
            _released.Wait();
        }

        public void Completed(Transaction transaction, Exception? error)
        {
        }

        public void Dispose() => _released.Dispose();
    }
}
