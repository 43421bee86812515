using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Memstore.Server.Transports;
using Memstore.Server.Transports.Uring;
using Microsoft.Extensions.Logging;

namespace Memstore.Server.Tests.Transports;

/// <summary>A started transport with a handler of the test, and clients to it.</summary>
internal sealed class TransportHost : IAsyncDisposable
{
    private readonly ITransport _transport;
    private readonly Func<Connection, Task> _handler;
    private int _running;

    private TransportHost(TransportSetup setup, TransportOptions options, Func<Connection, Task> handler)
    {
        _transport = setup.Create(options, new FaultLogger(Faults));
        _handler = handler;
    }

    /// <summary>What went wrong in handlers; a test ends by looking that it is empty.</summary>
    public ConcurrentQueue<string> Faults { get; } = new();

    public EndPoint EndPoint => _transport.BoundEndPoints[0];

    public ITransport Transport => _transport;

    public int RunningHandlers => Volatile.Read(ref _running);

    public static Task<TransportHost> StartAsync(
        TransportSetup setup, Func<Connection, Task> handler, TransportOptions? options = null, EndPoint? endPoint = null) =>
        StartAsync(setup, handler, options, [endPoint ?? new IPEndPoint(IPAddress.Loopback, 0)]);

    public static async Task<TransportHost> StartAsync(TransportSetup setup, Func<Connection, Task> handler, TransportOptions? options, EndPoint[] endPoints)
    {
        var end = Environment.TickCount64 + (long)ServerFixture.Patience.TotalMilliseconds;
        while (true)
        {
            // A test fails if sessions are left; how long they take is up to the machine.
            var host = new TransportHost(setup, (options ?? new TransportOptions()) with { StopTimeout = ServerFixture.Patience }, handler);
            try
            {
                await host._transport.StartAsync(endPoints, host.HandleAsync, CancellationToken.None);
                return host;
            }
            catch (RingException) when (Environment.TickCount64 < end)
            {
                // The rings of the tests before count against the limit of locked memory until the kernel has cleared them away, unless the user is root.
                await Task.Delay(10);
            }
        }
    }

    public Task<TestClient> ConnectAsync() => TestClient.ConnectAsync(EndPoint);

    /// <summary>Sends back what comes, until the client has shut down its side; notes every step off the owner's thread.</summary>
    public static async Task EchoAsync(Connection connection)
    {
        while (true)
        {
            var read = await connection.Input.ReadAsync();
            MustBeOwner(connection);
            foreach (var segment in read.Buffer)
                connection.Output.Write(segment.Span);
            connection.Input.AdvanceTo(read.Buffer.End);
            var flush = await connection.Output.FlushAsync();
            MustBeOwner(connection);
            if (read.IsCompleted || flush.IsCompleted)
                return;
        }
    }

    public static void MustBeOwner(Connection connection)
    {
        if (!connection.IsOnOwnerThread)
            throw new InvalidOperationException("a continuation ran off the owner's thread");
    }

    public async ValueTask DisposeAsync()
    {
        await _transport.DisposeAsync();
        Xunit.Assert.Empty(Faults);
    }

    private async Task HandleAsync(Connection connection)
    {
        Interlocked.Increment(ref _running);
        try
        {
            MustBeOwner(connection);
            await _handler(connection);
        }
        catch (Exception e) when (e is not ExpectedException)
        {
            Faults.Enqueue(e.ToString());
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }
}

/// <summary>Takes what the transport logs as an error, and sessions that it could not end, for faults of the test.</summary>
internal sealed class FaultLogger(ConcurrentQueue<string> faults) : ILogger
{
    private const int SessionsLeft = 6;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (exception is not ExpectedException && (logLevel >= LogLevel.Error || eventId.Id == SessionsLeft))
            faults.Enqueue($"{formatter(state, exception)} {exception}");
    }
}

/// <summary>Keeps every line.</summary>
internal sealed class LineLogger(ConcurrentQueue<string> lines) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        lines.Enqueue(formatter(state, exception));
}

/// <summary>Thrown by a handler on purpose.</summary>
internal sealed class ExpectedException : Exception;

/// <summary>Which transport a class of tests runs over, and whether its kernel has no more than the transport cannot do without.</summary>
public sealed record TransportSetup(string Name, int EventThreads, bool IsPlain = false)
{
    /// <summary>Makes the transport, not started yet. Whether it can be used here the test has asked.</summary>
    internal ITransport Create(TransportOptions options, ILogger logger)
    {
        options = options with { EventThreads = EventThreads };
        return IsPlain ? new UringTransport(options, logger, UringFeatures.None) : TransportFactory.Create(Name, options, logger, static () => null);
    }
}

/// <summary>A plain socket whose every wait has an end.</summary>
internal sealed class TestClient(Socket socket) : IDisposable
{
    public Socket Socket { get; } = socket;

    public static async Task<TestClient> ConnectAsync(EndPoint endPoint, int? receiveBufferBytes = null)
    {
        var protocol = endPoint is UnixDomainSocketEndPoint ? ProtocolType.Unspecified : ProtocolType.Tcp;
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, protocol);
        if (protocol == ProtocolType.Tcp)
            socket.NoDelay = true;
        if (receiveBufferBytes is { } bytes)
            socket.ReceiveBufferSize = bytes;
        await socket.ConnectAsync(endPoint).WaitAsync(ServerFixture.Patience);
        return new TestClient(socket);
    }

    public async Task SendAsync(ReadOnlyMemory<byte> data)
    {
        while (!data.IsEmpty)
            data = data[await Socket.SendAsync(data).AsTask().WaitAsync(ServerFixture.Patience)..];
    }

    /// <summary>Receives what is there; 0 is the end, also when the connection was reset.</summary>
    public async Task<int> ReceiveAsync(Memory<byte> buffer)
    {
        try
        {
            return await Socket.ReceiveAsync(buffer).AsTask().WaitAsync(ServerFixture.Patience);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionAborted)
        {
            return 0;
        }
    }

    /// <summary>Fills the buffer; returns fewer bytes only at the end.</summary>
    public async Task<int> ReceiveAllAsync(Memory<byte> buffer)
    {
        var total = 0;
        while (total < buffer.Length)
        {
            var count = await ReceiveAsync(buffer[total..]);
            if (count == 0)
                break;
            total += count;
        }
        return total;
    }

    public async Task<byte[]> ExchangeAsync(byte[] data)
    {
        var sending = SendAsync(data);
        var received = new byte[data.Length];
        var count = await ReceiveAllAsync(received);
        await sending;
        return received[..count];
    }

    public void Dispose() => Socket.Dispose();
}

/// <summary>Bytes that tell where in a stream they belong.</summary>
internal static class Pattern
{
    // A multiplicative hash of the position: neighbours, pages and streams all differ.
    public static byte At(long position, int stream) => (byte)(((ulong)position + ((ulong)stream << 40)) * 0x9E3779B97F4A7C15 >> 56);

    public static void Fill(Span<byte> bytes, long position, int stream)
    {
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = At(position + i, stream);
    }

    public static byte[] Make(int count, int stream = 0)
    {
        var bytes = new byte[count];
        Fill(bytes, 0, stream);
        return bytes;
    }

    /// <summary>Index of the first wrong byte, or -1.</summary>
    public static int FirstWrong(ReadOnlySpan<byte> bytes, long position, int stream)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] != At(position + i, stream))
                return i;
        }
        return -1;
    }
}
