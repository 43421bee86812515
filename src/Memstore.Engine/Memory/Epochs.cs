using System.Runtime.CompilerServices;

namespace Memstore.Engine.Memory;

/// <summary>The global epoch and the workers' epoch words: when may a block that was unlinked be freed?</summary>
// Epoch-based reclamation (Fraser 2004) with the fence moved from readers to the reclaimer.
//
// A worker's word is Free, or Tidied, or the epoch that it read when it entered. Readers store the word and then load pointers, with no fence
// between (Refresh; Rent has one in its compare-and-swap anyway). TryAdvance moves the global epoch from g to g + 1 only if, after a
// process-wide barrier, every word is outside or g. Retire tags a block with the global epoch t that it reads after the unlinking store; the
// block is freed once the global epoch is t + 3.
//
// Why that is enough. Let a1, a2, a3 be the advances from t to t+1, t+1 to t+2, t+2 to t+3.
//   1. The barrier of a2 comes after a1, which comes after Retire read t: so from a2's barrier on every thread sees the unlink, even if
//      the unlinking store was a plain one that sat in a store buffer.
//   2. A reader that holds the block loaded its pointer before a2's barrier, so it stored its word, in program order, before a2's
//      barrier too, and a3's look at the words sees it: the reader has not left.
//   3. The word's value is what the reader read from the global epoch before a2's barrier: at most t+1, not t+2. So a3 fails.
// A reader that was interrupted between reading the epoch and storing it holds an old value; that only delays advances.
// With two epochs instead of three step 1 fails for unlinks by plain stores; a third epoch is cheaper than a fence per Retire.
internal sealed unsafe class Epochs
{
    /// <summary>The word of a worker that nobody has rented.</summary>
    public const long Free = 0;

    /// <summary>The word of a worker whose limbo somebody empties; outside every epoch.</summary>
    public const long Tidied = -1;

    /// <summary>A block retired in epoch t is freed in epoch t + <see cref="Distance"/>.</summary>
    public const int Distance = 3;

    // Words two cache lines apart: neighbouring lines are fetched in pairs.
    private const int Stride = 128;

    // Pinned and not native: a thread that leaves late, when the store has been disposed, must still have a word to write to.
    private readonly byte[] _memory;
    private readonly byte* _words;
    private readonly int _capacity;
    private int _count;

    public Epochs(int capacity)
    {
        _capacity = capacity;
        _memory = GC.AllocateArray<byte>((capacity + 2) * Stride, pinned: true);
        var start = (nuint)Unsafe.AsPointer(ref _memory[0]);
        _words = (byte*)((start + Stride - 1) & ~(nuint)(Stride - 1));
        Global = (long*)(_words + (nuint)capacity * Stride);
        *Global = 1;
    }

    /// <summary>The global epoch; starts at 1 and only rises.</summary>
    public long* Global { get; }

    /// <summary>Looks at words below this index.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>The word of a worker.</summary>
    public long* WordAt(int index) => (long*)(_words + (nuint)index * Stride);

    /// <summary>Adds a word.</summary>
    public long* Add()
    {
        if (_count == _capacity) throw new InvalidOperationException("All epoch words are taken.");
        var word = WordAt(_count);
        Volatile.Write(ref _count, _count + 1);
        return word;
    }

    /// <summary>Raises the global epoch by one if every worker inside has seen the present one; false if one has not.</summary>
    public bool TryAdvance()
    {
        var epoch = Volatile.Read(ref *Global);
        if (!AllSeen(epoch)) return false; // no need to pay for the barrier
        Interlocked.MemoryBarrierProcessWide();
        return AllSeen(epoch) && Interlocked.CompareExchange(ref *Global, epoch + 1, epoch) == epoch;
    }

    private bool AllSeen(long epoch)
    {
        for (var i = 0; i < Count; i++)
        {
            var word = Volatile.Read(ref *WordAt(i));
            if (word > Free && word != epoch) return false;
        }

        return true;
    }
}
