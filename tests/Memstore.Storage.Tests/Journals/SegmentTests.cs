using System.Text;
using Memstore.Storage.Journals;
using Memstore.Storage.Tests.Disks;

namespace Memstore.Storage.Tests.Journals;

public sealed class SegmentTests
{
    private static readonly Guid Store = new("5f1f2a44-9f4e-4a8e-8a43-6e0d30b0a001");

    private const string Data = "/data";

    private readonly SimulatedDisk _disk = new(seed: 3);

    [Fact]
    public void Transactions_come_back_in_order_over_segments()
    {
        Write(1, 1, 100, close: true);
        Write(2, 101, 50, close: false);
        using var reader = JournalReader.Open(_disk, Data, Store, 1);
        var expected = 0L;
        while (reader.Read())
        {
            Assert.Equal(++expected, reader.Sequence);
            Assert.Equal(1_000 + expected, reader.UnixMs);
            Assert.Equal(expected % 16, reader.Database);
            Assert.Equal(Payload(expected), reader.Payload.ToArray());
        }

        Assert.Equal(150, expected);
        Assert.Equal(JournalEndKind.Complete, reader.End!.Kind);
        Assert.Equal(3, reader.End.NextSegment);
        Assert.Equal(reader.BytesTotal, reader.BytesRead);
        Assert.False(reader.End.IsClosed);
    }

    [Fact]
    public void A_journal_that_is_cut_anywhere_gives_a_prefix_or_is_refused()
    {
        Write(1, 1, 5, close: true);
        Write(2, 6, 6, close: false);
        foreach (var number in (int[])[1, 2])
        {
            var path = Path.Combine(Data, StorageFiles.Segment(number));
            var whole = _disk.ReadAll(path);
            for (var length = 0; length < whole.Length; length++)
            {
                _disk.WriteAll(path, whole.AsSpan(0, length));
                var end = ReadPrefix(out var count);
                if (count == 11) Assert.Equal((1, JournalEndKind.Complete), (number, end.Kind));
                else if (number == 1 || length < SegmentFormat.HeaderSize) Assert.Equal(JournalEndKind.Damaged, end.Kind);
                else Assert.True(end.Kind is JournalEndKind.Complete or JournalEndKind.Torn);
                Assert.True(count >= (number == 1 ? 0 : 5));
                if (end.Kind == JournalEndKind.Torn) AssertCutIsClean(end, count);
            }

            _disk.WriteAll(path, whole);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_journal_with_any_bit_flipped_gives_a_prefix_or_is_refused(bool close)
    {
        Write(1, 1, 4, close: true);
        Write(2, 5, 6, close);
        foreach (var number in (int[])[1, 2])
        {
            var path = Path.Combine(Data, StorageFiles.Segment(number));
            var whole = _disk.ReadAll(path);
            for (var bit = 0; bit < whole.Length * 8; bit++)
            {
                whole[bit / 8] ^= (byte)(1 << (bit % 8));
                _disk.WriteAll(path, whole);
                var end = ReadPrefix(out var count);
                if (number == 1) Assert.True(end.Kind is JournalEndKind.Damaged or JournalEndKind.Newer);
                // Marks tell that the first half of the second segment was stored; a closed one was stored whole.
                if (number == 2 && (close || count < 7)) Assert.NotEqual(JournalEndKind.Complete, end.Kind);
                if (number == 2 && (close ? count < 10 : count < 7)) Assert.NotEqual(JournalEndKind.Torn, end.Kind);
                whole[bit / 8] ^= (byte)(1 << (bit % 8));
            }

            _disk.WriteAll(path, whole);
        }
    }

    [Fact]
    public void Zeros_behind_the_last_record_are_room_and_no_damage()
    {
        var path = Write(1, 1, 5, close: false);
        var whole = _disk.ReadAll(path);
        _disk.WriteAll(path, [.. whole, .. new byte[1_000_000]]);
        var end = ReadPrefix(out var count);
        Assert.Equal((JournalEndKind.Complete, 5L, (long)whole.Length, 1_000_000L), (end.Kind, count, end.Offset, end.BytesBehind));
        end.Cut(_disk);
        Assert.Equal(whole, _disk.ReadAll(path));
    }

    [Fact]
    public void A_missing_segment_is_damage()
    {
        Write(1, 1, 5, close: true);
        Write(3, 9, 5, close: true);
        var end = ReadPrefix(out var count);
        Assert.Equal((JournalEndKind.Damaged, 5L, 2L), (end.Kind, count, end.Segment));
        Assert.Contains("missing", end.Reason, StringComparison.Ordinal);
        Assert.EndsWith(StorageFiles.Segment(2), end.File, StringComparison.Ordinal);
    }

    [Fact]
    public void A_segment_of_another_store_is_refused()
    {
        Write(1, 1, 5, close: true);
        using var reader = JournalReader.Open(_disk, Data, Guid.NewGuid(), 1);
        Assert.False(reader.Read());
        Assert.Equal(JournalEndKind.Damaged, reader.End!.Kind);
        Assert.Contains("belongs to the store", reader.End.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_segment_of_a_newer_format_is_refused_by_name()
    {
        var path = Write(1, 1, 5, close: true);
        var bytes = _disk.ReadAll(path);
        bytes[8] = 2;
        _disk.WriteAll(path, bytes);
        var end = ReadPrefix(out _);
        Assert.Equal((JournalEndKind.Newer, path), (end.Kind, end.File));
        Assert.Contains("format is 2", end.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stored_value_that_looks_like_a_mark_proves_nothing()
    {
        var path = Write(1, 1, 5, close: true);
        var mark = _disk.ReadAll(path)[^SegmentFormat.MarkSize..];
        WriteRecords(1, 1, [mark, mark], out path);
        var bytes = _disk.ReadAll(path);
        bytes[^60] ^= 1;
        _disk.WriteAll(path, bytes);
        Assert.Equal(JournalEndKind.Torn, ReadPrefix(out _).Kind);
    }

    [Fact]
    public void A_detached_segment_counts_for_nothing_when_the_one_before_is_torn()
    {
        var path = Write(1, 1, 5, close: false);
        Write(2, 9, 3, close: false, isDetached: true);
        _disk.WriteAll(path, _disk.ReadAll(path).AsSpan(..^3));
        var end = ReadPrefix(out var count);
        Assert.Equal((JournalEndKind.Torn, 4L), (end.Kind, count));
        end.Cut(_disk);
        end = ReadPrefix(out count);
        Assert.Equal((JournalEndKind.Complete, 4L, 2L), (end.Kind, count, end.NextSegment));
    }

    [Fact]
    public void A_detached_segment_that_continues_the_one_before_is_read_on()
    {
        Write(1, 1, 5, close: false);
        Write(2, 6, 3, close: false, isDetached: true);
        var end = ReadPrefix(out var count);
        Assert.Equal((JournalEndKind.Complete, 8L, 2L), (end.Kind, count, end.Segment));
    }

    private static byte[] Payload(long sequence) => Encoding.ASCII.GetBytes(new string((char)('a' + (sequence % 26)), (int)(sequence * 7 % 60)));

    private string Write(long number, long first, int count, bool close, bool isDetached = false)
    {
        var header = SegmentHeader.Create(Store, number, first, 1_000, isDetached);
        using var writer = new SegmentWriter(header);
        writer.Attach(SegmentWriter.CreateFile(_disk, Data, header));
        for (var sequence = first; sequence < first + count; sequence++)
        {
            if (sequence == first + (count / 2)) writer.AppendMark(RecordKind.Mark, 1_000, sequence - 1);
            writer.Append(sequence, SegmentFormat.TimeAndKind(1_000 + sequence, RecordKind.Transaction, (int)(sequence % 16)), Payload(sequence));
        }

        if (close) writer.AppendMark(RecordKind.Closed, 2_000, writer.LastSequence);
        writer.Flush();
        return writer.File!.Path;
    }

    private void WriteRecords(long number, long first, byte[][] payloads, out string path)
    {
        var header = SegmentHeader.Create(Store, number, first, 1_000, isDetached: false);
        using var writer = new SegmentWriter(header);
        writer.Attach(SegmentWriter.CreateFile(_disk, Data, header));
        foreach (var payload in payloads) writer.Append(first++, SegmentFormat.TimeAndKind(1_000, RecordKind.Transaction, 0), payload);
        writer.Flush();
        path = writer.File!.Path;
    }

    private JournalEnd ReadPrefix(out long count)
    {
        using var reader = JournalReader.Open(_disk, Data, Store, 1);
        count = 0;
        while (reader.Read())
        {
            count++;
            Assert.Equal(count, reader.Sequence);
            if (reader.Payload.Length != SegmentFormat.MarkSize) Assert.Equal(Payload(count), reader.Payload.ToArray());
        }

        return reader.End!;
    }

    private void AssertCutIsClean(JournalEnd torn, long count)
    {
        torn.Cut(_disk);
        var end = ReadPrefix(out var again);
        Assert.Equal((JournalEndKind.Complete, count), (end.Kind, again));
        Assert.Equal(torn.LastSequence, end.LastSequence);
    }
}
