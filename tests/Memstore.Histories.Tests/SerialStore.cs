using Memstore.Histories.Recording;

namespace Memstore.Histories.Tests;

/// <summary>What a key holds at a moment: nothing, a number or a list, perhaps until a deadline.</summary>
internal sealed record Entry(long Value, long[] List, long Deadline);

/// <summary>The reference: a store that runs one transaction at a time, with a clock in ms that the test moves.</summary>
internal sealed class SerialStore(int keyCount)
{
    private readonly Entry?[] _entries = new Entry?[keyCount];

    private SerialStore(Entry?[] entries)
        : this(entries.Length) => entries.CopyTo(_entries, 0);

    /// <summary>A defect of reads: deadlines are not looked at.</summary>
    public bool IgnoresDeadlines { get; set; }

    public SerialStore Copy() => new(_entries);

    public Entry? Get(int key, long nowMs)
    {
        Entry? entry = _entries[key];
        return entry != null && (entry.Deadline > nowMs || IgnoresDeadlines) ? entry : null;
    }

    public void Set(int key, Entry? entry) => _entries[key] = entry;
}

/// <summary>What a client wants to do with one key.</summary>
internal enum Intent
{
    Read,
    Set,
    SetFor,
    Delete,
    GetSet,
    Append,
    Increment,
    Flush,
}

/// <summary>One step of a transaction before it ran. <see cref="Argument"/> is the value, element or database.</summary>
internal readonly record struct Step(Intent Intent, int Key, long Argument, int TtlMs);

/// <summary>Runs steps against a store and records what they saw.</summary>
internal static class StepRunner
{
    /// <summary>Runs one step. Reads come from <paramref name="source"/>, writes go to all of <paramref name="targets"/>.</summary>
    public static Seen Run(Step step, KeySet keys, SerialStore source, SerialStore[] targets, long nowMs)
    {
        Entry? before = step.Intent == Intent.Flush ? null : source.Get(step.Key, nowMs);
        foreach (SerialStore target in targets) Write(step, keys, before, target, nowMs);
        return new Seen(step, before);
    }

    private static void Write(Step step, KeySet keys, Entry? before, SerialStore target, long nowMs)
    {
        switch (step.Intent)
        {
            case Intent.Set or Intent.GetSet:
                target.Set(step.Key, new Entry(step.Argument, [], long.MaxValue));
                break;
            case Intent.SetFor:
                target.Set(step.Key, new Entry(step.Argument, [], nowMs + step.TtlMs));
                break;
            case Intent.Delete:
                target.Set(step.Key, null);
                break;
            case Intent.Append:
                target.Set(step.Key, new Entry(0, [.. before?.List ?? [], step.Argument], long.MaxValue));
                break;
            case Intent.Increment:
                target.Set(step.Key, new Entry((before?.Value ?? 0) + 1, [], long.MaxValue));
                break;
            case Intent.Flush:
                foreach (int key in keys.OfDatabase((int)step.Argument)) target.Set(key, null);
                break;
            default:
                break;
        }
    }
}

/// <summary>A step and what it found.</summary>
internal readonly record struct Seen(Step Step, Entry? Before)
{
    /// <summary>Records the step; without an answer only what it may have written.</summary>
    public void Record(ClientLog log, bool isList, bool answered)
    {
        int key = Step.Key;
        long value = Before?.Value ?? Operation.Absent;
        switch (Step.Intent)
        {
            case Intent.Read when answered && isList:
                log.ReadList(key, Before?.List ?? []);
                break;
            case Intent.Read when answered:
                log.Read(key, value);
                break;
            case Intent.Set or Intent.SetFor:
                log.Write(key, Step.Argument, Step.TtlMs);
                break;
            case Intent.GetSet:
                if (answered) log.Read(key, value);
                log.Write(key, Step.Argument);
                break;
            case Intent.Delete when answered:
                log.Delete(key, Before != null);
                break;
            case Intent.Delete:
                log.Write(key, Operation.Absent);
                break;
            case Intent.Append:
                log.Append(key, Step.Argument);
                break;
            case Intent.Increment:
                log.Increment(key, answered ? (Before?.Value ?? 0) + 1 : Operation.NotKnown);
                break;
            case Intent.Flush:
                log.Flush((int)Step.Argument);
                break;
            default:
                break;
        }
    }
}
