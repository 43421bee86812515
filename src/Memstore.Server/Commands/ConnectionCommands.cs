using System.Text;
using Memstore.Protocol;
using Memstore.Server.Sessions;
using static Memstore.Server.Commands.CommandFlags;

namespace Memstore.Server.Commands;

/// <summary>Commands about the connection itself: who speaks, in which protocol, on which database.</summary>
internal static class ConnectionCommands
{
    /// <summary>The version of Redis whose commands and answers these are: clients choose their features by it.</summary>
    public const string RedisVersion = "7.0.15";

    public static readonly CommandFamily Family = new("connection", AclCategories.Connection,
    [
        new("PING [message]", Fast | WhileSubscribed, Ping)
        {
            Summary = "Answers PONG, or the message.",
            Complexity = "O(1)", Since = "1.0.0",
            Tips = ["request_policy:all_shards", "response_policy:all_succeeded"],
        },
        new("ECHO message", Loading | Stale | Fast, Echo)
        {
            Summary = "Answers the message.",
            Complexity = "O(1)", Since = "1.0.0",
        },
        new("AUTH [username] password", NoScript | Loading | Stale | Fast | NoAuth | AllowBusy, Auth)
        {
            Summary = "Says who the client is.",
            Complexity = "O(N) where N is the number of passwords of the user", Since = "1.0.0",
        },
        new("HELLO [protover [AUTH username password] [SETNAME clientname]]",
            NoScript | Loading | Stale | Fast | NoAuth | AllowBusy, Hello)
        {
            Summary = "Chooses the version of the protocol and describes the server.",
            Complexity = "O(1)", Since = "6.0.0",
        },
        new("SELECT index", Loading | Stale | Fast, Select)
        {
            Summary = "Chooses the database that the connection's commands work on.",
            Complexity = "O(1)", Since = "1.0.0",
        },
        new("QUIT", NoScript | Loading | Stale | Fast | NoAuth | AllowBusy | Unqueued | WhileSubscribed, Quit)
        {
            Summary = "Closes the connection after the answer.",
            Complexity = "O(1)", Since = "1.0.0", Arity = -1, IsAlwaysAdmitted = true,
        },
        new("RESET", NoScript | Loading | Stale | Fast | NoAuth | AllowBusy | Unqueued | WhileSubscribed, Reset)
        {
            Summary = "Makes the connection as it was when it was new.",
            Complexity = "O(1)", Since = "6.2.0",
        },
    ]);

    private static void Ping(ref CommandCall call)
    {
        if (call.Args.Remaining > 1)
        {
            call.Reply.Error(Errors.WrongArity(call.Command));
            return;
        }
        var isSubscriber = call.Session.Is(SessionState.Subscriber) && call.Reply.Protocol == 2;
        if (isSubscriber)
        {
            call.Reply.ArrayHeader(2);
            call.Reply.Bulk("pong"u8);
            call.Reply.Bulk(call.Args.Remaining == 0 ? ""u8 : call.Args.Bytes());
        }
        else if (call.Args.Remaining == 0)
        {
            call.Reply.SimpleString("PONG"u8);
        }
        else
        {
            call.Reply.Bulk(call.Args.Bytes());
        }
    }

    private static void Echo(ref CommandCall call) => call.Reply.Bulk(call.Args.Bytes());

    private static void Auth(ref CommandCall call)
    {
        if (call.Args.Remaining > 2)
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }
        var hasUser = call.Args.Remaining == 2;
        if (!hasUser && call.Server.Settings.Password.Length == 0)
        {
            call.Reply.Error(
                "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"u8);
            return;
        }
        var user = hasUser ? call.Args.Bytes() : "default"u8;
        if (LogIn(call.Session, user, call.Args.Bytes())) call.Reply.SimpleString("OK"u8);
        else call.Reply.Error(SessionErrors.WrongPassword);
    }

    private static bool LogIn(Session session, ReadOnlySpan<byte> user, ReadOnlySpan<byte> password)
    {
        if (!Credentials.Match(session.Server.Settings, user, password)) return false;
        session.Authenticated();
        return true;
    }

    private static void Hello(ref CommandCall call)
    {
        var session = call.Session;
        var protocol = session.Protocol;
        if (call.Args.Remaining > 0 && !ReadProtocol(ref call, ref protocol)) return;

        // Each option takes effect when it is read, and keeps it when a later one is wrong.
        while (call.Args.Remaining > 0)
        {
            if (call.Args.Remaining >= 3 && call.Args.Word("AUTH"u8))
            {
                if (!LogIn(session, call.Args.Bytes(), call.Args.Bytes()))
                {
                    call.Reply.Error(SessionErrors.WrongPassword);
                    return;
                }
            }
            else if (call.Args.WordWithValue("SETNAME"u8))
            {
                if (!ClientCommands.TryReadName(call.Args.Bytes(), out var name))
                {
                    call.Reply.Error(ClientCommands.InvalidName);
                    return;
                }
                session.Name = name.Length == 0 ? null : name;
            }
            else
            {
                call.Reply.Error(Errors.Echoing("ERR Syntax error in HELLO option '"u8, call.Args.Bytes(), "'"u8));
                return;
            }
        }
        if (session.Is(SessionState.Unauthenticated) && call.Server.Settings.Password.Length > 0)
        {
            call.Reply.Error(
                "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"u8);
            return;
        }
        session.Protocol = protocol;
        Describe(ref call, protocol);
    }

    private static bool ReadProtocol(ref CommandCall call, ref int protocol)
    {
        if (!RespNumber.TryParseInt64(call.Args.Bytes(), out var version))
        {
            call.Reply.Error("ERR Protocol version is not an integer or out of range"u8);
            return false;
        }
        if (version is not (2 or 3))
        {
            call.Reply.Error("NOPROTO unsupported protocol version"u8);
            return false;
        }
        protocol = (int)version;
        return true;
    }

    private static void Describe(ref CommandCall call, int protocol)
    {
        var reply = call.Reply;
        reply.MapHeader(7);
        reply.BulkString("server");
        reply.BulkString("redis");
        reply.BulkString("version");
        reply.BulkString(RedisVersion);
        reply.BulkString("proto");
        reply.Integer(protocol);
        reply.BulkString("id");
        reply.Integer(call.Session.Id);
        reply.BulkString("mode");
        reply.BulkString("standalone");
        reply.BulkString("role");
        reply.BulkString("master");
        reply.BulkString("modules");
        reply.ArrayHeader(0);
    }

    private static void Select(ref CommandCall call)
    {
        var index = call.Args.Int64();
        if (!call.ArgsValid()) return;
        if (index is < int.MinValue or > int.MaxValue)
        {
            call.Reply.Error(Errors.NotInteger);
            return;
        }
        if (index < 0 || index >= call.Server.Store.DatabaseCount)
        {
            call.Reply.Error(Errors.DatabaseOutOfRange);
            return;
        }
        call.Session.Database = (int)index;
        call.Reply.SimpleString("OK"u8);
    }

    private static void Quit(ref CommandCall call)
    {
        call.Session.CloseAfterReply();
        call.Reply.SimpleString("OK"u8);
    }

    private static void Reset(ref CommandCall call)
    {
        call.Session.Reset();
        call.Reply.SimpleString("RESET"u8);
    }
}
