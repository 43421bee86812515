using System.CommandLine;
using System.Diagnostics;
using System.Globalization;

namespace Memstore.Load;

/// <summary><c>load fill</c>: the keys that the workloads read.</summary>
internal static class FillCommand
{
    public static Command Create()
    {
        var target = new TargetOptions();
        var keys = new Option<long>("--keys", "-k") { Description = "How many keys.", DefaultValueFactory = _ => 1_000_000 };
        var first = new Option<long>("--first") { Description = "The number of the first key." };
        var deadline = new Option<long>("--deadline") { Description = "When all of them expire, in Unix seconds; 0 for never." };
        var counters = new Option<bool>("--counters") { Description = "Also as many integer keys, for incr and multi." };
        var command = new Command("fill", "Sets the keys FIRST to FIRST + KEYS - 1.");
        target.AddTo(command);
        command.Options.Add(keys);
        command.Options.Add(first);
        command.Options.Add(deadline);
        command.Options.Add(counters);
        command.SetAction(parsed =>
        {
            var clock = Stopwatch.StartNew();
            var settings = target.Read(parsed) with { DeadlineUnixSeconds = parsed.GetValue(deadline) };
            Fill(settings, parsed.GetValue(first), parsed.GetValue(first) + parsed.GetValue(keys));
            if (parsed.GetValue(counters)) Fill(settings, 0, parsed.GetValue(keys), WorkloadKind.FillCounters);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"filled {parsed.GetValue(keys)} keys in {clock.Elapsed.TotalSeconds:f1} s"));
        });
        return command;
    }

    /// <summary>Sets the keys from <paramref name="first"/> up to <paramref name="end"/> - 1.</summary>
    /// <exception cref="IOException">A key was refused.</exception>
    public static void Fill(LoadSettings settings, long first, long end, WorkloadKind kind = WorkloadKind.Fill) =>
        Send(settings with { Workload = kind, FirstKey = first, RequestsMax = end - first });

    /// <summary>Deletes the given part of the keys 0 to <paramref name="keys"/> - 1 and returns how many that were.</summary>
    public static long Delete(LoadSettings settings, long keys, int percent)
    {
        long doomed = 0;
        for (long key = 0; key < keys; key++) if (Workload.IsDoomed(key, percent)) doomed++;
        Send(settings with { Workload = WorkloadKind.Delete, DeletePercent = percent, RequestsMax = doomed });
        return doomed;
    }

    // One connection after another would be slow, many would fill in another order; eight with deep pipelines do.
    private static void Send(LoadSettings settings)
    {
        var result = LoadRun.Execute(settings with { Clients = 8, Pipeline = 200, Seconds = 3_600 });
        if (result.Errors > 0) throw new IOException($"{result.Errors} requests failed; the first: {result.FirstError}");
    }
}
