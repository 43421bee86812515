using System.Diagnostics;
using Memstore.Storage.Disks;

namespace Memstore.Storage.Journals;

// What the syncer does; only its thread, and who closes the journal after it has ended.
public sealed partial class Journal
{
    private const int SyncEveryMs = 1_000;
    private const int WaitMs = 50;
    private const int RoundsNotToGather = 16;
    private const int PartOfRound = 3;
    private static readonly TimeSpan SlowSync = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan CloseWait = TimeSpan.FromSeconds(5);

    private volatile bool _syncsEverySecond = true;
    private long _imageSequence = -1;
    private long _lastSyncAt;
    private long _syncBeganAt;
    private long _lastLookAt;
    private long _syncs;
    private long _delayedSyncs;
    private long _lastSyncTicks;
    private long _syncTicks;
    private int _released;
    private int _roundsNotToGather;
    private int _wakeSyncerAt = 1;
    private long _lastSyncUnixMs;

    private bool HasWorkForSyncer => _waiters.Any || Volatile.Read(ref _rotation) is not null || IsRewritten || _isStopping;

    private bool IsRewritten => _needsImage && Volatile.Read(ref _imageSequence) >= 0 && Volatile.Read(ref _segment)?.File is not null;

    private void RunSyncer()
    {
        Func<bool> isStopping = () => _isStopping;
        Func<bool> hasWork = () => HasWorkForSyncer;
        Func<bool> hasGroup = () => _waiters.Count >= _wakeSyncerAt || _isStopping || _rotation is not null;
        while (!_isStopping)
        {
            var didSomething = TurnOfSyncer();
            if (didSomething) AwaitGroup(hasGroup);
            if (!HasWorkForSyncer) _syncer.Sleep(MsToNextTurn(), hasWork);
            // Somebody waits for a commit before which another has reserved its place but not filled it yet, or the disk has to be tried again.
            else if (!didSomething) _syncer.Sleep(IsBeforeRetry ? WaitMs : 1, isStopping);
        }
    }

    /// <summary>One turn of the syncer: what is due. Whether it came further.</summary>
    internal bool TurnOfSyncer()
    {
        var now = NowMs;
        if (now - _lastLookAt >= SyncEveryMs)
        {
            _lastLookAt = now;
            LookAfterFaults(now);
        }

        if (Volatile.Read(ref _rotation) is { } rotation && !IsBeforeRetry) return MakeSegment(rotation);
        if (_waiters.Any || IsRewritten) return SyncWritten();
        return _syncsEverySecond && now - _lastSyncAt >= SyncEveryMs && SyncWritten();
    }

    /// <summary>Writes what has been filled and makes it durable. Whether anything became so.</summary>
    internal bool SyncWritten()
    {
        SegmentWriter? segment;
        IDiskFile? file;
        long sequence;
        lock (_writing)
        {
            WriteFilled();
            TryFlush();
            segment = _segment;
            file = segment?.File;
            sequence = segment?.WrittenSequence ?? 0;
        }

        var isNews = sequence > _waiters.Durable || _fault is not null;
        _lastSyncAt = NowMs;
        if (file is null || !isNews || IsBeforeRetry) return false;
        if (_options.AcknowledgesBeforeSync) _waiters.Advance(sequence);
        return TrySync(file) && Synced(segment!, sequence);
    }

    private bool TrySync(IDiskFile file)
    {
        var began = Stopwatch.GetTimestamp();
        Volatile.Write(ref _syncBeganAt, began);
        try
        {
            file.Sync();
            return true;
        }
        catch (Exception error) when (IsOfDisk(error))
        {
            lock (_writing) NeedImage($"a sync failed, so nobody knows what of the segment is stored ({error.Message}).");
            return false;
        }
        finally
        {
            Volatile.Write(ref _syncBeganAt, 0);
            var time = Stopwatch.GetElapsedTime(began);
            Volatile.Write(ref _syncs, _syncs + 1);
            if (time.TotalMilliseconds > SyncEveryMs) Volatile.Write(ref _delayedSyncs, _delayedSyncs + 1);
            Volatile.Write(ref _lastSyncTicks, time.Ticks);
            // One sync that had to wait for a processor says nothing about the disk.
            _syncTicks += (Math.Min(time.Ticks, (2 * _syncTicks) + TimeSpan.TicksPerMillisecond) - _syncTicks) / 8;
            Volatile.Write(ref _lastSyncUnixMs, _options.Clock.GetUtcNow().ToUnixTimeMilliseconds());
            ClearGate(Gate.SyncIsSlow);
        }
    }

    // Whether it counts: not if the segment has been given up meanwhile, nor before the image that it continues is complete.
    private bool Synced(SegmentWriter segment, long sequence)
    {
        lock (_writing)
        {
            if (_segment != segment && _rotation?.Old != segment) return false;
            if (_needsImage)
            {
                var image = Interlocked.Exchange(ref _imageSequence, -1);
                if (image < segment.Header.FirstSequence - 1) return false;
                _needsImage = false;
            }

            if (_fault is not null && segment.Pending == 0 && _rotation is null) Recovered(sequence);
        }

        _released = _waiters.Advance(sequence);
        return true;
    }

    // Whoever has just been told is likely to commit again, a whole round of clients within a moment. A sync that began with the first of them
    // would let all others wait for two. So if syncs are slow the next one waits for as many as there were, for a part of a sync's time at most; when
    // they do not come, not for some rounds. With fast syncs rounds overlap, so a third of the clients is enough: fewer cost a sync for each few
    // commits (measured with 50 clients and syncs of 0.15 ms: 43 k/s without waiting, 56 for all, 64 for a third, 49 for a fifth).
    private void AwaitGroup(Func<bool> hasGroup)
    {
        var released = _released;
        _released = 0;
        if (released < 2 || _isStopping || _rotation is not null) return;
        if (_roundsNotToGather-- > 0) return;
        var round = released + _waiters.Count;
        Volatile.Write(ref _wakeSyncerAt, _syncTicks >= SlowSync.Ticks ? round : (round + 1) / PartOfRound);
        _syncer.Sleep((int)Math.Max(1, _syncTicks / 2 / TimeSpan.TicksPerMillisecond), hasGroup);
        _roundsNotToGather = _waiters.Count < _wakeSyncerAt ? RoundsNotToGather : 0;
        Volatile.Write(ref _wakeSyncerAt, 1);
    }

    // Closes the old segment and makes the new one. What has been done is not done again when the rest is tried again.
    private bool MakeSegment(Rotation rotation)
    {
        var old = rotation.Old;
        if (old is not null && !rotation.IsOldClosed)
        {
            var sequence = old.WrittenSequence;
            if (_options.AcknowledgesBeforeSync) _waiters.Advance(sequence);
            if (!TrySync(old.File!) || !Synced(old, sequence)) return false;
            CloseSegment(old);
            rotation.IsOldClosed = true;
        }

        IDiskFile file;
        try
        {
            file = SegmentWriter.CreateFile(_disk, _options.Directory, rotation.New.Header);
        }
        catch (Exception error) when (IsOfDisk(error))
        {
            lock (_writing) SegmentNotMade(rotation, error.Message);
            return false;
        }

        lock (_writing)
        {
            if (_rotation != rotation)
            {
                file.Dispose();
                return false;
            }

            rotation.New.Attach(file);
            _number = rotation.New.Header.Number;
            Volatile.Write(ref _rotation, null);
            foreach (var split in rotation.Splits) split.Segment.TrySetResult(_number);
            WriteFilled();
        }

        return true;
    }

    // All of it is durable already. That it says so itself helps to tell damage from a torn write, no more, so it may fail.
    private void CloseSegment(SegmentWriter segment)
    {
        try
        {
            long unixMs;
            lock (_writing) unixMs = NextUnixMs();
            segment.AppendMark(RecordKind.Closed, unixMs, segment.WrittenSequence);
            segment.Flush();
            segment.File!.Sync();
        }
        catch (Exception error) when (IsOfDisk(error))
        {
            JournalLog.NotClosed(_options.Logger, error.Message);
        }

        segment.Dispose();
    }

    private void Close()
    {
        _isStopping = true;
        WakeSyncer();
        _writer.Wake();
        foreach (var thread in _threads) thread.Join();
        SetGate(Gate.Closed);
        RetryNow();
        var began = Stopwatch.GetTimestamp();
        do
        {
            if (Volatile.Read(ref _rotation) is { } rotation && !MakeSegment(rotation)) break;
            SyncWritten();
            if (_ring.Taken < _ring.Reserved) Thread.Sleep(1);
        }
        while ((_ring.Taken < _ring.Reserved || _rotation is not null) && _fault is null && Stopwatch.GetElapsedTime(began) < CloseWait);

        lock (_writing)
        {
            FailSplits(new ObjectDisposedException(nameof(Journal)), forGood: true);
            if (_segment is { Pending: 0, File: not null } segment && _fault is null && segment.WrittenSequence == _waiters.Durable) CloseSegment(segment);
            else JournalLog.NotClosed(_options.Logger, _fault?.Reason ?? "commits were still under way.");
            _segment?.Dispose();
            _ring.Release(long.MaxValue / 2);
        }

        _waiters.Fail(onPool: false);
        _writer.Dispose();
        _syncer.Dispose();
    }

    // A sync that takes long holds back commits, so that not more is lost with the power than the level says. Called by the writer.
    private void NoteSlowSync()
    {
        var began = Volatile.Read(ref _syncBeganAt);
        if (began == 0 || Stopwatch.GetElapsedTime(began) < _options.SlowSync) return;
        SetGate(Gate.SyncIsSlow);
        if (Volatile.Read(ref _syncBeganAt) != began) ClearGate(Gate.SyncIsSlow);
    }

    private int MsToNextTurn()
    {
        var last = _syncsEverySecond ? Math.Min(_lastLookAt, _lastSyncAt) : _lastLookAt;
        return (int)Math.Clamp(last + SyncEveryMs - NowMs, 1, SyncEveryMs);
    }
}
