namespace Memstore.Server;

/// <summary>
/// Gives back what the managed heap has grown to while the server was busy. The data is not in it, so it is small and a collection takes about a
/// millisecond; but the runtime waits until as much as the processor's cache has been allocated, and then keeps that.
/// </summary>
internal sealed class ManagedHeap(ServerState server)
{
    /// <summary>What may lie about, in bytes.</summary>
    private const long GarbageMax = 4 << 20;

    /// <summary>A server that runs fewer commands a second is idle.</summary>
    private const double IdleCommands = 100;

    private const int PeriodMs = 2_000;

    private long _lastTick = Environment.TickCount64;
    private long _kept = GC.GetTotalMemory(forceFullCollection: false);

    /// <summary>Collects if the server is idle and there is something to give back. Called by housekeeping.</summary>
    public void KeepHouse()
    {
        var now = Environment.TickCount64;
        if (now - _lastTick < PeriodMs) return;
        _lastTick = now;
        if (GC.GetTotalMemory(forceFullCollection: false) - _kept < GarbageMax || server.Metrics.Rates().Commands > IdleCommands) return;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        _kept = GC.GetTotalMemory(forceFullCollection: false);
    }
}
