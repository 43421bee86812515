using System.Text;
using Memstore.Engine;
using Memstore.Protocol;
using Memstore.Server.Commands;

namespace Memstore.Server.Sessions;

/// <summary>The gates before a command, in the order in which Redis 7.0 looks at them. Each refuses by answering.</summary>
internal static class Admission
{
    private delegate bool Gate(Session session, Command row, in Request request);

    private static readonly Gate[] Gates =
    [
        HasArity,
        IsEnabled,
        IsLoggedIn,
        MayBeQueued,
        FitsOpenTransaction,
        FitsMemory,
        FitsDisk,
        HasReplicas,
        FitsSubscriber,
        IsLoaded,
        FitsMonitor,
    ];

    /// <summary>Whether a request may run, or be queued. If not, the error has been written.</summary>
    /// <param name="session">The client.</param>
    /// <param name="row">What it wants to run; null if there is no such command.</param>
    /// <param name="request">Its arguments.</param>
    public static bool Admits(Session session, Command? row, in Request request)
    {
        if (row is null) return IsKnown(session, request);
        if (row.IsAlwaysAdmitted) return true;
        foreach (var gate in Gates)
            if (!gate(session, row, request)) return false;
        return true;
    }

    private static bool IsKnown(Session session, in Request request)
    {
        var name = request[0];
        // An HTTP request comes from a browser that was talked into sending it.
        if (Ascii.EqualsIgnoreCase(name, "POST"u8) || Ascii.EqualsIgnoreCase(name, "Host:"u8))
        {
            ServerLog.CrossProtocol(session.Server.Logger, session.Id);
            session.CloseAfterReply();
            return false;
        }
        session.Server.Commands.Resolve(request, out var container);
        session.Refuse(null, Errors.UnknownCommand(request, container));
        return false;
    }

    private static bool HasArity(Session session, Command row, in Request request) =>
        row.AcceptsCount(request.ArgumentCount) || Refuse(session, row, Errors.WrongArity(row));

    private static bool IsEnabled(Session session, Command row, in Request request)
    {
        if ((row.Flags & CommandFlags.Protected) == 0) return true;
        var setting = row.Parent is null && row.Name == "debug" || row.Parent?.Name == "debug" ? "enable-debug-command" : "enable-module-command";
        var allowed = setting == "enable-debug-command" ? session.Server.Settings[setting] : "no";
        if (allowed == "yes" || (allowed == "local" && session.IsLocal)) return true;
        var name = (row.Parent ?? row).Name.ToUpperInvariant();
        return Refuse(session, row, Encoding.ASCII.GetBytes(
            $"ERR {name} command not allowed. If the {setting} option is set to \"local\", you can run it from a local connection, " +
            "otherwise you need to set this option in the configuration file, and then restart the server."));
    }

    private static bool IsLoggedIn(Session session, Command row, in Request request) =>
        !session.Is(SessionState.Unauthenticated)
        || session.Server.Settings.Password.Length == 0
        || (row.Flags & CommandFlags.NoAuth) != 0
        || Refuse(session, row, SessionErrors.NoAuth);

    private static bool MayBeQueued(Session session, Command row, in Request request) =>
        !session.Is(SessionState.Queueing) || (row.Flags & CommandFlags.NoMulti) == 0 || Refuse(session, row, SessionErrors.NotInMulti);

    private static bool FitsOpenTransaction(Session session, Command row, in Request request)
    {
        if (!session.Is(SessionState.Open | SessionState.OpenExpired)) return true;
        session.ExpireOpen();
        if (session.Is(SessionState.OpenExpired))
            return (!row.TouchesData && (row.Flags & CommandFlags.NotInOpen) == 0)
                || Refuse(session, row, Encoding.ASCII.GetBytes(session.OpenEndedText));
        if ((row.Flags & CommandFlags.NotInOpen) != 0)
            return Refuse(session, row, Encoding.ASCII.GetBytes($"ERR {row.Name.ToUpperInvariant()} is not allowed inside BEGIN"));
        return !session.Is(SessionState.OpenReadOnly) || (row.Flags & CommandFlags.Write) == 0
            || Refuse(session, row, SessionErrors.ReadOnlyTransaction);
    }

    private static bool FitsMemory(Session session, Command row, in Request request)
    {
        var server = session.Server;
        var flags = row.Flags;
        if (ReferenceEquals(row, server.Rows.Exec)) flags |= session.QueuedFlags;
        // What is queued takes memory too, unless it came with the request that has its EXEC: of a REST request, which must be able to read and to delete.
        var isQueued = session.Is(SessionState.Queueing) && (row.Flags & CommandFlags.Unqueued) == 0 && !session.IsInProcess;
        var asksForMemory = (flags & CommandFlags.DenyOom) != 0 || isQueued;
        return !asksForMemory || !server.IsMemoryFull || Refuse(session, row, Errors.OutOfMemory);
    }

    // What cannot be kept is not taken. PING tells those who look after the server.
    private static bool FitsDisk(Session session, Command row, in Request request)
    {
        if (!session.Server.Is(ServerStates.DiskFailed) || session.Server.Persistence?.Refusal is not { } refusal) return true;
        var flags = row.Flags;
        if (ReferenceEquals(row, session.Server.Rows.Exec)) flags |= session.QueuedFlags;
        return ((flags & CommandFlags.Write) == 0 && row.Name != "ping") || Refuse(session, row, Encoding.UTF8.GetBytes(refusal));
    }

    private static bool IsLoaded(Session session, Command row, in Request request) =>
        !session.Server.Is(ServerStates.Loading) || (row.Flags & CommandFlags.Loading) != 0 || Refuse(session, row, SessionErrors.Loading);

    // There are no replicas, so whoever asks for some may not write.
    private static bool HasReplicas(Session session, Command row, in Request request)
    {
        if (!session.Server.NeedsReplicas) return true;
        var flags = row.Flags;
        if (ReferenceEquals(row, session.Server.Rows.Exec)) flags |= session.QueuedFlags;
        return (flags & CommandFlags.Write) == 0 || Refuse(session, row, SessionErrors.NoReplicas);
    }

    private static bool FitsSubscriber(Session session, Command row, in Request request) =>
        !session.Is(SessionState.Subscriber)
        || session.Protocol == 3
        || (row.Flags & CommandFlags.WhileSubscribed) != 0
        || Refuse(session, row, Encoding.ASCII.GetBytes(
            $"ERR Can't execute '{row.Name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"));

    private static bool FitsMonitor(Session session, Command row, in Request request) =>
        !session.Is(SessionState.Monitor) || !row.TouchesData || Refuse(session, row, SessionErrors.MonitorTouchesData);

    private static bool Refuse(Session session, Command row, ReadOnlySpan<byte> error)
    {
        session.Refuse(row, error);
        return false;
    }
}
