using System.Globalization;

namespace Memstore.Server.Metrics;

/// <summary>Whether the server serves commands, and if not why.</summary>
/// <param name="IsReady">Whether it listens, has loaded, and can write.</param>
/// <param name="Reasons">Why it is not ready, for people.</param>
internal sealed record Health(bool IsReady, IReadOnlyList<string> Reasons)
{
    /// <summary>The state of a server now.</summary>
    public static Health Read(ServerState server)
    {
        var reasons = new List<string>();
        if (server.TransportName == "none") reasons.Add("the server does not listen yet");
        if (server.Is(ServerStates.Loading)) reasons.Add(Loading(server.Persistence));
        if (server.Is(ServerStates.DiskFailed)) reasons.Add(server.Persistence?.Refusal is { } refusal ? $"the disk failed: {refusal}" : "the disk failed");
        return new Health(reasons.Count == 0, reasons);
    }

    private static string Loading(Persistence? persistence)
    {
        if (persistence?.Loading is not { BytesTotal: > 0 } progress) return "the data is being loaded";
        var percent = 100.0 * progress.BytesDone / progress.BytesTotal;
        return string.Create(CultureInfo.InvariantCulture, $"the data is being loaded: {percent:f0} % done");
    }
}
