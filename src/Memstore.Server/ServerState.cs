using Memstore.Engine;
using Memstore.Server.Commands;

namespace Memstore.Server;

/// <summary>What the sessions of a server share. Thread-safe.</summary>
internal sealed class ServerState
{
    /// <summary>The data.</summary>
    public required Store Store { get; init; }

    /// <summary>All commands.</summary>
    public required CommandTable Commands { get; init; }

    /// <summary>Where chance comes from; thread-safe.</summary>
    public Random Random { get; init; } = Random.Shared;

    /// <summary>The largest string that a command may build, in bytes (proto-max-bulk-len).</summary>
    public long BulkSizeMax { get; set; } = 512L * 1024 * 1024;
}
