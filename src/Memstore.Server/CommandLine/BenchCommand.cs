using System.CommandLine;
using System.Runtime.InteropServices;
using Memstore.Server.CommandLine.Bench;

namespace Memstore.Server.CommandLine;

/// <summary>bench: a small load generator.</summary>
internal static class BenchCommand
{
    private const int ClientsMax = 10_000;
    private const int PipelineMax = 10_000;
    private const long KeysMax = 1_000_000_000;
    private const long ZipfKeysMax = 10_000_000;
    private const int ValueMax = 16 * 1024 * 1024;
    private const long RateMax = 100_000_000;

    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = new Command("bench", "Puts load on a server and shows throughput and latency each second. It writes keys: key:…, cnt:… and hsh:….");
        var server = Options.AddServer(command);
        var clients = Options.Number("--clients", "Connections at a time.", 50, 1, ClientsMax);
        var pipeline = Options.Number("--pipeline", "Requests that a connection sends before it waits for their replies.", 1, 1, PipelineMax);
        var requests = Options.Number("--requests", "How many requests; 0 for as many as the seconds allow.", 0, 0, long.MaxValue);
        var seconds = Options.Number("--seconds", "For how long, unless a number of requests is given.", 10, 1, 86_400);
        var keys = Options.Number("--keys", "How many different keys.", 100_000, 1, KeysMax);
        var size = Options.Number("--value-size", "Bytes of a value.", 32, 0, ValueMax);
        var seed = Options.Number("--seed", "Where chance begins.", 1, 0, long.MaxValue);
        var mix = MixOption();
        var distribution = DistributionOption();
        var rate = Options.Number("--rate", "Requests a second of all clients together; 0 for as many as they can.", 0, 0, RateMax);
        var fill = new Option<bool>("--fill") { Description = "Writes all keys key:… before it begins, so that reads find them." };
        var json = new Option<bool>("--json") { Description = "Prints nothing but the result, as JSON." };
        foreach (var option in new Option[] { clients, pipeline, requests, seconds, rate, mix, keys, fill, distribution, size, seed, json }) command.Options.Add(option);

        // The letters that redis-benchmark has for these.
        foreach (var (option, letter) in new (Option, string)[] { (clients, "-c"), (pipeline, "-P"), (requests, "-n"), (keys, "-r"), (size, "-d"), (server.Port, "-p"), (server.Password, "-a") })
            option.Aliases.Add(letter);
        command.SetAction((parsed, _) =>
        {
            var options = new BenchOptions(
                Options.AddressOf(parsed, server), (int)parsed.GetValue(clients), (int)parsed.GetValue(pipeline), parsed.GetValue(requests),
                (int)parsed.GetValue(seconds), parsed.GetValue(mix)!, parsed.GetValue(keys), parsed.GetValue(distribution),
                (int)parsed.GetValue(size), (ulong)parsed.GetValue(seed), parsed.GetValue(rate), parsed.GetValue(fill));
            if (options is { Distribution: Distribution.Zipf, Keys: > ZipfKeysMax })
                return Task.FromResult(MemstoreCommand.Fail($"--keys {options.Keys}: zipf is drawn from at most {ZipfKeysMax} keys."));
            return RunAsync(options, parsed.GetValue(json));
        });
        return command;
    }

    private static Option<BenchMix> MixOption()
    {
        var option = new Option<BenchMix>("--mix")
        {
            Description = $"Requests and how often each is sent; of {string.Join(", ", BenchMix.Names)}. A transaction is MULTI, GET, SET, INCR, EXEC.",
            HelpName = "name:weight,…",
            DefaultValueFactory = _ => BenchMix.Parse("get:4,set:1")!,
            CustomParser = result =>
            {
                var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
                var mix = BenchMix.Parse(text);
                if (mix is null) result.AddError($"--mix {text}: a list such as get:8,set:2 is expected, of {string.Join(", ", BenchMix.Names)}");
                return mix;
            },
        };
        option.CompletionSources.Add(_ => BenchMix.Names.Select(name => new System.CommandLine.Completions.CompletionItem(name)));
        return option;
    }

    private static Option<Distribution> DistributionOption()
    {
        var option = new Option<Distribution>("--distribution")
        {
            Description = "How keys are drawn: uniform, or zipf, where a few get most of the requests. [default: uniform]",
            HelpName = "uniform|zipf",
            CustomParser = result =>
            {
                var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
                if (text is not ("uniform" or "zipf")) result.AddError($"--distribution {text}: uniform or zipf is expected");
                return text == "zipf" ? Distribution.Zipf : Distribution.Uniform;
            },
        };
        option.CompletionSources.Clear();
        option.CompletionSources.Add("uniform", "zipf");
        return option;
    }

    private static async Task<int> RunAsync(BenchOptions options, bool json)
    {
        var run = new BenchRun(options);
        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = true;
            run.Stop();
        });
        var table = new BenchTable(options);
        if (!json) table.Begin();
        try
        {
            await run.RunAsync(length =>
            {
                var (latencies, errors) = run.Figures.TakeInterval();
                if (!json) table.Show(latencies, errors, length);
            });
        }
        catch (IOException error)
        {
            return MemstoreCommand.Fail(error.Message.TrimEnd('.') + ".");
        }

        if (json)
        {
            using var output = Console.OpenStandardOutput();
            BenchReport.Write(output, options, run.Figures, run.Elapsed);
            output.Write("\n"u8);
        }
        else
        {
            BenchTable.End(run.Figures, run.Elapsed);
        }

        return run.Figures.FirstError is { } first
            ? MemstoreCommand.Fail($"{run.Figures.Errors} of the replies were errors; the first was {first.TrimStart('-')}")
            : MemstoreCommand.Good;
    }
}
