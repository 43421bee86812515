namespace Memstore.Engine.Tests.Model;

/// <summary>
/// A few threads over shared words, each a machine that does one atomic step at a time. The explorer tries every order of their
/// steps. Memory is sequentially consistent; where the engine relies on a fence, a variant of the model swaps the two accesses.
/// </summary>
internal abstract class Model(int threads, int words)
{
    private readonly int _threads = threads;

    /// <summary>All that a state consists of: a program counter for each thread, then the words of the model.</summary>
    public int[] State { get; set; } = new int[threads + words];

    /// <summary>Number of threads.</summary>
    public int Threads => _threads;

    /// <summary>What was found wrong in this step; null as long as all is well.</summary>
    public string? Violation { get; set; }

    /// <summary>Does the next step of a thread. What it did, or null if the thread has ended or must wait; then nothing has changed.</summary>
    public abstract string? Step(int thread);

    /// <summary>Looks at a state in which no thread can do a step.</summary>
    public abstract void CheckEnd();

    /// <summary>Where a thread stands; 0 at the start.</summary>
    protected ref int Pc(int thread) => ref State[thread];

    /// <summary>A word of the model.</summary>
    protected ref int Word(int index) => ref State[_threads + index];

    /// <summary>Notes a violation unless the condition holds.</summary>
    protected void Must(bool condition, string otherwise)
    {
        if (!condition) Violation ??= otherwise;
    }

    /// <summary>Moves a thread on; for steps that are one line.</summary>
    protected string Then(int thread, int pc, string did)
    {
        Pc(thread) = pc;
        return did;
    }
}
