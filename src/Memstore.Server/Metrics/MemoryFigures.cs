using System.Globalization;

namespace Memstore.Server.Metrics;

/// <summary>Where memory is, in bytes, at about one moment.</summary>
/// <param name="Used">What the data occupies; maxmemory is compared with it.</param>
/// <param name="Peak">The most that it occupied.</param>
/// <param name="Committed">What the allocator of the data has taken from the system.</param>
/// <param name="Resident">What the process has in memory.</param>
/// <param name="Clients">Buffers of clients.</param>
/// <param name="Overhead">What the store needs beside the data: arrays of databases, queues, tables of the allocator.</param>
/// <param name="Machine">What the machine has.</param>
internal readonly record struct MemoryFigures(long Used, long Peak, long Committed, long Resident, long Clients, long Overhead, long Machine)
{
    /// <summary>Reads the figures.</summary>
    public static MemoryFigures Read(ServerState server)
    {
        var store = server.Store.Statistics();
        return new MemoryFigures(
            store.UsedBytes,
            server.Metrics.PeakBytes,
            store.CommittedBytes,
            Environment.WorkingSet,
            server.Sessions.Unordered().Sum(session => session.BufferSize + session.OutputSize),
            store.Memory.Overhead,
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
    }

    /// <summary>Bytes as people read them: 894.93K.</summary>
    public static string ForPeople(long bytes)
    {
        if (bytes < 1024) return string.Create(CultureInfo.InvariantCulture, $"{bytes}B");
        var value = bytes / 1024.0;
        foreach (var unit in "KMGTP")
        {
            if (value < 1024) return string.Create(CultureInfo.InvariantCulture, $"{value:f2}{unit}");
            value /= 1024;
        }
        return string.Create(CultureInfo.InvariantCulture, $"{bytes}B");
    }
}
