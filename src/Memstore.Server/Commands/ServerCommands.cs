using System.Text;
using Memstore.Server.Metrics;
using static Memstore.Server.Commands.CommandFlags;

namespace Memstore.Server.Commands;

/// <summary>Commands about the server: figures, time, roles, stopping, and what other kinds of Redis servers have.</summary>
internal static class ServerCommands
{
    private const AclCategories Dangerous = AclCategories.Dangerous;

    public static readonly CommandFamily Family = new("server", AclCategories.None,
    [
        new("INFO [section [section ...]]", Loading | Stale, Info)
        {
            Summary = "Answers figures about the server.",
            Complexity = "O(1)", Since = "1.0.0", Categories = Dangerous,
            Tips = ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        },
        new("TIME", Loading | Stale | Fast, Time)
        {
            Summary = "Answers the server's time: seconds, and microseconds within the second.",
            Complexity = "O(1)", Since = "2.6.0", Tips = ["nondeterministic_output"],
        },
        new("ROLE", NoScript | Loading | Stale | Fast, Role)
        {
            Summary = "Answers the server's role in replication.",
            Complexity = "O(1)", Since = "2.8.12", Categories = AclCategories.Admin | Dangerous,
        },
        new("LOLWUT [VERSION version]", ReadOnly | Fast, LolWut)
        {
            Summary = "Answers the version, with an ornament.",
            Complexity = "O(1)", Since = "5.0.0",
        },
        new("MONITOR", Admin | NoScript | Loading | Stale | NotInOpen, Monitor)
        {
            Summary = "Shows every command that the server runs.",
            Complexity = "O(1)", Since = "1.0.0",
        },
        new("SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]", Admin | NoScript | Loading | Stale | NoMulti | AllowBusy, Shutdown)
        {
            Summary = "Stops the server.",
            Complexity = "O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)",
            Since = "1.0.0", Arity = -1,
        },
        new("REPLICAOF host port", Admin | NoScript | Stale | NoAsyncLoading, ReplicaOf)
        {
            Summary = "Makes the server a replica, or with NO ONE a primary.",
            Complexity = "O(1)", Since = "5.0.0",
        },
        new("SLAVEOF host port", Admin | NoScript | Stale | NoAsyncLoading, ReplicaOf)
        {
            Summary = "The older name of REPLICAOF.",
            Complexity = "O(1)", Since = "1.0.0", Deprecated = ("5.0.0", "`REPLICAOF`"),
        },
        new("WAIT numreplicas timeout", NoScript, Wait)
        {
            Summary = "Answers how many replicas have what the connection wrote.",
            Complexity = "O(1)", Since = "3.0.0", Categories = AclCategories.Connection,
            Tips = ["request_policy:all_shards", "response_policy:agg_min"],
        },
        new("MODULE", None, null)
        {
            Summary = "A container for module commands.",
            Complexity = "Depends on the subcommand", Since = "4.0.0",
        },
        new("MODULE LIST", Admin | NoScript, EmptyList)
        {
            Summary = "Lists the loaded modules; there are none.",
            Complexity = "O(N) where N is the number of loaded modules.", Since = "4.0.0", Tips = ["nondeterministic_output_order"],
        },
        new("MODULE HELP", Loading | Stale, ContainerHelp.Answer)
        {
            Summary = "Shows these lines.",
            Complexity = "O(1)", Since = "5.0.0",
        },
        new("FUNCTION", None, null)
        {
            Summary = "A container for function commands.",
            Complexity = "Depends on the subcommand", Since = "7.0.0",
        },
        new("FUNCTION FLUSH [ASYNC | SYNC]", Write | NoScript, FunctionFlush)
        {
            Summary = "Deletes all functions; there are none.",
            Complexity = "O(N) where N is the number of functions deleted", Since = "7.0.0", Categories = AclCategories.Scripting,
            Tips = ["request_policy:all_shards", "response_policy:all_succeeded"],
        },
        new("FUNCTION HELP", Loading | Stale, ContainerHelp.Answer)
        {
            Summary = "Shows these lines.",
            Complexity = "O(1)", Since = "7.0.0", Categories = AclCategories.Scripting,
        },
        new("FUNCTION LIST [LIBRARYNAME library-name-pattern] [WITHCODE]", NoScript, EmptyList)
        {
            Summary = "Lists the functions; there are none.",
            Complexity = "O(N) where N is the number of functions", Since = "7.0.0", Categories = AclCategories.Scripting,
            Tips = ["nondeterministic_output_order"],
        },
        new("ACL", None, null)
        {
            Summary = "A container for commands about users and their rights.",
            Complexity = "Depends on the subcommand", Since = "6.0.0",
        },
        new("ACL WHOAMI", NoScript | Loading | Stale, WhoAmI)
        {
            Summary = "Answers the connection's user.",
            Complexity = "O(1)", Since = "6.0.0",
        },
        new("ACL HELP", Loading | Stale, ContainerHelp.Answer)
        {
            Summary = "Shows these lines.",
            Complexity = "O(1)", Since = "6.0.0",
        },
    ]);

    private static void Info(ref CommandCall call)
    {
        var sections = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        while (call.Args.Remaining > 0) sections.Add(Encoding.ASCII.GetString(call.Args.Bytes()));
        call.Reply.Verbatim("txt", InfoReport.Write(call.Server, sections));
    }

    private static void Time(ref CommandCall call)
    {
        var us = (call.Server.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / 10;
        call.Reply.ArrayHeader(2);
        call.Reply.BulkInteger(us / 1_000_000);
        call.Reply.BulkInteger(us % 1_000_000);
    }

    private static void Role(ref CommandCall call)
    {
        call.Reply.ArrayHeader(3);
        call.Reply.BulkString("master");
        call.Reply.Integer(0);
        call.Reply.ArrayHeader(0);
    }

    private static void LolWut(ref CommandCall call) =>
        call.Reply.Verbatim("txt", $"Redis ver. {ConnectionCommands.RedisVersion}\nMemstore ver. {ProductVersion.Text}\n");

    private static void Monitor(ref CommandCall call)
    {
        call.Server.Monitors.Add(call.Session);
        call.Reply.SimpleString("OK"u8);
    }

    private static void Shutdown(ref CommandCall call)
    {
        var abort = false;
        var save = false;
        while (call.Args.Remaining > 0)
        {
            if (call.Args.Word("ABORT"u8)) abort = true;
            else if (call.Args.Word("SAVE"u8)) save = true;
            else if (!call.Args.Word("NOSAVE"u8) && !call.Args.Word("NOW"u8) && !call.Args.Word("FORCE"u8)) call.Args.End();
            if (!call.ArgsValid()) return;
        }
        if (abort)
        {
            call.Reply.Error("ERR No shutdown in progress."u8);
        }
        else if (save)
        {
            PersistenceCommands.SaveAndShutDown(ref call);
        }
        else
        {
            // As in Redis nobody is answered: the connection closes.
            call.Session.CloseAfterReply();
            call.Server.Shutdown?.Invoke(PersistenceCommands.AskedBy(call.Session));
        }
    }

    private static void ReplicaOf(ref CommandCall call)
    {
        if (call.Args.Word("NO"u8) && call.Args.Word("ONE"u8)) call.Reply.SimpleString("OK"u8);
        else call.Reply.Error("ERR this version of Memstore has no replication"u8);
    }

    private static void Wait(ref CommandCall call)
    {
        call.Args.Int64();
        var timeoutMs = call.Args.Int64("ERR timeout is not an integer or out of range"u8);
        if (timeoutMs < 0) call.Args.Fail("ERR timeout is negative"u8);
        if (!call.ArgsValid()) return;
        // There are no replicas and there cannot be any, so waiting would not help.
        call.Reply.Integer(0);
    }

    private static void EmptyList(ref CommandCall call) => call.Reply.ArrayHeader(0);

    private static void FunctionFlush(ref CommandCall call)
    {
        if (call.Args.Remaining > 0 && !call.Args.Word("ASYNC"u8) && !call.Args.Word("SYNC"u8) || call.Args.Remaining > 0)
            call.Reply.Error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"u8);
        else
            call.Reply.SimpleString("OK"u8);
    }

    private static void WhoAmI(ref CommandCall call) => call.Reply.BulkString("default");
}
