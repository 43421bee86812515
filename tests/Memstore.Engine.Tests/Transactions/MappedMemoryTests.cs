using Xunit;

namespace Memstore.Engine.Tests.Transactions;

/// <summary>What the process has mapped: a figure that any other store moves by a terabyte, so nothing runs beside.</summary>
[Collection(nameof(AllocationTests))]
public sealed class MappedMemoryTests : IDisposable
{
    private const long GrowthMaxKilobytes = 64 * 1_024;

    private readonly Store _store = new(new StoreOptions { Seed = 1, RunMaintenance = false });

    public void Dispose() => _store.Dispose();

    [Fact]
    public void Flushing_again_and_again_leaves_no_memory_behind()
    {
        void Round()
        {
            _store.Set("k", "v", database: 7);
            _store.RunOnEverything(TransactionPlan.Held, 0, t =>
            {
                for (var database = 0; database < 16; database++) t.Flush(database);
            });
            _store.Maintain();
        }

        for (var i = 0; i < 10; i++) Round();
        // The runtime may start a thread meanwhile, which maps its stack and, for the C library, a region of its own; it does not start one each time.
        var least = long.MaxValue;
        for (var attempt = 0; attempt < 5 && least > GrowthMaxKilobytes; attempt++)
        {
            var mapped = MappedKilobytes();
            for (var i = 0; i < 300; i++) Round();
            least = Math.Min(least, MappedKilobytes() - mapped);
        }

        Assert.InRange(least, long.MinValue, GrowthMaxKilobytes);
    }

    private static long MappedKilobytes()
    {
        if (!File.Exists("/proc/self/status")) return 0;
        var line = File.ReadLines("/proc/self/status").First(static line => line.StartsWith("VmSize:", StringComparison.Ordinal));
        return long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture);
    }
}
