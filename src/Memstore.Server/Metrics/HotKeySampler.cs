using System.Diagnostics;
using Memstore.Engine;

namespace Memstore.Server.Metrics;

/// <summary>
/// Samples the keys of the commands that one thread runs. One command in so many stands for all, at random gaps that housekeeping sets by the rate of
/// commands, so that the cost has a bound whatever the load; slow commands are all taken.
/// </summary>
// Threading: the thread that runs the commands, but for what is under the lock. That thread never waits for the lock: while somebody else
// reads the sketches it keeps its samples, and when it has no room for more it drops them.
internal sealed class HotKeySampler(uint seed)
{
    /// <summary>A command that took this long is always taken, in nanoseconds.</summary>
    public const long SlowNs = 100_000;

    // Samples a second and thread that the gaps aim at: at 60 to 75 ns each (HotKeyBenchmarks) they take 0.15 % of the thread.
    private const int SamplesAimed = 20_000;
    private const int GapMax = 256;
    private const int PendingMax = 32;

    private static readonly double NanosecondsPerTick = 1e9 / Stopwatch.Frequency;

    private readonly Lock _lock = new();
    private readonly HotKeySketch[] _sketches =
        [new HotKeySketch(HotKeyMeasure.Commands), new HotKeySketch(HotKeyMeasure.Bytes), new HotKeySketch(HotKeyMeasure.Cpu)];

    private readonly Pending[] _pending = new Pending[PendingMax];
    private readonly byte[] _keys = new byte[PendingMax * HotKeySketch.KeySizeMax];
    private HotKeyWeights _totals;
    private uint _random = seed;
    private int _count;
    private int _untimed;
    private int _gap = 1;
    private long _seen;

    private struct Pending
    {
        public HotKeyName Name;
        public double Commands;
        public double Bytes;
        public double TimeParts;
        public double Nanoseconds;
        public bool CanBeSlow;
    }

    /// <summary>Bytes that a sampler occupies, about.</summary>
    public static int Size => HotKeyWeights.Measures * HotKeySketch.Size + PendingMax * (HotKeySketch.KeySizeMax + 64);

    /// <summary>The lock of <see cref="Sketch"/> and <see cref="Totals"/>.</summary>
    public Lock Lock => _lock;

    /// <summary>What all samples weigh together.</summary>
    public ref HotKeyWeights Totals => ref _totals;

    /// <summary>Whether commands were taken that no sketch has yet.</summary>
    public bool HasPending => _count > 0;

    /// <summary>Ends the gap before a command that is taken.</summary>
    /// <param name="until">The length of the next gap, in commands.</param>
    /// <returns>For how many commands this one stands.</returns>
    public int EndGap(out int until)
    {
        _seen++;
        var gap = _gap;
        until = 1 + (int)(Chance() * ((2 * gap) - 1));
        return gap;
    }

    /// <summary>Takes a command. Its time comes with <see cref="Timed"/>.</summary>
    /// <param name="database">The database of the key.</param>
    /// <param name="route">Hash and slot of the key.</param>
    /// <param name="key">The key.</param>
    /// <param name="standsFor">For how many uses of keys this one stands.</param>
    /// <param name="bytes">Bytes of arguments and reply.</param>
    /// <param name="timeParts">By how much the time of the command is to be multiplied.</param>
    /// <param name="canBeSlow">Whether, if it turns out to be slow, it stands only for itself, because slow ones are all taken.</param>
    public void Take(int database, KeyRoute route, ReadOnlySpan<byte> key, double standsFor, double bytes, double timeParts, bool canBeSlow)
    {
        if (_count == PendingMax) _count = _untimed = 0;
        ref var pending = ref _pending[_count];
        pending.Name = new HotKeyName(route.Hash, database, route.Slot, key.Length);
        pending.Commands = standsFor;
        pending.Bytes = bytes;
        pending.TimeParts = timeParts;
        pending.CanBeSlow = canBeSlow;
        key[..Math.Min(HotKeySketch.KeySizeMax, key.Length)].CopyTo(_keys.AsSpan(_count * HotKeySketch.KeySizeMax));
        _count++;
    }

    /// <summary>The commands taken since the last call have been timed: each took so long.</summary>
    /// <param name="ticks">Time of each, in ticks of <see cref="Stopwatch"/>.</param>
    public void Timed(long ticks)
    {
        var nanoseconds = Math.Max(1, ticks * NanosecondsPerTick);
        for (; _untimed < _count; _untimed++)
        {
            ref var pending = ref _pending[_untimed];
            if (pending.CanBeSlow && nanoseconds >= SlowNs) StandForItself(ref pending);
            pending.Nanoseconds = nanoseconds * pending.TimeParts;
        }

        if (!_lock.TryEnter()) return;
        try
        {
            AddPendingLocked();
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <summary>The sketch of a measure. Under the lock.</summary>
    public HotKeySketch Sketch(HotKeyMeasure measure) => _sketches[(int)measure];

    /// <summary>Lets the past fade and sets the gaps for the rate of the last moments. By housekeeping.</summary>
    /// <param name="kept">What is kept, from 0 to 1.</param>
    /// <param name="seconds">Seconds since the last call.</param>
    public void KeepHouse(double kept, double seconds)
    {
        lock (_lock)
        {
            foreach (var sketch in _sketches) sketch.Fade(kept);
            for (var i = 0; i < HotKeyWeights.Measures; i++) _totals[i] *= kept;
        }

        var commandsPerSecond = Interlocked.Exchange(ref _seen, 0) * (double)_gap / seconds;
        _gap = (int)Math.Clamp(Math.Ceiling(commandsPerSecond / SamplesAimed), 1, GapMax);
    }

    /// <summary>Forgets all. Any thread.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            foreach (var sketch in _sketches) sketch.Clear();
            _totals = default;
        }
    }

    private static void StandForItself(ref Pending pending)
    {
        pending.Commands /= pending.TimeParts;
        pending.Bytes /= pending.TimeParts;
        pending.TimeParts = 1;
    }

    private void AddPendingLocked()
    {
        for (var i = 0; i < _count; i++)
        {
            ref readonly var pending = ref _pending[i];
            HotKeyWeights weights = default;
            weights[(int)HotKeyMeasure.Commands] = pending.Commands;
            weights[(int)HotKeyMeasure.Bytes] = pending.Bytes;
            weights[(int)HotKeyMeasure.Cpu] = pending.Nanoseconds;
            for (var measure = 0; measure < HotKeyWeights.Measures; measure++) _totals[measure] += weights[measure];
            var key = _keys.AsSpan(i * HotKeySketch.KeySizeMax, HotKeySketch.KeySizeMax);
            foreach (var sketch in _sketches) sketch.Add(pending.Name, key, weights, Chance());
        }

        _count = _untimed = 0;
    }

    // A linear congruence is good enough for gaps and coins.
    private double Chance()
    {
        _random = (_random * 1664525) + 1013904223;
        return _random / 4294967296.0;
    }
}
