using System.Runtime.CompilerServices;
using Memstore.Engine.Journaling;
using Memstore.Storage.Disks;

namespace Memstore.Storage.Journals;

/// <summary>
/// The journal of a store: commits are filled into a ring without a lock, one thread writes them to the current segment, another makes them durable, all that
/// was written before in one go. Thread-safe. docs/storage.md says what is kept when the disk fails.
/// </summary>
// Threads. The writer takes records from the ring every 10 ms, encodes and writes them. The syncer syncs: once a second, or at once while somebody
// waits; before it does it takes and writes what has been filled, so that whoever waits needs no turn of the writer. Both hold _writing while they
// write, and never while they sync: then the writer goes on. The syncer also closes segments and makes new ones; meanwhile the writer encodes the
// records of the new one into its buffer.
public sealed partial class Journal : ICommitLog, IAsyncDisposable
{
    // Every so many commits a filler looks whether the writer should come before its time: a quarter of the ring.
    private const int WakeEvery = FillRing.Size / 4;
    private const int LookEvery = 256;
    private const int BusyAt = FillRing.Size / 4 * 3;

    private readonly IDisk _disk;
    private readonly JournalOptions _options;
    private readonly FillRing _ring;
    private readonly SafeWaiters _waiters;
    private readonly Sleeper _writer = new();
    private readonly Sleeper _syncer = new();
    private Thread[] _threads = [];
    private volatile bool _isStopping;
    private int _isDisposed;

    // Read by every commit, changed rarely.
    private volatile bool _writerIsIdle;
    private int _gate;

    private Journal(IDisk disk, JournalOptions options)
    {
        _disk = disk;
        _options = options;
        _ring = new FillRing(options.FirstSequence - 1);
        _waiters = new SafeWaiters(options.FirstSequence - 1, options.Logger);
        _lastUnixMs = options.LastUnixMs;
        _number = options.FirstSegment;
        var header = SegmentHeader.Create(options.StoreId, options.FirstSegment, options.FirstSequence, NextUnixMs(), isDetached: false);
        _segment = new SegmentWriter(header);
        _segment.Attach(SegmentWriter.CreateFile(disk, options.Directory, header));
    }

    // What closes the gate.
    [Flags]
    private enum Gate
    {
        Open = 0,
        Fault = 1,
        RingIsFull = 2,
        SyncIsSlow = 4,
        Closed = 8,
    }

    /// <summary>Whether commits can be taken: the disk works and keeps up. One read; ask before a transaction that writes is begun. See <see cref="Fault"/>.</summary>
    public bool CanAccept => Volatile.Read(ref _gate) == 0;

    /// <summary>What is wrong with the disk; null if nothing is. Without a fault, a journal that does not accept only needs a moment.</summary>
    public JournalFault? Fault => Volatile.Read(ref _fault);

    /// <summary>The sequence up to which everything is on stable storage.</summary>
    public long DurableSequence => _waiters.Durable;

    /// <summary>The last sequence that was reserved.</summary>
    public long LastSequence => _ring.Reserved;

    /// <summary>Whether the journal is synced once a second even if nobody waits.</summary>
    public bool SyncsEverySecond
    {
        get => _syncsEverySecond;
        set
        {
            _syncsEverySecond = value;
            _syncer.Wake();
        }
    }

    /// <summary>What it has done so far.</summary>
    public JournalFigures Figures
    {
        get
        {
            var segment = Volatile.Read(ref _segment);
            var pending = Math.Max(0, _ring.Reserved - _ring.Taken);
            return new JournalFigures
            {
                Segment = segment?.Header.Number ?? _number,
                SegmentBytes = segment?.Length ?? 0,
                WrittenBytes = Volatile.Read(ref _writtenBytes),
                PendingRecords = pending,
                PendingBytes = (pending * FillRing.CellSize) + _ring.LongBytes + (segment?.Pending ?? 0),
                Syncs = Volatile.Read(ref _syncs),
                DelayedSyncs = Volatile.Read(ref _delayedSyncs),
                LastSyncTime = TimeSpan.FromTicks(Volatile.Read(ref _lastSyncTicks)),
                LastSyncUnixMs = Volatile.Read(ref _lastSyncUnixMs),
                LastFault = Volatile.Read(ref _lastFault),
            };
        }
    }

    /// <summary>Makes the first segment, durably, and starts.</summary>
    /// <exception cref="IOException">The segment could not be made.</exception>
    public static Journal Start(IDisk disk, JournalOptions options)
    {
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(options);
        var journal = new Journal(disk, options);
        if (!options.RunsThreads) return journal;
        journal._threads = [new Thread(journal.RunWriter) { Name = "journal writer" }, new Thread(journal.RunSyncer) { Name = "journal syncer" }];
        foreach (var thread in journal._threads)
        {
            thread.IsBackground = true;
            thread.Start();
        }

        return journal;
    }

    /// <inheritdoc/>
    public long Reserve() => _ring.Reserve();

    /// <inheritdoc/>
    public void Fill(long position, int database, ReadOnlySpan<byte> effects)
    {
        if (!_ring.HasRoom(position)) WaitForRoom(position);
        _ring.Fill(position, database, effects);

        // No fence: a wake-up that is missed for that is made up for by the writer's next look.
        if (_writerIsIdle) _writer.Wake();
        if ((position & (LookEvery - 1)) == 0) LookAtRing(position);
    }

    /// <inheritdoc/>
    public long SafePosition(Durability level) => level == Durability.Always ? _waiters.Durable : _ring.Reserved;

    /// <inheritdoc/>
    public void WhenSafe(long position, Durability level, Action<object?, bool> callback, object? state)
    {
        ArgumentNullException.ThrowIfNull(callback);
        if (level != Durability.Always) callback(state, true);
        else if (_waiters.Add(position, callback, state) && _waiters.Count >= Volatile.Read(ref _wakeSyncerAt)) WakeSyncer();
    }

    /// <summary>
    /// Ends the current segment after a sequence and begins another with the next one. Call it while no commit is under way and this is the last sequence
    /// that was reserved (<see cref="LastSequence"/>); it returns at once.
    /// </summary>
    /// <returns>
    /// The number of the segment that begins after the sequence, once it is on the disk and everything up to the sequence is durable or can no
    /// longer be (<see cref="JournalFaultKind.Image"/>). Fails with an <see cref="IOException"/> if the disk fails for good before.
    /// </returns>
    public Task<long> SplitAfter(long sequence)
    {
        var split = new Split(sequence);
        lock (_splits)
        {
            if (_splitsAreClosed) split.Segment.SetException(new ObjectDisposedException(nameof(Journal)));
            else _splits.Enqueue(split);
            if (_splits.Count == 1) Volatile.Write(ref _nextSplit, sequence);
        }

        Interlocked.MemoryBarrier();
        _writer.Wake();
        return split.Segment.Task;
    }

    /// <summary>
    /// An image of everything up to a sequence, after which the journal was split, is durable and named by the manifest together with the segment that
    /// follows. If the journal could not be trusted it can now, as soon as that segment is synced.
    /// </summary>
    public void CompleteRewrite(long sequence)
    {
        Volatile.Write(ref _imageSequence, sequence);
        WakeSyncer();
    }

    /// <summary>
    /// Writes and syncs all that was committed, closes the segment and stops; commits must have ended. Whoever waits is called back. If the disk does not take
    /// it, the log says so and <see cref="Fault"/> stays.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        await Task.Run(Close).ConfigureAwait(false);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void LookAtRing(long position)
    {
        if (position - _ring.Taken > BusyAt) SetGate(Gate.RingIsFull);
        else if ((position & (WakeEvery - 1)) != 0) return;
        _writer.Wake();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WaitForRoom(long position)
    {
        SetGate(Gate.RingIsFull);
        var spin = default(SpinWait);
        while (!_ring.HasRoom(position))
        {
            Interlocked.MemoryBarrier();
            _writer.Wake();
            spin.SpinOnce();
        }
    }

    private void WakeSyncer()
    {
        Interlocked.MemoryBarrier();
        _syncer.Wake();
    }

    private void SetGate(Gate reason) => Interlocked.Or(ref _gate, (int)reason);

    private void ClearGate(Gate reason)
    {
        if ((Volatile.Read(ref _gate) & (int)reason) != 0) Interlocked.And(ref _gate, ~(int)reason);
    }
}
