using Memstore.Protocol;
using Memstore.Server.Transports.Local;

namespace Memstore.Server.Sessions;

// A session whose client is inside this process: a REST request. It is handed requests and runs them as those of any other client; nothing
// is parsed.
internal sealed partial class Session
{
    /// <summary>Whether its client is inside this process.</summary>
    public bool IsInProcess => _connection is LocalConnection;

    /// <summary>
    /// Runs requests that were made in this process; ends when all replies are in the connection's output. On the owner, one call at a time, and
    /// never beside <see cref="RunAsync()"/>.
    /// </summary>
    public async Task RunAsync(RequestList requests)
    {
        UpdateLimits();
        _batch.Take(requests);
        QueryBufferSize = requests.Size;
        try
        {
            if (!Is(SessionState.Closing)) await RunRequestsAsync().ConfigureAwait(false);
            await SendEverythingAsync().ConfigureAwait(false);
        }
        finally
        {
            _server.Metrics.CountInput(requests.Size);
            _batch.Reset();
            QueryBufferSize = 0;
        }
    }

    /// <summary>Becomes the session of another client, who has been let in. Between two runs, on the owner.</summary>
    public void StartOver(LocalTerms terms)
    {
        Reset();
        _address = null;
        _localAddress = null;
        Protocol = terms.Protocol;
        Database = terms.Database;
        AskFor(terms.Durability);
        if (Is(SessionState.Unauthenticated)) Authenticated();
    }
}
