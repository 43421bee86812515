using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Memstore.Server.Transports;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Memstore.Server.Tests.Transports;

// Binding, accepting, descriptors, stopping.
public abstract partial class TransportTests
{
    [Fact]
    public async Task A_port_in_use_is_one_line_that_says_what_to_do()
    {
        await using var first = await Start(TransportHost.EchoAsync);
        await using var second = setup.Create(new TransportOptions(), NullLogger.Instance);
        var error = await Assert.ThrowsAsync<TransportException>(async () =>
            await second.StartAsync([new IPEndPoint(IPAddress.Loopback, 0), first.EndPoint], TransportHost.EchoAsync, CancellationToken.None));
        Assert.Contains("in use", error.Message, StringComparison.Ordinal);
        Assert.Contains(first.EndPoint.ToString()!, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        using var client = await first.ConnectAsync();
        Assert.Equal([1], await client.ExchangeAsync([1]));
    }

    [Fact]
    public async Task An_address_of_another_machine_is_refused_with_a_reason()
    {
        var error = await Assert.ThrowsAsync<TransportException>(() =>
            Start(TransportHost.EchoAsync, endPoint: new IPEndPoint(IPAddress.Parse("192.0.2.1"), 0)));
        Assert.Contains("no such address", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unix_sockets_work_and_have_the_permissions_asked_for()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "File modes are of Unix.");
        var path = Path.Combine(Path.GetTempPath(), $"memstore-{Guid.NewGuid():N}.sock");
        const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Connection? seen = null;
        await using (var host = await Start(
            connection =>
            {
                seen = connection;
                return TransportHost.EchoAsync(connection);
            },
            new TransportOptions { UnixSocketMode = Mode },
            new UnixDomainSocketEndPoint(path)))
        {
            if (!OperatingSystem.IsWindows())
                Assert.Equal(Mode, File.GetUnixFileMode(path));
            using var client = await host.ConnectAsync();
            var data = Pattern.Make(2_000_000);
            AssertSame(data, await client.ExchangeAsync(data));
            Assert.True(seen!.IsUnixSocket);
            Assert.Null(seen.RemoteEndPoint);
            await Assert.ThrowsAsync<TransportException>(() => Start(TransportHost.EchoAsync, endPoint: host.EndPoint));
        }
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task A_unix_socket_left_by_a_dead_process_is_replaced_and_an_ordinary_file_is_not()
    {
        var path = Path.Combine(Path.GetTempPath(), $"memstore-{Guid.NewGuid():N}.sock");
        LeaveSocketFile(path);
        await using (var host = await Start(TransportHost.EchoAsync, endPoint: new UnixDomainSocketEndPoint(path)))
        {
            using var client = await host.ConnectAsync();
            Assert.Equal([1], await client.ExchangeAsync([1]));
        }
        await File.WriteAllTextAsync(path, "precious", CancellationToken.None);
        await Assert.ThrowsAsync<TransportException>(() => Start(TransportHost.EchoAsync, endPoint: new UnixDomainSocketEndPoint(path)));
        Assert.Equal("precious", await File.ReadAllTextAsync(path, CancellationToken.None));
        File.Delete(path);
    }

    [Fact]
    public async Task Listens_on_several_addresses()
    {
        SkipWhereUnsupported();
        var path = Path.Combine(Path.GetTempPath(), $"memstore-{Guid.NewGuid():N}.sock");
        EndPoint[] asked = [new IPEndPoint(IPAddress.Loopback, 0), new IPEndPoint(IPAddress.Loopback, 0), new UnixDomainSocketEndPoint(path)];
        await using var host = await TransportHost.StartAsync(setup, TransportHost.EchoAsync, null, asked);
        var transport = host.Transport;
        Assert.Equal(3, transport.BoundEndPoints.Distinct().Count());
        foreach (var endPoint in transport.BoundEndPoints)
        {
            using var client = await TestClient.ConnectAsync(endPoint);
            Assert.Equal([9], await client.ExchangeAsync([9]));
        }
    }

    [Fact]
    public async Task After_stopping_to_accept_open_connections_live_on()
    {
        await using var host = await Start(TransportHost.EchoAsync);
        using var client = await host.ConnectAsync();
        Assert.Equal([1], await client.ExchangeAsync([1]));
        await host.Transport.StopAcceptingAsync();
        await Assert.ThrowsAsync<SocketException>(() => host.ConnectAsync());
        Assert.Equal([2], await client.ExchangeAsync([2]));
        await host.Transport.StopAcceptingAsync();
    }

    [Fact]
    public async Task Stopping_the_server_ends_open_connections_and_their_handlers()
    {
        var host = await Start(TransportHost.EchoAsync);
        var clients = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => host.ConnectAsync()));
        foreach (var client in clients)
            Assert.Equal([1], await client.ExchangeAsync([1]));
        await host.DisposeAsync();
        Assert.Equal(0, host.RunningHandlers);
        foreach (var client in clients)
        {
            Assert.Equal(0, await client.ReceiveAsync(new byte[1]));
            client.Dispose();
        }
    }

    [Theory]
    [InlineData(120, 120, 40)]
    [InlineData(int.MaxValue, 32_767, 10_922)]
    public async Task Connections_have_the_socket_options_asked_for(int keepAliveSeconds, int idle, int interval)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Option numbers of Linux.");
        Connection? seen = null;
        await using var host = await Start(
            connection =>
            {
                Volatile.Write(ref seen, connection);
                return TransportHost.EchoAsync(connection);
            },
            new TransportOptions { KeepAliveSeconds = keepAliveSeconds, NoDelay = true });
        using var client = await host.ConnectAsync();
        Assert.Equal([1], await client.ExchangeAsync([1]));
        var descriptor = seen!.FileDescriptor;
        Assert.Equal(1, Option(descriptor, level: 6, name: 1)); // TCP_NODELAY
        Assert.Equal(1, Option(descriptor, level: 1, name: 9)); // SO_KEEPALIVE
        Assert.Equal(idle, Option(descriptor, level: 6, name: 4)); // TCP_KEEPIDLE
        Assert.Equal(interval, Option(descriptor, level: 6, name: 5)); // TCP_KEEPINTVL
    }

    private static int Option(int descriptor, int level, int name)
    {
        var size = sizeof(int);
        Assert.Equal(0, getsockopt(descriptor, level, name, out var value, ref size));
        return value;
    }

    [Fact]
    public async Task Churn_leaks_no_descriptors()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Counts /proc/self/fd.");
        await using var host = await Start(TransportHost.EchoAsync);
        using (var first = await host.ConnectAsync())
            Assert.Equal([1], await first.ExchangeAsync([1]));
        await Eventually(() => host.RunningHandlers == 0, "the first handler ends");
        var before = OpenDescriptors();
        await Task.WhenAll(Enumerable.Range(0, 10).Select(async lane =>
        {
            for (var i = 0; i < 500; i++)
            {
                using var client = await host.ConnectAsync();
                // Some say something, some leave at once, some reset.
                if (i % 3 == 0)
                    Assert.Equal([1], await client.ExchangeAsync([1]));
                else if (i % 3 == 1)
                    client.Socket.LingerState = new LingerOption(true, 0);
            }
        }));
        await Eventually(() => host.RunningHandlers == 0, "every handler ends");
        await Eventually(() => OpenDescriptors() <= before + 2, "the descriptors are closed");
    }

    [Fact]
    public async Task Goes_on_accepting_after_it_ran_out_of_descriptors() // Bad inputs 10 and 53.
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Lowers RLIMIT_NOFILE.");
        await using var host = await Start(TransportHost.EchoAsync);
        using (var first = await host.ConnectAsync())
            Assert.Equal([1], await first.ExchangeAsync([1]));
        Assert.Equal(0, getrlimit(NoFile, out var limit));
        var sockets = Enumerable.Range(0, 5).Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)).ToList();
        var hoard = new List<SafeFileHandle>();
        try
        {
            var lowered = limit with { Current = (ulong)OpenDescriptors() + 40 };
            Assert.Equal(0, setrlimit(NoFile, in lowered));
            HoardDescriptors(hoard);
            foreach (var socket in sockets)
                await socket.ConnectAsync(host.EndPoint, CancellationToken.None);
            // The kernel completes the handshakes; the server cannot accept them yet.
            await Task.Delay(50, CancellationToken.None);
        }
        finally
        {
            foreach (var handle in hoard)
                handle.Dispose();
            Assert.Equal(0, setrlimit(NoFile, in limit));
        }
        foreach (var socket in sockets)
        {
            using var client = new TestClient(socket);
            Assert.Equal([3], await client.ExchangeAsync([3]));
        }
    }

    private static int OpenDescriptors() => Directory.GetFiles("/proc/self/fd").Length;

    private static void HoardDescriptors(List<SafeFileHandle> hoard)
    {
        try
        {
            while (true)
                hoard.Add(File.OpenHandle("/dev/null"));
        }
        catch (IOException)
        {
            // Now there are none left.
        }
    }

    // Binds and goes away without removing the file, as a killed process does.
    private static void LeaveSocketFile(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        var kept = path + ".kept";
        File.Move(path, kept);
        socket.Dispose();
        File.Move(kept, path);
    }

    private const int NoFile = 7;

    private record struct ResourceLimit(ulong Current, ulong Largest);

    [DllImport("libc")]
    private static extern int getsockopt(int descriptor, int level, int name, out int value, ref int size);

    [DllImport("libc")]
    private static extern int getrlimit(int resource, out ResourceLimit limit);

    [DllImport("libc")]
    private static extern int setrlimit(int resource, in ResourceLimit limit);
}
