using System.Globalization;
using Memstore.Engine;
using Memstore.Protocol;
using Memstore.Server.Metrics;
using static Memstore.Server.Commands.CommandFlags;

namespace Memstore.Server.Commands;

/// <summary>HOTKEYS and BIGKEYS: which keys are used most, and which occupy most.</summary>
internal static class KeyUseCommands
{
    private const int CountUsual = 10;
    private const CommandFlags Usual = Admin | NoScript | Loading | Stale;

    public static readonly CommandFamily Family = new("server", AclCategories.None,
    [
        new("HOTKEYS [COUNT count] [BY <COMMANDS | BYTES | CPU>]", Usual, Hot)
        {
            Summary = "Answers the keys that were used most in the last half minute: by commands, by bytes of arguments and replies, or by time.",
            Complexity = "O(N) where N is the number of keys that are kept, at most 128 for each event thread", Since = "7.0.0",
            Tips = ["nondeterministic_output"], Arity = -1,
        },
        new("HOTKEYS HELP", Loading | Stale, ContainerHelp.Answer)
        {
            Summary = "Shows these lines.",
            Complexity = "O(1)", Since = "7.0.0",
        },
        new("HOTKEYS RESET", Usual, ResetHot)
        {
            Summary = "Forgets how keys were used.",
            Complexity = "O(1)", Since = "7.0.0",
        },
        new("BIGKEYS [COUNT count]", Usual, Big)
        {
            Summary = "Answers the keys that occupy most memory, of all databases.",
            Complexity = "O(N) where N is the number of keys that are kept, at most 128 for each database", Since = "7.0.0",
            Tips = ["nondeterministic_output"], Arity = -1,
        },
        new("BIGKEYS HELP", Loading | Stale, ContainerHelp.Answer)
        {
            Summary = "Shows these lines.",
            Complexity = "O(1)", Since = "7.0.0",
        },
    ]);

    private static void Hot(ref CommandCall call)
    {
        var count = CountUsual;
        var measure = HotKeyMeasure.Commands;
        while (call.Args.Remaining > 0 && call.Args.IsValid)
        {
            if (call.Args.WordWithValue("COUNT"u8)) count = Count(ref call.Args);
            else if (call.Args.WordWithValue("BY"u8)) measure = Measure(ref call.Args);
            else call.Args.Fail(Errors.Syntax);
        }
        if (!call.ArgsValid()) return;
        var keys = call.Server.HotKeys.Top(measure, count);
        call.Reply.ArrayHeader(keys.Length);
        foreach (var key in keys) Write(call.Reply, call.Server.Store, key);
    }

    private static void ResetHot(ref CommandCall call)
    {
        call.Server.HotKeys.Reset();
        call.Reply.SimpleString("OK"u8);
    }

    private static void Big(ref CommandCall call)
    {
        var count = CountUsual;
        while (call.Args.Remaining > 0 && call.Args.IsValid)
        {
            if (call.Args.WordWithValue("COUNT"u8)) count = Count(ref call.Args);
            else call.Args.Fail(Errors.Syntax);
        }
        if (!call.ArgsValid()) return;
        var keys = call.Server.Store.BigKeys(count);
        call.Reply.ArrayHeader(keys.Count);
        foreach (var key in keys) Write(call.Reply, call.Server.Store, key);
    }

    private static int Count(ref ArgReader args) => (int)args.Int64(1, 1_000, "ERR count must be between 1 and 1000"u8);

    private static HotKeyMeasure Measure(ref ArgReader args)
    {
        if (args.Word("COMMANDS"u8)) return HotKeyMeasure.Commands;
        if (args.Word("BYTES"u8)) return HotKeyMeasure.Bytes;
        if (args.Word("CPU"u8)) return HotKeyMeasure.Cpu;
        args.Fail(Errors.Syntax);
        return default;
    }

    private static void Write(ReplyWriter reply, Store store, HotKey key)
    {
        reply.MapHeader(9);
        reply.BulkString("key");
        reply.Bulk(key.Key);
        Pair(reply, "key-length", key.Name.Length);
        Pair(reply, "database", key.Name.Database);
        Pair(reply, "slot", key.Name.Slot);
        Pair(reply, "shard", store.ShardOf(key.Name.Slot));
        Text(reply, "commands-per-second", key.CommandsPerSecond, "f1");
        Text(reply, "bytes-per-second", key.BytesPerSecond, "f1");
        Text(reply, "cpu-us-per-second", key.CpuUsPerSecond, "f1");
        Text(reply, "share", key.Share, "f4");
    }

    private static void Write(ReplyWriter reply, Store store, BigKey key)
    {
        reply.MapHeader(8);
        reply.BulkString("key");
        reply.Bulk(key.Key);
        Pair(reply, "key-length", key.KeyLength);
        Pair(reply, "database", key.Database);
        Pair(reply, "slot", key.Slot);
        Pair(reply, "shard", store.ShardOf(key.Slot));
        reply.BulkString("type");
        reply.Bulk(KeyCommands.NameOf(key.Type));
        Pair(reply, "bytes", key.Bytes);
        Pair(reply, "elements", key.Elements);
    }

    private static void Pair(ReplyWriter reply, string name, long value)
    {
        reply.BulkString(name);
        reply.Integer(value);
    }

    private static void Text(ReplyWriter reply, string name, double value, string format)
    {
        reply.BulkString(name);
        reply.BulkString(value.ToString(format, CultureInfo.InvariantCulture));
    }
}
