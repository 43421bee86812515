using System.Runtime;

namespace Memstore.Engine.Memory;

/// <summary>
/// What a thread has met that takes time and is not the transaction's own work: a difference of two of these says why a hold was long.
/// </summary>
/// <param name="Collections">Garbage collections of the process: the thread that asks for memory when one is due does much of the work.</param>
/// <param name="Faults">Page faults of the thread: memory that was touched for the first time.</param>
/// <param name="Preemptions">How often the system took the processor from the thread.</param>
/// <param name="Waits">How often the thread gave the processor up: for a lock that was taken, or a collection.</param>
/// <param name="Methods">Methods that were compiled on the thread.</param>
public readonly record struct HoldWork(long Collections, long Faults, long Preemptions, long Waits, long Methods)
{
    /// <summary>Whether nothing came between: what was long was the transaction's own work, or the machine's (interrupts, the hypervisor).</summary>
    public bool IsNothing => this == default;

    internal static HoldWork Now
    {
        get
        {
            var usage = ThreadUsage.Now;
            return new HoldWork(GC.CollectionCount(0), usage.Faults, usage.Preemptions, usage.Waits, JitInfo.GetCompiledMethodCount(currentThread: true));
        }
    }

    /// <summary>What was met between two looks.</summary>
    public static HoldWork operator -(HoldWork after, HoldWork before) => new(
        after.Collections - before.Collections,
        after.Faults - before.Faults,
        after.Preemptions - before.Preemptions,
        after.Waits - before.Waits,
        after.Methods - before.Methods);

    /// <inheritdoc cref="op_Subtraction"/>
    public static HoldWork Subtract(HoldWork left, HoldWork right) => left - right;
}

/// <summary>A hold that took long, in processor time of its thread, and what happened in it.</summary>
public sealed record LongHold(TimeSpan Time, HoldWork Work);
