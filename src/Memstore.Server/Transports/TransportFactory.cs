using Memstore.Server.Transports.Sockets;
using Memstore.Server.Transports.Uring;
using Microsoft.Extensions.Logging;

namespace Memstore.Server.Transports;

/// <summary>Chooses the transport by its name.</summary>
public static class TransportFactory
{
    /// <summary>The names that <see cref="Create"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = ["auto", "uring", "sockets"];

    /// <summary>Creates a transport that is not started yet.</summary>
    /// <param name="name"><c>uring</c>, <c>sockets</c>, or <c>auto</c>: uring where the kernel allows it, else sockets.</param>
    /// <param name="options">Limits and socket options.</param>
    /// <param name="logger">Gets one line if <c>auto</c> has to fall back.</param>
    /// <exception cref="TransportException">The name is unknown, or <c>uring</c> was asked for and cannot be used here.</exception>
    public static ITransport Create(string name, TransportOptions options, ILogger logger) =>
        Create(name, options, logger, UringProbe.FindObstacle);

    /// <summary>The same with a probe of its own, which answers null or what stands against <c>uring</c>.</summary>
    internal static ITransport Create(string name, TransportOptions options, ILogger logger, Func<string?> findObstacle)
    {
        switch (name)
        {
            case "sockets":
                return new SocketTransport(options, logger);
            case "auto" or "uring":
                var reason = findObstacle();
                if (reason is null && name == "uring")
                    return new UringTransport(options, logger);
                if (reason is null)
                    return new AutoTransport(new UringTransport(options, logger), () => new SocketTransport(options, logger), logger);
                if (name == "uring")
                    throw new TransportException($"Transport uring cannot be used here: {reason}; use auto or sockets.");
                TransportLog.UringUnavailable(logger, reason);
                return new SocketTransport(options, logger);
            default:
                throw new TransportException($"Unknown transport '{name}'; use one of {string.Join(", ", Names)}.");
        }
    }
}
