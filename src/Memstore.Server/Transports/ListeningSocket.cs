using System.Net;
using System.Net.Sockets;

namespace Memstore.Server.Transports;

/// <summary>A bound, listening socket; for a Unix socket also the owner of its file.</summary>
internal sealed class ListeningSocket : IDisposable
{
    // Linux takes no more (MAX_TCP_KEEPIDLE).
    private const int KeepAliveSecondsMax = 32_767;

    private readonly string? _path;

    private ListeningSocket(Socket socket, EndPoint endPoint, string? path)
    {
        Socket = socket;
        EndPoint = endPoint;
        _path = path;
    }

    /// <summary>The socket; blocking, as io_uring wants it.</summary>
    public Socket Socket { get; }

    /// <summary>The address it is bound to, with the real port.</summary>
    public EndPoint EndPoint { get; }

    /// <summary>Binds all of <paramref name="endPoints"/> or, if one fails, none.</summary>
    /// <exception cref="TransportException">An address could not be bound.</exception>
    public static List<ListeningSocket> BindAll(IReadOnlyList<EndPoint> endPoints, TransportOptions options)
    {
        var bound = new List<ListeningSocket>(endPoints.Count);
        try
        {
            foreach (var endPoint in endPoints)
                bound.Add(Bind(endPoint, options));
            return bound;
        }
        catch
        {
            foreach (var socket in bound)
                socket.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Socket.Dispose();
        if (_path is not null)
            File.Delete(_path);
    }

    private static ListeningSocket Bind(EndPoint endPoint, TransportOptions options)
    {
        var path = (endPoint as UnixDomainSocketEndPoint)?.ToString();
        var protocol = path is null ? ProtocolType.Tcp : ProtocolType.Unspecified;
        Socket? socket = null;
        try
        {
            if (path is not null)
                RemoveStaleFile(path);
            socket = new Socket(endPoint.AddressFamily, SocketType.Stream, protocol);
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
                socket.DualMode = false;
            if (path is null)
                SetOptions(socket, options);
            socket.Bind(endPoint);
            // Nobody can connect before Listen, so there is no moment at which the file is open to more users than asked for.
            if (path is not null && options.UnixSocketMode is { } mode && !OperatingSystem.IsWindows())
                File.SetUnixFileMode(path, mode);
            socket.Listen(options.Backlog);
            return new ListeningSocket(socket, path is null ? socket.LocalEndPoint! : endPoint, path);
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException)
        {
            socket?.Dispose();
            throw new TransportException(Explain(endPoint, path, e), e);
        }
    }

    // Accepted sockets inherit these.
    private static void SetOptions(Socket socket, TransportOptions options)
    {
        socket.NoDelay = options.NoDelay;
        if (options.KeepAliveSeconds <= 0)
            return;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        try
        {
            // Three probes in the time that the connection was silent before: a dead client is noticed after twice that time.
            var silence = Math.Min(options.KeepAliveSeconds, KeepAliveSecondsMax);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, silence);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, Math.Max(1, silence / 3));
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
        }
        catch (SocketException error) when (error.SocketErrorCode is SocketError.ProtocolOption)
        {
            // Windows before 10.0.16299, and Wine: the system's own times hold, which are hours.
        }
    }

    // A file left by a process that was killed would block every later start; a file that somebody answers on is in use.
    private static void RemoveStaleFile(string path)
    {
        if (!File.Exists(path))
            return;
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            // Connecting to a file that is no socket is refused too; that one is not ours to delete.
            if (!OperatingSystem.IsWindows() && IsSocketFile(path))
                File.Delete(path);
            return;
        }
        throw new SocketException((int)SocketError.AddressAlreadyInUse);
    }

    // A socket has no length and cannot be opened; an ordinary file can.
    private static bool IsSocketFile(string path)
    {
        try
        {
            using var handle = File.OpenHandle(path);
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    private static string Explain(EndPoint endPoint, string? path, Exception cause)
    {
        var where = path ?? endPoint.ToString();
        var error = (cause as SocketException)?.SocketErrorCode;
        return error switch
        {
            SocketError.AddressAlreadyInUse when path is not null =>
                $"Cannot listen on {where}: another program uses this socket file; stop it or choose another path.",
            SocketError.AddressAlreadyInUse =>
                $"Cannot listen on {where}: the port is in use; stop the other program or choose another port.",
            SocketError.AddressNotAvailable when path is not null =>
                $"Cannot listen on {where}: there is no such directory.",
            SocketError.AddressNotAvailable =>
                $"Cannot listen on {where}: this machine has no such address; bind one of its own, 127.0.0.1 or 0.0.0.0.",
            SocketError.AccessDenied when path is not null =>
                $"Cannot listen on {where}: no permission to create the file; choose a directory that this user may write to.",
            SocketError.AccessDenied =>
                $"Cannot listen on {where}: no permission; choose a port above 1023 or grant CAP_NET_BIND_SERVICE.",
            SocketError.AddressFamilyNotSupported =>
                $"Cannot listen on {where}: this machine does not support the address family; bind an IPv4 address.",
            _ => $"Cannot listen on {where}: {cause.Message}.",
        };
    }
}
