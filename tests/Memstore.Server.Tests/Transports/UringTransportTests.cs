using Memstore.Server.Transports;
using Memstore.Server.Transports.Uring;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Memstore.Server.Tests.Transports;

/// <summary>What only the io_uring transport promises, and the choice between the transports.</summary>
[Collection(nameof(TransportCollection))]
public sealed class UringTransportTests
{
    private static readonly TransportSetup OneRing = new("uring", 1);

    [Fact]
    public async Task Reading_and_flushing_allocate_nothing()
    {
        Assert.SkipUnless(UringTransport.IsSupported(out var reason), reason);
        const int WarmUp = 2_000;
        const int Measured = 5_000;
        var requests = 0;
        long before = 0;
        long after = 0;
        await using var host = await TransportHost.StartAsync(OneRing, async connection =>
        {
            while (true)
            {
                var read = await connection.Input.ReadAsync();
                if (++requests == WarmUp)
                    before = GC.GetAllocatedBytesForCurrentThread();
                else if (requests == WarmUp + Measured)
                    after = GC.GetAllocatedBytesForCurrentThread();
                var bytes = read.Buffer.FirstSpan;
                bytes.CopyTo(connection.Output.GetSpan(bytes.Length));
                connection.Output.Advance(bytes.Length);
                connection.Input.AdvanceTo(read.Buffer.End);
                await connection.Output.FlushAsync();
                if (read.IsCompleted)
                    return;
            }
        });
        using var client = await host.ConnectAsync();
        var message = Pattern.Make(100);
        for (var i = 0; i < WarmUp + Measured; i++)
            Assert.Equal(message, await client.ExchangeAsync(message));
        Assert.Equal(0, after - before);
    }

    [Fact]
    public async Task A_request_that_comes_in_parts_is_one_segment()
    {
        Assert.SkipUnless(UringTransport.IsSupported(out var reason), reason);
        var segments = 0;
        await using var host = await TransportHost.StartAsync(OneRing, async connection =>
        {
            while (true)
            {
                var read = await connection.Input.ReadAsync();
                segments = Math.Max(segments, read.Buffer.IsSingleSegment ? 1 : 2);
                if (read.Buffer.Length < 1_000_000)
                {
                    connection.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                    continue;
                }
                connection.Input.AdvanceTo(read.Buffer.End);
                connection.Output.GetSpan(1)[0] = 1;
                connection.Output.Advance(1);
                await connection.Output.FlushAsync();
                return;
            }
        });
        using var client = await host.ConnectAsync();
        await client.SendAsync(Pattern.Make(1_000_000));
        Assert.Equal(1, await client.ReceiveAllAsync(new byte[1]));
        Assert.Equal(1, segments);
    }

    [Fact]
    public async Task Connections_are_spread_evenly_over_the_rings()
    {
        Assert.SkipUnless(UringTransport.IsSupported(out var reason), reason);
        var threads = new System.Collections.Concurrent.ConcurrentDictionary<int, int>();
        await using var host = await TransportHost.StartAsync(new TransportSetup("uring", 4), connection =>
        {
            threads.AddOrUpdate(Environment.CurrentManagedThreadId, 1, (_, count) => count + 1);
            return TransportHost.EchoAsync(connection);
        });
        var clients = new List<TestClient>();
        for (var i = 0; i < 40; i++)
        {
            clients.Add(await host.ConnectAsync());
            Assert.Equal([1], await clients[^1].ExchangeAsync([1]));
        }
        Assert.Equal([10, 10, 10, 10], threads.Values);
        foreach (var client in clients)
            client.Dispose();
    }

    [Fact]
    public void Auto_takes_uring_where_it_works()
    {
        var transport = TransportFactory.Create("auto", new TransportOptions(), NullLogger.Instance);
        Assert.Equal(UringTransport.IsSupported(out _) ? "uring" : "sockets", transport.Name);
    }

    [Fact]
    public void An_unknown_name_is_refused_with_the_names_that_there_are()
    {
        var error = Assert.Throws<TransportException>(() => TransportFactory.Create("quic", new TransportOptions(), NullLogger.Instance));
        Assert.Contains("auto, uring, sockets", error.Message, StringComparison.Ordinal);
    }
}
