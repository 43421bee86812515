using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using Memstore.Engine;
using Memstore.Engine.Memory;

namespace Memstore.Benchmarks;

/// <summary>What does a block of 64 bytes cost, freed at once, in batches, or through the epochs? Baseline: the C library's allocator.</summary>
[MemoryDiagnoser]
public unsafe class MemoryBenchmarks : IDisposable
{
    private const int Batch = 256;
    private const nuint Size = 64;

    private readonly nuint[] _blocks = new nuint[Batch];
    private Arena _arena = null!;
    private WorkerPool _pool = null!;
    private Heap _heap = null!;
    private Heap _other = null!;

    [GlobalSetup]
    public void Open()
    {
        _arena = new Arena();
        _pool = new WorkerPool(_arena);
        _heap = _arena.CreateHeap();
        _other = _arena.CreateHeap();
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _pool.TryClose(TimeSpan.Zero);
        _arena.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>One block of the C library, allocated and freed.</summary>
    [Benchmark(Baseline = true)]
    public void NativePair() => NativeMemory.Free(NativeMemory.Alloc(Size));

    /// <summary>One block of the heap, allocated and freed.</summary>
    [Benchmark]
    public void HeapPair() => Heap.Free(_arena, _heap, _heap.Allocate(Size, MemoryKind.Record));

    /// <summary>256 blocks of the C library, then all freed.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public void NativeBatch()
    {
        for (var i = 0; i < Batch; i++) _blocks[i] = (nuint)NativeMemory.Alloc(Size);
        for (var i = 0; i < Batch; i++) NativeMemory.Free((void*)_blocks[i]);
    }

    /// <summary>256 blocks of the heap, then all freed.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public void HeapBatch()
    {
        for (var i = 0; i < Batch; i++) _blocks[i] = (nuint)_heap.Allocate(Size, MemoryKind.Record);
        for (var i = 0; i < Batch; i++) Heap.Free(_arena, _heap, (byte*)_blocks[i]);
    }

    /// <summary>256 blocks of one heap, freed through another: every free crosses over.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public void RemoteBatch()
    {
        for (var i = 0; i < Batch; i++) _blocks[i] = (nuint)_heap.Allocate(Size, MemoryKind.Record);
        for (var i = 0; i < Batch; i++) Heap.Free(_arena, _other, (byte*)_blocks[i]);
    }

    /// <summary>256 blocks allocated, retired, and in time freed; one rent.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public void AllocateRetire()
    {
        var worker = _pool.Rent();
        for (var i = 0; i < Batch; i++) worker.Retire(worker.Allocate(Size, MemoryKind.Record));
        _pool.Return(worker);
    }

    /// <summary>Into an epoch and out again.</summary>
    [Benchmark]
    public void RentReturn()
    {
        var worker = _pool.Rent();
        _pool.Return(worker);
    }

    /// <summary>Out of an epoch and into the next, in a long loop.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public void Refresh()
    {
        var worker = _pool.Rent();
        for (var i = 0; i < Batch; i++) worker.Refresh();
        _pool.Return(worker);
    }
}
