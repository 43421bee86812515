using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Memstore.Storage.Journals;

/// <summary>
/// Where records wait between the threads that commit and the one that writes: a cell for each sequence, modulo the number of cells. No
/// lock: a cell belongs to whoever has its sequence until the sequence is stored in it, and then to the writer until it releases it.
/// </summary>
// Layout of the native block: a pair of cache lines with the last reserved sequence, one with the last that was taken, then the cells. A cell:
// begins as its record will, so that the writer moves it as a whole:
//   i32 length of the payload | 4 unused | i64 sequence once filled | u64 database and kind, no time yet | up to 232 bytes of payload.
// A longer payload is in a rented array.
internal sealed unsafe class FillRing
{
    /// <summary>Cells; 8 MB, of which the system provides what is touched.</summary>
    public const int Size = 1 << 15;

    /// <summary>Bytes of a cell.</summary>
    public const int CellSize = 256;

    private const int InlineMax = CellSize - SegmentFormat.RecordHeaderSize;

    private readonly void* _block;
    private readonly long* _reserved;
    private readonly long* _taken;
    private readonly byte* _cells;
    private readonly byte[]?[] _long = new byte[]?[Size];
    private readonly PayloadPool _pool = new();
    private long _longBytes;

    public FillRing(long lastSequence)
    {
        _block = NativeMemory.AllocZeroed((Size + 3) * CellSize);
        var start = (byte*)(((nuint)_block + CellSize - 1) & ~(nuint)(CellSize - 1));
        _reserved = (long*)start;
        _taken = (long*)(start + CellSize);
        _cells = start + (2 * CellSize);
        *_reserved = lastSequence;
        *_taken = lastSequence;
    }

    // Only here: until then somebody may still be filling a cell, journal closed or not.
    ~FillRing() => NativeMemory.Free(_block);

    /// <summary>The last sequence that was reserved.</summary>
    public long Reserved => Volatile.Read(ref *_reserved);

    /// <summary>The last sequence that the writer took; its cell and those before are free.</summary>
    public long Taken => Volatile.Read(ref *_taken);

    /// <summary>Bytes of payloads that are too long for their cells.</summary>
    public long LongBytes => Volatile.Read(ref _longBytes);

    /// <summary>Reserves the next sequence.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long Reserve() => Interlocked.Increment(ref *_reserved);

    /// <summary>Whether the cell of a sequence is free.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool HasRoom(long sequence) => sequence - Volatile.Read(ref *_taken) <= Size;

    /// <summary>Fills the cell of a sequence, which must be free.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Fill(long sequence, int database, ReadOnlySpan<byte> payload)
    {
        var cell = CellOf(sequence);
        if (payload.Length <= InlineMax) payload.CopyTo(new Span<byte>(cell + SegmentFormat.RecordHeaderSize, InlineMax));
        else FillLong(sequence, payload);
        *(int*)(cell + SegmentFormat.LengthAt) = payload.Length;
        *(ulong*)(cell + SegmentFormat.TimeAndKindAt) = SegmentFormat.TimeAndKind(0, RecordKind.Transaction, database);
        Volatile.Write(ref *(long*)(cell + SegmentFormat.SequenceAt), sequence);
        GC.KeepAlive(this);
    }

    /// <summary>Whether the cell of a sequence has been filled. For the writer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsFilled(long sequence) => Volatile.Read(ref *(long*)(CellOf(sequence) + SegmentFormat.SequenceAt)) == sequence;

    /// <summary>A filled cell, until it is released, and its payload if that did not fit into it. For the writer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Cell(long sequence, out byte[]? payload)
    {
        var cell = CellOf(sequence);
        payload = *(int*)(cell + SegmentFormat.LengthAt) <= InlineMax ? null : _long[Index(sequence)];
        return cell;
    }

    /// <summary>Gives back the array of a cell that had one. For the writer, before <see cref="Release"/>.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void ReturnLong(long sequence)
    {
        var index = Index(sequence);
        Interlocked.Add(ref _longBytes, -*(int*)(CellOf(sequence) + SegmentFormat.LengthAt));
        _pool.Return(_long[index]!);
        _long[index] = null;
    }

    /// <summary>Gives back memory that is kept for payloads to come.</summary>
    public void Trim() => _pool.Trim();

    /// <summary>Frees all cells up to a sequence. For the writer.</summary>
    public void Release(long sequence) => Volatile.Write(ref *_taken, sequence);

    private static int Index(long sequence) => (int)(sequence & (Size - 1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* CellOf(long sequence) => _cells + ((sequence & (Size - 1)) * CellSize);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FillLong(long sequence, ReadOnlySpan<byte> payload)
    {
        var array = _pool.Rent(payload.Length);
        payload.CopyTo(array);
        _long[Index(sequence)] = array;
        Interlocked.Add(ref _longBytes, payload.Length);
    }
}
