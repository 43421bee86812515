using System.Diagnostics;
using Memstore.Engine.Memory;

namespace Memstore.Engine.Keys;

/// <summary>
/// Gives memory back after many keys were deleted: copies the records that keep nearly empty pages alive, and makes indexes
/// smaller. Goes through the slots for a few milliseconds at a time while there is something to win.
/// </summary>
internal sealed class Compaction
{
    private const double DenseEnough = 0.85;
    private const double SparseBelow = 0.75;
    private const double GainWorthwhile = 0.05;
    private const int PausePeriods = 50;
    private const int IndexPauses = 100;
    private const int BucketsPerSlice = 128;
    private const int CopiesPerSlice = 24;

    // Of 10 ms, so that expiry and the rest of maintenance go on meanwhile.
    private static readonly long TicksPerRun = Stopwatch.Frequency / 250;

    // Fixed after construction. What runs inside a shard is made once: a slice that allocates may have to collect.
    private readonly Store _store;
    private readonly Action<Transaction> _evacuate;
    private readonly Action<Transaction> _shrink;

    private int _database;
    private int _slot = -1;
    private uint _position;
    private bool _isShrinking;
    private int _pause;
    private int _indexPause;
    private long _indexBefore;

    public Compaction(Store store)
    {
        _store = store;
        _evacuate = Evacuate;
        _shrink = Shrink;
    }

    /// <summary>Whether a pass is under way.</summary>
    public bool IsRunning => _slot >= 0;

    /// <summary>A few slices.</summary>
    /// <param name="execute">Runs something inside the shard of a slot of a database.</param>
    public void Run(Action<int, int, Action<Transaction>> execute)
    {
        if (!IsRunning && !TryStart()) return;
        var start = Stopwatch.GetTimestamp();
        while (IsRunning && Stopwatch.GetTimestamp() - start < TicksPerRun) Step(execute);
    }

    private unsafe void Step(Action<int, int, Action<Transaction>> execute)
    {
        var keyspaces = _store.DatabaseSet.Keyspaces;
        if (keyspaces[_database].SlotAt(_slot)->Table != 0)
        {
            execute(_database, _slot, _isShrinking ? _shrink : _evacuate);
            if (_position < SlotTable.TagEnd) return;
            _position = 0;
            _isShrinking = !_isShrinking;
            if (_isShrinking) return;
        }

        _position = 0;
        _isShrinking = false;
        if (++_slot < SlotHash.Slots) return;
        _slot = 0;
        if (++_database < keyspaces.Length) return;
        End();
    }

    private bool TryStart()
    {
        if (--_pause > 0) return false;
        _pause = PausePeriods;
        if (!MarkPages() && !IsIndexLarge()) return false;
        _indexBefore = _store.Arena.UsedBytesOf(MemoryKind.Table);
        _database = 0;
        _slot = 0;
        _position = 0;
        return true;
    }

    private void End()
    {
        _store.Arena.EndEvacuation();
        _slot = -1;
        // An index that stays as it is has its reasons: not to be looked at again for a while.
        if (_store.Arena.UsedBytesOf(MemoryKind.Table) > _indexBefore * 9 / 10) _indexPause = IndexPauses;
    }

    // Marks the sparse pages if that is worth a pass.
    private bool MarkPages()
    {
        var arena = _store.Arena;
        if (arena.RecordSlackBytes < _store.Options.EvacuationSlackBytes || arena.RecordDensity > DenseEnough) return false;
        if (arena.BeginEvacuation(SparseBelow) >= GainWorthwhile * arena.UsedBytes) return true;
        arena.EndEvacuation();
        return false;
    }

    // An index needs about 14 bytes a key, and a line for each slot that has any.
    private bool IsIndexLarge()
    {
        if (--_indexPause > 0) return false;
        var keys = _store.DatabaseSet.Keyspaces.Sum(static keyspace => keyspace.IsWritten ? keyspace.CountKeys() : 0);
        var needed = (16 * keys) + (64 * Math.Min(keys, SlotHash.Slots));
        var bytes = _store.Arena.UsedBytesOf(MemoryKind.Table);
        return bytes > 2 * needed && bytes - needed > _store.Options.EvacuationSlackBytes;
    }

    private void Evacuate(Transaction transaction)
    {
        var copies = 0;
        for (var i = 0; i < BucketsPerSlice && copies < CopiesPerSlice && _position < SlotTable.TagEnd; i++)
            copies += transaction.EvacuateBucket(_slot, ref _position);
    }

    private void Shrink(Transaction transaction) => transaction.ShrinkTable(_slot, ref _position);
}
