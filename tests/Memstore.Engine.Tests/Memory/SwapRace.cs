using Memstore.Engine.Memory;
using Xunit;

namespace Memstore.Engine.Tests.Memory;

/// <summary>Writers swap blocks in shared cells and retire the old ones (or free them at once, which is wrong); readers check what they hold.</summary>
internal sealed unsafe class SwapRace(bool broken) : IDisposable
{
    private const int Words = 12;
    private const int CellCount = 3_000;
    private const int MovedMin = 100;

    private readonly WorkerPoolTests.Memory _memory = new();
    private readonly nuint[] _cells = new nuint[CellCount];
    private long _writes;
    private long _moved;
    private int _seedsGiven;
    private volatile bool _over;
    private volatile string? _failure;

    public int Seed { get; } = Environment.TickCount;

    public bool Evacuates { get; init; }

    public long Moved => Volatile.Read(ref _moved);

    public string? Failure => _failure;

    public void Run(long writesMax)
    {
        var threads = new List<Thread> { new(() => Write(writesMax, 0)), new(() => Write(writesMax, 1)), new(Read), new(Read), new(Maintain) };
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
    }

    public void AssertAllComesBack()
    {
        var worker = _memory.Pool.Rent();
        foreach (var cell in _cells)
        {
            if (cell != 0) worker.Retire((byte*)cell);
        }

        _memory.Pool.Return(worker);
        for (var i = 0; i < 50; i++) _memory.Pool.Collect();
        Assert.Equal(0, _memory.Pool.LimboBytes);
        Assert.Equal(0, _memory.Arena.UsedBytes);
        _memory.Arena.Purge(long.MaxValue, all: true);
        Assert.InRange(_memory.Arena.CommittedBytes, 0, 4 << 20);
    }

    public void Dispose() => _memory.Dispose();

    private static void Fill(ulong* block, ulong stamp)
    {
        for (var i = 0; i < Words; i++) block[i] = Word(stamp, i);
    }

    private static ulong Word(ulong stamp, int i) => i == 0 ? stamp : (stamp + (ulong)i) * 0x9E37_79B9_7F4A_7C15;

    private static bool IsWhole(ulong* block)
    {
        var stamp = Volatile.Read(ref block[0]);
        for (var i = 1; i < Words; i++)
        {
            if (Volatile.Read(ref block[i]) != Word(stamp, i)) return false;
        }

        return true;
    }

    private Random NewRandom() => new(Seed + Interlocked.Increment(ref _seedsGiven));

    private void Write(long writesMax, int writer)
    {
        var random = NewRandom();
        while (!_over)
        {
            var worker = _memory.Pool.Rent();
            for (var i = 0; i < 64; i++) WriteOne(worker, random, random.Next(CellCount / 2) * 2 + writer);
            _memory.Pool.Return(worker);
            var writes = Interlocked.Add(ref _writes, 64);
            if (writes >= writesMax && (!Evacuates || Moved >= MovedMin || writes >= 100 * writesMax)) _over = true;
        }
    }

    private void WriteOne(Worker worker, Random random, int cell)
    {
        // Cells become empty often enough that pages get sparse.
        var block = (ulong*)null;
        if (random.Next(3) != 0)
        {
            block = (ulong*)worker.Allocate(Words * sizeof(ulong), MemoryKind.Record);
            Fill(block, (ulong)random.NextInt64());
        }

        var old = Unlink(ref _cells[cell], (nuint)block);
        if (old == 0) return;
        if (broken) worker.Free((byte*)old);
        else worker.Retire((byte*)old);
    }

    // Each writer has cells of its own, so without evacuation a plain store unlinks: the hardest case for the epochs.
    private nuint Unlink(ref nuint cell, nuint block)
    {
        if (Evacuates) return Interlocked.Exchange(ref cell, block);
        var old = cell;
        Volatile.Write(ref cell, block);
        return old;
    }

    private void Read()
    {
        var random = NewRandom();
        while (!_over)
        {
            var worker = _memory.Pool.Rent();
            for (var i = 0; i < 16; i++)
            {
                var block = (ulong*)Volatile.Read(ref _cells[random.Next(CellCount)]);
                if (block == null) continue;
                if (random.Next(8) == 0) Thread.Yield(); // let a writer come between
                if (!IsWhole(block)) Fail("A reader saw a block that was freed.");
                if (random.Next(4) == 0) worker.Refresh();
            }

            _memory.Pool.Return(worker);
        }
    }

    private void Maintain()
    {
        while (!_over)
        {
            _memory.Pool.Collect();
            if (Evacuates) Evacuate();
            _memory.Arena.Maintain(1 << 20);
            Thread.Yield();
        }
    }

    private void Evacuate()
    {
        _memory.Arena.BeginEvacuation(0.9);
        for (var i = 0; i < CellCount; i++)
        {
            var worker = _memory.Pool.Rent();
            var old = Volatile.Read(ref _cells[i]);
            if (old != 0 && _memory.Arena.IsEvacuating((byte*)old)) Move(worker, i, old);
            _memory.Pool.Return(worker);
        }

        _memory.Arena.EndEvacuation();
    }

    private void Move(Worker worker, int cell, nuint old)
    {
        var copy = worker.Allocate(Words * sizeof(ulong), MemoryKind.Record);
        new ReadOnlySpan<byte>((byte*)old, Words * sizeof(ulong)).CopyTo(new Span<byte>(copy, Words * sizeof(ulong)));
        if (!IsWhole((ulong*)copy)) Fail("A moved record was not whole.");
        if (Interlocked.CompareExchange(ref _cells[cell], (nuint)copy, old) == old)
        {
            worker.Retire((byte*)old);
            Volatile.Write(ref _moved, _moved + 1);
        }
        else
        {
            worker.Free(copy);
        }
    }

    private void Fail(string what)
    {
        _failure = what;
        _over = true;
    }
}
