using System.Net;
using Microsoft.Extensions.Logging;

namespace Memstore.Server.Transports;

/// <summary>Every log line of the transports.</summary>
internal static partial class TransportLog
{
    [LoggerMessage(1, LogLevel.Debug, "Listening on {EndPoint} ({Transport}).")]
    public static partial void Listening(ILogger logger, EndPoint endPoint, string transport);

    [LoggerMessage(2, LogLevel.Warning, "Accepting on {EndPoint} failed: {Error}. Trying again in {DelayMs} ms.")]
    public static partial void AcceptFailed(ILogger logger, EndPoint endPoint, string error, int delayMs);

    [LoggerMessage(3, LogLevel.Debug, "Connection {Id} aborted: {Reason}.")]
    public static partial void Aborted(ILogger logger, long id, string reason);

    [LoggerMessage(4, LogLevel.Error, "The session of connection {Id} failed; the connection is closed.")]
    public static partial void HandlerFailed(ILogger logger, Exception exception, long id);

    [LoggerMessage(5, LogLevel.Error, "A callback posted to a connection failed.")]
    public static partial void CallbackFailed(ILogger logger, Exception exception);

    [LoggerMessage(6, LogLevel.Warning, "{Count} sessions had not ended when the transport stopped.")]
    public static partial void SessionsLeft(ILogger logger, int count);

    [LoggerMessage(7, LogLevel.Information, "io_uring cannot be used ({Reason}); using sockets.")]
    public static partial void UringUnavailable(ILogger logger, string reason);

    [LoggerMessage(8, LogLevel.Error, "Connection {Id} failed inside the transport; it is aborted.")]
    public static partial void ConnectionFailed(ILogger logger, Exception exception, long id);

    [LoggerMessage(9, LogLevel.Debug, "Accepted nobody on {EndPoint}: the descriptors that are left are kept for the server itself.")]
    public static partial void AcceptRefused(ILogger logger, EndPoint endPoint);
}
