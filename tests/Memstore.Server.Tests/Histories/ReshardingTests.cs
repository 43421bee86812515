using System.Globalization;
using Memstore.Histories.Driving;
using Memstore.Histories.Recording;
using Memstore.Histories.Resp;
using Xunit;

namespace Memstore.Server.Tests.Histories;

/// <summary>What clients see while SHARDS SET changes the number of shards hundreds of times: nothing.</summary>
public sealed class ReshardingTests(ITestOutputHelper output)
{
    private const int ChangesMin = 200;
    private static readonly int[] Counts = [4, 16, 3, 64];

    [Theory]
    [InlineData("sockets")]
    [InlineData("auto")]
    public async Task Histories_are_strictly_serialisable_while_the_number_of_shards_changes(string transport)
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ServerFixture.LongTransactions, ("transport", transport));
        await host.StartAsync();
        var changes = 0;
        for (var seed = 1; changes < ChangesMin; seed++)
        {
            var report = await HistoryRun.RunAsync(
                new Workload { Seed = seed, Clients = 8, Transactions = 20_000 },
                (_, keys) => RespHistoryClient.ConnectAsync(host.EndPoints[0], keys),
                new RunOptions { Disturbance = async cancellation => changes += await ReshardAsync(host, int.MaxValue, cancellation) });
            Assert.True(report.Valid, report.ToString());
            Assert.Equal(0, report.Count(Outcome.Unknown));
        }
        output.WriteLine($"{changes} changes");
    }

    [Fact]
    public async Task No_key_is_lost_or_doubled_and_open_snapshots_read_the_same()
    {
        const int Keys = 5_000;
        await using var host = ServerFixture.Make(TimeProvider.System, ServerFixture.LongTransactions);
        await host.StartAsync();
        using (var client = await ServerFixture.ConnectAsync(host))
        {
            for (var i = 0; i < Keys; i++) await client.AskAsync(i % 2 == 0 ? $"SET key:{i} {i}" : $"SET key:{i} {i} PX 100000000");
            await client.AskAsync("MSET account:a 1000 account:b 1000 account:c 1000");
        }

        using var end = new CancellationTokenSource();
        Task[] clients =
        [
            CountAsync(host, end.Token),
            TransferAsync(host, 1, end.Token),
            TransferAsync(host, 2, end.Token),
            ScanAsync(host, Keys, end.Token),
            ReadSnapshotsAsync(host, end.Token),
        ];
        var resharding = ReshardAsync(host, ChangesMin, CancellationToken.None);
        await Task.WhenAny([resharding, .. clients]);
        await resharding;
        await end.CancelAsync();
        await Task.WhenAll(clients);

        using var last = await ServerFixture.ConnectAsync(host);
        for (var i = 0; i < Keys; i++) Assert.Equal($"{i}", await last.AskAsync($"GET key:{i}"));
        Assert.Equal(Keys + 4L, await last.AskAsync("DBSIZE"));
        Assert.Equal(3000, await SumAsync(last));
    }

    /// <summary>Goes 4, 16, 3, 64, 4 and so on until there were enough changes or the run ends; says how many there were.</summary>
    private static async Task<int> ReshardAsync(ServerHost host, int changesMax, CancellationToken cancellation)
    {
        using var client = await ServerFixture.ConnectAsync(host);
        var changes = 0;
        for (; changes < changesMax && !cancellation.IsCancellationRequested; changes++)
            Assert.Equal("OK", $"{await client.AskAsync($"SHARDS SET {Counts[changes % Counts.Length]}")}");
        return changes;
    }

    // Each answer is one more than the last: no increment is lost or done twice.
    private static async Task CountAsync(ServerHost host, CancellationToken end)
    {
        using var client = await ServerFixture.ConnectAsync(host);
        for (var i = 1L; !end.IsCancellationRequested; i++) Assert.Equal(i, await client.AskAsync("INCR counter"));
    }

    private static async Task TransferAsync(ServerHost host, int seed, CancellationToken end)
    {
        using var client = await ServerFixture.ConnectAsync(host);
        var random = new Random(seed);
        while (!end.IsCancellationRequested)
        {
            var amount = random.Next(1, 10);
            await client.AskAsync("MULTI");
            await client.AskAsync($"DECRBY account:{"abc"[random.Next(3)]} {amount}");
            await client.AskAsync($"INCRBY account:{"abc"[random.Next(3)]} {amount}");
            Assert.IsType<object?[]>(await client.AskAsync("EXEC"));
        }
    }

    // What is there from the first call of SCAN to the last is found.
    private static async Task ScanAsync(ServerHost host, int keys, CancellationToken end)
    {
        using var client = await ServerFixture.ConnectAsync(host);
        while (!end.IsCancellationRequested)
        {
            var found = new HashSet<string>();
            var cursor = "0";
            do
            {
                var page = Assert.IsType<object?[]>(await client.AskAsync($"SCAN {cursor} MATCH key:* COUNT 100"));
                cursor = $"{page[0]}";
                foreach (var key in Assert.IsType<object?[]>(page[1])) found.Add($"{key}");
            }
            while (cursor != "0");
            Assert.Equal(keys, found.Count);
        }
    }

    private static async Task ReadSnapshotsAsync(ServerHost host, CancellationToken end)
    {
        using var client = await ServerFixture.ConnectAsync(host);
        while (!end.IsCancellationRequested)
        {
            await client.AskAsync("BEGIN READONLY");
            var first = await client.AskAsync("MGET account:a account:b account:c counter");
            for (var i = 0; i < 50; i++)
            {
                var again = await client.AskAsync("MGET account:a account:b account:c counter");
                Assert.Equal((object?[])first!, (object?[])again!);
            }
            Assert.Equal(3000, ((object?[])first!).Take(3).Sum(value => int.Parse($"{value}", CultureInfo.InvariantCulture)));
            await client.AskAsync("COMMIT");
        }
    }

    private static async Task<int> SumAsync(RespClient client) =>
        ((object?[])(await client.AskAsync("MGET account:a account:b account:c"))!).Sum(value => int.Parse($"{value}", CultureInfo.InvariantCulture));
}
