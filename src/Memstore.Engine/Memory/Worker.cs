using System.Runtime.CompilerServices;
using Memstore.Engine.Memory;

namespace Memstore.Engine;

/// <summary>What a thread needs to touch data: a place in the epochs, a heap, a list of memory to free later. Rented, never shared.</summary>
// Threading: everything belongs to the present renter but the epoch word, which every thread reads, and the sums, which anyone may read.
public sealed unsafe partial class Worker
{
    // A block counts its size and this towards the next attempt to advance the epoch: about a thousand small blocks, or 128 KiB.
    private const int CostOfBlock = 64;
    private const int CostOfAdvance = 128 << 10;
    private const int CostAfterFailure = CostOfAdvance / 4;
    private const int RetiresPerVisit = 16; // a power of two
    private const int FreedPerVisit = 3 * RetiresPerVisit;
    private const int FreedPerRefresh = 64;
    private const int NoticesPerVisit = 16;
    private const int QuietCollects = 8;
    private const int AbandonedPerCollect = 8_192;

    // Fixed after construction.
    private readonly Epochs _epochs;
    private readonly long* _word;
    private readonly long* _global;

    private Limbo _limbo;
    private int _untilAdvance = CostOfAdvance;
    private long _activity;
    private int _quiet;

    internal Worker(WorkerPool pool, int index)
    {
        Pool = pool;
        Index = index;
        Arena = pool.Arena;
        Heap = pool.Arena.CreateHeap();
        Heap.Holds = Holds;
        _epochs = pool.Epochs;
        _global = _epochs.Global;
        _word = _epochs.Add();
    }

    /// <summary>The worker's number in its pool, from 0.</summary>
    internal int Index { get; }

    internal WorkerPool Pool { get; }

    internal Arena Arena { get; }

    internal Heap Heap { get; }

    /// <summary>How long the transactions that run on it hold their shards.</summary>
    internal HoldClock Holds { get; } = new();

    /// <summary>Bytes retired and not yet freed, roughly when read by others.</summary>
    internal long LimboBytes => _limbo.Bytes;

    /// <summary>Bytes of the list of what waits.</summary>
    internal long LimboQueueBytes => _limbo.QueueBytes;

    /// <summary>Is it inside an epoch?</summary>
    internal bool IsInside => Volatile.Read(ref *_word) > Epochs.Free;

    // Changes whenever the worker does something that matters here; costs the hot paths nothing.
    private long Activity => _limbo.Added + Heap.AllocatedBytes(MemoryKind.Record) + Heap.AllocatedBytes(MemoryKind.Table)
        + Heap.AllocatedBytes(MemoryKind.Node) + Heap.AllocatedBytes(MemoryKind.Other);

    /// <inheritdoc cref="Heap.Allocate"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Allocate(nuint size, MemoryKind kind)
    {
        if (AllocationFault is not null) FailIfDue(size);
        return Heap.Allocate(size, kind);
    }

    /// <summary>Set by tests: which allocations fail. Null in all other cases.</summary>
    internal AllocationFault? AllocationFault { get; set; }

    /// <summary>Frees a block that no other thread ever saw.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Free(byte* block) => Heap.Free(Arena, Heap, block);

    /// <summary>Frees a block once every thread that may have seen it has left or refreshed. The caller has unlinked it before.</summary>
    internal void Retire(byte* block)
    {
        var size = Arena.PageOf(block)->BlockSize;
        _limbo.Add(block, size, Volatile.Read(ref *_global));
        _untilAdvance -= (int)Math.Min(size, CostOfAdvance) + CostOfBlock;
        if (_untilAdvance <= 0 && !Holds.IsHeld) Advance();
        else if ((_limbo.Added & (RetiresPerVisit - 1)) == 0) _limbo.FreeRipe(Arena, Heap, FreedPerVisit);
    }

    /// <summary>A transaction has left its shards. Advances the epoch if that has become due: its barrier interrupts every processor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void EndHold()
    {
        Holds.End();
        if (_untilAdvance <= 0) Advance();
    }

    /// <summary>Runs an action on the maintenance thread (<see cref="WorkerPool.Collect"/>) once every thread that is inside now has left.</summary>
    /// <param name="step">
    /// Gets a worker of its own, inside an epoch, and the state; does a slice of about 100 us and returns true when all is done.
    /// It must not throw.
    /// </param>
    /// <param name="state">Passed along.</param>
    internal void RetireAction(Func<Worker, object?, bool> step, object? state) => Pool.AddAction(step, state);

    /// <inheritdoc cref="RetireAction(Func{Worker, object?, bool}, object?)"/>
    internal void RetireAction(Action<Worker, object?> action, object? state) => Pool.AddAction(
        (worker, inner) =>
        {
            action(worker, inner);
            return true;
        },
        state);

    /// <summary>Leaves and enters again: everything reached before is forgotten, so the reclaimer can go on. For long loops.</summary>
    internal void Refresh()
    {
        Volatile.Write(ref *_word, Volatile.Read(ref *_global));
        if (!_limbo.IsEmpty)
        {
            _limbo.Ripen(Volatile.Read(ref *_global));
            _limbo.FreeRipe(Arena, Heap, FreedPerRefresh);
        }

        if (Heap.HasNotices) Heap.ReadNotices(NoticesPerVisit);
    }

    /// <summary>Rents and enters; false if somebody else has the worker.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryEnter() =>
        *_word == Epochs.Free && Interlocked.CompareExchange(ref *_word, Volatile.Read(ref *_global), Epochs.Free) == Epochs.Free;

    /// <summary>Leaves and gives the worker back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Exit() => Volatile.Write(ref *_word, Epochs.Free);

    /// <summary>Tidies up if nobody has the worker; true if there is more to do.</summary>
    internal bool TidyIfIdle(int budget)
    {
        var activity = Activity;
        _quiet = activity == _activity ? _quiet + 1 : 0;
        _activity = activity;
        var abandon = _quiet > QuietCollects && Heap.HasPages;
        if (_limbo.IsEmpty && !Heap.HasNotices && !abandon) return false;
        if (Interlocked.CompareExchange(ref *_word, Epochs.Tidied, Epochs.Free) != Epochs.Free) return false;

        _limbo.Ripen(Volatile.Read(ref *_global));
        _limbo.FreeRipe(Arena, Heap, budget);
        var more = !Heap.ReadNotices(budget) || _limbo.HasRipe;
        if (abandon) more |= !Arena.Orphans.TakeFrom(Heap, AbandonedPerCollect);
        _activity = Activity;
        Exit();
        return more;
    }

    /// <summary>Lets go of native memory outside the arena.</summary>
    internal void Release() => _limbo.ReleaseSegments();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FailIfDue(nuint size)
    {
        if (!Arena.Runs.IsOverdrawn && AllocationFault!.IsDue()) throw new InsufficientMemoryException($"No memory for a block of {size} bytes: a test refuses it.");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Advance()
    {
        _untilAdvance = _epochs.TryAdvance() ? CostOfAdvance : CostAfterFailure;
        _limbo.Ripen(Volatile.Read(ref *_global));
        _limbo.FreeRipe(Arena, Heap, FreedPerVisit);
        if (Heap.HasNotices) Heap.ReadNotices(NoticesPerVisit);
    }
}
