using Memstore.Engine.Memory;

namespace Memstore.Engine.Keys;

/// <summary>
/// Gives memory back after many keys were deleted: copies the records that keep nearly empty pages alive, and makes indexes
/// smaller. Goes through the slots a few at a time while there is something to win.
/// </summary>
internal sealed class Compaction(Store store)
{
    private const double DenseEnough = 0.75;
    private const double SparseBelow = 0.60;
    private const int SlotsPerRun = 512;

    private int _database;
    private int _slot = -1;

    /// <summary>Whether a pass is under way.</summary>
    public bool IsRunning => _slot >= 0;

    /// <summary>One slice.</summary>
    /// <param name="execute">Runs something inside the shard of a slot of a database.</param>
    public void Run(Action<int, int, Action<Transaction>> execute)
    {
        if (!IsRunning && !TryStart()) return;
        var keyspaces = store.DatabaseSet.Keyspaces;
        for (var i = 0; i < SlotsPerRun && IsRunning; i++)
        {
            if (HasTable(keyspaces[_database])) CompactSlot(execute);
            if (++_slot < SlotHash.Slots) continue;
            _slot = 0;
            if (++_database < keyspaces.Length) continue;
            store.Arena.EndEvacuation();
            _slot = -1;
        }
    }

    private unsafe bool HasTable(Keyspace keyspace) => keyspace.SlotAt(_slot)->Table != 0;

    private bool TryStart()
    {
        if (store.Arena.RecordSlackBytes < store.Options.EvacuationSlackBytes || store.Arena.RecordDensity > DenseEnough) return false;
        if (store.Arena.BeginEvacuation(SparseBelow) == 0) return false;
        _database = 0;
        _slot = 0;
        return true;
    }

    private void CompactSlot(Action<int, int, Action<Transaction>> execute)
    {
        const int BucketsPerSlice = 128;
        var slot = _slot;
        for (uint position = 0; position < SlotTable.TagEnd;)
        {
            execute(_database, slot, transaction =>
            {
                for (var i = 0; i < BucketsPerSlice && position < SlotTable.TagEnd; i++) transaction.EvacuateBucket(slot, ref position);
            });
        }

        execute(_database, slot, transaction => transaction.ShrinkTable(slot));
    }
}
