using System.Buffers.Binary;
using Memstore.Engine.Journaling;
using Memstore.Storage.Disks;
using Memstore.Storage.Journals;
using Memstore.Storage.Tests.Disks;
using Microsoft.Extensions.Time.Testing;

namespace Memstore.Storage.Tests.Journals;

/// <summary>
/// Drives a journal step by step, from a seed, and knows what must be found again. The payload of each transaction follows from its sequence.
/// </summary>
internal sealed class JournalRun
{
    public const string Data = "/data";
    public static readonly Guid Store = new("5f1f2a44-9f4e-4a8e-8a43-6e0d30b0a001");

    private static readonly DateTimeOffset Start = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);

    private readonly Random _random;
    private readonly List<long> _toFill = [];
    private readonly FakeTimeProvider _clock = new(Start);

    public JournalRun(IDisk disk, int seed, Func<JournalOptions, JournalOptions>? with = null)
    {
        _random = new Random(seed);
        var options = Options() with { Clock = _clock };
        Journal = Journal.Start(disk, with is null ? options : with(options));
        Journal.SyncsEverySecond = false;
    }

    public Journal Journal { get; }

    /// <summary>The last sequence that somebody was told to be durable.</summary>
    public long Acknowledged { get; private set; }

    /// <summary>Callbacks that said that it will not be.</summary>
    public int Failed { get; private set; }

    public static JournalOptions Options() => new()
    {
        StoreId = Store,
        Directory = Data,
        FirstSegment = 1,
        FirstSequence = 1,
        SegmentBytes = 4_096,
        RunsThreads = false,
        Clock = new FakeTimeProvider(Start),
    };

    public static byte[] Payload(long sequence)
    {
        var random = new Random((int)sequence);
        var bytes = new byte[8 + (random.Next(10) == 0 ? random.Next(1_500) : random.Next(120))];
        random.NextBytes(bytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes, sequence);
        return bytes;
    }

    /// <summary>One step of many kinds.</summary>
    public void Step()
    {
        switch (_random.Next(12))
        {
            case < 5:
                Commit(_random.Next(1, 6));
                break;
            case < 7:
                Await();
                break;
            case 7 when _toFill.Count == 0 && _random.Next(3) == 0:
                _ = Journal.SplitAfter(Journal.LastSequence);
                break;
            case 8:
                Journal.SyncWritten();
                break;
            case 9:
                _clock.Advance(TimeSpan.FromMilliseconds(_random.Next(120)));
                Journal.TurnOfWriter();
                break;
            default:
                Journal.TurnOfSyncer();
                break;
        }
    }

    /// <summary>Reserves, and fills in any order; sometimes later.</summary>
    public void Commit(int count)
    {
        for (var i = 0; i < count; i++) _toFill.Add(Journal.Reserve());
        while (_toFill.Count > 0)
        {
            if (_random.Next(10) == 0) return;
            var at = _random.Next(_toFill.Count);
            Journal.Fill(_toFill[at], DatabaseOf(_toFill[at]), Payload(_toFill[at]));
            _toFill.RemoveAt(at);
        }
    }

    /// <summary>Fills what is still to be filled.</summary>
    public void FillAll()
    {
        foreach (var sequence in _toFill) Journal.Fill(sequence, DatabaseOf(sequence), Payload(sequence));
        _toFill.Clear();
    }

    /// <summary>Somebody waits for all that was reserved.</summary>
    public void Await()
    {
        var sequence = Journal.LastSequence;
        Journal.WhenSafe(sequence, Durability.Always, (_, isSafe) =>
        {
            if (isSafe) Acknowledged = Math.Max(Acknowledged, sequence);
            else Failed++;
        }, null);
    }

    /// <summary>Reads what is on a disk; every transaction must be what was committed, in order. What is wrong, or nothing.</summary>
    public static string Check(IDisk disk, long atLeast, out JournalEnd end, long firstSegment = 1)
    {
        using var reader = JournalReader.Open(disk, Data, Store, firstSegment);
        var expected = 0L;
        while (reader.Read())
        {
            if (expected == 0) expected = reader.FirstSequence - 1;
            if (reader.Sequence != ++expected) return Ended(reader, out end, $"sequence {reader.Sequence} in the place of {expected}");
            if (!reader.Payload.SequenceEqual(Payload(expected))) return Ended(reader, out end, $"another payload at {expected}");
            if (reader.Database != DatabaseOf(expected)) return Ended(reader, out end, $"another database at {expected}");
        }

        end = reader.End!;
        if (end.Kind is JournalEndKind.Damaged or JournalEndKind.Newer) return $"{end.Kind} at {end.File}:{end.Offset}: {end.Reason}";
        return end.LastSequence < atLeast ? $"ends at {end.LastSequence}, but {atLeast} was acknowledged" : "";
    }

    private static int DatabaseOf(long sequence) => (int)(sequence % 16);

    private static string Ended(JournalReader reader, out JournalEnd end, string reason)
    {
        while (reader.Read())
        {
        }

        end = reader.End!;
        return reason;
    }
}
