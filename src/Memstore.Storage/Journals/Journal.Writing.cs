using System.Runtime.CompilerServices;
using Memstore.Storage.Disks;

namespace Memstore.Storage.Journals;

// From the ring to the file. All of this holds _writing, but for the writer's loop.
public sealed partial class Journal
{
    private const int TurnMs = 10;
    private const int IdleTurnMs = 100;
    private const int IdleAfterTurns = 3;
    private const int TrimAfterTurns = 100;

    // Whole blocks are written at once, the rest when it has waited this long: pages that are filled in one go cost a third less (docs/storage.md).
    private const int FlushEveryMs = 100;

    private readonly Lock _writing = new();

    // Where records go. Without a file while the syncer makes it; null while they go nowhere, because only an image will hold them.
    private SegmentWriter? _segment;
    private long _number;
    private long _lastUnixMs;
    private long _lastMarked;
    private long _writtenBytes;
    private long _lastFlushAt;

    // Segments to end: in the order of their sequences, under their own lock. _nextSplit is the first's.
    private readonly Queue<Split> _splits = new();
    private long _nextSplit = long.MaxValue;
    private bool _splitsAreClosed;

    // The segment before has to be closed and the current one to be made, by the syncer.
    private Rotation? _rotation;

    private sealed record Split(long Sequence)
    {
        public TaskCompletionSource<long> Segment { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    // Old is null if the new segment does not continue one.
    private sealed record Rotation(SegmentWriter? Old, SegmentWriter New)
    {
        public bool IsOldClosed { get; set; }

        public List<Split> Splits { get; } = [];
    }

    private bool CanTake => _ring.IsFilled(_ring.Taken + 1) && _ring.Taken < Volatile.Read(ref _nextSplit);

    private bool HasSplit => Volatile.Read(ref _nextSplit) != long.MaxValue;

    private void RunWriter()
    {
        var idleTurns = 0;
        Func<bool> isStopping = () => _isStopping;
        Func<bool> canTake = () => CanTake || _isStopping;
        while (!_isStopping)
        {
            idleTurns = TurnOfWriter() ? 0 : idleTurns + 1;
            if (idleTurns < IdleAfterTurns || CanTake || HasSplit || _fault is not null)
            {
                _writer.Sleep(TurnMs, isStopping);
                continue;
            }

            if (idleTurns == IdleAfterTurns) MarkWhenIdle();
            if (idleTurns == TrimAfterTurns) _ring.Trim();
            _writerIsIdle = true;
            _writer.Sleep(IdleTurnMs, canTake);
            _writerIsIdle = false;
        }
    }

    /// <summary>One turn of the writer: takes and writes what there is. Whether there was anything.</summary>
    internal bool TurnOfWriter()
    {
        lock (_writing)
        {
            NoteSlowSync();
            var taken = _ring.Taken;
            WriteFilled();
            var tookAny = _ring.Taken != taken;
            var now = NowMs;
            if (tookAny && now - _lastFlushAt < FlushEveryMs) return true;
            _lastFlushAt = now;
            TryFlush();
            return tookAny;
        }
    }

    // Takes all there is and writes the whole blocks of it.
    private void WriteFilled()
    {
        do
        {
            if (HasSplit) Separate();
            if (_segment is { HasBlock: true }) TryFlush(blocksOnly: true);
        }
        while (TakeGroup());

        var waiting = _ring.Reserved - _ring.Taken;
        if (waiting < FillRing.Size / 2) ClearGate(Gate.RingIsFull);
        // Whoever waits for a cell holds a shard, and readers wait for him.
        else if (waiting > BusyAt && _fault is { Kind: JournalFaultKind.Write }) NeedImage("more was committed than may wait in memory while it could not be written.");
    }

    // Takes about as much as one write holds; whether there is more that could be taken now.
    private bool TakeGroup()
    {
        if (_segment is not { } segment) return Discard();
        if (segment.Length >= _options.SegmentBytes && segment.LastSequence >= segment.Header.FirstSequence && !Rotate()) return false;
        segment = _segment;
        var first = _ring.Taken + 1;
        if (!_ring.IsFilled(first) || first > Volatile.Read(ref _nextSplit) || !HasMemory(segment)) return false;
        if (_waiters.Durable > _lastMarked) Mark(segment);
        var last = Encode(segment, first);
        _ring.Release(last);
        return segment.HasBlock || HasSplit;
    }

    private unsafe long Encode(SegmentWriter segment, long next)
    {
        var unixMs = NextUnixMs();
        var end = segment.NextBlock;
        // The split is read after the cell: whoever filled a later cell did so after the split had been stored.
        for (; segment.Length < end && _ring.IsFilled(next) && next <= Volatile.Read(ref _nextSplit); next++)
        {
            segment.Append(_ring.Cell(next, out var payload), payload, unixMs);
            if (payload is not null) _ring.ReturnLong(next);
        }

        return next - 1;
    }

    // While the disk does not take anything, what waits in memory must end somewhere.
    private bool HasMemory(SegmentWriter segment)
    {
        if (segment.Pending < _options.PendingBytesMax) return true;
        if (_fault is not null) NeedImage("more was committed than may wait in memory while it could not be written.");
        return false;
    }

    // Nothing is kept of what an image will hold.
    private unsafe bool Discard()
    {
        var next = _ring.Taken + 1;
        for (; _ring.IsFilled(next) && next <= Volatile.Read(ref _nextSplit); next++)
        {
            _ring.Cell(next, out var payload);
            if (payload is not null) _ring.ReturnLong(next);
        }

        _ring.Release(next - 1);
        if (!HasSplit) return false;
        Separate();
        return _segment is not null;
    }

    // Ends the segment where it has come to a split.
    private void Separate()
    {
        while (true)
        {
            Split split;
            lock (_splits)
            {
                if (!_splits.TryPeek(out split!)) return;
            }

            var last = _ring.Taken;
            if (split.Sequence > last) return;
            if (split.Sequence < last) split.Segment.TrySetException(new InvalidOperationException($"The journal is past sequence {split.Sequence}."));
            else if (!BeginsAfter(split) && !Rotate()) return;
            else if (_rotation is { } rotation) rotation.Splits.Add(split);
            else split.Segment.TrySetResult(_segment!.Header.Number);
            lock (_splits)
            {
                if (_splits.Count > 0) _splits.Dequeue();
                Volatile.Write(ref _nextSplit, _splits.TryPeek(out var next) ? next.Sequence : long.MaxValue);
            }
        }
    }

    private bool BeginsAfter(Split split) => _segment is { } segment && segment.Header.FirstSequence == split.Sequence + 1;

    // Begins another segment; false if the one before is not done yet.
    private bool Rotate()
    {
        if (_rotation is not null) return false;
        var old = _segment;
        if (old is not null && !TryFlush()) return false;
        var number = _number + 1;
        var header = SegmentHeader.Create(_options.StoreId, number, _ring.Taken + 1, NextUnixMs(), isDetached: old is null);
        var segment = new SegmentWriter(header);
        _rotation = new Rotation(old, segment);
        Volatile.Write(ref _segment, segment);
        WakeSyncer();
        return true;
    }

    private void Mark(SegmentWriter segment)
    {
        _lastMarked = _waiters.Durable;
        if (_lastMarked >= segment.Header.FirstSequence) segment.AppendMark(RecordKind.Mark, NextUnixMs(), _lastMarked);
    }

    // So that damage to the last group before a pause, too, is told from a torn write. It needs no sync: it says nothing new about what was promised.
    private void MarkWhenIdle()
    {
        lock (_writing)
        {
            if (_segment is not { Pending: 0, File: not null } segment || _fault is not null || _waiters.Durable <= _lastMarked) return;
            Mark(segment);
            TryFlush();
        }
    }

    // Whether it was written. Afterwards the buffer is empty, or holds less than a block.
    private bool TryFlush(bool blocksOnly = false)
    {
        if (_segment is not { } segment) return true;
        if (segment.Pending == 0) return true;
        if (segment.File is null || IsBeforeRetry) return false;
        var bytes = segment.Pending;
        try
        {
            segment.Flush(blocksOnly);
            Volatile.Write(ref _writtenBytes, _writtenBytes + bytes - segment.Pending);
            return true;
        }
        catch (Exception error) when (IsOfDisk(error))
        {
            WriteFailed(error.Message);
            return false;
        }
    }

    // Of the clock's own time, which no change of the wall clock moves.
    private long NowMs => _options.Clock.GetTimestamp() / (_options.Clock.TimestampFrequency / 1_000);

    // Never falling, so that a moment of the past is a place in the journal.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private long NextUnixMs()
    {
        var now = Math.Clamp(_options.Clock.GetUtcNow().ToUnixTimeMilliseconds(), 0, SegmentFormat.UnixMsMax);
        return _lastUnixMs = Math.Max(now, _lastUnixMs);
    }
}
