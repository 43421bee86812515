using System.Globalization;

namespace Memstore.Server.CommandLine.Bench;

/// <summary>The requests that a load can be made of.</summary>
internal enum BenchRequest
{
    Ping,
    Get,
    Set,
    Incr,
    Del,
    HGet,
    HSet,
    MGet,
    MSet,

    /// <summary>MULTI, GET, SET, INCR, EXEC.</summary>
    Transaction,
}

/// <summary>Requests and how often each is sent: <c>get:8,set:2</c>.</summary>
/// <param name="Parts">The requests, each once, with their weights.</param>
internal sealed record BenchMix(IReadOnlyList<(BenchRequest Request, int Weight)> Parts)
{
    private const int WeightMax = 1_000_000;
    private readonly int _sum = Parts.Sum(part => part.Weight);

    /// <summary>The names of all requests.</summary>
    public static IEnumerable<string> Names => Enum.GetValues<BenchRequest>().Select(NameOf);

    /// <summary>A request's name in a mix.</summary>
    public static string NameOf(BenchRequest request) => request.ToString().ToLowerInvariant();

    /// <summary>Reads a mix; a request without a weight has the weight 1. Null if it is none.</summary>
    public static BenchMix? Parse(string text)
    {
        var parts = new List<(BenchRequest Request, int Weight)>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var colon = part.IndexOf(':');
            var weight = 1;
            if (colon >= 0 && !int.TryParse(part.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out weight)) return null;
            var name = colon < 0 ? part : part[..colon];
            var at = Names.ToList().FindIndex(known => known.Equals(name, StringComparison.OrdinalIgnoreCase));
            if (at < 0 || weight is < 1 or > WeightMax || parts.Any(known => known.Request == (BenchRequest)at)) return null;
            parts.Add(((BenchRequest)at, weight));
        }

        return new BenchMix(parts);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join(',', Parts.Select(part => $"{NameOf(part.Request)}:{part.Weight}"));

    /// <summary>Draws a request.</summary>
    public BenchRequest Draw(KeyChooser chance)
    {
        if (Parts.Count == 1) return Parts[0].Request;
        var at = chance.NextSmall(_sum);
        foreach (var (request, weight) in Parts)
            if ((at -= weight) < 0) return request;
        return Parts[^1].Request;
    }
}
