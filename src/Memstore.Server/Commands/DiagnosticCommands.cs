using System.Globalization;
using System.Text;
using Memstore.Protocol;
using Memstore.Server.Metrics;
using static Memstore.Server.Commands.CommandFlags;

namespace Memstore.Server.Commands;

/// <summary>SLOWLOG, LATENCY and parts of MEMORY: what took long, and where memory is.</summary>
internal static class DiagnosticCommands
{
    private const CommandFlags Usual = Admin | Loading | Stale;

    public static readonly CommandFamily Family = new("server", AclCategories.None,
    [
        new("SLOWLOG", None, null)
        {
            Summary = "A container for commands about slow commands.",
            Complexity = "Depends on the subcommand", Since = "2.2.12",
        },
        new("SLOWLOG GET [count]", Usual, SlowLogGet)
        {
            Summary = "Answers the newest slow commands.",
            Complexity = "O(N) where N is the number of entries returned", Since = "2.2.12",
            Tips = ["request_policy:all_nodes", "nondeterministic_output"],
        },
        new("SLOWLOG HELP", Loading | Stale, ContainerHelp.Answer)
        {
            Summary = "Shows these lines.",
            Complexity = "O(1)", Since = "6.2.0",
        },
        new("SLOWLOG LEN", Usual, SlowLogLen)
        {
            Summary = "Counts the slow commands that are kept.",
            Complexity = "O(1)", Since = "2.2.12",
            Tips = ["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
        },
        new("SLOWLOG RESET", Usual, SlowLogReset)
        {
            Summary = "Forgets the slow commands.",
            Complexity = "O(N) where N is the number of entries in the slowlog", Since = "2.2.12",
            Tips = ["request_policy:all_nodes", "response_policy:all_succeeded"],
        },
        new("LATENCY", None, null)
        {
            Summary = "A container for commands about slow events.",
            Complexity = "Depends on the subcommand", Since = "2.8.13",
        },
        new("LATENCY DOCTOR", Usual | NoScript, LatencyDoctor)
        {
            Summary = "Says in words what was slow, and what may help.",
            Complexity = "O(1)", Since = "2.8.13", Tips = ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        },
        new("LATENCY GRAPH event", Usual | NoScript, LatencyGraph)
        {
            Summary = "Draws the samples of a kind of event.",
            Complexity = "O(1)", Since = "2.8.13", Tips = ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        },
        new("LATENCY HELP", Loading | Stale, ContainerHelp.Answer)
        {
            Summary = "Shows these lines.",
            Complexity = "O(1)", Since = "2.8.13",
        },
        new("LATENCY HISTOGRAM [command [command ...]]", Usual | NoScript, LatencyHistogram)
        {
            Summary = "Answers how long commands took, by classes.",
            Complexity = "O(N) where N is the number of commands with latency information being retrieved.", Since = "7.0.0",
            Tips = ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        },
        new("LATENCY HISTORY event", Usual | NoScript, LatencyHistory)
        {
            Summary = "Answers the samples of a kind of event.",
            Complexity = "O(1)", Since = "2.8.13", Tips = ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        },
        new("LATENCY LATEST", Usual | NoScript, LatencyLatest)
        {
            Summary = "Answers the latest sample of every kind of event.",
            Complexity = "O(1)", Since = "2.8.13", Tips = ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        },
        new("LATENCY RESET [event [event ...]]", Usual | NoScript, LatencyReset)
        {
            Summary = "Forgets the samples of kinds of events, or all.",
            Complexity = "O(1)", Since = "2.8.13", Tips = ["request_policy:all_nodes", "response_policy:all_succeeded"],
        },
        new("MEMORY DOCTOR", None, MemoryDoctor)
        {
            Summary = "Says in words where memory is.",
            Complexity = "O(1)", Since = "4.0.0", Tips = ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        },
        new("MEMORY MALLOC-STATS", None, MemoryMallocStats)
        {
            Summary = "Shows the figures of the allocator of the data.",
            Complexity = "Depends on how much memory is allocated, could be slow", Since = "4.0.0",
            Tips = ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        },
        new("MEMORY PURGE", None, MemoryPurge)
        {
            Summary = "Gives memory back to the system that is not needed now.",
            Complexity = "Depends on how much memory is allocated, could be slow", Since = "4.0.0",
            Tips = ["request_policy:all_shards", "response_policy:all_succeeded"],
        },
        new("MEMORY STATS", None, MemoryStats)
        {
            Summary = "Answers where memory is, in bytes.",
            Complexity = "O(1)", Since = "4.0.0", Tips = ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        },
    ]);

    private static void SlowLogGet(ref CommandCall call)
    {
        if (call.Args.Remaining > 1)
        {
            call.Reply.Error(Errors.WrongUse(call.Args.Request[1], "SLOWLOG"u8));
            return;
        }

        var count = 10L;
        if (call.Args.Remaining > 0) count = call.Args.Int64(-1, long.MaxValue, "ERR count should be greater than or equal to -1"u8);
        if (call.Args.Error.SequenceEqual(Errors.NotInteger))
        {
            call.Reply.Error("ERR count should be greater than or equal to -1"u8);
            return;
        }

        if (!call.ArgsValid()) return;
        var commands = call.Server.SlowLog.Newest(count < 0 ? long.MaxValue : count);
        call.Reply.ArrayHeader(commands.Length);
        foreach (var command in commands)
        {
            call.Reply.ArrayHeader(6);
            call.Reply.Integer(command.Id);
            call.Reply.Integer(command.UnixSeconds);
            call.Reply.Integer(command.DurationUs);
            call.Reply.ArrayHeader(command.Arguments.Length);
            foreach (var argument in command.Arguments) call.Reply.Bulk(argument);
            call.Reply.BulkString(command.Address);
            call.Reply.BulkString(command.ClientName);
        }
    }

    private static void SlowLogLen(ref CommandCall call) => call.Reply.Integer(call.Server.SlowLog.Count);

    private static void SlowLogReset(ref CommandCall call)
    {
        call.Server.SlowLog.Clear();
        call.Reply.SimpleString("OK"u8);
    }

    private static void LatencyDoctor(ref CommandCall call) =>
        call.Reply.Verbatim("txt", LatencyReport.Doctor(call.Server.Latency.All(), call.Server));

    private static void LatencyGraph(ref CommandCall call)
    {
        var name = call.Args.Bytes();
        var text = Encoding.ASCII.GetString(name);
        if (call.Server.Latency.All().FirstOrDefault(kept => kept.Name == text) is { } kept)
            call.Reply.Verbatim("txt", LatencyReport.Graph(kept, call.Server.Time.GetUtcNow().ToUnixTimeSeconds()));
        else
            call.Reply.Error(Errors.Echoing("ERR No samples available for event '"u8, name, "'"u8));
    }

    private static void LatencyHistogram(ref CommandCall call)
    {
        var metrics = call.Server.Metrics;
        var chosen = new List<(Command Row, CommandCounters Counters)>();
        if (call.Args.Remaining == 0) chosen.AddRange(metrics.Commands().Where(static pair => HasEnded(pair.Counters)));
        while (call.Args.Remaining > 0)
        {
            if (call.Server.Commands.FindFullName(call.Args.Bytes()) is not { } row) continue;
            foreach (var each in row.IsContainer ? row.Subcommands : [row])
            {
                var counters = metrics.Sum(each);
                if (HasEnded(counters)) chosen.Add((each, counters));
            }
        }
        call.Reply.MapHeader(chosen.Count);
        foreach (var (row, counters) in chosen) WriteHistogram(call.Reply, row, counters);
    }

    // Not this very call, if it is the first one.
    private static bool HasEnded(in CommandCounters counters) => counters.Histogram!.AsSpan().ContainsAnyExcept(0);

    // The borders are powers of two in nanoseconds; the reply wants microseconds, and counts that add up.
    private static void WriteHistogram(ReplyWriter reply, Command row, in CommandCounters counters)
    {
        var classes = new List<(long Us, long Count)>();
        var sum = 0L;
        for (var i = 0; i < counters.Histogram!.Length; i++)
        {
            if (counters.Histogram[i] == 0) continue;
            sum += counters.Histogram[i];
            var us = Math.Max(1, (2L << i) / 1000);
            if (classes.Count > 0 && classes[^1].Us == us) classes[^1] = (us, sum);
            else classes.Add((us, sum));
        }
        reply.BulkString(row.Name);
        reply.MapHeader(2);
        reply.BulkString("calls");
        reply.Integer(counters.Calls);
        reply.BulkString("histogram_usec");
        reply.MapHeader(classes.Count);
        foreach (var (us, count) in classes)
        {
            reply.Integer(us);
            reply.Integer(count);
        }
    }

    private static void LatencyHistory(ref CommandCall call)
    {
        var name = Encoding.ASCII.GetString(call.Args.Bytes());
        var samples = call.Server.Latency.All().FirstOrDefault(kept => kept.Name == name)?.Samples ?? [];
        call.Reply.ArrayHeader(samples.Count);
        foreach (var (seconds, ms) in samples)
        {
            call.Reply.ArrayHeader(2);
            call.Reply.Integer(seconds);
            call.Reply.Integer(ms);
        }
    }

    private static void LatencyLatest(ref CommandCall call)
    {
        var events = call.Server.Latency.All();
        call.Reply.ArrayHeader(events.Length);
        foreach (var kept in events)
        {
            call.Reply.ArrayHeader(4);
            call.Reply.BulkString(kept.Name);
            call.Reply.Integer(kept.Samples[^1].UnixSeconds);
            call.Reply.Integer(kept.Samples[^1].Ms);
            call.Reply.Integer(kept.MaxMs);
        }
    }

    private static void LatencyReset(ref CommandCall call)
    {
        var count = call.Args.Remaining == 0 ? call.Server.Latency.Reset(null) : 0;
        while (call.Args.Remaining > 0) count += call.Server.Latency.Reset(Encoding.ASCII.GetString(call.Args.Bytes()));
        call.Reply.Integer(count);
    }

    private static void MemoryDoctor(ref CommandCall call)
    {
        var memory = MemoryFigures.Read(call.Server);
        call.Reply.Verbatim("txt", string.Create(
            CultureInfo.InvariantCulture,
            $"The data occupies {MemoryFigures.ForPeople(memory.Used)}, its allocator has taken {MemoryFigures.ForPeople(memory.Committed)} " +
            $"from the system, the process has {MemoryFigures.ForPeople(memory.Resident)} in memory, clients' buffers take " +
            $"{MemoryFigures.ForPeople(memory.Clients)}.\n"));
    }

    private static void MemoryMallocStats(ref CommandCall call)
    {
        var store = call.Server.Store.Statistics();
        var memory = store.Memory;
        (string Name, long Bytes)[] owners =
        [
            ("records", memory.Records), ("indexes", memory.Indexes), ("trees", memory.Trees), ("deadlines", memory.Deadlines), ("used", store.UsedBytes),
            ("of these waiting", memory.Waiting), ("free", memory.Free), ("committed", store.CommittedBytes), ("databases", memory.Databases),
            ("queues", memory.Queues), ("page tables", memory.PageTables), ("managed heap", GC.GetTotalMemory(forceFullCollection: false)),
        ];
        var text = new StringBuilder("Memory of the data by what it is for, in bytes:\n");
        foreach (var (name, bytes) in owners) text.Append(CultureInfo.InvariantCulture, $"{name,-18}{bytes,16}\n");
        call.Reply.Verbatim("txt", text.ToString());
    }

    private static void MemoryPurge(ref CommandCall call)
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        call.Reply.SimpleString("OK"u8);
    }

    private static void MemoryStats(ref CommandCall call)
    {
        var memory = MemoryFigures.Read(call.Server);
        var keys = call.Server.Store.Statistics().Databases.Sum(database => database.Keys);
        (string Name, long Value)[] figures =
        [
            ("peak.allocated", memory.Peak), ("total.allocated", memory.Used), ("startup.allocated", 0), ("replication.backlog", 0),
            ("clients.slaves", 0), ("clients.normal", memory.Clients), ("cluster.links", 0), ("aof.buffer", 0), ("lua.caches", 0),
            ("functions.caches", 0), ("overhead.total", memory.Clients + memory.Overhead), ("keys.count", keys),
            ("keys.bytes-per-key", keys == 0 ? 0 : memory.Used / keys), ("dataset.bytes", memory.Used),
            ("allocator.allocated", memory.Used), ("allocator.active", memory.Committed), ("allocator.resident", memory.Committed),
            ("fragmentation.bytes", memory.Resident - memory.Used),
        ];
        call.Reply.MapHeader(figures.Length + 3);
        foreach (var (name, value) in figures)
        {
            call.Reply.BulkString(name);
            call.Reply.Integer(value);
        }
        call.Reply.BulkString("dataset.percentage");
        call.Reply.Double(100);
        call.Reply.BulkString("peak.percentage");
        call.Reply.Double(memory.Peak == 0 ? 100 : memory.Used * 100.0 / memory.Peak);
        call.Reply.BulkString("fragmentation");
        call.Reply.Double(memory.Used == 0 ? 1 : (double)memory.Resident / memory.Used);
    }
}
