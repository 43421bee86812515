using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Memstore.Engine;

namespace Memstore.Storage.Recovery;

/// <summary>
/// Applies effects to a store that is loading, on several threads: each has the slots that are its part and does their effects in order. At
/// an effect that concerns several parts all threads meet, one applies it, and all go on.
/// </summary>
// Threading: the members belong to one thread. The threads of the parts take the same batches in the same order from their queues, and
// touch only what is read-only then; so they meet at the same effects.
internal sealed class EffectReplay : IDisposable
{
    /// <summary>A batch is handed over when it holds so much.</summary>
    private const int BatchBytes = 256 * 1024;

    /// <summary>Batches that may wait for a thread.</summary>
    private const int QueueMax = 4;

    private readonly Store _store;
    private readonly BlockingCollection<EffectBatch>[] _queues;
    private readonly Thread[] _threads;
    private readonly Barrier _meeting;
    private readonly ConcurrentBag<EffectBatch> _free = [];
    private EffectBatch _batch = new();
    private int _routed;
    private ExceptionDispatchInfo? _error;

    /// <summary>Starts the threads.</summary>
    public EffectReplay(Store store, int threads)
    {
        _store = store;
        _meeting = new Barrier(threads);
        _queues = [.. Enumerable.Range(0, threads).Select(static _ => new BlockingCollection<EffectBatch>(QueueMax))];
        _threads = [.. Enumerable.Range(0, threads).Select(index => new Thread(() => ApplyPart(index)) { IsBackground = true, Name = "journal replay" })];
        foreach (var thread in _threads) thread.Start();
    }

    /// <summary>Adds the effects of one transaction. False if its payload is not what a journal holds: then nothing more may be added.</summary>
    /// <exception cref="StorageException">It concerns a database that the store does not have, or an earlier effect could not be applied.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryAdd(int database, ReadOnlySpan<byte> payload)
    {
        Volatile.Read(ref _error)?.Throw();
        if (!EffectParser.TryParse(_batch, database, payload)) return false;
        for (; _routed < _batch.EffectCount; _routed++)
        {
            ref var effect = ref _batch[_routed];
            CheckDatabase(Math.Max(effect.Database, effect.OtherDatabase));
            effect.Part = PartOf(effect);
        }

        if (_batch.ByteCount >= BatchBytes) HandOver();
        return true;
    }

    /// <summary>Waits until everything that was added is applied. Nothing can be added afterwards.</summary>
    /// <exception cref="StorageException">An effect could not be applied.</exception>
    public void Finish()
    {
        if (_batch.EffectCount > 0) HandOver();
        Stop();
        _error?.Throw();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Stop();
        foreach (var queue in _queues) queue.Dispose();
        _meeting.Dispose();
    }

    private void Stop()
    {
        foreach (var queue in _queues) queue.CompleteAdding();
        foreach (var thread in _threads) thread.Join();
    }

    private int PartOf(in Effect effect)
    {
        if (effect.Kind is EffectKind.Flush or EffectKind.Swap) return Effect.Everybody;
        var part = PartOf(_batch.Argument(effect, 0));
        return effect.Kind == EffectKind.Copy && PartOf(_batch.Argument(effect, 1)) != part ? Effect.Everybody : part;
    }

    private int PartOf(ReadOnlySpan<byte> key) => _store.RouteOf(key).Slot % _threads.Length;

    private void CheckDatabase(int database)
    {
        if (database >= _store.DatabaseCount) throw RecoveryErrors.TooFewDatabases(database, _store.DatabaseCount);
    }

    private void HandOver()
    {
        _batch.Users = _threads.Length;
        foreach (var queue in _queues) queue.Add(_batch);
        if (!_free.TryTake(out var next)) next = new EffectBatch();
        next.Clear();
        _batch = next;
        _routed = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ApplyPart(int part)
    {
        using var loader = new StoreLoader(_store);
        foreach (var batch in _queues[part].GetConsumingEnumerable())
        {
            foreach (ref readonly var effect in batch.Effects)
            {
                if (effect.Part == part) Apply(loader, batch, effect);
                else if (effect.Part == Effect.Everybody) ApplyTogether(loader, batch, effect, part);
            }

            if (Interlocked.Decrement(ref batch.Users) == 0) _free.Add(batch);
        }
    }

    private void ApplyTogether(StoreLoader loader, EffectBatch batch, in Effect effect, int part)
    {
        _meeting.SignalAndWait();
        if (part == 0) Apply(loader, batch, effect);
        _meeting.SignalAndWait();
    }

    // After an error the threads go on taking batches, so that nobody waits for them, but apply nothing.
    private void Apply(StoreLoader loader, EffectBatch batch, in Effect effect)
    {
        if (Volatile.Read(ref _error) is not null) return;
        try
        {
            EffectApplier.Apply(loader, batch, effect);
        }
        catch (Exception error) when (error is InvalidOperationException or OutOfMemoryException or InsufficientMemoryException)
        {
            Volatile.Write(ref _error, ExceptionDispatchInfo.Capture(RecoveryErrors.CannotApply(effect.Kind, error)));
        }
    }
}
