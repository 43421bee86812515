namespace Memstore.Protocol;

/// <summary>
/// What a client may send. Immutable and shared: a server keeps one instance for clients that have authenticated and one for the
/// others, and replaces both when its settings change.
/// </summary>
public sealed record RequestLimits
{
    /// <summary>The most elements of a request before authentication.</summary>
    public const int UnauthenticatedArgumentCountMax = 10;

    /// <summary>The largest bulk string in bytes before authentication.</summary>
    public const int UnauthenticatedBulkSizeMax = 16_384;

    /// <summary>The largest reach of one request in bytes: offsets are 32-bit and a straddling request is copied into one array.</summary>
    internal static readonly long RequestSizeMax = Array.MaxLength;

    /// <summary>Limits for a client that may do everything, with Redis' defaults.</summary>
    public static RequestLimits Default { get; } = new();

    /// <summary>Limits for a client that has not authenticated yet, with Redis' defaults.</summary>
    public static RequestLimits Unauthenticated { get; } = new() { Authenticated = false };

    /// <summary>False applies the smaller limits to counts and lengths.</summary>
    public bool Authenticated { get; init; } = true;

    /// <summary>The most elements of one request. Redis 7.0 takes any 32-bit count, because memory follows the bytes that arrive.</summary>
    public int ArgumentCountMax { get; init; } = int.MaxValue;

    /// <summary>The largest bulk string in bytes (<c>proto-max-bulk-len</c>).</summary>
    public long BulkSizeMax { get; init; } = 512L * 1024 * 1024;

    /// <summary>The longest inline request, and the longest line of a count or length, in bytes.</summary>
    public int LineSizeMax { get; init; } = 64 * 1024;

    /// <summary>
    /// The most bytes of one incomplete request, the frames of its arguments included (<c>client-query-buffer-limit</c>).
    /// </summary>
    public long QueryBufferMax { get; init; } = 1024L * 1024 * 1024;

    /// <summary>Whether one-digit counts and three-digit lengths are always within the limits.</summary>
    internal bool AllowShortRequests => Authenticated && ArgumentCountMax >= 9 && BulkSizeMax >= 999;
}
