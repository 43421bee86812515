using System.Net;

namespace Memstore.Server.Transports;

/// <summary>Listens, accepts, and hands connections to the server.</summary>
/// <remarks>Disposing stops accepting, aborts what is still open, and waits a little for its handlers to end.</remarks>
public interface ITransport : IAsyncDisposable
{
    /// <summary>What an operator calls it: <c>uring</c> or <c>sockets</c>.</summary>
    string Name { get; }

    /// <summary>The addresses that are listened on, with the real port where port 0 was asked for.</summary>
    IReadOnlyList<EndPoint> BoundEndPoints { get; }

    /// <summary>
    /// Binds every address and begins to accept. The handler is called once per connection, on its owner; when the task it returns ends,
    /// the connection is closed as soon as what was flushed is sent.
    /// </summary>
    /// <param name="endpoints">IP addresses with ports, or <see cref="System.Net.Sockets.UnixDomainSocketEndPoint"/>.</param>
    /// <param name="handler">Serves one connection. An exception from it is logged and closes that connection only.</param>
    /// <param name="cancellationToken">Gives up starting; it does not stop a started transport.</param>
    /// <exception cref="TransportException">An address could not be bound; nothing is listened on then.</exception>
    ValueTask StartAsync(IReadOnlyList<EndPoint> endpoints, Func<Connection, Task> handler, CancellationToken cancellationToken);

    /// <summary>Closes the listening sockets; open connections live on.</summary>
    ValueTask StopAcceptingAsync();
}
