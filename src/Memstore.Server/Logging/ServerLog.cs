using Microsoft.Extensions.Logging;

namespace Memstore.Server;

/// <summary>Every log line of the server but those of the transports.</summary>
internal static partial class ServerLog
{
    [LoggerMessage(100, LogLevel.Error, "Client {Id}: the command {Command} failed.")]
    public static partial void CommandFailed(ILogger logger, Exception exception, long id, string command);

    [LoggerMessage(101, LogLevel.Warning, "Client {Id} sent an HTTP request; the connection is closed, because a browser may have been talked into it.")]
    public static partial void CrossProtocol(ILogger logger, long id);

    [LoggerMessage(102, LogLevel.Information, "{Message}")]
    public static partial void FromClient(ILogger logger, string message);

    [LoggerMessage(103, LogLevel.Error, "The session of client {Id} failed.")]
    public static partial void SessionFailed(ILogger logger, Exception exception, long id);

    [LoggerMessage(105, LogLevel.Information, "Removed {Name}, left behind by a save that did not end.")]
    public static partial void Leftover(ILogger logger, string name);

    [LoggerMessage(106, LogLevel.Information, "Wrote {Name}: {Keys} keys, {Bytes} bytes in {Seconds:f3} seconds.")]
    public static partial void Saved(ILogger logger, string name, long keys, long bytes, double seconds);

    [LoggerMessage(107, LogLevel.Error, "No image could be written: {Reason}")]
    public static partial void SaveFailed(ILogger logger, Exception? exception, string reason);

    [LoggerMessage(108, LogLevel.Information, "{Line}")]
    public static partial void Loaded(ILogger logger, string line);

    [LoggerMessage(116, LogLevel.Information, "Loading {Megabytes:f0} MB; clients of {Addresses} are told so until that is done.")]
    public static partial void Loading(ILogger logger, double megabytes, string addresses);

    [LoggerMessage(109, LogLevel.Information, "Shards: {Text}.")]
    public static partial void Sharding(ILogger logger, string text);

    [LoggerMessage(115, LogLevel.Error, "Shards: a change failed.")]
    public static partial void ShardingFailed(ILogger logger, Exception exception);

    [LoggerMessage(110, LogLevel.Warning, "Configuration: {Line}.")]
    public static partial void Configuration(ILogger logger, string line);

    [LoggerMessage(111, LogLevel.Warning, "{Path} was not written: {Reason}")]
    public static partial void RewriteFailed(ILogger logger, string path, string reason);

    [LoggerMessage(112, LogLevel.Warning, "Metrics or traces could not be exported: {Reason}")]
    public static partial void ExportFailed(ILogger logger, string reason);

    [LoggerMessage(117, LogLevel.Information, "{Line}.")]
    public static partial void Serves(ILogger logger, string line);

    [LoggerMessage(118, LogLevel.Information, "Stopping: {Reason}.")]
    public static partial void Stopping(ILogger logger, string reason);

    [LoggerMessage(104, LogLevel.Error, "Housekeeping failed.")]
    public static partial void HousekeepingFailed(ILogger logger, Exception exception);

    [LoggerMessage(113, LogLevel.Information, "REST on http://{Address}.")]
    public static partial void HttpListens(ILogger logger, string address);

    [LoggerMessage(114, LogLevel.Warning, "There is no REST API: {Reason} Clients of RESP are served; --http-port names another port, and 0 turns REST off.")]
    public static partial void HttpFailed(ILogger logger, string reason);
}
