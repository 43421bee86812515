using System.Net;
using Memstore.Server.Transports.Uring;
using Microsoft.Extensions.Logging;

namespace Memstore.Server.Transports;

/// <summary>What <c>auto</c> is where the probe finds nothing against uring: that, or sockets if its rings cannot be made after all.</summary>
// The probe's ring is small: a user's limit of locked memory may be too low for real ones, or used up by other processes of that user.
internal sealed class AutoTransport(ITransport uring, Func<ITransport> makeSockets, ILogger logger) : ITransport
{
    private ITransport _chosen = uring;

    /// <inheritdoc/>
    public string Name => _chosen.Name;

    /// <inheritdoc/>
    public IReadOnlyList<EndPoint> BoundEndPoints => _chosen.BoundEndPoints;

    /// <inheritdoc/>
    public async ValueTask StartAsync(IReadOnlyList<EndPoint> endpoints, Func<Connection, Task> handler, CancellationToken cancellationToken)
    {
        try
        {
            await _chosen.StartAsync(endpoints, handler, cancellationToken).ConfigureAwait(false);
        }
        catch (RingException error)
        {
            TransportLog.UringUnavailable(logger, error.Reason);
            await _chosen.DisposeAsync().ConfigureAwait(false);
            _chosen = makeSockets();
            await _chosen.StartAsync(endpoints, handler, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public ValueTask StopAcceptingAsync() => _chosen.StopAcceptingAsync();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _chosen.DisposeAsync();
}
