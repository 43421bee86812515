namespace Memstore.Load;

/// <summary>Runs the workers of one setting side by side and adds up what they saw.</summary>
internal static class LoadRun
{
    /// <exception cref="System.Net.Sockets.SocketException">The server cannot be reached.</exception>
    /// <exception cref="IOException">The server closed a connection, or answered something that is no RESP.</exception>
    public static LoadResult Execute(LoadSettings settings)
    {
        var workers = Enumerable.Range(0, settings.Threads).Select(i => new LoadWorker(settings, i)).ToArray();
        try
        {
            return Measure(settings, workers);
        }
        finally
        {
            foreach (var worker in workers) worker.Dispose();
        }
    }

    private static LoadResult Measure(LoadSettings settings, LoadWorker[] workers)
    {
        var begin = LoadWorker.NowNs + (long)(settings.WarmSeconds * 1e9);
        var window = new Window(begin, begin + (long)(settings.Seconds * 1e9));
        var runs = workers.Select(worker => Task.Factory.StartNew(
            () => worker.Run(window), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();

        SleepUntil(window.BeginNs, runs);
        var (server, load) = (ServerCost.CpuNs(settings.Pid), ServerCost.CpuNs(Environment.ProcessId));
        SleepUntil(window.EndNs, runs);
        var end = LoadWorker.NowNs;
        var (serverEnd, loadEnd) = (ServerCost.CpuNs(settings.Pid), ServerCost.CpuNs(Environment.ProcessId));
        Task.WaitAll(runs);

        var latencies = new Histogram();
        foreach (var worker in workers) latencies.Add(worker.Latencies);
        var commands = workers.Sum(worker => worker.Commands);
        double PerCommand(long? nanoseconds) => (nanoseconds ?? 0) / 1e3 / Math.Max(1, commands);
        return new LoadResult(
            commands, (end - window.BeginNs) / 1e9,
            latencies.ValueAt(0.5), latencies.ValueAt(0.99), latencies.ValueAt(0.999), latencies.Max,
            serverEnd - server is { } cpu ? PerCommand(cpu) : null, PerCommand(loadEnd - load),
            workers.Sum(worker => worker.Errors), workers.Select(worker => worker.FirstError).FirstOrDefault(text => text is not null));
    }

    // Ends early when the workers do: after their last request, or because one failed.
    private static void SleepUntil(long timeNs, Task[] runs)
    {
        var left = timeNs - LoadWorker.NowNs;
        if (left > 0) Task.WhenAny(Task.WhenAll(runs), Task.Delay(TimeSpan.FromMicroseconds(left / 1e3))).Wait();
    }
}
