using System.Diagnostics;
using System.Numerics;
using Memstore.Server.Commands;

namespace Memstore.Server.Metrics;

/// <summary>Figures of one command on one thread.</summary>
internal struct CommandCounters
{
    /// <summary>Calls.</summary>
    public long Calls;

    /// <summary>Time in them, in ticks of <see cref="Stopwatch"/>.</summary>
    public long Ticks;

    /// <summary>Refused by a gate.</summary>
    public long Rejected;

    /// <summary>Answered with an error.</summary>
    public long Failed;

    /// <summary>Calls by the logarithm of their time in nanoseconds; made at the first call.</summary>
    public long[]? Histogram;
}

/// <summary>
/// The figures that one thread has counted: written by that thread only, summed by whoever asks. Short commands of one turn are timed
/// together, so that two readings of the clock serve a whole pipeline.
/// </summary>
internal sealed class ThreadCounters(int rowCount, Random random)
{
    /// <summary>Classes of the histograms.</summary>
    public const int HistogramSize = 48;

    private const int RunMax = 256;

    private CommandCounters[] _commands = new CommandCounters[rowCount];
    private readonly Command[] _run = new Command[RunMax];
    private int _runCount;
    private long _turnStart;
    private long _runStart;
    private int _untilKey;

    /// <summary>Bytes of requests.</summary>
    public long InputBytes;

    /// <summary>Bytes of replies.</summary>
    public long OutputBytes;

    /// <summary>Batches of requests.</summary>
    public long Reads;

    /// <summary>Batches of replies.</summary>
    public long Writes;

    /// <summary>Lookups that found a key.</summary>
    public long Hits;

    /// <summary>Lookups that found none.</summary>
    public long Misses;

    /// <summary>The thread that counts. <see cref="ServerMetrics"/> gives what an ended one has counted to another.</summary>
    public Thread Owner { get; set; } = Thread.CurrentThread;

    /// <summary>Samples the keys of its commands; null before the first sample.</summary>
    public HotKeySampler? HotKeys { get; private set; }

    /// <summary>The sampler of keys, made if there is none.</summary>
    public HotKeySampler Keys => HotKeys ??= new HotKeySampler((uint)random.Next());

    /// <summary>Counts a command towards the next one whose key is taken.</summary>
    /// <returns>Whether it is this one; then <see cref="EndKeyGap"/>.</returns>
    public bool IsKeyDue() => --_untilKey <= 0;

    /// <summary>Whether it is the command that was counted last.</summary>
    public bool IsKeyDueNow => _untilKey <= 0;

    /// <summary>Starts the gap to the next command whose key is taken.</summary>
    /// <returns>For how many commands this one stands.</returns>
    public int EndKeyGap() => Keys.EndGap(out _untilKey);

    /// <summary>The figures of a command.</summary>
    public ref CommandCounters Of(Command row) => ref _commands[row.Index];

    /// <summary>The figures of all commands, for summing.</summary>
    public ReadOnlySpan<CommandCounters> All => _commands;

    /// <summary>A session starts to run commands on this thread.</summary>
    public void StartTurn()
    {
        _turnStart = _runStart = Stopwatch.GetTimestamp();
        _runCount = 0;
    }

    /// <summary>A command starts.</summary>
    /// <returns>Whether it is timed alone, so that <see cref="EndTimed"/> has to be called after it.</returns>
    public bool Begin(Command row, bool alone)
    {
        _commands[row.Index].Calls++;
        if (!alone && row.SharesTime)
        {
            if (_runCount == RunMax) EndRun();
            _run[_runCount++] = row;
            return false;
        }
        EndRun();
        _run[0] = row;
        _runCount = 1;
        return true;
    }

    /// <summary>A command that is timed alone has ended.</summary>
    /// <returns>Its time in microseconds.</returns>
    public long EndTimed() => (long)Stopwatch.GetElapsedTime(EndRun(), _runStart).TotalMicroseconds;

    /// <summary>
    /// The command that began last has to wait, perhaps to end on another thread: <see cref="Count"/> counts its time there. Those of its run share the time so far.
    /// </summary>
    /// <returns>Its own time so far, in ticks of <see cref="Stopwatch"/>; 0 if it had company.</returns>
    public long Part()
    {
        Debug.Assert(_runCount > 0);
        _runCount--;
        if (_runCount > 0)
        {
            EndRun();
            return 0;
        }

        var start = _runStart;
        _runStart = Stopwatch.GetTimestamp();
        return _runStart - start;
    }

    /// <summary>A command that was timed otherwise has ended.</summary>
    /// <param name="row">The command.</param>
    /// <param name="ticks">Its whole time, in ticks of <see cref="Stopwatch"/>.</param>
    /// <returns>The same in microseconds.</returns>
    public long Count(Command row, long ticks)
    {
        Add(row, ticks, ClassOf((long)(ticks * NanosecondsPerTick)));
        if (HotKeys is { HasPending: true } keys) keys.Timed(ticks);
        return (long)(ticks * NanosecondsPerTick / 1000);
    }

    /// <summary>The session stops for now.</summary>
    public void EndTurn() => EndRun();

    /// <summary>Microseconds since the run of commands began that are timed together.</summary>
    public long RunUs() => (long)Stopwatch.GetElapsedTime(_runStart).TotalMicroseconds;

    /// <summary>Microseconds since the turn began.</summary>
    public long TurnUs() => (long)Stopwatch.GetElapsedTime(_turnStart).TotalMicroseconds;

    /// <summary>Forgets everything (CONFIG RESETSTAT); what the thread counts at the same time may be lost or kept.</summary>
    public void Reset()
    {
        _commands = new CommandCounters[_commands.Length];
        InputBytes = OutputBytes = Reads = Writes = Hits = Misses = 0;
    }

    /// <summary>The class of a time: its logarithm.</summary>
    public static int ClassOf(long nanoseconds) => Math.Min(HistogramSize - 1, BitOperations.Log2((ulong)Math.Max(1, nanoseconds)));

    private long EndRun()
    {
        var start = _runStart;
        if (_runCount == 0) return start;
        _runStart = Stopwatch.GetTimestamp();
        var share = (_runStart - start) / _runCount;
        var histogramClass = ClassOf((long)(share * NanosecondsPerTick));
        for (var i = 0; i < _runCount; i++) Add(_run[i], share, histogramClass);
        _runCount = 0;
        if (HotKeys is { HasPending: true } keys) keys.Timed(share);
        return start;
    }

    private void Add(Command row, long ticks, int histogramClass)
    {
        ref var counters = ref _commands[row.Index];
        counters.Ticks += ticks;
        (counters.Histogram ??= new long[HistogramSize])[histogramClass]++;
    }

    private static readonly double NanosecondsPerTick = 1e9 / Stopwatch.Frequency;
}
