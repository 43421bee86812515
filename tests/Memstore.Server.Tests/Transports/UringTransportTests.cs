using System.Net;
using Memstore.Server.Transports;
using Memstore.Server.Transports.Sockets;
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
        const int Requests = 10_000;
        const int Measured = 1_000;
        var requests = 0;
        long before = 0;

        // The first windows warm up, and now and then the runtime takes memory in the name of the thread that it has interrupted.
        var least = long.MaxValue;
        await using var host = await TransportHost.StartAsync(OneRing, async connection =>
        {
            while (true)
            {
                var read = await connection.Input.ReadAsync();
                if (++requests % Measured == 0)
                {
                    var now = GC.GetAllocatedBytesForCurrentThread();
                    if (requests > Measured) least = Math.Min(least, now - before);
                    before = now;
                }
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
        for (var i = 0; i < Requests; i++)
            Assert.Equal(message, await client.ExchangeAsync(message));
        Assert.Equal(0, least);
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
    public async Task Auto_falls_back_to_sockets_and_says_once_why()
    {
        var log = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await using var transport = TransportFactory.Create("auto", new TransportOptions(), new LineLogger(log), () => "it is forbidden here");
        Assert.Equal("sockets", transport.Name);
        Assert.Contains("it is forbidden here", Assert.Single(log), StringComparison.Ordinal);
        await transport.StartAsync([new IPEndPoint(IPAddress.Loopback, 0)], TransportHost.EchoAsync, CancellationToken.None);
        using var client = await TestClient.ConnectAsync(transport.BoundEndPoints[0]);
        Assert.Equal([1, 2], await client.ExchangeAsync([1, 2]));
    }

    [Fact]
    public async Task Auto_falls_back_to_sockets_where_the_probe_gets_its_ring_and_the_transport_does_not()
    {
        var log = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await using var transport = new AutoTransport(new NoRings(), () => new SocketTransport(new TransportOptions(), NullLogger.Instance), new LineLogger(log));
        await transport.StartAsync([new IPEndPoint(IPAddress.Loopback, 0)], TransportHost.EchoAsync, CancellationToken.None);
        Assert.Equal("sockets", transport.Name);
        Assert.Contains("there is no memory", Assert.Single(log), StringComparison.Ordinal);
        using var client = await TestClient.ConnectAsync(transport.BoundEndPoints[0]);
        Assert.Equal([1, 2], await client.ExchangeAsync([1, 2]));
    }

    [Fact]
    public void Uring_where_it_cannot_be_used_is_refused_with_the_reason()
    {
        var error = Assert.Throws<TransportException>(() =>
            TransportFactory.Create("uring", new TransportOptions(), NullLogger.Instance, () => "it is forbidden here"));
        Assert.Contains("it is forbidden here; use auto or sockets", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(13)]
    [InlineData(22)]
    [InlineData(38)]
    public void Every_error_of_the_set_up_has_a_text_for_the_operator(int error) => Assert.NotEmpty(UringProbe.Explain(error));

    [Theory]
    [InlineData((int)UringFeatures.RegisteredRing)]
    [InlineData((int)UringFeatures.RegisteredFiles)]
    [InlineData((int)(UringFeatures.DeferredWork | UringFeatures.QuietSends))]
    [InlineData((int)UringFeatures.QuietSends)]
    [InlineData((int)UringFeatures.MultishotAccept)]
    public async Task Each_feature_alone_serves_as_well(int features)
    {
        Assert.SkipUnless(UringTransport.IsSupported(out var reason), reason);
        await using var transport = new UringTransport(new TransportOptions(), NullLogger.Instance, (UringFeatures)features);
        await transport.StartAsync([new IPEndPoint(IPAddress.Loopback, 0)], TransportHost.EchoAsync, CancellationToken.None);
        for (var i = 0; i < 3; i++)
        {
            using var client = await TestClient.ConnectAsync(transport.BoundEndPoints[0]);
            var data = Pattern.Make(1_000_000, stream: i);
            var echoed = await client.ExchangeAsync(data);
            Assert.True(data.AsSpan().SequenceEqual(echoed), "the bytes differ");
        }
    }

    [Fact]
    public void An_unknown_name_is_refused_with_the_names_that_there_are()
    {
        var error = Assert.Throws<TransportException>(() => TransportFactory.Create("quic", new TransportOptions(), NullLogger.Instance));
        Assert.Contains("auto, uring, sockets", error.Message, StringComparison.Ordinal);
    }

    private sealed class NoRings : ITransport
    {
        public string Name => "uring";

        public IReadOnlyList<EndPoint> BoundEndPoints => [];

        public ValueTask StartAsync(IReadOnlyList<EndPoint> endpoints, Func<Connection, Task> handler, CancellationToken cancellationToken) =>
            throw new RingException("there is no memory");

        public ValueTask StopAcceptingAsync() => default;

        public ValueTask DisposeAsync() => default;
    }
}
