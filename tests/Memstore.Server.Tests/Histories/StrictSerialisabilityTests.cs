using System.Net;
using Memstore.Engine;
using Memstore.Histories.Driving;
using Memstore.Histories.Recording;
using Memstore.Histories.Resp;
using Xunit;

namespace Memstore.Server.Tests.Histories;

/// <summary>Histories of many connections over TCP, checked for strict serialisability (docs/histories.md).</summary>
public sealed class StrictSerialisabilityTests(ITestOutputHelper output)
{
    private const int SlotCount = 16_384;

    [Theory]
    [InlineData(1, "sockets", 4, 8)]
    [InlineData(2, "auto", 4, 8)]
    [InlineData(3, "auto", 1, 12)]
    [InlineData(4, "auto", 64, 12)]
    public async Task Histories_are_strictly_serialisable_while_slots_move(int seed, string transport, int shards, int clients)
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ServerFixture.LongTransactions, ("transport", transport), ("shards", $"{shards}"));
        await host.StartAsync();
        var workload = new Workload { Seed = seed, Clients = clients, Transactions = 40_000 };
        await RunAsync(host, workload, cancellation => MoveSlotsAsync(host.State.Store, seed, cancellation));
    }

    [Fact]
    public async Task A_few_hot_keys_are_strictly_serialisable()
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ServerFixture.LongTransactions, ("shards", "3"));
        await host.StartAsync();
        var workload = new Workload { Seed = 5, Clients = 16, Transactions = 40_000, KeysPerKind = 3, Skew = 1 };
        await RunAsync(host, workload, cancellation => MoveSlotsAsync(host.State.Store, 5, cancellation));
    }

    // EXECs of a few commands usually run inside their shards; here they run as long ones do.
    [Theory]
    [InlineData(7, 0)]
    [InlineData(8, 2)]
    public async Task Histories_are_strictly_serialisable_if_transactions_run_on_snapshots_first(int seed, int keysPerWrite)
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ServerFixture.LongTransactions);
        (host.State.Store.Options.SnapshotKeysMin, host.State.Store.Options.SnapshotKeysPerWrite) = (1, keysPerWrite);
        await host.StartAsync();
        var workload = new Workload { Seed = seed, Clients = 12, Transactions = 40_000, KeysPerKind = 3, Skew = 1 };
        await RunAsync(host, workload, cancellation => MoveSlotsAsync(host.State.Store, seed, cancellation));
        Assert.True(host.State.Store.Statistics().Conflicts > 0, "some should have been overtaken and run again inside their shards");
    }

    [Fact]
    public async Task Histories_are_strictly_serialisable_to_clients_whose_connections_break()
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ServerFixture.LongTransactions);
        await host.StartAsync();
        var report = await RunAsync(host, new Workload { Seed = 6, Clients = 12, Transactions = 40_000 }, cancellation => KillClientsAsync(host.EndPoints[0], cancellation));
        Assert.True(report.Count(Outcome.Unknown) > 0, "some connections should have been cut");
    }

    [Fact]
    public async Task Histories_of_REST_and_RESP_together_are_strictly_serialisable()
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ServerFixture.LongTransactions);
        await host.StartAsync();
        await host.StartHttpAsync(port: 0);
        using var http = new HttpClient { BaseAddress = new Uri($"http://{host.HttpEndPoints[0]}") };
        var report = await HistoryRun.RunAsync(
            new Workload { Seed = 9, Clients = 12, Transactions = 15_000, KeysPerKind = 4, Skew = 1 },
            (client, keys) => client % 2 == 0 ? RespHistoryClient.ConnectAsync(host.EndPoints[0], keys) : new ValueTask<IHistoryClient>(new HttpHistoryClient(http, keys)),
            new RunOptions { Disturbance = cancellation => MoveSlotsAsync(host.State.Store, 9, cancellation) });
        output.WriteLine(report.ToString());
        Assert.True(report.Valid, report.ToString());
        Assert.Equal(0, report.Count(Outcome.Unknown));
    }

    private async Task<RunReport> RunAsync(ServerHost host, Workload workload, Func<CancellationToken, Task> disturbance)
    {
        var report = await HistoryRun.RunAsync(
            workload, (_, keys) => RespHistoryClient.ConnectAsync(host.EndPoints[0], keys), new RunOptions { Disturbance = disturbance });
        output.WriteLine(report.ToString());
        Assert.True(report.Valid, report.ToString());
        return report;
    }

    /// <summary>Slots go from shard to shard until the run ends.</summary>
    private static async Task MoveSlotsAsync(Store store, int seed, CancellationToken cancellation)
    {
        var random = new Random(seed);
        while (!cancellation.IsCancellationRequested)
        {
            for (var i = 0; i < 200; i++)
            {
                var worker = store.Rent();
                store.TryMoveSlot(worker, random.Next(SlotCount), random.Next(store.ShardCount));
                store.Return(worker);
            }

            // Leaves the processors to the clients, who meet moved slots all the same.
            await Task.Delay(1, CancellationToken.None);
        }
    }

    /// <summary>Closes all other connections again and again; each time some requests lose their answers.</summary>
    private static async Task KillClientsAsync(EndPoint endPoint, CancellationToken cancellation)
    {
        await using var connection = await RespConnection.ConnectAsync(endPoint, CancellationToken.None);
        while (!cancellation.IsCancellationRequested)
        {
            for (var i = 0; i < 200; i++)
            {
                connection.Command(i == 0 ? ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"] : ["PING"]);
                await connection.FlushAsync(CancellationToken.None);
                await connection.ReadAsync(CancellationToken.None);
            }
        }
    }
}
