namespace Memstore.Engine.Shards;

/// <summary>How much each slot is used: commands counted by samples, fading with time.</summary>
// Counting is not atomic: a count that two threads lose between them changes nothing that is decided by it.
internal sealed class SlotLoads(int slots)
{
    private readonly int[] _counts = new int[slots];
    private readonly double[] _commands = new double[slots];

    /// <summary>Counts uses of a slot. Any thread may call.</summary>
    public void Count(int slot, int commands) => _counts[slot] += commands;

    /// <summary>Takes the counts since the last call into the fading loads. By one thread at a time.</summary>
    /// <param name="keep">What is kept of what was before, from 0 to 1.</param>
    /// <returns>How many were counted.</returns>
    public long Fold(double keep)
    {
        var total = 0L;
        for (var slot = 0; slot < _counts.Length; slot++)
        {
            var count = Interlocked.Exchange(ref _counts[slot], 0);
            total += count;
            _commands[slot] = (_commands[slot] * keep) + count;
        }

        return total;
    }

    /// <summary>The fading number of commands of a slot.</summary>
    public double CommandsOf(int slot) => _commands[slot];

    /// <summary>The part of the whole load that each slot has, together 1: mostly commands, some bytes, a little for being there.</summary>
    /// <param name="loads">The bytes of each slot; the shares take their place.</param>
    public void ToShares(Span<double> loads)
    {
        const double CommandsPart = 0.8;
        const double BytesPart = 0.1;
        var (commands, bytes) = (0.0, 0.0);
        for (var slot = 0; slot < loads.Length; slot++)
        {
            loads[slot] = Math.Max(0, loads[slot]);
            bytes += loads[slot];
            commands += _commands[slot];
        }

        var byCommands = commands > 0 ? CommandsPart : 0;
        var byBytes = bytes > 0 ? BytesPart : 0;
        var each = (1 - byCommands - byBytes) / loads.Length;
        for (var slot = 0; slot < loads.Length; slot++)
            loads[slot] = each + (bytes > 0 ? byBytes * loads[slot] / bytes : 0) + (commands > 0 ? byCommands * _commands[slot] / commands : 0);
    }
}
