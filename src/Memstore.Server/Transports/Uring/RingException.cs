namespace Memstore.Server.Transports.Uring;

/// <summary>The kernel refused a ring that the transport needs.</summary>
/// <param name="reason">What an operator can make of it.</param>
internal sealed class RingException(string reason) : TransportException($"Transport uring cannot start: {reason}; use --transport auto or sockets.")
{
    /// <summary>What an operator can make of it.</summary>
    public string Reason { get; } = reason;
}
