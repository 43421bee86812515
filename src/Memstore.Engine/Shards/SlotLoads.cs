namespace Memstore.Engine.Shards;

/// <summary>How much each slot is used: commands counted by samples, those of the last second and those of before, fading with time.</summary>
// Counting is not atomic: a count that two threads lose between them changes nothing that is decided by it.
internal sealed class SlotLoads(int slots)
{
    /// <summary>What is kept of a load from one second to the next: half of it is gone after five.</summary>
    public const double Kept = 0.87;

    /// <summary>How much of the load is commands.</summary>
    public const double CommandsPart = 0.8;

    private readonly int[] _counts = new int[slots];
    private readonly int[] _last = new int[slots];
    private readonly double[] _commands = new double[slots];

    /// <summary>Commands counted in the last second.</summary>
    public long LastTotal { get; private set; }

    /// <summary>
    /// How many seconds' worth of counts the fading loads are as sure as: what is fading by k each second deviates like the plain sum of (1 + k) / (1 - k) seconds.
    /// </summary>
    public double Seconds { get; private set; }

    /// <summary>Counts uses of a slot. Any thread may call.</summary>
    public void Count(int slot, int commands) => _counts[slot] += commands;

    /// <summary>Takes the counts since the last call into the fading loads. Once a second, by one thread at a time.</summary>
    /// <returns>How many were counted.</returns>
    public long Fold()
    {
        var total = 0L;
        for (var slot = 0; slot < _counts.Length; slot++)
        {
            var count = Interlocked.Exchange(ref _counts[slot], 0);
            total += count;
            _last[slot] = count;
            _commands[slot] = (_commands[slot] * Kept) + count;
        }

        Seconds = Math.Min(Seconds + 1, (1 + Kept) / (1 - Kept));
        return LastTotal = total;
    }

    /// <summary>Forgets all but the last second, as if it had always been so: what was before is no measure of what comes.</summary>
    public void Forget()
    {
        for (var slot = 0; slot < _commands.Length; slot++) _commands[slot] = _last[slot] / (1 - Kept);
        Seconds = 1;
    }

    /// <summary>Commands of a slot in a second, as the fading loads have it.</summary>
    public double CommandsOf(int slot) => _commands[slot] * (1 - Kept);

    /// <summary>The part of all commands that each shard's slots have, by the fading loads and by the last second alone.</summary>
    /// <param name="owners">The shard of each slot.</param>
    /// <param name="fading">The parts by shard; added to what is there.</param>
    /// <param name="last">The same for the last second.</param>
    public void AddShards(ReadOnlySpan<ushort> owners, Span<double> fading, Span<double> last)
    {
        var sum = 0.0;
        foreach (var commands in _commands) sum += commands;
        if (sum <= 0 || LastTotal == 0) return;
        for (var slot = 0; slot < _commands.Length; slot++)
        {
            if (owners[slot] >= fading.Length) continue;
            fading[owners[slot]] += _commands[slot] / sum;
            last[owners[slot]] += _last[slot] / (double)LastTotal;
        }
    }

    /// <summary>The part of the whole load that each slot has, together 1: mostly commands, some bytes, a little for being there.</summary>
    /// <param name="loads">The bytes of each slot; the shares take their place.</param>
    /// <param name="last">Whether the commands are those of the last second alone.</param>
    public void ToShares(Span<double> loads, bool last = false)
    {
        const double BytesPart = 0.1;
        var (commands, bytes) = (0.0, 0.0);
        for (var slot = 0; slot < loads.Length; slot++)
        {
            loads[slot] = Math.Max(0, loads[slot]);
            bytes += loads[slot];
            commands += last ? _last[slot] : _commands[slot];
        }

        var byCommands = commands > 0 ? CommandsPart / commands : 0;
        var byBytes = bytes > 0 ? BytesPart / bytes : 0;
        var each = (1 - (byCommands * commands) - (byBytes * bytes)) / loads.Length;
        for (var slot = 0; slot < loads.Length; slot++) loads[slot] = each + (byBytes * loads[slot]) + (byCommands * (last ? _last[slot] : _commands[slot]));
    }
}
