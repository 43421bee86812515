using Memstore.Engine.Memory;

namespace Memstore.Engine.Keys;

/// <summary>Deadlines of keys: which slots are due, and keeping their heaps free of stale entries. Used inside the slot's shard.</summary>
internal sealed unsafe class Expiry(SlotTable table, long baseUnixMs)
{
    private const int StaleAllowed = 16;
    private const int SweptPerAdd = 2;

    private uint _sweep;

    /// <summary>Notes the deadline of a key. When memory is refused nothing has changed; a note without its key does no harm.</summary>
    public void Add(Keyspace keyspace, int slot, uint tag, long deadlineUnixMs, Worker worker)
    {
        ref var cold = ref keyspace.Cold[slot];
        ref var heap = ref cold.Deadlines;
        var before = heap.Bytes;
        // Entries of keys that were overwritten or deleted stay behind. When they outnumber the living, each new one takes up
        // to two of them away, so the heap stays within about twice what it needs.
        if (heap.Count > (2 * keyspace.SlotAt(slot)->WithDeadline) + StaleAllowed)
        {
            Sweep(keyspace, slot, ref heap, worker);
            cold.Bytes += heap.Bytes - before;
            before = heap.Bytes;
        }

        heap.Push(DeadlineHeap.Pack(deadlineUnixMs - baseUnixMs, tag), worker);
        cold.Bytes += heap.Bytes - before;
        keyspace.HasDeadlines = true;
        SetNextDue(keyspace, slot, heap);
    }

    /// <summary>Takes the next entry that is due out of a slot's heap.</summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="slot">The slot, whose shard is held.</param>
    /// <param name="nowUnixMs">The moment.</param>
    /// <param name="worker">Takes memory back.</param>
    /// <param name="tag">The tag of the key that may be due.</param>
    /// <returns>False if nothing is due.</returns>
    public bool TryPop(Keyspace keyspace, int slot, long nowUnixMs, Worker worker, out uint tag)
    {
        ref var heap = ref keyspace.Cold[slot].Deadlines;
        tag = 0;
        if (heap.Count == 0 || baseUnixMs + DeadlineHeap.OffsetOf(heap.Peek()) > nowUnixMs)
        {
            SetNextDue(keyspace, slot, heap);
            return false;
        }

        tag = DeadlineHeap.TagOf(heap.Peek());
        var before = heap.Bytes;
        heap.RemoveAt(0, worker);
        keyspace.Cold[slot].Bytes -= before - heap.Bytes;
        return true;
    }

    /// <summary>Frees the heap of a slot that has no deadlines any more.</summary>
    public static void FreeIfEmpty(Keyspace keyspace, int slot, Worker worker)
    {
        ref var heap = ref keyspace.Cold[slot].Deadlines;
        if (heap.Count != 0 || heap.Bytes == 0) return;
        keyspace.Cold[slot].Bytes -= heap.Bytes;
        heap.Free(worker);
        keyspace.NextDue[slot] = Keyspace.Never;
    }

    private void SetNextDue(Keyspace keyspace, int slot, in DeadlineHeap heap) =>
        Volatile.Write(
            ref keyspace.NextDue[slot],
            heap.Count == 0 ? Keyspace.Never : baseUnixMs + DeadlineHeap.OffsetOf(heap.Peek()));

    private void Sweep(Keyspace keyspace, int slot, ref DeadlineHeap heap, Worker worker)
    {
        for (var i = 0; i < SweptPerAdd && heap.Count > 0; i++)
        {
            var index = (int)(_sweep++ % (uint)heap.Count);
            if (!IsLive(keyspace, slot, heap.EntryAt(index))) heap.RemoveAt(index, worker);
        }
    }

    // Whether some key of the slot with the entry's tag still has the entry's deadline.
    private bool IsLive(Keyspace keyspace, int slot, ulong entry)
    {
        Span<ulong> entries = stackalloc ulong[SlotTable.HomeEntriesMax];
        var tag = DeadlineHeap.TagOf(entry);
        var position = tag;
        var count = table.Step(keyspace.SlotAt(slot)->Table, ref position, entries);
        for (var i = 0; i < count; i++)
        {
            if (SlotTable.TagOfEntry(entries[i]) != tag) continue;
            var deadline = Record.Deadline(table.RecordOf(entries[i]));
            if (deadline != 0 && DeadlineHeap.Pack(deadline - baseUnixMs, tag) == entry) return true;
        }

        return false;
    }
}
