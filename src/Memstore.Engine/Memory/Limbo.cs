using System.Runtime.InteropServices;

namespace Memstore.Engine.Memory;

/// <summary>Blocks that were unlinked but may still be read, oldest first, with the epochs in which they were retired.</summary>
// A queue of addresses in segments: a block's own bytes cannot hold the link while somebody may read them.
// Epochs of one worker's retirements only rise, so three tags and where each ends describe the whole queue.
// Threading: the worker's renter; Bytes and Count may be read by anyone, roughly.
internal unsafe struct Limbo
{
    private const int SegmentBlocks = 1_022;
    private const int Tags = 4;

    private Segment* _first;
    private Segment* _last;
    private Segment* _spare;
    private int _firstAt;
    private int _lastAt;

    private long _added;
    private long _freed;
    private long _ripe; // blocks before this position may be freed

    private long _tag;
    private fixed long _endOf[Tags]; // where the tag ends that has this index modulo 4; of older tags than the present one
    private fixed long _tagAt[Tags];

    /// <summary>Bytes of the blocks that wait.</summary>
    public long Bytes { get; private set; }

    /// <summary>Bytes of the queue itself: eight a block, in whole segments.</summary>
    public readonly long QueueBytes => (((_added - _freed) / SegmentBlocks) + 1) * sizeof(Segment);

    /// <summary>Blocks ever added: tells a worker that is used from an idle one.</summary>
    public readonly long Added => _added;

    /// <summary>Does any block wait?</summary>
    public readonly bool IsEmpty => _added == _freed;

    /// <summary>May any block be freed?</summary>
    public readonly bool HasRipe => _ripe != _freed;

    /// <summary>Adds a block that was unlinked before <paramref name="epoch"/> was read.</summary>
    public void Add(byte* block, uint size, long epoch)
    {
        if (epoch != _tag) StartTag(epoch);
        if (_last == null || _lastAt == SegmentBlocks) AddSegment();
        _last->Blocks[_lastAt++] = (ulong)block;
        _added++;
        Bytes += size;
    }

    /// <summary>Notes what may be freed now that the global epoch is <paramref name="epoch"/>.</summary>
    public void Ripen(long epoch)
    {
        if (_tag + Epochs.Distance <= epoch)
        {
            _ripe = _added;
            return;
        }

        for (var i = 0; i < Tags; i++)
        {
            if (_tagAt[i] + Epochs.Distance <= epoch && _endOf[i] > _ripe) _ripe = _endOf[i];
        }
    }

    /// <summary>Frees up to <paramref name="count"/> blocks that nobody can see any more; returns how many.</summary>
    public int FreeRipe(Arena arena, Heap heap, int count)
    {
        count = (int)Math.Min(count, _ripe - _freed);
        for (var left = count; left > 0;)
        {
            if (_firstAt == SegmentBlocks) DropSegment();
            var slice = Math.Min(left, SegmentBlocks - _firstAt);
            Bytes -= FreeSlice(arena, heap, &_first->Blocks[_firstAt], slice);
            _firstAt += slice;
            left -= slice;
        }

        _freed += count;
        return count;
    }

    /// <summary>Lets go of the queue, not of the blocks: their arena goes too.</summary>
    public void ReleaseSegments()
    {
        NativeMemory.Free(_spare);
        while (_first != null)
        {
            var next = _first->Next;
            NativeMemory.Free(_first);
            _first = next;
        }

        _spare = _last = null;
    }

    // Prefetching the blocks or their pages' entries here gained nothing measurable (5 M blocks overwritten at random).
    private static long FreeSlice(Arena arena, Heap heap, ulong* blocks, int count)
    {
        var bytes = 0L;
        for (var i = 0; i < count; i++)
        {
            var block = (byte*)blocks[i];
            bytes += (long)arena.SizeOf(block);
            Heap.Free(arena, heap, block);
        }

        return bytes;
    }

    private void StartTag(long epoch)
    {
        var index = (int)(_tag & (Tags - 1));
        _tagAt[index] = _tag;
        _endOf[index] = _added;
        _tag = epoch;
        Ripen(epoch); // before the oldest tag's place is taken
    }

    private void AddSegment()
    {
        var segment = _spare;
        _spare = null;
        if (segment == null) segment = (Segment*)NativeMemory.Alloc((nuint)sizeof(Segment));
        segment->Next = null;
        if (_last == null) _first = segment;
        else _last->Next = segment;
        _last = segment;
        _lastAt = 0;
    }

    private void DropSegment()
    {
        var segment = _first;
        _first = segment->Next;
        _firstAt = 0;
        if (_spare == null) _spare = segment;
        else NativeMemory.Free(segment);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Segment
    {
        public Segment* Next;
        public fixed ulong Blocks[SegmentBlocks];
    }
}
