using System.Collections.Concurrent;
using System.Net;

namespace Memstore.Server.Sessions;

/// <summary>Clients inside this process that wait for their next use; each REST request takes one. Thread-safe.</summary>
internal sealed class LocalClientPool(ServerState server)
{
    /// <summary>How many are kept.</summary>
    private const int IdleMax = 64;

    private readonly ConcurrentStack<LocalClient> _idle = new();

    /// <summary>How many wait.</summary>
    public int IdleCount => _idle.Count;

    /// <summary>A connected client, or null if the server has as many clients as it may.</summary>
    public LocalClient? Rent(EndPoint? remote, EndPoint? local, LocalTerms terms)
    {
        if (!_idle.TryPop(out var client)) client = LocalClient.Make(server);
        if (client.TryConnect(remote, local, terms)) return client;
        client.Dispose();
        return null;
    }

    /// <summary>Takes a client back; one that was killed, or has grown large, is given up.</summary>
    public void Return(LocalClient client)
    {
        if (client.IsKept && _idle.Count < IdleMax)
        {
            client.Disconnect();
            _idle.Push(client);
            return;
        }

        client.Dispose();
    }
}
