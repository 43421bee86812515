namespace Memstore.Engine;

// Moving a slot: both shards are held while its owner changes.
public sealed partial class Transaction
{
    internal bool TryMove(Worker worker, int slot, int to)
    {
        _phase = Phase.Direct;
        Begin(0);
        for (var tries = 0; tries < RoutesMax; tries++)
        {
            var from = Volatile.Read(ref _store.Owners[slot]);
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
            var isOwner = Volatile.Read(ref _store.Owners[slot]) == from;
            if (isOwner) Volatile.Write(ref _store.Owners[slot], (ushort)to);
            LeaveAll(worker);
            Store.Drain(worker);
            if (isOwner) return true;
        }

        return false;
    }
}
