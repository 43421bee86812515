using Memstore.Engine.Tests.Schedules;

// Shard.cs is compiled into this project a second time. There these two stand in the place of those of System.Threading, because a name of
// the same namespace comes first: every access to what threads share is a point at which the scheduler may go on with another thread.
namespace Memstore.Engine.Shards;

/// <summary>Volatile accesses that the scheduler sees.</summary>
internal static class Volatile
{
    public static T Read<T>(ref readonly T location)
        where T : class?
    {
        Scheduler.Point();
        return Scheduler.StaleOr(System.Threading.Volatile.Read(in location));
    }

    public static long Read(ref readonly long location)
    {
        Scheduler.Point();
        return System.Threading.Volatile.Read(in location);
    }

    public static void Write(ref long location, long value)
    {
        Scheduler.Point();
        System.Threading.Volatile.Write(ref location, value);
    }
}

/// <summary>Atomic accesses that the scheduler sees.</summary>
internal static class Interlocked
{
    public static T CompareExchange<T>(ref T location, T value, T comparand)
        where T : class?
    {
        Scheduler.Point();
        var seen = location;
        if (Scheduler.Faults.HasFlag(MemoryFaults.SwapsInTwoSteps)) Scheduler.Point();
        if (!ReferenceEquals(seen, comparand)) return seen;
        location = value;
        Scheduler.Stored(value);
        return seen;
    }

    public static T Exchange<T>(ref T location, T value)
        where T : class?
    {
        Scheduler.Point();
        var seen = location;
        if (Scheduler.Faults.HasFlag(MemoryFaults.SwapsInTwoSteps)) Scheduler.Point();
        location = value;
        Scheduler.Stored(value);
        return seen;
    }
}
