using System.Text;
using Memstore.Engine.Journaling;
using Memstore.Protocol;
using Memstore.Server.Configuration;
using Memstore.Server.Sessions;
using static Memstore.Server.Commands.CommandFlags;

namespace Memstore.Server.Commands;

/// <summary>CLIENT and its subcommands: names, lists, disconnecting and holding back clients.</summary>
internal static class ClientCommands
{
    private const CommandFlags Usual = NoScript | Loading | Stale;
    private const AclCategories ForOperators = AclCategories.Connection | AclCategories.Dangerous;

    public static readonly CommandFamily Family = new("connection", AclCategories.Connection,
    [
        new("CLIENT", None, null)
        {
            Summary = "A container for commands about clients.",
            Complexity = "Depends on the subcommand", Since = "2.4.0",
        },
        new("CLIENT CACHING <YES | NO>", Usual, Caching)
        {
            Summary = "Says whether the keys of the next command are tracked.",
            Complexity = "O(1)", Since = "6.0.0",
        },
        new("CLIENT DURABILITY [NONE | EVERYSEC | ALWAYS | DEFAULT]", Usual, SetDurability)
        {
            Summary = "Says how safe a commit must be before the connection hears of it; answers what it gets, within what the server allows.",
            Complexity = "O(1)", Since = "7.0.0",
        },
        new("CLIENT GETNAME", Usual, GetName)
        {
            Summary = "Answers the name of the connection.",
            Complexity = "O(1)", Since = "2.6.9",
        },
        new("CLIENT GETREDIR", Usual, GetRedir)
        {
            Summary = "Answers which client receives invalidation messages.",
            Complexity = "O(1)", Since = "6.0.0",
        },
        new("CLIENT HELP", Loading | Stale, ContainerHelp.Answer)
        {
            Summary = "Shows these lines.",
            Complexity = "O(1)", Since = "5.0.0",
        },
        new("CLIENT ID", Usual, Id)
        {
            Summary = "Answers the number of the connection.",
            Complexity = "O(1)", Since = "5.0.0",
        },
        new("CLIENT INFO", Usual, Info)
        {
            Summary = "Describes the connection.",
            Complexity = "O(1)", Since = "6.2.0", Tips = ["nondeterministic_output"],
        },
        new("CLIENT KILL <ip:port | [ID client-id] [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] [USER username] [ADDR ip:port] [LADDR ip:port] [SKIPME yes/no]>",
            Admin | Usual, Kill)
        {
            Summary = "Disconnects clients.",
            Complexity = "O(N) where N is the number of client connections", Since = "2.4.0", Arity = -3, Categories = ForOperators,
        },
        new("CLIENT LIST [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]", Admin | Usual, List)
        {
            Summary = "Describes all connections, a line for each.",
            Complexity = "O(N) where N is the number of client connections", Since = "2.4.0", Categories = ForOperators,
            Tips = ["nondeterministic_output"],
        },
        new("CLIENT NO-EVICT <ON | OFF>", Admin | Usual, NoEvict)
        {
            Summary = "Spares the connection when clients are disconnected for want of memory.",
            Complexity = "O(1)", Since = "7.0.0", Categories = ForOperators,
        },
        new("CLIENT NO-TOUCH <ON | OFF>", Usual, NoTouch)
        {
            Summary = "Says whether the connection's commands count as uses of keys.",
            Complexity = "O(1)", Since = "7.2.0",
        },
        new("CLIENT PAUSE timeout [WRITE | ALL]", Admin | Usual, Pause)
        {
            Summary = "Holds back commands of all clients for a while, in milliseconds.",
            Complexity = "O(1)", Since = "3.0.0", Categories = ForOperators,
        },
        new("CLIENT REPLY <ON | OFF | SKIP>", Usual, Reply)
        {
            Summary = "Says whether the connection's commands are answered.",
            Complexity = "O(1)", Since = "3.2.0",
        },
        new("CLIENT SETINFO <LIB-NAME libname | LIB-VER libver>", Usual, SetInfo)
        {
            Summary = "Says which library the client uses.",
            Complexity = "O(1)", Since = "7.2.0", Arity = 4, Tips = ["request_policy:all_nodes", "response_policy:all_succeeded"],
        },
        new("CLIENT SETNAME connection-name", Usual, SetName)
        {
            Summary = "Names the connection.",
            Complexity = "O(1)", Since = "2.6.9",
        },
        new("CLIENT TRACKING <ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]", Usual, Tracking)
        {
            Summary = "Turns tracking of keys for client-side caching on or off; only off is possible.",
            Complexity = "O(1). Some options may introduce additional complexity.", Since = "6.0.0",
        },
        new("CLIENT TRACKINGINFO", Usual, TrackingInfo)
        {
            Summary = "Describes the tracking of keys for the connection.",
            Complexity = "O(1)", Since = "6.2.0",
        },
        new("CLIENT UNBLOCK client-id [TIMEOUT | ERROR]", Admin | Usual, Unblock)
        {
            Summary = "Ends the wait of a client in a blocking command.",
            Complexity = "O(log N) where N is the number of client connections", Since = "5.0.0", Categories = ForOperators,
        },
        new("CLIENT UNPAUSE", Admin | Usual, Unpause)
        {
            Summary = "Ends a pause.",
            Complexity = "O(N) Where N is the number of paused clients", Since = "6.2.0", Categories = ForOperators,
        },
    ]);

    /// <summary>The error for a name with bytes that would break CLIENT LIST.</summary>
    public static ReadOnlySpan<byte> InvalidName => "ERR Client names cannot contain spaces, newlines or special characters."u8;

    /// <summary>Reads a name: printable ASCII without spaces.</summary>
    public static bool TryReadName(ReadOnlySpan<byte> bytes, out string name)
    {
        name = "";
        if (bytes.ContainsAnyExceptInRange((byte)'!', (byte)'~')) return false;
        name = Encoding.ASCII.GetString(bytes);
        return true;
    }

    private static void Caching(ref CommandCall call)
    {
        if (call.Args.Word("YES"u8) || call.Args.Word("NO"u8))
            call.Reply.Error("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"u8);
        else
            call.Reply.Error(Errors.Syntax);
    }

    private static void SetDurability(ref CommandCall call)
    {
        if (call.Args.Remaining > 0)
        {
            if (call.Args.Word("NONE"u8)) call.Session.AskFor(Durability.None);
            else if (call.Args.Word("EVERYSEC"u8)) call.Session.AskFor(Durability.EverySecond);
            else if (call.Args.Word("ALWAYS"u8)) call.Session.AskFor(Durability.Always);
            else if (call.Args.Word("DEFAULT"u8)) call.Session.AskFor(null);
            else call.Args.Fail(Errors.Syntax);
            call.Args.End();
            if (!call.ArgsValid()) return;
        }

        call.Reply.BulkString(DurabilityRules.NameOf(call.Session.Durability));
    }

    private static void GetName(ref CommandCall call)
    {
        if (call.Session.Name is { } name) call.Reply.BulkString(name);
        else call.Reply.Null();
    }

    private static void GetRedir(ref CommandCall call) => call.Reply.Integer(-1);

    private static void Id(ref CommandCall call) => call.Reply.Integer(call.Session.Id);

    private static void Info(ref CommandCall call) => call.Reply.Verbatim("txt", call.Session.Describe() + "\n");

    private static void List(ref CommandCall call)
    {
        var filter = new ClientFilter { SkipsCaller = false };
        if (call.Args.WordWithValue("TYPE"u8))
        {
            if (!filter.ReadType(ref call)) return;
            if (call.Args.Remaining > 0) call.Args.Fail(Errors.Syntax);
        }
        else if (call.Args.WordWithValue("ID"u8))
        {
            while (call.Args.Remaining > 0) filter.Ids.Add(call.Args.Int64("ERR Invalid client ID"u8));
        }
        else if (call.Args.Remaining > 0)
        {
            call.Args.Fail(Errors.Syntax);
        }
        if (!call.ArgsValid()) return;

        var text = new StringBuilder();
        foreach (var session in call.Server.Sessions.All())
            if (filter.Matches(session, call.Session)) text.Append(session.Describe()).Append('\n');
        call.Reply.Verbatim("txt", text.ToString());
    }

    private static void Kill(ref CommandCall call)
    {
        var isOldForm = call.Args.Remaining == 1;
        var filter = new ClientFilter { SkipsCaller = !isOldForm };
        if (isOldForm) filter.Address = Encoding.UTF8.GetString(call.Args.Bytes());
        else if (!filter.ReadKillOptions(ref call)) return;

        var count = 0;
        foreach (var session in call.Server.Sessions.All())
        {
            if (!filter.Matches(session, call.Session)) continue;
            count++;
            if (session == call.Session) session.CloseAfterReply();
            else session.Kill("another client killed it");
        }
        if (!isOldForm) call.Reply.Integer(count);
        else if (count > 0) call.Reply.SimpleString("OK"u8);
        else call.Reply.Error("ERR No such client"u8);
    }

    private static void NoEvict(ref CommandCall call) => Switch(ref call, SessionState.NoEvict);

    private static void NoTouch(ref CommandCall call) => Switch(ref call, SessionState.NoTouch);

    private static void Switch(ref CommandCall call, SessionState state)
    {
        var on = call.Args.Word("ON"u8);
        if (!on && !call.Args.Word("OFF"u8))
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }
        call.Session.Set(state, on);
        call.Reply.SimpleString("OK"u8);
    }

    private static void Pause(ref CommandCall call)
    {
        var timeoutMs = call.Args.Int64("ERR timeout is not an integer or out of range"u8);
        if (timeoutMs < 0) call.Args.Fail("ERR timeout is negative"u8);
        var writesOnly = call.Args.Word("WRITE"u8);
        if (!writesOnly && call.Args.Remaining > 0 && !call.Args.Word("ALL"u8)) call.Args.Fail("ERR CLIENT PAUSE mode must be WRITE or ALL"u8);
        if (!call.ArgsValid()) return;
        call.Server.Pause.Start(TimeSpan.FromMilliseconds(Math.Min(timeoutMs, (long)TimeSpan.FromDays(365).TotalMilliseconds)), all: !writesOnly);
        call.Reply.SimpleString("OK"u8);
    }

    private static void Reply(ref CommandCall call)
    {
        var session = call.Session;
        if (call.Args.Word("ON"u8))
        {
            session.Set(SessionState.Muted | SessionState.Skipping | SessionState.SkipNext, false);
            call.Reply.SimpleString("OK"u8);
        }
        else if (call.Args.Word("OFF"u8))
        {
            session.Set(SessionState.Muted, true);
        }
        else if (call.Args.Word("SKIP"u8))
        {
            if (!session.Is(SessionState.Muted)) session.Set(SessionState.SkipNext, true);
        }
        else
        {
            call.Reply.Error(Errors.Syntax);
        }
    }

    private static void SetInfo(ref CommandCall call)
    {
        var isName = call.Args.Word("LIB-NAME"u8);
        if (!isName && !call.Args.Word("LIB-VER"u8))
        {
            call.Reply.Error(Errors.Echoing("ERR Unrecognized option '"u8, call.Args.Bytes(), "'"u8));
            return;
        }
        if (!TryReadName(call.Args.Bytes(), out var value))
        {
            call.Reply.Error(isName ? "ERR lib-name cannot contain spaces, newlines or special characters."u8
                : "ERR lib-ver cannot contain spaces, newlines or special characters."u8);
            return;
        }
        if (isName) call.Session.LibraryName = value;
        else call.Session.LibraryVersion = value;
        call.Reply.SimpleString("OK"u8);
    }

    private static void SetName(ref CommandCall call)
    {
        if (!TryReadName(call.Args.Bytes(), out var name))
        {
            call.Reply.Error(InvalidName);
            return;
        }
        call.Session.Name = name.Length == 0 ? null : name;
        call.Reply.SimpleString("OK"u8);
    }

    private static void Tracking(ref CommandCall call)
    {
        if (call.Args.Word("OFF"u8)) call.Reply.SimpleString("OK"u8);
        else if (call.Args.Word("ON"u8)) call.Reply.Error("ERR client tracking is not supported by this version of Memstore"u8);
        else call.Reply.Error(Errors.Syntax);
    }

    private static void TrackingInfo(ref CommandCall call)
    {
        var reply = call.Reply;
        reply.MapHeader(3);
        reply.BulkString("flags");
        reply.SetHeader(1);
        reply.BulkString("off");
        reply.BulkString("redirect");
        reply.Integer(-1);
        reply.BulkString("prefixes");
        reply.ArrayHeader(0);
    }

    private static void Unblock(ref CommandCall call)
    {
        var id = call.Args.Int64();
        if (call.Args.Remaining > 0 && !call.Args.Word("TIMEOUT"u8) && !call.Args.Word("ERROR"u8))
            call.Args.Fail("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"u8);
        if (!call.ArgsValid()) return;
        // No command blocks yet, so nobody can be unblocked.
        _ = id;
        call.Reply.Integer(0);
    }

    private static void Unpause(ref CommandCall call)
    {
        call.Server.Pause.End();
        call.Reply.SimpleString("OK"u8);
    }
}
