namespace Memstore.Server.Transports;

/// <summary>What a transport can be told. Fixed when the transport is created.</summary>
public sealed record TransportOptions
{
    /// <summary>How many connections may wait to be accepted, per listening socket; the kernel may cap it lower (somaxconn).</summary>
    public int Backlog { get; init; } = 511;

    /// <summary>Seconds of silence before the kernel probes whether a TCP client is still there; 0 never probes.</summary>
    public int KeepAliveSeconds { get; init; } = 300;

    /// <summary>Sends small TCP segments at once (TCP_NODELAY).</summary>
    public bool NoDelay { get; init; } = true;

    /// <summary>Bytes that may wait, received and not examined by the session, before receiving pauses.</summary>
    public int InputPauseThreshold { get; init; } = 1024 * 1024;

    /// <summary>Unsent bytes above which a flush is pending. A flush resumes when half of it is left.</summary>
    public int OutputPauseThreshold { get; init; } = 1024 * 1024;

    /// <summary>How long a connection whose handler has ended may make no progress in taking its last replies before it is aborted.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long sessions may take to end when the transport stops; the log says how many did not.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Permissions of Unix socket files, set before anybody can connect; null leaves what the umask gives.</summary>
    public UnixFileMode? UnixSocketMode { get; init; }

    /// <summary>Threads that wait for sockets, each with a ring of its own; 0 chooses by the machine. Only <c>uring</c> obeys it.</summary>
    public int EventThreads { get; init; }

    /// <summary>Where the longest turn of an event thread is noted. Only <c>uring</c> has such threads.</summary>
    public TurnRecord Turns { get; init; } = new();
}
