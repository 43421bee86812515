namespace Memstore.Server.CommandLine.Bench;

/// <summary>What to do to which server.</summary>
/// <param name="Target">The server.</param>
/// <param name="Clients">Connections at a time.</param>
/// <param name="Pipeline">Requests that a connection sends before it waits for their replies.</param>
/// <param name="Requests">How many requests; 0 for as many as <paramref name="Seconds"/> allow.</param>
/// <param name="Seconds">For how long, if not for a number of requests.</param>
/// <param name="Mix">Which requests.</param>
/// <param name="Keys">How many different keys.</param>
/// <param name="Distribution">How keys are drawn.</param>
/// <param name="ValueSize">Bytes of a value.</param>
/// <param name="Seed">Where chance begins.</param>
/// <param name="Rate">Requests a second of all clients together; 0 for as many as they can.</param>
/// <param name="Fill">Whether all keys are written before it begins.</param>
internal sealed record BenchOptions(
    ServerAddress Target, int Clients, int Pipeline, long Requests, int Seconds, BenchMix Mix, long Keys, Distribution Distribution, int ValueSize, ulong Seed,
    long Rate, bool Fill);
