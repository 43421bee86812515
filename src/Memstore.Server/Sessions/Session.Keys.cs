using Memstore.Engine;
using Memstore.Protocol;
using Memstore.Server.Commands;
using Memstore.Server.Metrics;

namespace Memstore.Server.Sessions;

// Sampling the keys of commands, for HOTKEYS.
internal sealed partial class Session
{
    /// <summary>Takes the key of a command that stands for others; of several keys one at random, which then stands for all.</summary>
    /// <param name="counters">Those of this thread.</param>
    /// <param name="row">The command.</param>
    /// <param name="request">The request.</param>
    /// <param name="routes">The routes of its keys.</param>
    /// <param name="replySize">Bytes of its reply.</param>
    /// <param name="database">The database that it worked on.</param>
    /// <param name="isTimed">Whether its own time will be known.</param>
    /// <returns>Whether there was a key.</returns>
    private bool TakeKey(ThreadCounters counters, Command row, in Request request, ReadOnlySpan<KeyRoute> routes, int replySize, int database, bool isTimed)
    {
        var standsFor = counters.EndKeyGap();
        if (!ChooseKey(row, request, out var argument, out var keyCount)) return false;
        var bytes = ((double)SizeOf(request) + replySize) * standsFor;
        // A slow command that is timed alone is always taken, so it stands for itself: its time says which it is only later.
        counters.Keys.Take(database, routes[argument], request[argument], (double)standsFor * keyCount, bytes, standsFor, canBeSlow: isTimed);
        return true;
    }

    private void TakeSlowKey(ThreadCounters counters, Command row, in Request request, ReadOnlySpan<KeyRoute> routes, int replySize, int database, long us)
    {
        if (!ChooseKey(row, request, out var argument, out var keyCount)) return;
        counters.Keys.Take(database, routes[argument], request[argument], keyCount, (double)SizeOf(request) + replySize, 1, canBeSlow: false);
        counters.Keys.Timed(us * System.Diagnostics.Stopwatch.Frequency / 1_000_000);
    }

    private bool ChooseKey(Command row, in Request request, out int argument, out int count)
    {
        (argument, count) = (row.SoleKey, 1);
        if (argument > 0) return argument < request.ArgumentCount;
        if (row.NamedKeys.Length == 0) return false;
        _keyUses.Clear();
        row.FindKeys(request, _keyUses);
        count = _keyUses.Count;
        if (count == 0) return false;
        argument = _keyUses[_server.Random.Next(count)].Argument;
        return true;
    }

    private static long SizeOf(in Request request)
    {
        var size = 0L;
        foreach (var frame in request.Frames) size += frame.Length;
        return size;
    }
}
