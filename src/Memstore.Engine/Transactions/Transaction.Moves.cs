namespace Memstore.Engine;

// Moving slots: both shards are held while owners change. Whoever calls has the store's lock for it, so between looking at an owner and holding
// its shard nobody else moves the slot; transactions only look.
public sealed partial class Transaction
{
    /// <summary>Moves a slot from the shard that has it. False, with nothing done, if a shard stays busy.</summary>
    internal bool TryMove(Worker worker, int slot, int to) => TryMove(worker, [slot], Volatile.Read(ref _store.Owners[slot]), to);

    /// <summary>Moves slots from one shard to another in one hold, as far as they are there. False, with nothing done, if a shard stays busy.</summary>
    internal bool TryMove(Worker worker, ReadOnlySpan<int> slots, int from, int to)
    {
        _phase = Phase.Direct;
        Begin(0);
        _shards.Clear();
        _shards.Add(from);
        _shards.Add(to);
        var shard = _shards.Next(0);
        while (shard >= 0 && TryEnter(_store.Shards[shard])) shard = _shards.Next(shard + 1);
        if (shard >= 0)
        {
            LeaveBelow(shard, worker);
            Store.Drain(worker);
            return false;
        }

        worker.Holds.Begin(isLong: true);
        foreach (var slot in slots)
        {
            if (Volatile.Read(ref _store.Owners[slot]) == from) Volatile.Write(ref _store.Owners[slot], (ushort)to);
        }

        LeaveAll(worker);
        Store.Drain(worker);
        return true;
    }
}
