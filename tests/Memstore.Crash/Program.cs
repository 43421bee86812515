using System.Diagnostics;
using System.Globalization;
using Memstore.Crash;
using Memstore.Histories.Resp;

// memstore-crash SERVER.DLL [--rounds 200] [--seconds N] [--seed N] [--keep]: starts the server, loads it, kills it, starts it again, checks; each round once.
var program = args[0];
var rounds = (int)Option("--rounds", 200);
var seconds = Option("--seconds", long.MaxValue);
var seed = (int)Option("--seed", Random.Shared.Next());
var random = new Random(seed);
var directory = Path.Combine(Path.GetTempPath(), $"memstore-crash-{Environment.ProcessId}");
Console.WriteLine($"seed {seed}, data in {directory}");

Worker[] workers =
[
    .. Enumerable.Range(0, 4).Select(i => new SetWorker($"set{i}", "always")),
    .. Enumerable.Range(0, 3).Select(i => new ExecWorker($"exec{i}", "always")),
    .. Enumerable.Range(0, 2).Select(i => new BeginWorker($"begin{i}", "always")),
    .. Enumerable.Range(0, 2).Select(i => new HashWorker($"hash{i}", "always")),
    .. Enumerable.Range(0, 2).Select(i => new ExpiryWorker($"expiry{i}", "always")),
    new SetWorker("second0", "everysec"),
    new ExecWorker("second1", "everysec"),
    new SetWorker("nobody", "none"),
    new ReadWorker("reader0", "set0"),
    new ReadWorker("reader1", "second0"),
    new ReadWorker("reader2", "nobody"),
    new SaveWorker("saver"),
    new ReshardWorker("sharder"),
];

var done = 0;
var failed = 0;
var steps = 0L;
var begun = Stopwatch.StartNew();

// A slow machine has fewer rounds.
for (; done < rounds && failed == 0 && begun.Elapsed.TotalSeconds < seconds; done++)
{
    try
    {
        // Now and then the server is killed while it starts, too.
        while (random.Next(6) == 0)
        {
            using var victim = ServerProcess.Start(program, directory, Options());
            await Task.Delay(random.Next(300));
        }

        await RoundAsync();
    }
    catch (Exception e) when (e is WrongDataException or InvalidOperationException)
    {
        failed = 1;
        Console.WriteLine($"round {done} of seed {seed}: {e.Message}");
    }
}

if (failed == 0 && !args.Contains("--keep")) Directory.Delete(directory, recursive: true);
Console.WriteLine($"{steps} steps acknowledged over {done} rounds");
Console.WriteLine($"{done - failed} passed, {failed} failed");
return failed;

async Task RoundAsync()
{
    using var server = ServerProcess.Start(program, directory, Options());
    await server.WaitAsync();
    await using (var connection = await RespConnection.ConnectAsync(server.EndPoint))
    {
        foreach (var worker in workers) await worker.VerifyAsync(connection);
    }

    var before = workers.Sum(static worker => worker.Acknowledged);
    using var stop = new CancellationTokenSource();
    // Not everybody works in every round, so that files of all shapes are found.
    var running = workers.Where(_ => random.Next(4) != 0).Select(worker => Task.Run(() => worker.RunAsync(server.EndPoint, stop.Token))).ToList();
    await Task.Delay(random.Next(10) == 0 ? 1_500 : random.Next(20, 400));
    server.Kill();
    stop.Cancel();
    await Task.WhenAll(running);
    steps += workers.Sum(static worker => worker.Acknowledged) - before;
}

string[] Options() =>
[
    "--appendfsync", random.Next(2) == 0 ? "everysec" : "always",
    "--shards", random.Next(2) == 0 ? "4" : "16",
    "--journal-segment-size", "1048576",
    "--auto-aof-rewrite-min-size", random.Next(2) == 0 ? "1048576" : "67108864",
];

long Option(string name, long usual)
{
    var at = Array.IndexOf(args, name);
    return at < 0 ? usual : long.Parse(args[at + 1], CultureInfo.InvariantCulture);
}
