using Memstore.Engine.Shards;

namespace Memstore.Engine;

// Moving slots: both shards are held while owners change. Whoever calls has the store's lock for it, so between looking at an owner and holding
// its shard nobody else moves the slot; transactions only look.
public sealed partial class Transaction
{
    private SlotMove[] _moves = [];

    /// <summary>Moves slots that go the same way in one hold. False, with nothing done, if a shard stays busy.</summary>
    internal bool TryMove(Worker worker, SlotMove[] moves)
    {
        BeginMove(moves);
        _phase = Phase.Direct;
        var isEntered = TryEnterRouted(worker);
        if (isEntered) MoveHeld(worker);
        Store.Drain(worker);
        return isEntered;
    }

    /// <summary>The same, but in the queue of a shard that is busy, like any other transaction; then calls back, on any thread.</summary>
    internal void SubmitMove(Worker worker, SlotMove[] moves, Action<object?> ended, object? state)
    {
        BeginMove(moves);
        _phase = Phase.EnteringToMove;
        _enteredUpTo = 0;
        _body = null;
        _ended = ended;
        _endedState = state;
        Continue(worker);
        Store.Drain(worker);
    }

    private void BeginMove(SlotMove[] moves)
    {
        Begin(0);
        _moves = moves;
        _shards.Clear();
        _shards.Add(moves[0].From);
        _shards.Add(moves[0].To);
    }

    private void MoveHeld(Worker worker)
    {
        worker.Holds.Begin(isLong: true);
        foreach (var move in _moves) Volatile.Write(ref _store.Owners[move.Slot], (ushort)move.To);
        LeaveAll(worker);
    }
}
