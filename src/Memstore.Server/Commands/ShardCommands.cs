using System.Globalization;
using System.Text;
using Memstore.Engine;
using Memstore.Engine.Keys;
using Memstore.Protocol;
using Memstore.Server.Configuration;
using static Memstore.Server.Commands.CommandFlags;

namespace Memstore.Server.Commands;

/// <summary>SHARDS: the number of shards, what each has, and where slots are.</summary>
internal static class ShardCommands
{
    public static readonly CommandFamily Family = new("server", AclCategories.None,
    [
        new("SHARDS", None, null)
        {
            Summary = "A container for commands about shards.",
            Complexity = "Depends on the subcommand", Since = "7.0.0",
        },
        new("SHARDS HELP", Loading | Stale, ContainerHelp.Answer)
        {
            Summary = "Shows these lines.",
            Complexity = "O(1)", Since = "7.0.0",
        },
        new("SHARDS INFO", Admin | NoScript | NoMulti, Info)
        {
            Summary = "Describes each shard: slots, keys, bytes, commands a second, commits, conflicts, who waits for it, and its part of the load.",
            Complexity = "O(N) where N is the number of slots", Since = "7.0.0", Tips = ["nondeterministic_output"],
        },
        new("SHARDS LOG [count]", Admin | NoScript, Log)
        {
            Summary = "Answers what happened to shards and why, the newest first.",
            Complexity = "O(N) where N is the number of entries", Since = "7.0.0", Tips = ["nondeterministic_output"],
        },
        new("SHARDS MOVE slot shard", Admin | NoScript | NoMulti, Move)
        {
            Summary = "Moves a slot to a shard.",
            Complexity = "O(1)", Since = "7.0.0",
        },
        new("SHARDS REBALANCE [NOW]", Admin | NoScript | NoMulti, Rebalance)
        {
            Summary = "Moves the fewest slots that bring every shard within the bound; with NOW it answers when they have moved.",
            Complexity = "O(N) where N is the number of slots", Since = "7.0.0",
        },
        new("SHARDS RING", Admin | NoScript | NoMulti, Ring)
        {
            Summary = "Answers how many points a shard has on the ring, what part of the load it may have, and the points: place from 0 to 1 and shard.",
            Complexity = "O(N) where N is the number of points", Since = "7.0.0",
        },
        new("SHARDS SET count", Admin | NoScript | NoMulti, Set)
        {
            Summary = "Changes the number of shards while everything goes on; AUTO is the number of processors. Answers when all slots are in their places.",
            Complexity = "O(N) where N is the number of slots", Since = "7.0.0",
        },
    ]);

    private static void Info(ref CommandCall call) => AnswerFromPool(ref call, WriteInfo);

    private static void WriteInfo(Store store, ReplyWriter reply)
    {
        var shards = store.ShardStatistics();
        reply.ArrayHeader(shards.Count);
        foreach (var shard in shards)
        {
            reply.MapHeader(15);
            Pair(reply, "shard", shard.Index);
            Pair(reply, "slots", shard.Slots);
            Pair(reply, "keys", shard.Keys);
            Pair(reply, "bytes", shard.Bytes);
            Pair(reply, "commands-per-second", (long)shard.Commands);
            Pair(reply, "turns", shard.Turns);
            Pair(reply, "commits", shard.Commits);
            Pair(reply, "combined", shard.Combined);
            Pair(reply, "conflicts", shard.Conflicts);
            Pair(reply, "lost-watches", shard.LostWatches);
            Pair(reply, "queue-depth", shard.QueueDepth);
            Pair(reply, "longest-queue", shard.LongestQueue);
            Text(reply, "load-share", shard.Load);
            Pair(reply, "heaviest-slot", shard.HeaviestSlot);
            Text(reply, "heaviest-slot-share", shard.HeaviestSlotLoad);
        }
    }

    private static void Log(ref CommandCall call)
    {
        var count = call.Args.Remaining > 0 ? call.Args.Int64() : 10;
        if (call.Args.Remaining > 0) call.Args.Fail(Errors.Syntax);
        if (!call.ArgsValid()) return;
        var entries = call.Server.Balancer.Entries();
        var shown = (int)Math.Clamp(count < 0 ? entries.Length : count, 0, entries.Length);
        call.Reply.ArrayHeader(shown);
        foreach (var entry in entries.AsSpan(0, shown))
        {
            call.Reply.ArrayHeader(2);
            call.Reply.Integer(entry.At.ToUnixTimeMilliseconds());
            call.Reply.BulkString(entry.Text);
        }
    }

    private static void Move(ref CommandCall call)
    {
        var slot = call.Args.Int64();
        var shard = call.Args.Int64();
        if (slot is < 0 or >= SlotHash.Slots) call.Args.Fail("ERR slot is out of range, it must be between 0 and 16383"u8);
        if (shard < 0 || shard >= call.Server.Store.ShardCount) call.Args.Fail("ERR there is no such shard"u8);
        if (call.ArgsValid()) Answer(ref call, call.Server.Balancer.MoveAsync((int)slot, (int)shard));
    }

    private static void Rebalance(ref CommandCall call)
    {
        var waits = call.Args.Remaining > 0 && call.Args.Word("NOW"u8);
        if (call.Args.Remaining > 0) call.Args.Fail(Errors.Syntax);
        if (!call.ArgsValid()) return;
        var work = call.Server.Balancer.RebalanceAsync();
        if (waits || work.IsCompleted) Answer(ref call, work);
        else call.Reply.SimpleString("OK"u8);
    }

    private static void Ring(ref CommandCall call) => AnswerFromPool(ref call, WriteRing);

    private static void WriteRing(Store store, ReplyWriter reply)
    {
        var points = store.RingPoints();
        reply.MapHeader(4);
        Pair(reply, "replication-factor", store.ReplicationFactor);
        reply.BulkString("load-factor");
        reply.BulkString(store.LoadFactor.ToString(CultureInfo.InvariantCulture));
        Text(reply, "bound", store.LoadFactor / store.ShardCount);
        reply.BulkString("points");
        reply.ArrayHeader(points.Count);
        foreach (var (place, shard) in points)
        {
            reply.ArrayHeader(2);
            reply.BulkString((place / Math.Pow(2, 64)).ToString("f6", CultureInfo.InvariantCulture));
            reply.Integer(shard);
        }
    }

    private static void Set(ref CommandCall call)
    {
        var count = call.Args.Word("AUTO"u8) ? SettingTable.AutomaticShards : call.Args.Int64();
        if (count is < 1 or > Store.ShardsMax) call.Args.Fail("ERR the number of shards must be between 1 and 4096"u8);
        if (call.ArgsValid()) Answer(ref call, call.Server.Balancer.SetAsync((int)count));
    }

    // Adding up and sorting what thousands of shards have, and writing it, takes tens of milliseconds, for which others on the thread would wait.
    private static void AnswerFromPool(ref CommandCall call, Action<Store, ReplyWriter> write)
    {
        var (store, protocol) = (call.Server.Store, call.Reply.Protocol);
        var work = Task.Run(() =>
        {
            using var reply = new ReplyWriter { Protocol = protocol };
            write(store, reply);
            return reply.WrittenSpan.ToArray();
        });
        call.Session.WaitFor(work, reply => reply.Raw(work.Result));
    }

    private static void Answer(ref CommandCall call, Task<string?> work) => call.Session.WaitFor(work, reply =>
    {
        if (work.Result is { } error) reply.Error(Encoding.ASCII.GetBytes("ERR " + error));
        else reply.SimpleString("OK"u8);
    });

    private static void Pair(ReplyWriter reply, string name, long value)
    {
        reply.BulkString(name);
        reply.Integer(value);
    }

    private static void Text(ReplyWriter reply, string name, double share)
    {
        reply.BulkString(name);
        reply.BulkString(share.ToString("f4", CultureInfo.InvariantCulture));
    }
}
