using System.IO.Pipelines;
using System.Net;
using Memstore.Protocol;

namespace Memstore.Server.Transports;

/// <summary>One accepted client connection; all that the rest of the server sees of a socket.</summary>
/// <remarks>
/// A connection has an owner: one thread at a time, on which the handler, the continuations of <see cref="Input"/> and
/// <see cref="Output"/> and everything given to <see cref="Post"/> run, never two at once. Pipes are used from the owner only.
/// A continuation of anything else (a task, a timer) does not run there: such code comes back through <see cref="Post"/>.
/// Neither pipe throws because of the network: when the connection is gone, reads report IsCompleted or IsCanceled, flushes report
/// IsCompleted, and what is written is dropped.
/// </remarks>
public abstract class Connection : IDuplexPipe
{
    /// <summary>
    /// Bytes from the client. A read completes with IsCompleted once the client has shut down its sending side; replies can still be
    /// written then. Receiving pauses while the session leaves more than <see cref="TransportOptions.InputPauseThreshold"/> bytes
    /// unexamined; a session that examined everything is given more, so a longer request arrives whole.
    /// </summary>
    public abstract PipeReader Input { get; }

    /// <summary>
    /// Bytes to the client. A flush does not wait for the network unless more than
    /// <see cref="TransportOptions.OutputPauseThreshold"/> bytes are unsent; then it is pending until half of that is left.
    /// </summary>
    public abstract PipeWriter Output { get; }

    /// <summary>Sends replies behind what <see cref="Output"/> was given, and takes them over for that; false if they must be written there.</summary>
    public virtual bool TryTakeOver(ReplyWriter replies) => false;

    /// <summary>Unique in its transport, ascending from 1 in the order of acceptance.</summary>
    public abstract long Id { get; }

    /// <summary>The client's address; null for Unix sockets.</summary>
    public abstract EndPoint? RemoteEndPoint { get; }

    /// <summary>The server's address that the client connected to.</summary>
    public abstract EndPoint? LocalEndPoint { get; }

    /// <summary>Whether the client came over a Unix domain socket.</summary>
    public abstract bool IsUnixSocket { get; }

    /// <summary>The descriptor's number, for listings only; -1 if unknown.</summary>
    public abstract int FileDescriptor { get; }

    /// <summary>
    /// Runs <paramref name="callback"/> on the owner, later (never inside this call), in the order of posting. Any thread may call.
    /// From the owner itself this is the way to let other connections go first.
    /// </summary>
    /// <remarks>Posting goes on working after the connection has closed, until the transport itself is disposed.</remarks>
    public abstract void Post(Action<object?> callback, object? state);

    /// <summary>Whether the caller runs on the owner just now.</summary>
    public abstract bool IsOnOwnerThread { get; }

    /// <summary>
    /// Breaks the connection: nothing more is received or sent, pending reads and flushes complete, <see cref="Closed"/> fires.
    /// Any thread may call, any number of times; the first reason is logged.
    /// </summary>
    public abstract void Abort(string reason);

    /// <summary>Bytes flushed by the session that the kernel has not taken yet. Any thread may read it.</summary>
    public abstract long UnsentBytes { get; }

    /// <summary>
    /// Whether the client has closed the connection or shut down its sending side, for a session that waits for something else than its
    /// input and so does not read the end of it. It may miss an end that lies behind much unread input. On the owner only.
    /// </summary>
    public abstract bool HasClientEnded { get; }

    /// <summary>
    /// Fires, on the owner, when the connection is aborted, broken or fully closed; not when the client merely shut down its sending side.
    /// </summary>
    public abstract CancellationToken Closed { get; }
}
