using System.Buffers;
using System.Text;
using BenchmarkDotNet.Attributes;
using Memstore.Protocol;

namespace Memstore.Benchmarks;

/// <summary>What do parsing a request and writing a reply cost, each in a batch of 64? Figures are per request.</summary>
[MemoryDiagnoser]
public class ProtocolBenchmarks
{
    private const int BatchSize = 64;

    private readonly RequestBatch _batch = new();
    private readonly ReplyWriter _writer = new();
    private readonly byte[] _value = new byte[32];
    private ReadOnlySequence<byte> _gets;
    private ReadOnlySequence<byte> _sets;
    private ReadOnlySequence<byte> _setsInSegments;
    private ReadOnlySequence<byte> _inlines;

    [GlobalSetup]
    public void Setup()
    {
        var sets = Repeat(i => $"*3\r\n$3\r\nSET\r\n$16\r\nkey:{i:D12}\r\n$32\r\n{new string('v', 32)}\r\n");
        _gets = new ReadOnlySequence<byte>(Repeat(i => $"*2\r\n$3\r\nGET\r\n$16\r\nkey:{i:D12}\r\n"));
        _sets = new ReadOnlySequence<byte>(sets);
        _setsInSegments = Segment.Cut(sets, 1_000);
        _inlines = new ReadOnlySequence<byte>(Repeat(i => $"GET key:{i:D12}\r\n"));
    }

    [Benchmark(OperationsPerInvoke = BatchSize)]
    public int ParseGet() => Parse(_gets);

    [Benchmark(OperationsPerInvoke = BatchSize)]
    public int ParseSet() => Parse(_sets);

    [Benchmark(OperationsPerInvoke = BatchSize)]
    public int ParseSetInSegments() => Parse(_setsInSegments);

    [Benchmark(OperationsPerInvoke = BatchSize)]
    public int ParseInlineGet() => Parse(_inlines);

    [Benchmark(OperationsPerInvoke = BatchSize)]
    public int ParseSetAndTouchArguments()
    {
        _batch.Read(_sets, RequestLimits.Default);
        var bytes = _batch.Bytes;
        var sum = 0;
        for (var i = 0; i < _batch.Count; i++)
        {
            var request = _batch.GetRequest(i, bytes);
            sum += request[0][0] + request[1].Length + request[2].Length;
        }
        return sum;
    }

    [Benchmark(OperationsPerInvoke = BatchSize)]
    public int WriteBulk()
    {
        _writer.Clear();
        for (var i = 0; i < BatchSize; i++) _writer.Bulk(_value);
        return _writer.Length;
    }

    [Benchmark(OperationsPerInvoke = BatchSize)]
    public int WriteSmallInteger()
    {
        _writer.Clear();
        for (var i = 0; i < BatchSize; i++) _writer.Integer(i);
        return _writer.Length;
    }

    [Benchmark(OperationsPerInvoke = BatchSize)]
    public int WriteLargeInteger()
    {
        _writer.Clear();
        for (var i = 0; i < BatchSize; i++) _writer.Integer(1_234_567_890_123L + i);
        return _writer.Length;
    }

    [Benchmark(OperationsPerInvoke = BatchSize)]
    public int WriteOk()
    {
        _writer.Clear();
        for (var i = 0; i < BatchSize; i++) _writer.SimpleString("OK"u8);
        return _writer.Length;
    }

    [Benchmark(OperationsPerInvoke = BatchSize)]
    public int WriteDouble()
    {
        _writer.Clear();
        for (var i = 0; i < BatchSize; i++) _writer.Double(i + 0.1);
        return _writer.Length;
    }

    [Benchmark]
    public bool ParseDouble() => RespNumber.TryParseDouble("1234.5678"u8, out _);

    [Benchmark]
    public int AddExtended()
    {
        Span<byte> text = stackalloc byte[ExtendedFloat.TextMax];
        _ = ExtendedFloat.TryParse("10.5"u8, out var value);
        _ = ExtendedFloat.TryParse("0.1"u8, out var increment);
        return ExtendedFloat.Add(value, increment).Format(text);
    }

    private int Parse(in ReadOnlySequence<byte> all)
    {
        var buffer = all;
        var count = 0;
        while (!buffer.IsEmpty)
        {
            _batch.Read(buffer, RequestLimits.Default);
            count += _batch.Count;
            buffer = buffer.Slice(_batch.Consumed);
        }
        return count;
    }

    private static byte[] Repeat(Func<int, string> request) =>
        Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, BatchSize).Select(request)));

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public static ReadOnlySequence<byte> Cut(byte[] bytes, int size)
        {
            Segment? first = null;
            Segment? last = null;
            for (var i = 0; i < bytes.Length; i += size)
            {
                var next = new Segment { Memory = bytes.AsMemory(i, Math.Min(size, bytes.Length - i)), RunningIndex = i };
                first ??= next;
                if (last is not null) last.Next = next;
                last = next;
            }
            return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
        }
    }
}
