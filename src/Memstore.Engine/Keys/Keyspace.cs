using System.Runtime.InteropServices;
using Memstore.Engine.Memory;

namespace Memstore.Engine.Keys;

/// <summary>What every access to a slot touches: half a cache line.</summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal struct Slot
{
    /// <summary>The slot's index (see <see cref="SlotTable"/>).</summary>
    public ulong Table;

    /// <summary>Keys with a deadline.</summary>
    public long WithDeadline;

    /// <summary>Stamp of the last commit that wrote here.</summary>
    public long LastStamp;

    /// <summary>Log position of the last commit that wrote here; 0 without a log.</summary>
    public long Position;
}

/// <summary>What only some writes touch.</summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal unsafe struct ColdSlot
{
    /// <summary>Bytes of records, index and deadlines.</summary>
    public long Bytes;

    /// <summary>Deadlines, earliest first (see <see cref="DeadlineHeap"/>).</summary>
    public DeadlineHeap Deadlines;

    /// <summary>The deadlines of its keys added up, in units of 64 ms: so that no slot is too large for the sum.</summary>
    public long DeadlineSum;
}

/// <summary>The keys of one database: 16,384 slots, each with its index. Knows nothing of shards or transactions.</summary>
// Threading: a slot is written only inside the shard that owns it; Table and Position are read by anyone inside an epoch.
// The arrays are native and zero, so a database that is never written occupies no resident memory.
internal sealed unsafe class Keyspace : IDisposable
{
    /// <summary>Where a slot without deadlines stands in <see cref="NextDue"/>.</summary>
    public const long Never = long.MaxValue;

    private const int SlotsSize = SlotHash.Slots * 32;
    private const int ColdSize = SlotHash.Slots * 32;
    private const int NextDueSize = SlotHash.Slots * sizeof(long);
    private const int KeysSize = SlotHash.Slots * sizeof(int);
    private const int Size = SlotsSize + ColdSize + NextDueSize + KeysSize;

    private const int PopulatedFrom = 256;
    private const int DeadlineUnitBits = 6;

    private Slot* _slots;
    private bool _isPopulated;

    /// <summary>Makes an empty keyspace.</summary>
    /// <exception cref="InsufficientMemoryException">The system refuses the memory.</exception>
    public Keyspace()
    {
        // Pages of their own, and not the C library's heap: only what is touched is resident, and all of it goes back at once.
        var pages = NativePages.Reserve(Size);
        if (pages == null || !NativePages.Commit(pages, Size)) throw new InsufficientMemoryException("No memory for the slots of a database.");
        _slots = (Slot*)pages;
        Cold = (ColdSlot*)(pages + SlotsSize);
        NextDue = (long*)(pages + SlotsSize + ColdSize);
        Keys = (int*)(pages + SlotsSize + ColdSize + NextDueSize);
    }

    /// <summary>
    /// Makes the arrays resident once there are keys enough to touch most of their pages anyway: commits then meet no page faults, which cost
    /// some virtual machines 20 us each. Called by maintenance now and then.
    /// </summary>
    public void Populate()
    {
        if (_isPopulated || !IsWritten || CountKeys() < PopulatedFrom) return;
        _isPopulated = true;
        NativePages.Populate((byte*)_slots, Size);
    }

    /// <summary>Bytes of its arrays, as far as they may be resident.</summary>
    public long ArrayBytes => IsWritten ? Size : 0;

    /// <summary>Whether anything has ever been written to it. Set inside the shard of what is written.</summary>
    public bool IsWritten { get; set; }

    /// <summary>Number of keys by slot, expired ones that are still there included.</summary>
    public int* Keys { get; }

    /// <summary>The cold half of the slots.</summary>
    public ColdSlot* Cold { get; }

    /// <summary>When the first key of a slot is due, in Unix milliseconds; 0 or <see cref="Never"/> if none is.</summary>
    public long* NextDue { get; }

    /// <summary>Whether any slot has ever held a deadline; spares the expiry scan.</summary>
    public bool HasDeadlines { get; set; }

    /// <summary>Whether no database shows it any more; its memory is being freed.</summary>
    public bool IsDropped { get; set; }

    /// <summary>The hot half of a slot.</summary>
    public Slot* SlotAt(int slot) => _slots + slot;

    /// <summary>Keys in all slots. A sum over a moving target unless all shards are held.</summary>
    public long CountKeys()
    {
        var sum = 0L;
        foreach (var keys in new ReadOnlySpan<int>(Keys, SlotHash.Slots)) sum += keys;
        return sum;
    }

    /// <summary>Counts that a key has another deadline than it had; 0 is none. Inside the slot's shard.</summary>
    public void CountDeadline(int slot, long deadlineUnixMs, long oldUnixMs)
    {
        _slots[slot].WithDeadline += (deadlineUnixMs != 0 ? 1 : 0) - (oldUnixMs != 0 ? 1 : 0);
        Cold[slot].DeadlineSum += (deadlineUnixMs >> DeadlineUnitBits) - (oldUnixMs >> DeadlineUnitBits);
    }

    /// <summary>The mean of all deadlines in Unix milliseconds, about as exact as <see cref="CountKeys"/>; 0 if there is none.</summary>
    public double MeanDeadline()
    {
        var (sum, count) = (0.0, CountWithDeadline());
        if (count == 0) return 0;
        for (var i = 0; i < SlotHash.Slots; i++) sum += Cold[i].DeadlineSum;

        // What the units cut off is half of one in the mean.
        return ((sum / count) + 0.5) * (1 << DeadlineUnitBits);
    }

    /// <summary>Keys with a deadline in all slots.</summary>
    public long CountWithDeadline()
    {
        var sum = 0L;
        if (!HasDeadlines) return 0;
        for (var i = 0; i < SlotHash.Slots; i++) sum += _slots[i].WithDeadline;
        return sum;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_slots == null) return;
        NativePages.Release((byte*)_slots, Size);
        _slots = null;
    }
}
