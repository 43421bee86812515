namespace Memstore.Server.Sessions;

/// <summary>What is unusual about a session; while nothing is, its commands skip the gates of <see cref="Admission"/>.</summary>
[Flags]
internal enum SessionState
{
    /// <summary>An ordinary session.</summary>
    None = 0,

    /// <summary>A password is needed and has not been given.</summary>
    Unauthenticated = 1 << 0,

    /// <summary>Between MULTI and EXEC.</summary>
    Queueing = 1 << 1,

    /// <summary>A command between MULTI and EXEC was refused, so EXEC will be too.</summary>
    QueueBroken = 1 << 2,

    /// <summary>Between BEGIN and COMMIT.</summary>
    Open = 1 << 3,

    /// <summary>The open transaction ran into its time limit; COMMIT or ROLLBACK acknowledges it.</summary>
    OpenExpired = 1 << 4,

    /// <summary>The open transaction may not write.</summary>
    OpenReadOnly = 1 << 5,

    /// <summary>It listens to a channel or a pattern.</summary>
    Subscriber = 1 << 6,

    /// <summary>It sees the commands of all others.</summary>
    Monitor = 1 << 7,

    /// <summary>CLIENT REPLY OFF.</summary>
    Muted = 1 << 8,

    /// <summary>CLIENT REPLY SKIP: the next command is not answered.</summary>
    SkipNext = 1 << 9,

    /// <summary>The command that runs is not answered.</summary>
    Skipping = 1 << 10,

    /// <summary>The connection closes when the replies so far are sent.</summary>
    Closing = 1 << 11,

    /// <summary>CLIENT NO-EVICT.</summary>
    NoEvict = 1 << 12,

    /// <summary>CLIENT NO-TOUCH.</summary>
    NoTouch = 1 << 13,

    /// <summary>States that change nothing about how commands run.</summary>
    Harmless = NoEvict | NoTouch,
}
