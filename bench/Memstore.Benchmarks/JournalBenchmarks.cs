using BenchmarkDotNet.Attributes;
using Memstore.Storage.Disks;
using Memstore.Storage.Journals;

namespace Memstore.Benchmarks;

/// <summary>
/// What does a commit cost in the journal, the work of all its threads counted? One thread does all of it here, so that its time is the CPU's. The
/// payload is that of a SET with a key of 16 bytes. Baseline: what the committing thread itself does.
/// </summary>
[MemoryDiagnoser]
public class JournalBenchmarks : IDisposable
{
    // As much as the writer takes in a turn at some 800,000 commits a second.
    private const int Batch = 8_192;

    private readonly string _directory = Directory.CreateTempSubdirectory("memstore-journal-").FullName;
    private byte[] _payload = [];
    private Journal _journal = null!;
    private FillRing _ring = null!;

    /// <summary>Bytes of the value.</summary>
    [Params(32, 512)]
    public int ValueBytes { get; set; }

    /// <summary>Opens a journal whose threads do not run.</summary>
    [GlobalSetup]
    public void Open()
    {
        _payload = new byte[43 + ValueBytes];
        _ring = new FillRing(0);
        _journal = Journal.Start(FileDisk.Instance, new JournalOptions
        {
            StoreId = Guid.NewGuid(),
            Directory = _directory,
            FirstSegment = 1,
            FirstSequence = 1,
            RunsThreads = false,
        });
    }

    /// <summary>Closes it and removes its files.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _journal?.DisposeAsync().AsTask().Wait();
        Directory.Delete(_directory, recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Reserving a sequence and filling its cell.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Batch)]
    public void Fill()
    {
        for (var i = 0; i < Batch; i++) _ring.Fill(_ring.Reserve(), 0, _payload);
        for (var sequence = _ring.Taken + 1; sequence <= _ring.Reserved; sequence++) Clear(sequence);
        _ring.Release(_ring.Reserved);
    }

    /// <summary>The same, encoded and written to a file, without its sync; files are removed as they are closed.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public void FillAndWrite()
    {
        for (var i = 0; i < Batch; i++) _journal.Fill(_journal.Reserve(), 0, _payload);
        _journal.TurnOfWriter();
        if (_journal.Figures.SegmentBytes < 100 << 20) return;
        _ = _journal.SplitAfter(_journal.LastSequence);
        _journal.TurnOfWriter();
        _journal.TurnOfSyncer();
        foreach (var file in Directory.EnumerateFiles(_directory).Order().SkipLast(1)) File.Delete(file);
    }

    private unsafe void Clear(long sequence)
    {
        _ring.Cell(sequence, out var payload);
        if (payload is not null) _ring.ReturnLong(sequence);
    }
}
