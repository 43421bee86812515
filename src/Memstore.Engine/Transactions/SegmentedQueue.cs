namespace Memstore.Engine.Transactions;

/// <summary>A queue in arrays of a fixed size: adding never copies what is there, as a growing array would.</summary>
// Threading: the caller's lock.
internal sealed class SegmentedQueue<T>
{
    private const int SegmentItems = 256;

    private Segment? _first;
    private Segment? _last;
    private int _firstAt;
    private int _lastAt;
    private int _segments;

    /// <summary>Bytes of the arrays, about.</summary>
    public long Bytes => (long)_segments * SegmentItems * System.Runtime.CompilerServices.Unsafe.SizeOf<T>();

    /// <summary>Adds an item at the end.</summary>
    public void Enqueue(in T item)
    {
        if (_last is null || _lastAt == SegmentItems) AddSegment();
        _last!.Items[_lastAt++] = item;
    }

    /// <summary>The first item; false if there is none.</summary>
    public bool TryPeek(out T item)
    {
        item = default!;
        if (_first is null || (_first == _last && _firstAt == _lastAt)) return false;
        item = _first.Items[_firstAt];
        return true;
    }

    /// <summary>Drops the first item, which must exist.</summary>
    public void Dequeue()
    {
        _first!.Items[_firstAt++] = default!;
        if (_firstAt < (_first == _last ? _lastAt : SegmentItems)) return;
        _first = _first.Next;
        _firstAt = 0;
        _segments--;
        if (_first is null) _last = null;
    }

    private void AddSegment()
    {
        var segment = new Segment();
        if (_last is null) _first = segment;
        else _last.Next = segment;
        _last = segment;
        _lastAt = 0;
        _segments++;
    }

    private sealed class Segment
    {
        public readonly T[] Items = new T[SegmentItems];
        public Segment? Next;
    }
}
