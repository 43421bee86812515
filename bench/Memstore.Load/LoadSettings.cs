namespace Memstore.Load;

/// <summary>One run of load: where to, what, how much, how long.</summary>
internal sealed record LoadSettings
{
    public required string Host { get; init; }

    public required int Port { get; init; }

    /// <summary>The server's process, whose CPU time is measured; 0 measures none.</summary>
    public int Pid { get; init; }

    public WorkloadKind Workload { get; init; }

    public int Clients { get; init; } = 50;

    /// <summary>Requests that a connection sends before it waits for their replies (closed loop only).</summary>
    public int Pipeline { get; init; } = 1;

    public long Keys { get; init; } = 1_000_000;

    public int ValueSize { get; init; } = 32;

    public Distribution Distribution { get; init; }

    /// <summary>The exponent of Zipf's law.</summary>
    public double Skew { get; init; } = KeyChooser.UsualSkew;

    /// <summary>Seconds after which other keys are the hot ones; 0 for never.</summary>
    public int ShiftSeconds { get; init; }

    public double WarmSeconds { get; init; }

    public double Seconds { get; init; } = 5;

    /// <summary>Requests a second over all connections, sent when they are due whatever the replies do; 0 is the closed loop.</summary>
    public double Rate { get; init; }

    public int Threads { get; init; } = 1;

    public ulong Seed { get; init; } = 1;

    /// <summary>A deadline for each key that is set; 0 for none.</summary>
    public int TtlSeconds { get; init; }

    /// <summary>One deadline for all keys that are set, in Unix seconds; 0 for none.</summary>
    public long DeadlineUnixSeconds { get; init; }

    /// <summary>Ends the run after so many requests (Fill and Delete); 0 ends it by time.</summary>
    public long RequestsMax { get; init; }

    /// <summary>Where Fill and Delete begin.</summary>
    public long FirstKey { get; init; }

    public int DeletePercent { get; init; }
}

/// <summary>What a run measured. Durations are nanoseconds, except CPU, which is microseconds per command.</summary>
internal sealed record LoadResult(
    long Commands, double Seconds, long P50, long P99, long P999, long Max, double? ServerCpu, double LoadCpu, long Errors, string? FirstError)
{
    public double PerSecond => Commands / Seconds;
}
