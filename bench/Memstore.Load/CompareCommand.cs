using System.CommandLine;
using System.Globalization;

namespace Memstore.Load;

/// <summary><c>load compare</c>: the same workloads on several running servers, one after another in every round.</summary>
internal static class CompareCommand
{
    private const string DefaultWorkloads = "get,set,incr,mget,mset,multi,mixed";

    public static Command Create()
    {
        var servers = new Option<string[]>("--server") { Description = "NAME=PORT:PID of a server on 127.0.0.1; once for each.", Required = true };
        var subject = new Option<string>("--subject") { Description = "The server whose ratios to the others are printed.", DefaultValueFactory = _ => "memstore" };
        var workloads = new Option<string>("--workloads") { Description = "What to send.", DefaultValueFactory = _ => DefaultWorkloads };
        var pipelines = new Option<string>("--pipelines") { Description = "At which depths.", DefaultValueFactory = _ => "1,16,64,512" };
        var rounds = new Option<int>("--rounds") { Description = "How often.", DefaultValueFactory = _ => 7 };
        var seconds = new Option<double>("--seconds") { Description = "How long each measurement lasts.", DefaultValueFactory = _ => 1 };
        var warm = new Option<double>("--warm") { Description = "Seconds of load on each server before the first.", DefaultValueFactory = _ => 5 };
        var keys = new Option<long>("--keys") { Description = "Keys in each server.", DefaultValueFactory = _ => 1_000_000 };
        var clients = new Option<int>("--clients") { Description = "Connections.", DefaultValueFactory = _ => 50 };

        var command = new Command("compare", "Measures servers in turn and prints medians and ratios as Markdown.");
        foreach (var option in new Option[] { servers, subject, workloads, pipelines, rounds, seconds, warm, keys, clients })
        {
            command.Options.Add(option);
        }

        command.SetAction(parsed =>
        {
            var comparison = new Comparison(
                [.. parsed.GetValue(servers)!.Select(text => ParseServer(text, parsed.GetValue(keys), parsed.GetValue(clients)))],
                parsed.GetValue(subject)!);
            comparison.WarmUp(parsed.GetValue(warm));
            var cells =
                from workload in parsed.GetValue(workloads)!.Split(',')
                from pipeline in parsed.GetValue(pipelines)!.Split(',')
                select new Cell(Enum.Parse<WorkloadKind>(workload, ignoreCase: true), int.Parse(pipeline, CultureInfo.InvariantCulture));
            comparison.Run([.. cells], parsed.GetValue(rounds), parsed.GetValue(seconds));
            comparison.Print(Console.Out);
            return comparison.Errors == 0 ? 0 : 1;
        });
        return command;
    }

    private static (string Name, LoadSettings Settings) ParseServer(string text, long keys, int clients)
    {
        var parts = text.Split('=', ':');
        if (parts.Length != 3) throw new FormatException($"'{text}' is not NAME=PORT:PID");
        var numbers = parts[1..].Select(part => int.Parse(part, CultureInfo.InvariantCulture)).ToArray();
        return (parts[0], new LoadSettings { Host = "127.0.0.1", Port = numbers[0], Pid = numbers[1], Keys = keys, Clients = clients });
    }
}
