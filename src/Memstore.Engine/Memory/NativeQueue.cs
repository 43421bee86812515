using System.Runtime.InteropServices;

namespace Memstore.Engine.Memory;

/// <summary>A record that waits for snapshots to close, with the stamp of what replaced it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct WaitingRecord(nint Record, long ReplacedStamp);

/// <summary>A queue in native segments: adding never copies what is there, and the collector does not look at it.</summary>
// Threading: the caller's lock.
internal unsafe struct NativeQueue
{
    private const int SegmentItems = 255;
    private static readonly int SegmentSize = sizeof(Segment) + (SegmentItems * sizeof(WaitingRecord));

    private Segment* _first;
    private Segment* _last;
    private int _firstAt;
    private int _lastAt;
    private int _segments;

    /// <summary>Bytes of the segments.</summary>
    public readonly long Bytes => (long)_segments * SegmentSize;

    /// <summary>Adds an item at the end.</summary>
    public void Enqueue(in WaitingRecord item)
    {
        if (_last == null || _lastAt == SegmentItems) AddSegment();
        ItemsOf(_last)[_lastAt++] = item;
    }

    /// <summary>The first item; false if there is none.</summary>
    public readonly bool TryPeek(out WaitingRecord item)
    {
        item = default;
        if (_first == null || (_first == _last && _firstAt == _lastAt)) return false;
        item = ItemsOf(_first)[_firstAt];
        return true;
    }

    /// <summary>Drops the first item, which must exist.</summary>
    public void Dequeue()
    {
        _firstAt++;
        if (_firstAt < (_first == _last ? _lastAt : SegmentItems)) return;
        DropSegment();
    }

    /// <summary>Lets go of everything.</summary>
    public void Release()
    {
        while (_first != null) DropSegment();
    }

    private static WaitingRecord* ItemsOf(Segment* segment) => (WaitingRecord*)(segment + 1);

    private void AddSegment()
    {
        var segment = (Segment*)NativeMemory.Alloc((nuint)SegmentSize);
        segment->Next = null;
        if (_last == null) _first = segment;
        else _last->Next = segment;
        _last = segment;
        _lastAt = 0;
        _segments++;
    }

    private void DropSegment()
    {
        var next = _first->Next;
        NativeMemory.Free(_first);
        _first = next;
        _firstAt = 0;
        if (next == null) _last = null;
        _segments--;
    }

    private struct Segment
    {
        public Segment* Next;
    }
}
