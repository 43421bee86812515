using System.Buffers;
using System.Net.Sockets;
using Memstore.Server.Transports;
using Xunit;

namespace Memstore.Server.Tests.Transports;

// Backpressure both ways, cancellation, aborts, and what happens to buffers meanwhile.
public abstract partial class TransportTests
{
    [Fact]
    public async Task A_flush_is_pending_while_a_slow_reader_has_too_much_unsent() // Bad inputs 7 and 11.
    {
        const int ChunkBytes = 64 * 1024;
        var options = new TransportOptions { OutputPauseThreshold = 256 * 1024 };
        long worst = 0;
        var pendingFlushes = 0;
        const int TotalBytes = 32 * 1024 * 1024;
        await using var host = await Start(
            async connection =>
            {
                for (var position = 0; position < TotalBytes; position += ChunkBytes)
                {
                    Pattern.Fill(connection.Output.GetSpan(ChunkBytes)[..ChunkBytes], position, stream: 3);
                    connection.Output.Advance(ChunkBytes);
                    var flush = connection.Output.FlushAsync();
                    worst = Math.Max(worst, connection.UnsentBytes);
                    if (!flush.IsCompleted)
                        Interlocked.Increment(ref pendingFlushes);
                    await flush;
                    TransportHost.MustBeOwner(connection);
                }
            },
            options);
        using var client = await TestClient.ConnectAsync(host.EndPoint, receiveBufferBytes: 8192);
        await Eventually(() => Volatile.Read(ref pendingFlushes) > 0, "a flush becomes pending");
        var buffer = new byte[10_007];
        long received = 0;
        while (true)
        {
            var count = await client.ReceiveAsync(buffer);
            if (count == 0)
                break;
            Assert.Equal(-1, Pattern.FirstWrong(buffer.AsSpan(0, count), received, 3));
            received += count;
        }
        Assert.Equal(TotalBytes, received);
        Assert.InRange(worst, options.OutputPauseThreshold, options.OutputPauseThreshold + (2 * ChunkBytes));
    }

    [Theory]
    [InlineData(37)]
    [InlineData(3_001)]
    [InlineData(65_000)]
    public async Task Replies_to_a_client_that_does_not_read_yet_arrive_once_and_in_order(int replyBytes)
    {
        const int TotalBytes = 12_000_000;
        var pendingFlushes = 0;
        await using var host = await Start(
            async connection =>
            {
                for (var position = 0; position < TotalBytes; position += replyBytes)
                {
                    var count = Math.Min(replyBytes, TotalBytes - position);
                    Pattern.Fill(connection.Output.GetSpan(count)[..count], position, stream: 5);
                    connection.Output.Advance(count);
                    var flush = connection.Output.FlushAsync();
                    if (!flush.IsCompleted)
                        Interlocked.Increment(ref pendingFlushes);
                    await flush;
                    // Each of the first replies is a send of its own.
                    if (position > 2_000_000)
                        continue;
                    var turn = new TaskCompletionSource();
                    connection.Post(static turn => ((TaskCompletionSource)turn!).SetResult(), turn);
                    await turn.Task;
                }
            },
            new TransportOptions { OutputPauseThreshold = 128 * 1024 });
        using var client = await TestClient.ConnectAsync(host.EndPoint, receiveBufferBytes: 65_536);
        await Eventually(() => Volatile.Read(ref pendingFlushes) > 0, "the client's and the server's buffers are full");
        var buffer = new byte[100_003];
        for (var received = 0; received < TotalBytes;)
        {
            var count = await client.ReceiveAsync(buffer);
            Assert.True(count > 0, $"the stream ended at {received}");
            Assert.Equal(-1, Pattern.FirstWrong(buffer.AsSpan(0, count), received, 5));
            received += count;
        }
        Assert.Equal(0, await client.ReceiveAsync(buffer));
    }

    [Fact]
    public async Task Receiving_pauses_while_the_session_does_not_examine_its_input()
    {
        const int TotalBytes = 24 * 1024 * 1024;
        var options = new TransportOptions { InputPauseThreshold = 128 * 1024 };
        long longest = 0;
        var correct = false;
        await using var host = await Start(
            async connection =>
            {
                // Leave everything unexamined; every turn through Post lets the transport receive if it would.
                for (var turns = 0; turns < 2_000; turns++)
                {
                    var read = await connection.Input.ReadAsync();
                    longest = Math.Max(longest, read.Buffer.Length);
                    connection.Input.AdvanceTo(read.Buffer.Start, read.Buffer.Start);
                    var turn = new TaskCompletionSource();
                    connection.Post(static turn => ((TaskCompletionSource)turn!).SetResult(), turn);
                    await turn.Task;
                }
                long position = 0;
                correct = true;
                while (true)
                {
                    var read = await connection.Input.ReadAsync();
                    foreach (var segment in read.Buffer)
                    {
                        correct &= Pattern.FirstWrong(segment.Span, position, 0) < 0;
                        position += segment.Length;
                    }
                    connection.Input.AdvanceTo(read.Buffer.End);
                    if (read.IsCompleted)
                        break;
                }
                correct &= position == TotalBytes;
                connection.Output.Write("1"u8);
                await connection.Output.FlushAsync();
            },
            options);
        using var client = await host.ConnectAsync();
        await client.SendAsync(Pattern.Make(TotalBytes));
        client.Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal(1, await client.ReceiveAllAsync(new byte[1]));
        Assert.True(correct, "every byte arrives, once and in order");
        // One receive may begin below the threshold and end above it.
        Assert.InRange(longest, 1, options.InputPauseThreshold + (256 * 1024));
    }

    [Fact]
    public async Task A_request_longer_than_the_threshold_arrives_whole_when_the_session_examines_everything()
    {
        const int RequestBytes = 5_000_000;
        var correct = false;
        await using var host = await Start(
            async connection =>
            {
                while (true)
                {
                    var read = await connection.Input.ReadAsync();
                    if (read.Buffer.Length < RequestBytes && !read.IsCompleted)
                    {
                        connection.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                        continue;
                    }
                    correct = Pattern.FirstWrong(read.Buffer.ToArray(), 0, 0) < 0;
                    connection.Input.AdvanceTo(read.Buffer.End);
                    break;
                }
                connection.Output.Write("1"u8);
                await connection.Output.FlushAsync();
            },
            new TransportOptions { InputPauseThreshold = 64 * 1024 });
        using var client = await host.ConnectAsync();
        await client.SendAsync(Pattern.Make(RequestBytes));
        Assert.Equal(1, await client.ReceiveAllAsync(new byte[1]));
        Assert.True(correct);
    }

    [Fact]
    public async Task Consuming_part_by_part_loses_and_doubles_nothing()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        const int TotalBytes = 4_000_000;
        long position = 0;
        var fault = -1L;
        await using var host = await Start(async connection =>
        {
            while (true)
            {
                var read = await connection.Input.ReadAsync();
                var buffer = read.Buffer;
                var offset = 0L;
                foreach (var segment in buffer)
                {
                    if (Pattern.FirstWrong(segment.Span, position + offset, 0) is >= 0 and var wrong && fault < 0)
                        fault = position + offset + wrong;
                    offset += segment.Length;
                }
                if (read.IsCompleted && buffer.IsEmpty)
                    break;
                var consumed = random.Next(3) == 0 ? 0 : random.NextInt64(buffer.Length + 1);
                var examined = read.IsCompleted || random.Next(2) == 0 ? buffer.Length : random.NextInt64(consumed, buffer.Length + 1);
                // At the end nobody sends more, so a session that wants to go on must consume.
                consumed = read.IsCompleted ? buffer.Length : consumed;
                position += consumed;
                connection.Input.AdvanceTo(buffer.GetPosition(consumed), buffer.GetPosition(Math.Max(consumed, examined)));
            }
            connection.Output.Write("1"u8);
            await connection.Output.FlushAsync();
        });
        using var client = await host.ConnectAsync();
        var data = Pattern.Make(TotalBytes);
        for (var sent = 0; sent < TotalBytes;)
        {
            var count = Math.Min(TotalBytes - sent, 1 + ((sent * 31) % 9_001));
            await client.SendAsync(data.AsMemory(sent, count));
            sent += count;
        }
        client.Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal(1, await client.ReceiveAllAsync(new byte[1]));
        Assert.True(fault < 0 && position == TotalBytes, $"first wrong byte {fault}, consumed {position}, seed {seed}");
    }

    [Fact]
    public async Task An_abort_completes_a_pending_flush()
    {
        Connection? seen = null;
        var pending = false;
        var ended = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await Start(async connection =>
        {
            seen = connection;
            while (true)
            {
                connection.Output.Write(new byte[100_000]);
                var flush = connection.Output.FlushAsync();
                if (!flush.IsCompleted)
                    Volatile.Write(ref pending, true);
                var result = await flush;
                TransportHost.MustBeOwner(connection);
                if (!result.IsCompleted)
                    continue;
                // What is written from here on is dropped and does no harm.
                connection.Output.Write(new byte[100_000]);
                ended.SetResult((await connection.Output.FlushAsync()).IsCompleted);
                return;
            }
        });
        using var client = await TestClient.ConnectAsync(host.EndPoint, receiveBufferBytes: 8192);
        await Eventually(() => Volatile.Read(ref pending), "a flush becomes pending");
        seen!.Abort("the test wants it");
        Assert.True(await ended.Task);
        await Eventually(() => seen.Closed.IsCancellationRequested, "Closed fires");
        await Eventually(() => host.RunningHandlers == 0, "the handler ends");
        Assert.Equal(0, seen.UnsentBytes);
    }

    [Fact]
    public async Task An_abort_is_told_at_once_to_a_client_that_waits_for_room_to_send()
    {
        Connection? seen = null;
        using var release = new ManualResetEventSlim();
        await using var host = await Start(
            async connection =>
            {
                var read = await connection.Input.ReadAsync();
                Volatile.Write(ref seen, connection);
                // The owner is busy, so nothing is received and the client fills every buffer on the way.
                release.Wait(TestContext.Current.CancellationToken);
                // What waits in the socket is read to its end, though receiving is shut down.
                while (!read.IsCompleted && !read.IsCanceled)
                {
                    connection.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                    read = await connection.Input.ReadAsync();
                }
                connection.Input.AdvanceTo(read.Buffer.End);
            },
            new TransportOptions { InputPauseThreshold = 256 * 1024 * 1024 });
        using var client = await TestClient.ConnectAsync(host.EndPoint, receiveBufferBytes: 4096);
        client.Socket.Blocking = false;
        try
        {
            await client.SendAsync(new byte[1]);
            await Eventually(() => Volatile.Read(ref seen) is not null, "the handler has read");
            await Eventually(() => IsFull(client.Socket), "there is no more room to send");
            var waiting = SendForEverAsync(client.Socket);
            seen!.Abort("the test wants it");
            release.Set();
            await Assert.ThrowsAsync<SocketException>(() => waiting.WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken));
        }
        finally
        {
            release.Set();
        }
    }

    // However much more the kernel takes, there is an end only when it says that the connection is gone.
    private static async Task SendForEverAsync(Socket socket)
    {
        var data = new byte[1_000_000];
        while (true) await socket.SendAsync(data);
    }

    // Sends as much as can be sent; full is what stays full for a while.
    private static bool IsFull(Socket socket)
    {
        var data = new byte[2200];
        while (true)
        {
            var before = Environment.TickCount64;
            SocketError error;
            do socket.Send(data, 0, data.Length, SocketFlags.None, out error);
            while (error == SocketError.WouldBlock && Environment.TickCount64 - before < 300);
            if (error == SocketError.WouldBlock) return true;
        }
    }

    [Fact]
    public async Task An_abort_completes_a_pending_read()
    {
        Connection? seen = null;
        var result = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await Start(async connection =>
        {
            Volatile.Write(ref seen, connection);
            var read = await connection.Input.ReadAsync();
            TransportHost.MustBeOwner(connection);
            connection.Input.AdvanceTo(read.Buffer.End);
            var again = await connection.Input.ReadAsync();
            connection.Input.AdvanceTo(again.Buffer.End);
            result.SetResult((read.IsCompleted || read.IsCanceled) && again.IsCompleted);
        });
        using var client = await host.ConnectAsync();
        await Eventually(() => Volatile.Read(ref seen) is not null, "the handler starts");
        seen!.Abort("the test wants it");
        seen.Abort("twice");
        Assert.True(await result.Task);
        Assert.Equal(0, await client.ReceiveAsync(new byte[1]));
    }

    [Fact]
    public async Task A_session_that_reads_on_after_an_abort_gets_nothing_of_what_was_buffered()
    {
        Connection? seen = null;
        var aborted = new TaskCompletionSource();
        var got = -1L;
        await using var host = await Start(async connection =>
        {
            var read = await connection.Input.ReadAsync();
            connection.Input.AdvanceTo(read.Buffer.Start, read.Buffer.Start);
            Volatile.Write(ref seen, connection);
            connection.Closed.Register(() => aborted.SetResult());
            await aborted.Task;
            read = await connection.Input.ReadAsync();
            Volatile.Write(ref got, read.IsCompleted ? read.Buffer.Length : 1);
            connection.Input.AdvanceTo(read.Buffer.End);
        });
        using var client = await host.ConnectAsync();
        await client.SendAsync(new byte[1000]);
        await Eventually(() => Volatile.Read(ref seen) is not null, "the handler has read");
        seen!.Abort("the test wants it");
        await Eventually(() => Volatile.Read(ref got) == 0, "the read after the abort is empty and completed");
    }

    [Fact]
    public async Task A_cancelled_read_returns_and_the_next_one_goes_on()
    {
        Connection? seen = null;
        var cancelled = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await Start(async connection =>
        {
            Volatile.Write(ref seen, connection);
            var read = await connection.Input.ReadAsync();
            TransportHost.MustBeOwner(connection);
            connection.Input.AdvanceTo(read.Buffer.Start);
            cancelled.SetResult(read.IsCanceled);
            await TransportHost.EchoAsync(connection);
        });
        using var client = await host.ConnectAsync();
        await Eventually(() => Volatile.Read(ref seen) is not null, "the handler starts");
        await OnOwner(seen!, seen!.Input.CancelPendingRead);
        Assert.True(await cancelled.Task);
        Assert.Equal([1, 2], await client.ExchangeAsync([1, 2]));
    }

    [Fact]
    public async Task A_client_that_resets_ends_the_session_without_an_exception()
    {
        Connection? seen = null;
        await using var host = await Start(connection =>
        {
            Volatile.Write(ref seen, connection);
            return TransportHost.EchoAsync(connection);
        });
        for (var i = 0; i < 50; i++)
        {
            var client = await host.ConnectAsync();
            await client.SendAsync(Pattern.Make(100_000));
            client.Socket.LingerState = new LingerOption(true, 0);
            client.Dispose();
        }
        await Eventually(() => host.RunningHandlers == 0 && Volatile.Read(ref seen) is not null, "every handler ends");
        await Eventually(() => seen!.Closed.IsCancellationRequested, "the connection closes");
    }

    [Fact]
    public async Task Buffers_are_not_reused_before_their_bytes_are_sent()
    {
        const int Streams = 12;
        const int TotalBytes = 3_000_000;
        var seed = Random.Shared.Next();
        var started = 0;
        await using var host = await Start(
            async connection =>
            {
                var stream = Interlocked.Increment(ref started);
                var random = new Random(seed + stream);
                connection.Output.Write([(byte)stream]);
                for (var position = 0; position < TotalBytes;)
                {
                    var count = Math.Min(TotalBytes - position, random.Next(4) == 0 ? random.Next(1, 70_000) : random.Next(1, 200));
                    Pattern.Fill(connection.Output.GetSpan(count)[..count], position, stream);
                    connection.Output.Advance(count);
                    position += count;
                    if (random.Next(3) == 0 && (await connection.Output.FlushAsync()).IsCompleted)
                        return;
                }
                await connection.Output.FlushAsync();
            },
            new TransportOptions { OutputPauseThreshold = 100_000 });
        await Task.WhenAll(Enumerable.Range(0, Streams).Select(async index =>
        {
            var random = new Random(seed - index);
            using var client = await TestClient.ConnectAsync(host.EndPoint, receiveBufferBytes: 4096);
            var id = new byte[1];
            Assert.Equal(1, await client.ReceiveAllAsync(id));
            // Every third client leaves in the middle, so that buffers come back through the close as well.
            var until = index % 3 == 0 ? random.Next(1, TotalBytes) : TotalBytes;
            var buffer = new byte[20_000];
            for (var position = 0; position < until;)
            {
                var count = await client.ReceiveAsync(buffer.AsMemory(0, random.Next(1, buffer.Length)));
                Assert.True(count > 0, $"stream {id[0]} ended at {position}, seed {seed}");
                var wrong = Pattern.FirstWrong(buffer.AsSpan(0, count), position, id[0]);
                Assert.True(wrong < 0, $"stream {id[0]} is wrong at {position + wrong}, seed {seed}");
                position += count;
                if (random.Next(20) == 0)
                    await Task.Yield();
            }
        }));
    }
}
