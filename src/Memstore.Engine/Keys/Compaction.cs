using Memstore.Engine.Memory;

namespace Memstore.Engine.Keys;

/// <summary>
/// Gives memory back after many keys were deleted: copies the records that keep nearly empty pages alive, and makes indexes
/// smaller. Goes through the slots a few at a time while there is something to win.
/// </summary>
internal sealed class Compaction
{
    private const double DenseEnough = 0.75;
    private const double SparseBelow = 0.60;
    private const int SlotsPerRun = 512;
    private const int BucketsPerSlice = 128;
    private const int CopiesPerSlice = 48;

    // Fixed after construction. What runs inside a shard is made once: a slice that allocates may have to collect.
    private readonly Store _store;
    private readonly Action<Transaction> _evacuate;
    private readonly Action<Transaction> _shrink;

    private int _database;
    private int _slot = -1;
    private uint _position;

    public Compaction(Store store)
    {
        _store = store;
        _evacuate = Evacuate;
        _shrink = Shrink;
    }

    /// <summary>Whether a pass is under way.</summary>
    public bool IsRunning => _slot >= 0;

    /// <summary>One slice.</summary>
    /// <param name="execute">Runs something inside the shard of a slot of a database.</param>
    public void Run(Action<int, int, Action<Transaction>> execute)
    {
        if (!IsRunning && !TryStart()) return;
        var keyspaces = _store.DatabaseSet.Keyspaces;
        for (var i = 0; i < SlotsPerRun && IsRunning; i++)
        {
            if (HasTable(keyspaces[_database])) CompactSlot(execute);
            if (++_slot < SlotHash.Slots) continue;
            _slot = 0;
            if (++_database < keyspaces.Length) continue;
            _store.Arena.EndEvacuation();
            _slot = -1;
        }
    }

    private unsafe bool HasTable(Keyspace keyspace) => keyspace.SlotAt(_slot)->Table != 0;

    private bool TryStart()
    {
        if (_store.Arena.RecordSlackBytes < _store.Options.EvacuationSlackBytes || _store.Arena.RecordDensity > DenseEnough) return false;
        if (_store.Arena.BeginEvacuation(SparseBelow) == 0) return false;
        _database = 0;
        _slot = 0;
        return true;
    }

    private void CompactSlot(Action<int, int, Action<Transaction>> execute)
    {
        for (_position = 0; _position < SlotTable.TagEnd;) execute(_database, _slot, _evacuate);
        execute(_database, _slot, _shrink);
    }

    private void Evacuate(Transaction transaction)
    {
        var copies = 0;
        for (var i = 0; i < BucketsPerSlice && copies < CopiesPerSlice && _position < SlotTable.TagEnd; i++)
            copies += transaction.EvacuateBucket(_slot, ref _position);
    }

    private void Shrink(Transaction transaction) => transaction.ShrinkTable(_slot);
}
