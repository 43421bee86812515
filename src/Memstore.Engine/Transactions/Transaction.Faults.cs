namespace Memstore.Engine;

// Commits that break one rule of the protocol on purpose (CommitFaults): tests show that the history checker notices.
public sealed partial class Transaction
{
    private long _earlyGeneration;

    private void ReadStampEarly()
    {
        _earlyGeneration = _store.Snapshots.Generation;
        Thread.Yield();
    }

    private void BreakStamp()
    {
        if ((_store.Faults & CommitFaults.StampEarly) != 0 && _earlyGeneration != 0) _generation = _earlyGeneration;
        _earlyGeneration = 0;
    }

    // Publishes each private write inside its own shard, with nothing held in between.
    private bool PublishOneByOne(Worker worker)
    {
        for (var i = 0; i < _writes.Count; i++)
        {
            _shards.Clear();
            _shards.Add(_store.Owners[_writes.RouteAt(i).Slot]);
            while (!TryEnter(_store.Shards[_shards.Next(0)])) Thread.Yield();
            StartHeldForPublish(worker);
            _isPublishing = true;
            PublishWrite(i);
            _isPublishing = false;
            EndHeld();
            LeaveAll(worker);
            Store.Drain(worker);
            Thread.Yield();
        }

        _mode = Mode.Private;
        EndPrivate(worker);
        return true;
    }

    // The position comes when all is visible already.
    private void ReserveLate()
    {
        Thread.Yield();
        _sequence = _store.Log!.Reserve();
        _position = Math.Max(_position, _sequence);
    }
}
