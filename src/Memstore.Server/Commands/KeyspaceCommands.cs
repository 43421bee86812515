using Memstore.Engine;
using static Memstore.Server.Commands.CommandFlags;

namespace Memstore.Server.Commands;

/// <summary>Commands on whole databases, and on the memory that they take.</summary>
internal static class KeyspaceCommands
{
    private static readonly string[] AllShards = ["request_policy:all_shards", "response_policy:all_succeeded"];

    public static readonly CommandFamily Family = new("server", AclCategories.None,
    [
        new("DBSIZE", ReadOnly | Fast, [Key.Everything(KeyAccess.Read)], DbSize)
        {
            Summary = "Counts the keys of the database.",
            Complexity = "O(1)", Since = "1.0.0", Categories = AclCategories.Keyspace,
            Tips = ["request_policy:all_shards", "response_policy:agg_sum"],
        },
        new("FLUSHALL [ASYNC | SYNC]", Write, [Key.Everything(KeyAccess.Write)], FlushAll)
        {
            Summary = "Deletes all keys of all databases; their memory is freed afterwards either way.",
            Complexity = "O(1)", Since = "1.0.0", Categories = AclCategories.Keyspace | AclCategories.Dangerous, Tips = AllShards,
        },
        new("FLUSHDB [ASYNC | SYNC]", Write, [Key.Everything(KeyAccess.Write)], FlushDb)
        {
            Summary = "Deletes all keys of the database; their memory is freed afterwards either way.",
            Complexity = "O(1)", Since = "1.0.0", Categories = AclCategories.Keyspace | AclCategories.Dangerous, Tips = AllShards,
        },
        new("SWAPDB index1 index2", Write | Fast, [Key.Everything(KeyAccess.Write)], SwapDb)
        {
            Summary = "Lets two databases change places, for all clients at one moment.",
            Complexity = "O(1)", Since = "4.0.0", Categories = AclCategories.Keyspace | AclCategories.Dangerous,
        },
        new("MEMORY", None, handler: null)
        {
            Summary = "Leads to commands about memory.",
            Complexity = "Depends on the subcommand", Since = "4.0.0",
        },
        new("MEMORY HELP", Loading | Stale, ContainerHelp.Answer)
        {
            Summary = "Lists the subcommands.",
            Complexity = "O(1)", Since = "4.0.0",
        },
        new("MEMORY USAGE key [SAMPLES count]", ReadOnly, [Key.Peeks(2)], MemoryUsage)
        {
            Summary = "Answers how many bytes a key and its value take.",
            Complexity = "O(1)", Since = "4.0.0",
        },
    ]);

    private static void DbSize(ref CommandCall call) => call.Reply.Integer(call.Transaction.Count(call.Transaction.Database));

    private static void FlushAll(ref CommandCall call)
    {
        if (!ReadFlushOption(ref call)) return;
        for (var database = 0; database < call.Server.Store.DatabaseCount; database++) call.Transaction.Flush(database);
        call.Reply.SimpleString("OK"u8);
    }

    private static void FlushDb(ref CommandCall call)
    {
        if (!ReadFlushOption(ref call)) return;
        call.Transaction.Flush(call.Transaction.Database);
        call.Reply.SimpleString("OK"u8);
    }

    // Flushing takes O(1) either way, so the option changes nothing.
    private static bool ReadFlushOption(ref CommandCall call)
    {
        _ = call.Args.Word("ASYNC"u8) || call.Args.Word("SYNC"u8);
        call.Args.End();
        return call.ArgsValid();
    }

    private static void SwapDb(ref CommandCall call)
    {
        var first = call.Args.Int64(int.MinValue, int.MaxValue, Errors.InvalidFirstDatabase, Errors.InvalidFirstDatabase);
        var second = call.Args.Int64(int.MinValue, int.MaxValue, Errors.InvalidSecondDatabase, Errors.InvalidSecondDatabase);
        var count = call.Server.Store.DatabaseCount;
        if (first < 0 || first >= count || second < 0 || second >= count) call.Args.Fail(Errors.DatabaseOutOfRange);
        if (!call.ArgsValid()) return;
        if (first != second) call.Transaction.Swap((int)first, (int)second);
        call.Reply.SimpleString("OK"u8);
    }

    private static void MemoryUsage(ref CommandCall call)
    {
        var key = call.Args.Key();
        while (call.Args.Remaining > 0 && call.Args.IsValid)
        {
            // How many elements to look at; sizes are counted here, not guessed from samples.
            if (call.Args.WordWithValue("SAMPLES"u8)) call.Args.Int64(0, long.MaxValue, Errors.Syntax);
            else call.Args.Fail(Errors.Syntax);
        }
        if (!call.ArgsValid()) return;
        if (!call.Transaction.Find(key, out var entry))
        {
            call.Reply.Null();
            return;
        }
        var usedBytes = entry.UsedBytes;
        if (call.Transaction.FindHash(key, out var hash) is Found.Present) usedBytes += hash.Bytes;
        call.Reply.Integer(usedBytes);
    }
}
