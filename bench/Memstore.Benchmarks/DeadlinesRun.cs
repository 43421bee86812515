using System.Globalization;
using Memstore.Engine;

namespace Memstore.Benchmarks;

/// <summary><c>deadlines [keys]</c>: how many resident bytes does a deadline add to a key of 16 bytes with a value of 32?</summary>
internal static class DeadlinesRun
{
    /// <summary>Runs and prints both.</summary>
    public static void Run(int keys)
    {
        // The first store pays for what the process needs once.
        Fill(keys / 10, withDeadlines: true);
        var without = Fill(keys, withDeadlines: false);
        var with = Fill(keys, withDeadlines: true);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{keys} keys: {without:f1} resident bytes a key without a deadline, {with:f1} with one; it adds {with - without:f1}"));
    }

    private static double Fill(int keys, bool withDeadlines)
    {
        using var store = new Store(new StoreOptions { Seed = 1 });
        using var driver = new EngineDriver(store, 1);
        GC.Collect();
        var before = ResidentBytes();
        var now = store.NowUnixMs;
        for (var i = 0; i < keys; i++) driver.Set(i, withDeadlines ? now + 3_600_000 + driver.Draw(86_400_000) : 0);
        driver.Pause();
        Thread.Sleep(3_000);
        return (double)(ResidentBytes() - before) / keys;
    }

    private static long ResidentBytes()
    {
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1_024;
    }
}
