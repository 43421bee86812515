using Memstore.Server.Sessions;
using static Memstore.Server.Commands.CommandFlags;

namespace Memstore.Server.Commands;

/// <summary>Commands that make several commands one transaction: MULTI and EXEC with WATCH; BEGIN and COMMIT.</summary>
internal static class TransactionCommands
{
    public static readonly CommandFamily Family = new("transactions", AclCategories.Transaction,
    [
        new("MULTI", NoScript | Loading | Stale | Fast | AllowBusy | Unqueued | NotInOpen, Multi)
        {
            Summary = "Begins to queue commands.",
            Complexity = "O(1)", Since = "1.2.0",
        },
        new("EXEC", NoScript | Loading | Stale | SkipSlowlog | SkipMonitor | Unqueued, Exec)
        {
            Summary = "Runs the queued commands as one transaction, unless a watched key was touched.",
            Complexity = "Depends on the queued commands", Since = "1.2.0",
        },
        new("DISCARD", NoScript | Loading | Stale | Fast | AllowBusy | Unqueued, Discard)
        {
            Summary = "Forgets the queued commands and the watched keys.",
            Complexity = "O(N) where N is the number of queued commands", Since = "2.0.0",
        },
        new("WATCH key [key ...]", NoScript | Loading | Stale | Fast | AllowBusy | Unqueued | NotInOpen, [Key.Peeks(1, -1)], Watch)
        {
            Summary = "Makes EXEC do nothing if one of the keys is touched before it.",
            Complexity = "O(1) for every key", Since = "2.2.0",
        },
        new("UNWATCH", NoScript | Loading | Stale | Fast | AllowBusy, Unwatch)
        {
            Summary = "Forgets the watched keys.",
            Complexity = "O(1)", Since = "2.2.0",
        },
        new("BEGIN [READONLY]", NoScript | Fast | NoMulti | Unqueued, Begin)
        {
            Summary = "Opens a transaction whose commands answer at once; others see nothing of it before COMMIT.",
            Complexity = "O(1)", Since = "7.0.0",
        },
        new("COMMIT", NoScript | NoMulti | Unqueued, Commit)
        {
            Summary = "Makes everything that the open transaction wrote visible at once, or answers CONFLICT and changes nothing.",
            Complexity = "O(N) where N is the number of keys that it read or wrote", Since = "7.0.0",
        },
        new("ROLLBACK", NoScript | Fast | NoMulti | Unqueued, Rollback)
        {
            Summary = "Drops the open transaction and everything that it wrote.",
            Complexity = "O(N) where N is the number of keys that it wrote", Since = "7.0.0",
        },
    ]);

    private static void Multi(ref CommandCall call)
    {
        if (call.Session.Is(SessionState.Queueing))
        {
            call.Reply.Error(SessionErrors.NestedMulti);
            return;
        }
        call.Session.StartQueue();
        call.Reply.SimpleString("OK"u8);
    }

    private static void Exec(ref CommandCall call)
    {
        if (!call.Session.Is(SessionState.Queueing))
        {
            call.Reply.Error(SessionErrors.ExecWithoutMulti);
        }
        else if (call.Session.Is(SessionState.QueueBroken))
        {
            call.Session.DiscardQueue();
            call.Reply.Error(SessionErrors.ExecAbort);
        }
        else
        {
            call.Session.Ask(Wish.Execute);
        }
    }

    private static void Discard(ref CommandCall call)
    {
        if (!call.Session.Is(SessionState.Queueing))
        {
            call.Reply.Error(SessionErrors.DiscardWithoutMulti);
            return;
        }
        call.Session.DiscardQueue();
        call.Reply.SimpleString("OK"u8);
    }

    // Runs only where WATCH is refused: the session itself adds the keys, in a transaction that enters their shards.
    private static void Watch(ref CommandCall call) => call.Reply.Error(SessionErrors.WatchInMulti);

    private static void Unwatch(ref CommandCall call)
    {
        call.Session.Unwatch();
        call.Reply.SimpleString("OK"u8);
    }

    private static void Begin(ref CommandCall call)
    {
        var readOnly = call.Args.Word("READONLY"u8);
        call.Args.End();
        if (!call.ArgsValid()) return;
        var session = call.Session;
        if (session.Is(SessionState.Open | SessionState.OpenExpired)) call.Reply.Error(SessionErrors.BeginInBegin);
        else if (session.IsWatching) call.Reply.Error(SessionErrors.BeginWhileWatching);
        else session.AskToOpen(readOnly);
    }

    private static void Commit(ref CommandCall call)
    {
        var session = call.Session;
        if (session.Is(SessionState.OpenExpired))
        {
            session.AbandonOpen();
            call.Reply.Error(session.OpenEndedText);
        }
        else if (!session.Is(SessionState.Open))
        {
            call.Reply.Error(SessionErrors.CommitWithoutBegin);
        }
        else
        {
            session.Ask(Wish.Commit);
        }
    }

    private static void Rollback(ref CommandCall call)
    {
        if (!call.Session.Is(SessionState.Open | SessionState.OpenExpired))
        {
            call.Reply.Error(SessionErrors.RollbackWithoutBegin);
            return;
        }
        call.Session.AbandonOpen();
        call.Reply.SimpleString("OK"u8);
    }
}
