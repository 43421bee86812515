using Microsoft.AspNetCore.Connections;

namespace Memstore.Server.Http;

/// <summary>How many connections there are, of which there may be <c>maxclients</c>. Thread-safe.</summary>
/// <remarks>
/// The web server has such a limit itself, but it counts a connection until it is done with it. Of a connection over HTTP/2 that it cuts off for a
/// flood it sometimes never is (https://github.com/dotnet/aspnetcore/issues/51307), so that whoever floods it long enough would end REST for good.
/// </remarks>
internal sealed class ConnectionPlaces(ServerState server)
{
    private int _taken;

    /// <summary>Takes a place for a connection, until its socket is closed; false if there is none.</summary>
    public bool TryTake(ConnectionContext connection)
    {
        if (Interlocked.Increment(ref _taken) > server.Settings.ClientsMax)
        {
            Interlocked.Decrement(ref _taken);
            server.Metrics.CountRejectedConnection();
            return false;
        }

        connection.ConnectionClosed.UnsafeRegister(static state => Interlocked.Decrement(ref ((ConnectionPlaces)state!)._taken), this);
        return true;
    }
}
