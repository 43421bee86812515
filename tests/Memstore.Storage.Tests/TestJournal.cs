using Memstore.Engine.Journaling;
using Memstore.Storage.Disks;
using Memstore.Storage.Journals;

namespace Memstore.Storage.Tests;

/// <summary>The simplest journal: each commit is written and synced before anything else happens. It can be split like the real one.</summary>
internal sealed class TestJournal : ICommitLog, IDisposable
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<long, (int Database, byte[] Effects)> _filled = [];
    private readonly IDisk _disk;
    private readonly string _directory;
    private readonly Guid _storeId;
    private readonly TimeProvider _time;
    private SegmentWriter _writer;
    private long _reserved;

    /// <summary>Begins a segment.</summary>
    public TestJournal(IDisk disk, string directory, Guid storeId, long segment, long firstSequence, TimeProvider time)
    {
        (_disk, _directory, _storeId, _time) = (disk, directory, storeId, time);
        _writer = Begin(segment, firstSequence);
        _reserved = firstSequence - 1;
    }

    /// <summary>Whether commits are synced one by one.</summary>
    public bool Syncs { get; set; } = true;

    /// <summary>The last sequence in the journal.</summary>
    public long LastSequence => _writer.LastSequence;

    public long Reserve() => Interlocked.Increment(ref _reserved);

    public void Fill(long position, int database, ReadOnlySpan<byte> effects)
    {
        lock (_lock)
        {
            _filled.Add(position, (database, effects.ToArray()));
            while (_filled.Remove(_writer.LastSequence + 1, out var record))
                _writer.Append(_writer.LastSequence + 1, SegmentFormat.TimeAndKind(NowUnixMs, RecordKind.Transaction, record.Database), record.Effects);
            Flush();
        }
    }

    public long SafePosition(Durability level) => Volatile.Read(ref _reserved);

    public void WhenSafe(long position, Durability level, Action<object?, bool> callback, object? state) => callback(state, true);

    /// <summary>Ends the segment and begins the next; answers its number.</summary>
    public long Split(long sequence)
    {
        lock (_lock)
        {
            Assert.Equal(sequence, _writer.LastSequence);
            var next = _writer.Header.Number + 1;
            Close();
            _writer = Begin(next, sequence + 1);
            return next;
        }
    }

    public void Dispose() => Close();

    private long NowUnixMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private SegmentWriter Begin(long segment, long firstSequence)
    {
        var writer = new SegmentWriter(SegmentHeader.Create(_storeId, segment, firstSequence, NowUnixMs, isDetached: false));
        writer.Attach(SegmentWriter.CreateFile(_disk, _directory, writer.Header));
        return writer;
    }

    private void Flush()
    {
        _writer.Flush();
        if (Syncs) _writer.File!.Sync();
    }

    private void Close()
    {
        _writer.AppendMark(RecordKind.Closed, NowUnixMs, _writer.LastSequence);
        Flush();
        _writer.Dispose();
    }
}
