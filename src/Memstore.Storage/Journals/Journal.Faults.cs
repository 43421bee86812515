namespace Memstore.Storage.Journals;

// What happens when the disk fails, and how it ends. Under _writing but for LookAfterFaults.
//   A write fails:  records stay in the buffer; it is tried again every second, at the same place of the file; a sync that succeeds afterwards ends it.
//   A sync fails:   what was written since the last success may be lost though it reads well and though a later sync succeeds. So the segment is given
//                   up, commits go nowhere (writes are refused meanwhile; what still comes is expiry), and the store is asked for an image. Where the
//                   image was cut the journal begins a detached segment. When image and segment are durable nothing depends on the old one.
public sealed partial class Journal
{
    private const int RetryMs = 1_000;
    private const int AskMsMax = 30_000;

    private JournalFault? _fault;
    private JournalFault? _lastFault;
    private volatile bool _needsImage;
    private long _retryAt;
    private long _askAt;
    private int _askMs = RetryMs;

    private bool IsBeforeRetry => Volatile.Read(ref _fault) is not null && !_needsImage && NowMs < Volatile.Read(ref _retryAt);

    /// <summary>What failed is tried again at the next turn, without its pause.</summary>
    internal void RetryNow()
    {
        Volatile.Write(ref _retryAt, 0);
        Volatile.Write(ref _askAt, 0);
        _lastLookAt = 0;
        _lastSyncAt = 0;
    }

    private static bool IsOfDisk(Exception error) => error is IOException or UnauthorizedAccessException;

    private void WriteFailed(string reason)
    {
        Volatile.Write(ref _retryAt, NowMs + RetryMs);
        if (_fault is null) JournalLog.WriteFault(_options.Logger, reason);
        if (!_needsImage) Refuse(new JournalFault(JournalFaultKind.Write, reason));
    }

    private void NeedImage(string reason)
    {
        if (!_needsImage)
        {
            JournalLog.ImageFault(_options.Logger, reason);
            Volatile.Write(ref _askAt, 0);
            _needsImage = true;
        }

        Volatile.Write(ref _imageSequence, -1);
        _segment?.Dispose();
        _rotation?.Old?.Dispose();
        FailSplits(new IOException($"The journal lost its segment: {reason}"), forGood: false);
        Volatile.Write(ref _segment, null);
        Volatile.Write(ref _rotation, null);
        Refuse(new JournalFault(JournalFaultKind.Image, reason));
        _writer.Wake();
    }

    private void SegmentNotMade(Rotation rotation, string reason)
    {
        if (_rotation != rotation) return;
        if (rotation.Old is null) NeedImage(reason);
        else WriteFailed(reason);
    }

    private void Refuse(JournalFault fault)
    {
        Volatile.Write(ref _fault, fault);
        Volatile.Write(ref _lastFault, fault);
        SetGate(Gate.Fault);
        _waiters.Fail(onPool: _options.RunsThreads);
    }

    private void Recovered(long sequence)
    {
        Volatile.Write(ref _fault, null);
        _askMs = RetryMs;
        _waiters.Reopen();
        ClearGate(Gate.Fault);
        JournalLog.Healthy(_options.Logger, sequence);
    }

    // Tasks of splits that will not happen.
    private void FailSplits(Exception reason, bool forGood)
    {
        if (_rotation is { } rotation)
        {
            foreach (var split in rotation.Splits) split.Segment.TrySetException(reason);
        }

        lock (_splits)
        {
            foreach (var split in _splits) split.Segment.TrySetException(reason);
            _splits.Clear();
            _splitsAreClosed |= forGood;
            Volatile.Write(ref _nextSplit, long.MaxValue);
        }
    }

    // Once a second, by the syncer.
    private void LookAfterFaults(long now)
    {
        if (_needsImage)
        {
            if (now < Volatile.Read(ref _askAt)) return;
            Volatile.Write(ref _askAt, now + _askMs);
            _askMs = Math.Min(_askMs * 2, AskMsMax);
            _options.RewriteNeeded?.Invoke(_fault!);
            return;
        }

        lock (_writing)
        {
            if (_segment?.File is { IsInPlace: false }) NeedImage("the file of the current segment is no longer in the data directory.");
        }

        if (_fault is not null) SyncWritten();
    }
}
