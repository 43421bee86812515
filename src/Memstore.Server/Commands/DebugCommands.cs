using System.Globalization;
using System.Text;
using Memstore.Engine;
using Memstore.Protocol;
using static Memstore.Server.Commands.CommandFlags;

namespace Memstore.Server.Commands;

/// <summary>DEBUG: what test suites need to look inside; refused unless the server was started with enable-debug-command.</summary>
internal static partial class DebugCommands
{
    private const CommandFlags Usual = Admin | NoScript | Loading | Stale | Protected;
    private const int PopulateMax = 10_000_000;

    public static readonly CommandFamily Family = new("server", AclCategories.None,
    [
        new("DEBUG subcommand [arg [arg ...]]", Usual, Debug)
        {
            Summary = "Looks inside the server, for tests.",
            Complexity = "Depends on the subcommand", Since = "1.0.0",
        },
        new("DEBUG DIGEST", Usual | Unbounded, [Key.Everything(KeyAccess.Read)], Digest)
        {
            Summary = "Answers a digest of all keys and values: equal data, equal digest.",
            Complexity = "O(N) where N is the number of keys", Since = "1.0.0",
        },
        new("DEBUG DIGEST-VALUE key [key ...]", Usual, [Key.Peeks(2, -1)], DigestValue)
        {
            Summary = "Answers a digest of the value of each key.",
            Complexity = "O(N) where N is the size of the values", Since = "5.0.0",
        },
        new("DEBUG OBJECT key", Usual, [Key.Peeks(2)], DebugObject)
        {
            Summary = "Answers how a value is kept.",
            Complexity = "O(1)", Since = "1.0.0",
        },
        new("DEBUG POPULATE count [prefix] [size]", Usual | Write, [Key.Everything(KeyAccess.Write)], Populate)
        {
            Summary = "Creates keys with a prefix and numbers, where there are none yet.",
            Complexity = "O(N) where N is the number of keys", Since = "2.0.0",
        },
    ]);

    private static void Debug(ref CommandCall call)
    {
        if (call.Args.WordWithValue("SLEEP"u8)) Sleep(ref call);
        else if (call.Args.WordWithValue("ERROR"u8)) call.Reply.Error(call.Args.Bytes());
        else if (call.Args.WordWithValue("PROTOCOL"u8)) Protocol(call.Reply, Encoding.ASCII.GetString(call.Args.Bytes()).ToLowerInvariant());
        else if (call.Args.WordWithValue("SET-ACTIVE-EXPIRE"u8)) SetActiveExpire(ref call);
        else if (call.Args.WordWithValue("LOG"u8)) Log(ref call);
        else if (call.Args.Word("CHANGE-REPL-ID"u8)) ChangeReplicationId(ref call);
        else if (call.Args.WordWithValue("QUICKLIST-PACKED-THRESHOLD"u8) || call.Args.WordWithValue("PAUSE-CRON"u8)
            || call.Args.WordWithValue("REPLYBUFFER"u8) || call.Args.WordWithValue("SET-DISABLE-DENY-SCRIPTS"u8)
            || call.Args.WordWithValue("SET-SKIP-CHECKSUM-VALIDATION"u8)) call.Reply.SimpleString("OK"u8); // They tune what Memstore does not have.
        else if (call.Args.Word("HELP"u8)) Help(call.Reply);
        else call.Reply.Error(Errors.WrongUse(call.Args.Bytes(), "DEBUG"u8));
    }

    private static void Sleep(ref CommandCall call)
    {
        _ = double.TryParse(call.Args.Bytes(), NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds);
        var duration = TimeSpan.FromSeconds(double.IsFinite(seconds) ? Math.Clamp(seconds, 0, 3600) : 0);
        call.Reply.SimpleString("OK"u8);
        // Inside EXEC there is no way to let others go first: the shards are held, as Redis holds its thread.
        if (call.Session.IsExecuting) Thread.Sleep(duration);
        else if (duration > TimeSpan.Zero) call.Session.SleepFor(duration);
    }

    private static void SetActiveExpire(ref CommandCall call)
    {
        call.Server.Store.ExpiresActively = !call.Args.Bytes().SequenceEqual("0"u8);
        call.Reply.SimpleString("OK"u8);
    }

    private static void Log(ref CommandCall call)
    {
        var text = Encoding.UTF8.GetString(call.Args.Bytes());
        ServerLog.FromClient(call.Server.Logger, string.Concat(text.Select(c => char.IsControl(c) ? '.' : c)));
        call.Reply.SimpleString("OK"u8);
    }

    private static void ChangeReplicationId(ref CommandCall call)
    {
        call.Server.ReplicationId = RunNames.Draw();
        call.Reply.SimpleString("OK"u8);
    }

    private static void Help(ReplyWriter reply)
    {
        string[] lines =
        [
            "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "CHANGE-REPL-ID", "    Changes the replication ID.",
            "DIGEST", "    Answers a digest of all data.",
            "DIGEST-VALUE <key> [<key> ...]", "    Answers digests of values.",
            "ERROR <string>", "    Answers an error with this text.",
            "LOG <message>", "    Writes a line to the log.",
            "OBJECT <key>", "    Answers how a value is kept.",
            "POPULATE <count> [<prefix>] [<size>]", "    Creates keys.",
            "PROTOCOL <type>", "    Answers a value of a type of the protocol.",
            "SET-ACTIVE-EXPIRE <0|1>", "    Turns the removal of expired keys that nobody touches off and on.",
            "SLEEP <seconds>", "    Answers later; other clients are served meanwhile.",
            "HELP", "    Shows these lines.",
        ];
        reply.ArrayHeader(lines.Length);
        foreach (var line in lines) reply.SimpleString(line);
    }

    private static void Protocol(ReplyWriter reply, string type)
    {
        switch (type)
        {
            case "string": reply.Bulk("Hello World"u8); break;
            case "integer": reply.Integer(12345); break;
            case "double": reply.Double(3.141); break;
            case "null": reply.Null(); break;
            case "bignum": reply.BigNumber("1234567999999999999999999999999999999"u8); break;
            case "verbatim": reply.Verbatim("txt"u8, "This is a verbatim\nstring"u8); break;
            case "true": reply.Boolean(true); break;
            case "false": reply.Boolean(false); break;
            case "array":
                reply.ArrayHeader(3);
                for (var i = 0; i < 3; i++) reply.Integer(i);
                break;
            case "set":
                reply.SetHeader(3);
                for (var i = 0; i < 3; i++) reply.Integer(i);
                break;
            case "map":
                reply.MapHeader(3);
                for (var i = 0; i < 3; i++)
                {
                    reply.Integer(i);
                    reply.Boolean(i == 1);
                }
                break;
            case "attrib": Attribute(reply); break;
            case "push": Push(reply); break;
            default:
                reply.Error(
                    "ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false"u8);
                break;
        }
    }

    private static void Attribute(ReplyWriter reply)
    {
        if (reply.AttributeHeader(1))
        {
            reply.BulkString("key-popularity");
            reply.ArrayHeader(2);
            reply.BulkString("key:123");
            reply.Integer(90);
        }
        reply.BulkString("Some real reply following the attribute");
    }

    private static void Push(ReplyWriter reply)
    {
        if (reply.Protocol == 2)
        {
            reply.Error("ERR RESP2 is not supported by this command"u8);
            return;
        }
        reply.PushHeader(2);
        reply.BulkString("server-cpu-usage");
        reply.Integer(42);
        reply.BulkString("Some real reply following the push reply");
    }

    private static void Populate(ref CommandCall call)
    {
        var count = call.Args.Int64(0, PopulateMax, Errors.OutOfRange);
        var prefix = call.Args.Remaining > 0 ? Encoding.UTF8.GetString(call.Args.Bytes()) : "key";
        var size = call.Args.Remaining > 0 ? call.Args.Int64(0, 1024 * 1024, Errors.OutOfRange) : 0;
        if (!call.ArgsValid()) return;
        var store = call.Server.Store;
        for (var i = 0; i < count; i++)
        {
            var name = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{prefix}:{i}"));
            var key = new Engine.Key(name, store.RouteOf(name));
            if (call.Transaction.Find(key, out _)) continue;
            var value = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"value:{i}"));
            if (size > 0) Array.Resize(ref value, (int)size);
            call.Transaction.PutString(key, value);
        }
        call.Reply.SimpleString("OK"u8);
    }
}
