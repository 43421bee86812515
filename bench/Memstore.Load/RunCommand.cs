using System.CommandLine;

namespace Memstore.Load;

/// <summary><c>load run</c>: one workload against one server.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var target = new TargetOptions();
        var workload = new Option<WorkloadKind>("--workload", "-w") { Description = "What to send.", DefaultValueFactory = _ => WorkloadKind.Get };
        var clients = new Option<int>("--clients", "-c") { Description = "Connections.", DefaultValueFactory = _ => 50 };
        var pipeline = new Option<int>("--pipeline", "-P") { Description = "Requests sent before waiting.", DefaultValueFactory = _ => 1 };
        var keys = new Option<long>("--keys", "-k") { Description = "How many different keys.", DefaultValueFactory = _ => 1_000_000 };
        var distribution = new Option<Distribution>("--distribution") { Description = "How keys are drawn." };
        var skew = new Option<double>("--skew") { Description = "The exponent of Zipf's law.", DefaultValueFactory = _ => KeyChooser.UsualSkew };
        var shift = new Option<int>("--shift") { Description = "Seconds after which other keys are the hot ones; 0 for never." };
        var seconds = new Option<double>("--seconds", "-s") { Description = "How long to measure.", DefaultValueFactory = _ => 5 };
        var warm = new Option<double>("--warm") { Description = "Seconds of load before that.", DefaultValueFactory = _ => 1 };
        var rate = new Option<double>("--rate") { Description = "Requests a second (open loop); 0: as fast as replies come." };
        var threads = new Option<int>("--threads") { Description = "Threads of the load itself.", DefaultValueFactory = _ => 1 };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the keys.", DefaultValueFactory = _ => 1 };
        var json = new Option<string?>("--json") { Description = "Also writes the figures to this file as JSON; - for standard output." };

        var command = new Command("run", "Runs one workload and prints throughput, latencies and the server's CPU time per command.");
        target.AddTo(command);
        foreach (var option in new Option[] { workload, clients, pipeline, keys, distribution, skew, shift, seconds, warm, rate, threads, seed, json })
        {
            command.Options.Add(option);
        }

        command.SetAction(parsed =>
        {
            var settings = target.Read(parsed) with
            {
                Workload = parsed.GetValue(workload),
                Clients = parsed.GetValue(clients),
                Pipeline = parsed.GetValue(pipeline),
                Keys = parsed.GetValue(keys),
                Distribution = parsed.GetValue(distribution),
                Skew = parsed.GetValue(skew),
                ShiftSeconds = parsed.GetValue(shift),
                Seconds = parsed.GetValue(seconds),
                WarmSeconds = parsed.GetValue(warm),
                Rate = parsed.GetValue(rate),
                Seed = parsed.GetValue(seed),
                Threads = Math.Clamp(parsed.GetValue(threads), 1, parsed.GetValue(clients)),
            };
            var result = LoadRun.Execute(settings);
            Report.Print(settings, result, parsed.GetValue(json));
            return result.Errors == 0 ? 0 : 1;
        });
        return command;
    }
}
