using Memstore.Storage.Disks;

namespace Memstore.Storage.Journals;

/// <summary>
/// Reads a journal's transactions in order, over all segments, and says how it ends. For one thread.
/// <code>
/// using var reader = JournalReader.Open(disk, directory, storeId, firstSegment);
/// while (reader.Read()) Apply(reader.Sequence, reader.UnixMs, reader.Database, reader.Payload);
/// var end = reader.End;
/// </code>
/// </summary>
public sealed class JournalReader : IDisposable
{
    private readonly IDisk _disk;
    private readonly string _directory;
    private readonly Guid _storeId;
    private readonly long _firstSegment;
    private readonly Dictionary<long, long> _lengths;
    private readonly long _lastSegment;
    private SegmentReader? _segment;
    private long _number;
    private long _bytesBefore;
    private bool _segmentHasTransactions;

    private JournalReader(IDisk disk, string directory, Guid storeId, long firstSegment)
    {
        _disk = disk;
        _directory = directory;
        _storeId = storeId;
        _firstSegment = firstSegment;
        _number = firstSegment - 1;
        _lengths = Segments(disk, directory).Where(number => number >= firstSegment).ToDictionary(number => number, LengthOf);
        _lastSegment = _lengths.Count == 0 ? firstSegment : _lengths.Keys.Max();
        BytesTotal = _lengths.Values.Sum();
    }

    /// <summary>Sequence of the transaction.</summary>
    public long Sequence { get; private set; }

    /// <summary>Its commit time.</summary>
    public long UnixMs { get; private set; }

    /// <summary>The database that its effects begin in.</summary>
    public int Database => _segment!.Database;

    /// <summary>Path of the segment that holds it.</summary>
    public string File => PathOf(_number);

    /// <summary>Where in that file its record begins.</summary>
    public long Offset => _segment is null ? 0 : _segment.Offset - SegmentFormat.RecordHeaderSize - _segment.Payload.Length;

    /// <summary>Its effects, until the next is read.</summary>
    public ReadOnlySpan<byte> Payload => _segment!.Payload;

    /// <summary>The first sequence of the segment that was opened first; 0 if there was none.</summary>
    public long FirstSequence { get; private set; }

    /// <summary>Bytes of all segments.</summary>
    public long BytesTotal { get; }

    /// <summary>Bytes that have been read.</summary>
    public long BytesRead => _bytesBefore + (_segment?.Offset ?? 0);

    /// <summary>How the journal ends; null until <see cref="Read"/> has said false.</summary>
    public JournalEnd? End { get; private set; }

    /// <summary>Numbers of all segments in a directory, ascending.</summary>
    public static IReadOnlyList<long> Segments(IDisk disk, string directory)
    {
        ArgumentNullException.ThrowIfNull(disk);
        var numbers = new List<long>();
        foreach (var name in disk.List(directory))
        {
            if (StorageFiles.TryParseSegment(name, out var number)) numbers.Add(number);
        }

        numbers.Sort();
        return numbers;
    }

    /// <summary>Opens the journal of a store, from a segment on. Whether it is there at all, <see cref="Read"/> finds out.</summary>
    public static JournalReader Open(IDisk disk, string directory, Guid storeId, long firstSegment)
    {
        ArgumentNullException.ThrowIfNull(disk);
        return new JournalReader(disk, directory, storeId, firstSegment);
    }

    /// <summary>Reads the next transaction; false at the end, and <see cref="End"/> says what kind of end it is.</summary>
    public bool Read()
    {
        if (End is not null) return false;
        if (_segment is null && !OpenNext()) return false;
        while (true)
        {
            while (_segment!.Read())
            {
                if (_segment.Kind != RecordKind.Transaction) continue;
                _segmentHasTransactions = true;
                Sequence = _segment.LastSequence;
                UnixMs = _segment.UnixMs;
                return true;
            }

            if (!GoOn()) return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _segment?.Dispose();

    // A segment has been read as far as it is valid: on to the next, or to a verdict.
    private bool GoOn()
    {
        var segment = _segment!;
        var isLast = _number == _lastSegment;
        var next = isLast ? null : HeaderOf(_number + 1);
        if (segment.Reason.Length == 0 && !isLast && (next is null || next.FirstSequence == segment.LastSequence + 1)) return OpenNext();
        if (!isLast && next is not { IsDetached: true })
        {
            return Stop(JournalEndKind.Damaged, segment.Reason.Length > 0 ? segment.Reason : $"it ends at sequence {segment.LastSequence}, but the next segment begins at {next!.FirstSequence}");
        }

        return StopInLast(segment);
    }

    private bool StopInLast(SegmentReader segment)
    {
        if (segment.Reason.Length == 0) return Stop(JournalEndKind.Complete, "");
        if (segment.IsClosed) return Stop(JournalEndKind.Damaged, segment.Reason);
        if (segment.IsZeroBehind()) return Stop(JournalEndKind.Complete, "");
        var mark = segment.FindMark(segment.LastSequence + 1);
        if (mark < 0) return Stop(JournalEndKind.Torn, segment.Reason);
        return Stop(JournalEndKind.Damaged, $"{segment.Reason}, and a mark at byte {mark} says that it had been stored");
    }

    private bool OpenNext()
    {
        if (_segment is not null)
        {
            _bytesBefore += _segment.Length;
            _segment.Dispose();
        }

        var previous = _segment;
        _segment = null;
        _number++;
        if (!_lengths.ContainsKey(_number)) return StopWithoutSegment(previous, JournalEndKind.Damaged, "the file is missing");
        var segment = SegmentReader.Open(_disk, PathOf(_number));
        var reason = Check(segment);
        if (reason.Length > 0)
        {
            segment.Dispose();
            return StopWithoutSegment(previous, segment.Version > SegmentFormat.Version ? JournalEndKind.Newer : JournalEndKind.Damaged, reason);
        }

        _segment = segment;
        _segmentHasTransactions = false;
        if (_number != _firstSegment) return true;
        FirstSequence = segment.Header!.FirstSequence;
        Sequence = FirstSequence - 1;
        return true;
    }

    private string Check(SegmentReader segment)
    {
        if (segment.Header is not { } header) return segment.Reason;
        if (header.StoreId != _storeId) return $"it belongs to the store {header.StoreId}, not to {_storeId}";
        if (header.Number != _number) return $"its header says that it is segment {header.Number}";
        return header.FirstSequence < 1 ? "its first sequence is impossible" : "";
    }

    private bool StopWithoutSegment(SegmentReader? previous, JournalEndKind kind, string reason)
    {
        End = new JournalEnd
        {
            Kind = kind,
            File = PathOf(_number),
            Segment = _number,
            Offset = 0,
            BytesBehind = _lengths.GetValueOrDefault(_number),
            LastSequence = previous?.LastSequence ?? 0,
            LastUnixMs = UnixMs,
            LastIsEmpty = true,
            IsClosed = false,
            Reason = reason,
        };
        return false;
    }

    private bool Stop(JournalEndKind kind, string reason)
    {
        var segment = _segment!;
        End = new JournalEnd
        {
            Kind = kind,
            File = PathOf(_number),
            Segment = _number,
            Offset = segment.Offset,
            BytesBehind = segment.Length - segment.Offset,
            LastSequence = segment.LastSequence,
            LastUnixMs = UnixMs,
            LastIsEmpty = !_segmentHasTransactions,
            IsClosed = segment.IsClosed && segment.Reason.Length == 0,
            Reason = reason,
            Abandoned = kind is JournalEndKind.Complete or JournalEndKind.Torn ? [.. _lengths.Keys.Where(number => number > _number).Order().Select(PathOf)] : [],
        };
        return false;
    }

    // Null if there is no valid one; opening the segment will say so.
    private SegmentHeader? HeaderOf(long number)
    {
        if (!_lengths.ContainsKey(number)) return null;
        using var segment = SegmentReader.Open(_disk, PathOf(number));
        return Check(segment, number) ? segment.Header : null;
    }

    private bool Check(SegmentReader segment, long number) =>
        segment.Header is { } header && header.StoreId == _storeId && header.Number == number;

    private string PathOf(long number) => Path.Combine(_directory, StorageFiles.Segment(number));

    private long LengthOf(long number)
    {
        using var file = _disk.Open(PathOf(number), DiskFileMode.Read);
        return file.Length;
    }
}
