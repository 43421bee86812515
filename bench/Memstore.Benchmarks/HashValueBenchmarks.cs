using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using Memstore.Engine;
using Memstore.Engine.Memory;
using Memstore.Engine.Values;

namespace Memstore.Benchmarks;

/// <summary>What does one field of a hash cost without its key: packed up to 512 fields, a tree beyond? Fields and values have 8 bytes.</summary>
[MemoryDiagnoser]
public unsafe class HashValueBenchmarks : ITreeSink, IDisposable
{
    private const int Draws = 1 << 16;

    private readonly byte[][] _fields = new byte[Draws][];
    private readonly byte[] _value = "value123"u8.ToArray();
    private readonly byte[] _destination = new byte[64 << 10];
    private Arena _arena = null!;
    private WorkerPool _pool = null!;
    private Worker _worker = null!;
    private TreeContext _context = null!;
    private RecordType _type;
    private byte[] _payload = [];
    private int _next;

    /// <summary>Number of fields.</summary>
    [Params(10, 100, 512, 10_000, 1_000_000)]
    public int Fields { get; set; }

    /// <summary>Fills the hash and draws the fields to ask for.</summary>
    [GlobalSetup]
    public void Open()
    {
        _arena = new Arena();
        _pool = new WorkerPool(_arena);
        _worker = _pool.Rent();
        _context = new TreeContext { Worker = _worker, Sink = this, Stamp = 1 };
        (_type, _payload) = (RecordType.PackedHash, []);
        for (var i = 0; i < Fields; i++)
        {
            var payload = Set(FieldOf(i));
            if (_type == RecordType.PackedHash) _payload = payload.ToArray();
        }

        var random = new Random(1);
        for (var i = 0; i < Draws; i++) _fields[i] = FieldOf(random.Next(Fields));
    }

    /// <inheritdoc/>
    [GlobalCleanup]
    public void Dispose()
    {
        _pool.Return(_worker);
        _pool.TryClose(TimeSpan.Zero);
        _arena.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>HGET of a random field.</summary>
    [Benchmark(Baseline = true)]
    public int Get()
    {
        new HashValue(_type, _payload).TryGet(Next(), out var value);
        return value.Length;
    }

    /// <summary>HSET of a random field that is there.</summary>
    [Benchmark]
    public int Replace() => Set(Next()).Length;

    /// <summary>The field at a random place, as for HRANDFIELD.</summary>
    [Benchmark]
    public int At()
    {
        new HashValue(_type, _payload).GetAt((long)BinaryPrimitives.ReadUInt32LittleEndian(Next()) % Fields, out var field, out _);
        return field.Length;
    }

    void ITreeSink.Replaced(byte* block)
    {
    }

    private static byte[] FieldOf(int index)
    {
        var field = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(field, index * 7_919L);
        return field;
    }

    private byte[] Next() => _fields[_next++ & (Draws - 1)];

    private Span<byte> Set(byte[] field)
    {
        var pair = new FieldValue(field, _value);
        var edit = HashEdit.Set(_type, _payload, pair, HashLimits.Default);
        var destination = _destination.AsSpan(0, edit.Size);
        edit.ApplySet(destination, pair, _context, seed: 42);
        edit.Dispose();
        if (edit.Type != RecordType.HashTree) return destination;

        // The root of a tree changes in place, as in a record that no snapshot sees.
        _type = RecordType.HashTree;
        if (edit.Converts) _payload = new byte[edit.Size];
        destination.CopyTo(_payload);
        return destination;
    }
}
