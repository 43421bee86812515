using System.Globalization;

namespace Memstore.Engine.Tests.Soak;

/// <summary>What a soak does. The same options draw the same operations on each thread; how the threads interleave is the machine's.</summary>
internal sealed record SoakOptions
{
    /// <summary>Seed of all choices.</summary>
    public required int Seed { get; init; }

    /// <summary>Threads that run transactions.</summary>
    public int Threads { get; init; } = 4;

    /// <summary>Shards of the store.</summary>
    public int Shards { get; init; } = 4;

    /// <summary>How long it runs: MEMSTORE_SOAK_SECONDS, else a few seconds.</summary>
    public TimeSpan Duration { get; init; } =
        TimeSpan.FromSeconds(int.Parse(Environment.GetEnvironmentVariable("MEMSTORE_SOAK_SECONDS") ?? "3", CultureInfo.InvariantCulture));

    /// <summary>Whether threads share hashes. A broken commit of a tree would break memory itself, and the test with it.</summary>
    public bool SharesHashes => Faults == CommitFaults.None;

    /// <summary>Rules to break.</summary>
    public CommitFaults Faults { get; init; }

    public override string ToString() => $"MEMSTORE_SEED={Seed}, {Threads} threads, {Shards} shards, faults: {Faults}";
}
