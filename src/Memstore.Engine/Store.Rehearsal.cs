using Memstore.Engine.Memory;

namespace Memstore.Engine;

// What a process does for the first time is compiled then. Inside its shards the first FLUSHALL would hold them for 1 ms, the first expiry and the first
// step of compaction for 2.
public sealed unsafe partial class Store
{
    private const long RehearsalBytes = 64L << 20;
    private const int TriesMax = 1_000;

    /// <summary>
    /// Does in a small store, which it throws away, what holds shards and happens seldom, so that the first time in a store that is used finds it
    /// compiled. Takes some tens of milliseconds: for a thread that nobody waits for. Does nothing if there is no memory for it.
    /// </summary>
    public static void Rehearse()
    {
        try
        {
            RehearseOnce();
        }
        catch (OutOfMemoryException)
        {
            // Then the first time is compiled when it comes.
        }
    }

    /// <summary>The same; answers the figures at its end.</summary>
    internal static StoreStatistics RehearseOnce()
    {
        using var store = new Store(new StoreOptions
        {
            Shards = 2,
            Databases = 2,
            RunMaintenance = false,
            Arena = new ArenaOptions { ReserveBytes = RehearsalBytes, HugePages = false },
        });
        var route = store.RouteOf("key"u8);
        store.Rehearse(route, transaction => transaction.PutString(new Key("key"u8, route), "value"u8, transaction.NowUnixMs + 1));
        store.Rehearse(null, transaction =>
        {
            var (copied, shrunk) = (0u, 0u);
            transaction.EvacuateBucket(route.Slot, ref copied);
            transaction.ShrinkTable(route.Slot, ref shrunk);
        });
        for (var tries = 0; tries < TriesMax && store.Statistics().ExpiredKeys == 0; tries++)
        {
            // Deadlines are looked at in steps of 16 ms.
            Thread.Sleep(1);
            store.Maintain();
        }

        store.Rehearse(null, static transaction =>
        {
            transaction.Flush(0);
            transaction.Swap(0, 1);
        });
        store.MoveSlot(route.Slot, 1 - store.ShardOf(route.Slot));
        store.TakeCut().Dispose();
        store.Maintain();
        return store.Statistics();
    }

    // Nobody else is in the store: it is not busy.
    private void Rehearse(KeyRoute? route, Action<Transaction> action)
    {
        var transaction = new Transaction(this);
        transaction.Begin(0);
        if (route is { } one) transaction.Declare(one, KeyAccess.Write);
        else transaction.DeclareEverything(KeyAccess.Write);
        var worker = Rent();
        transaction.TryRun(worker, new Rehearsal(action));
        Return(worker);
    }

    private sealed class Rehearsal(Action<Transaction> action) : ITransactionBody
    {
        public void Run(Transaction transaction) => action(transaction);

        public void Completed(Transaction transaction, Exception? error)
        {
        }
    }
}
