using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Memstore.Server.Transports;
using Memstore.Server.Transports.Uring;
using Xunit;

namespace Memstore.Server.Tests.Transports;

/// <summary>Everything that one transport must do; each transport has a class of its own below.</summary>
[Collection(nameof(TransportCollection))]
public abstract partial class TransportTests(TransportSetup setup)
{
    private Task<TransportHost> Start(Func<Connection, Task> handler, TransportOptions? options = null, EndPoint? endPoint = null)
    {
        SkipWhereUnsupported();
        return TransportHost.StartAsync(setup, handler, options, endPoint);
    }

    private void SkipWhereUnsupported()
    {
        if (setup.Name == "uring")
            Assert.SkipUnless(UringTransport.IsSupported(out var reason), reason);
    }

    /// <summary>Waits for a condition that must become true; the limit only ends a test that has failed.</summary>
    private static async Task Eventually(Func<bool> condition, string what)
    {
        var limit = DateTime.UtcNow + ServerFixture.Patience;
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < limit, what);
            await Task.Delay(5);
        }
    }

    // xUnit would compare megabytes element by element and print them.
    private static void AssertSame(byte[] expected, byte[] actual) => Assert.True(expected.AsSpan().SequenceEqual(actual), "the bytes differ");

    /// <summary>Runs a step on the connection's owner and comes back when it has run.</summary>
    private static Task OnOwner(Connection connection, Action step)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        connection.Post(
            _ =>
            {
                step();
                done.SetResult();
            },
            null);
        return done.Task;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4_095)]
    [InlineData(4_096)]
    [InlineData(16_385)]
    [InlineData(65_537)]
    [InlineData(1_000_003)]
    [InlineData(16 * 1024 * 1024)]
    public async Task Echoes_a_payload(int sizeBytes)
    {
        await using var host = await Start(TransportHost.EchoAsync);
        using var client = await host.ConnectAsync();
        var data = Pattern.Make(sizeBytes);
        AssertSame(data, await client.ExchangeAsync(data));
        // And once more, over buffers that have been used.
        AssertSame(data, await client.ExchangeAsync(data));
    }

    [Fact]
    public async Task Echoes_thousands_of_small_messages_one_by_one_and_pipelined()
    {
        await using var host = await Start(TransportHost.EchoAsync);
        using var client = await host.ConnectAsync();
        for (var i = 0; i < 3_000; i++)
        {
            var message = Pattern.Make(1 + (i % 50), stream: i);
            Assert.Equal(message, await client.ExchangeAsync(message));
        }
        var pipelined = Pattern.Make(20_000 * 37);
        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < 20_000; i++)
                await client.SendAsync(pipelined.AsMemory(i * 37, 37));
        }, CancellationToken.None);
        var received = new byte[pipelined.Length];
        Assert.Equal(received.Length, await client.ReceiveAllAsync(received));
        await sending;
        Assert.True(pipelined.AsSpan().SequenceEqual(received));
    }

    [Fact]
    public async Task Serves_five_hundred_connections_at_once() // Bad input 52, as far as a test machine has descriptors.
    {
        await using var host = await Start(TransportHost.EchoAsync);
        var clients = await Task.WhenAll(Enumerable.Range(0, 500).Select(_ => host.ConnectAsync()));
        for (var round = 0; round < 5; round++)
        {
            await Task.WhenAll(clients.Select(async (client, i) =>
            {
                var message = Pattern.Make(1 + (i * 7), stream: i);
                Assert.Equal(message, await client.ExchangeAsync(message));
            }));
        }
        Assert.Equal(500, host.RunningHandlers);
        foreach (var client in clients)
            client.Dispose();
        await Eventually(() => host.RunningHandlers == 0, "every handler ends after its client left");
    }

    [Fact]
    public async Task Serves_on_when_more_sessions_hold_input_than_there_are_receive_buffers()
    {
        const int Holders = 300;
        var holding = 0;
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await Start(async connection =>
        {
            var read = await connection.Input.ReadAsync();
            if (read.Buffer.FirstSpan[0] == (byte)'h')
            {
                // Keep what was read, as a session does whose command waits; nobody else's bytes may come into it.
                Interlocked.Increment(ref holding);
                var resumed = new TaskCompletionSource();
                _ = release.Task.ContinueWith(_ => connection.Post(_ => resumed.SetResult(), null), TaskScheduler.Default);
                await resumed.Task;
            }
            foreach (var segment in read.Buffer)
                connection.Output.Write(segment.Span);
            connection.Input.AdvanceTo(read.Buffer.End);
            await connection.Output.FlushAsync();
            await TransportHost.EchoAsync(connection);
        });
        var messages = Enumerable.Range(0, Holders).Select(i => Pattern.Make(100 + i, stream: i)).ToList();
        var holders = await Task.WhenAll(messages.Select(async message =>
        {
            message[0] = (byte)'h';
            var client = await host.ConnectAsync();
            await client.SendAsync(message);
            return client;
        }));
        await Eventually(() => Volatile.Read(ref holding) == Holders, "every session has its input");
        using (var other = await host.ConnectAsync())
        {
            var data = Pattern.Make(300_000, stream: 999);
            AssertSame(data, await other.ExchangeAsync(data));
        }
        release.SetResult();
        foreach (var (client, message) in holders.Zip(messages))
        {
            var received = new byte[message.Length];
            Assert.Equal(message.Length, await client.ReceiveAllAsync(received));
            AssertSame(message, received);
            client.Dispose();
        }
    }

    [Fact]
    public async Task Takes_input_that_comes_one_byte_per_packet() // Bad input 5.
    {
        await using var host = await Start(TransportHost.EchoAsync);
        using var client = await host.ConnectAsync();
        var data = Pattern.Make(500);
        var received = new byte[data.Length];
        for (var i = 0; i < data.Length; i++)
        {
            await client.SendAsync(data.AsMemory(i, 1));
            if (i % 3 == 0)
                Assert.Equal(1, await client.ReceiveAllAsync(received.AsMemory(i, 1)));
            else
                Assert.Equal(1, await client.ReceiveAsync(received.AsMemory(i, 1)));
        }
        Assert.Equal(data, received);
    }

    [Fact]
    public async Task A_client_that_shuts_down_its_side_still_gets_every_reply()
    {
        await using var host = await Start(TransportHost.EchoAsync);
        using var client = await host.ConnectAsync();
        var data = Pattern.Make(3_000_000);
        var sending = client.SendAsync(data).ContinueWith(_ => client.Socket.Shutdown(SocketShutdown.Send), TaskScheduler.Default);
        var received = new byte[data.Length + 1];
        Assert.Equal(data.Length, await client.ReceiveAllAsync(received));
        await sending;
        Assert.True(data.AsSpan().SequenceEqual(received.AsSpan(0, data.Length)));
    }

    [Fact]
    public async Task A_handler_that_ends_closes_the_connection_after_what_it_flushed()
    {
        await using var host = await Start(async connection =>
        {
            connection.Output.Write(Pattern.Make(8_000_000));
            _ = connection.Output.FlushAsync().AsTask();
            await Task.CompletedTask;
        });
        using var client = await host.ConnectAsync();
        var received = new byte[8_000_001];
        Assert.Equal(8_000_000, await client.ReceiveAllAsync(received));
        Assert.Equal(-1, Pattern.FirstWrong(received.AsSpan(0, 8_000_000), 0, 0));
    }

    [Fact]
    public async Task A_client_that_takes_nothing_after_the_end_of_its_session_is_given_up()
    {
        Connection? seen = null;
        await using var host = await Start(
            connection =>
            {
                seen = connection;
                connection.Output.Write(Pattern.Make(64 * 1024 * 1024));
                _ = connection.Output.FlushAsync().AsTask();
                return Task.CompletedTask;
            },
            new TransportOptions { DrainTimeout = TimeSpan.FromMilliseconds(50) });
        using var client = await host.ConnectAsync();
        await Eventually(() => seen?.Closed.IsCancellationRequested == true, "the connection closes");
    }

    [Fact]
    public async Task A_handler_that_throws_closes_only_its_own_connection()
    {
        await using var host = await Start(async connection =>
        {
            var read = await connection.Input.ReadAsync();
            if (read.Buffer.FirstSpan[0] == (byte)'x')
                throw new ExpectedException();
            connection.Input.AdvanceTo(read.Buffer.Start);
            await TransportHost.EchoAsync(connection);
        });
        using var good = await host.ConnectAsync();
        using var bad = await host.ConnectAsync();
        Assert.Equal([1], await good.ExchangeAsync([1]));
        Assert.Empty(await bad.ExchangeAsync([(byte)'x']));
        Assert.Equal([2], await good.ExchangeAsync([2]));
    }

    [Fact]
    public async Task Connections_have_ascending_ids_and_addresses()
    {
        var seen = new System.Collections.Concurrent.ConcurrentQueue<Connection>();
        await using var host = await Start(connection =>
        {
            seen.Enqueue(connection);
            return TransportHost.EchoAsync(connection);
        });
        for (var i = 0; i < 20; i++)
        {
            using var client = await host.ConnectAsync();
            Assert.Equal([7], await client.ExchangeAsync([7]));
            var connection = seen.Last();
            Assert.Equal(i + 1, connection.Id);
            Assert.Equal(client.Socket.LocalEndPoint, connection.RemoteEndPoint);
            Assert.Equal(host.EndPoint, connection.LocalEndPoint);
            Assert.True(connection.FileDescriptor > 2);
            Assert.False(connection.IsUnixSocket);
            await Eventually(() => connection.UnsentBytes == 0, "the kernel has taken everything");
        }
    }

    [Fact]
    public async Task Posted_work_runs_on_the_owner_in_order_from_many_threads()
    {
        const int Threads = 8;
        const int PostsEach = 20_000;
        var accepted = new TaskCompletionSource<Connection>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await Start(connection =>
        {
            accepted.TrySetResult(connection);
            return TransportHost.EchoAsync(connection);
        });
        using var client = await host.ConnectAsync();
        var connection = await accepted.Task;
        var next = new int[Threads];
        var inside = 0;
        var faults = 0;
        var ran = 0;
        // Traffic at the same time, so that posts race with the socket's own callbacks.
        var traffic = Task.Run(async () =>
        {
            for (var i = 0; i < 500; i++)
                Assert.Equal([5, 6], await client.ExchangeAsync([5, 6]));
        }, CancellationToken.None);
        await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Run(() =>
        {
            for (var i = 0; i < PostsEach; i++)
            {
                connection.Post(
                    state =>
                    {
                        var alone = Interlocked.Increment(ref inside) == 1;
                        if (!alone || !connection.IsOnOwnerThread || next[thread]++ != (int)state!)
                            Interlocked.Increment(ref faults);
                        Interlocked.Decrement(ref inside);
                        Interlocked.Increment(ref ran);
                    },
                    i);
            }
        }, CancellationToken.None)));
        await Eventually(() => Volatile.Read(ref ran) == Threads * PostsEach, "every posted callback runs");
        await traffic;
        Assert.Equal(0, faults);
        Assert.False(connection.IsOnOwnerThread);
    }

    [Fact]
    public async Task Work_posted_by_the_owner_to_itself_runs_later_and_lets_others_go_first()
    {
        var turns = 0;
        var stop = false;
        await using var host = await Start(async connection =>
        {
            var read = await connection.Input.ReadAsync();
            connection.Input.AdvanceTo(read.Buffer.Start);
            if (read.Buffer.FirstSpan[0] != (byte)'s')
            {
                await TransportHost.EchoAsync(connection);
                return;
            }
            void Spin(object? state)
            {
                Interlocked.Increment(ref turns);
                if (!Volatile.Read(ref stop))
                    connection.Post(Spin, state);
            }
            connection.Post(Spin, null);
            Assert.Equal(0, turns);
            await TransportHost.EchoAsync(connection);
        });
        using var spinning = await host.ConnectAsync();
        await spinning.SendAsync("s"u8.ToArray());
        await Eventually(() => Volatile.Read(ref turns) > 100, "the session goes on by itself");
        for (var i = 0; i < 20; i++)
        {
            using var other = await host.ConnectAsync();
            Assert.Equal([1, 2, 3], await other.ExchangeAsync([1, 2, 3]));
        }
        Volatile.Write(ref stop, true);
    }

    [Fact]
    public async Task Posting_works_after_the_connection_has_closed()
    {
        Connection? seen = null;
        await using var host = await Start(connection =>
        {
            seen = connection;
            return TransportHost.EchoAsync(connection);
        });
        using (var client = await host.ConnectAsync())
            Assert.Equal([1], await client.ExchangeAsync([1]));
        await Eventually(() => seen!.Closed.IsCancellationRequested, "the connection closes");
        var onOwner = false;
        await OnOwner(seen!, () => onOwner = seen!.IsOnOwnerThread);
        Assert.True(onOwner);
        seen!.Abort("again");
        Assert.Equal(0, seen.UnsentBytes);
    }
}

/// <summary>Descriptors and their limit belong to the whole process, so these tests run alone.</summary>
[CollectionDefinition(nameof(TransportCollection), DisableParallelization = true)]
public sealed class TransportCollection;

public sealed class SocketTransportTests() : TransportTests(new TransportSetup("sockets", 0));

public sealed class UringWithOneRingTests() : TransportTests(new TransportSetup("uring", 1));

public sealed class UringWithTwoRingsTests() : TransportTests(new TransportSetup("uring", 2));

/// <summary>More rings than the machine has processors, so that their threads are preempted everywhere.</summary>
public sealed class UringWithEightRingsTests() : TransportTests(new TransportSetup("uring", 8));

/// <summary>A kernel that has nothing of <see cref="UringFeatures"/>: every way round a missing feature is taken.</summary>
public sealed class UringOnAnOldKernelTests() : TransportTests(new TransportSetup("uring", 2, IsPlain: true));
