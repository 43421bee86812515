using System.Runtime.CompilerServices;

namespace Memstore.Engine.Memory;

/// <content>Emptying sparse pages of records: this side marks them, the index moves the records.</content>
internal sealed unsafe partial class Arena
{
    private double _sparseBelow;
    private long _markedSlack;

    /// <summary>Live record bytes per byte of record pages, 0 to 1; 1 if there are none. Says whether an evacuation would pay.</summary>
    public double RecordDensity
    {
        get
        {
            var run = Runs.RecordRunBytes;
            return run == 0 ? 1 : Math.Clamp((double)UsedBytesOf(MemoryKind.Record) / run, 0, 1);
        }
    }

    /// <summary>Bytes of record pages that hold no live record: what an evacuation could give back at most.</summary>
    public long RecordSlackBytes => Math.Max(0, Runs.RecordRunBytes - UsedBytesOf(MemoryKind.Record));

    /// <summary>
    /// Marks the record pages whose live share is below <paramref name="sparseBelow"/> (0 to 1). Nothing is allocated from them until
    /// <see cref="EndEvacuation"/>; they go back one by one as their last blocks are freed. Maintenance only, one at a time.
    /// </summary>
    /// <returns>Bytes of the marked pages that hold no live record: what can be won.</returns>
    public long BeginEvacuation(double sparseBelow)
    {
        _sparseBelow = sparseBelow;
        _markedSlack = 0;
        Evacuation = 1;
        RunVisitor mark = MarkIfSparse;
        for (var chunk = 0; chunk < Runs.ChunksTaken; chunk++) Runs.VisitRuns(chunk, mark);
        return _markedSlack;
    }

    /// <summary>Allocates from the marked pages again, as far as they are not gone.</summary>
    public void EndEvacuation()
    {
        for (var chunk = 0; chunk < Runs.ChunksTaken; chunk++) Runs.VisitRuns(chunk, Unmark);
        Evacuation = 0;
    }

    /// <summary>Should the record move to another place? Always false for kinds other than records.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsEvacuating(byte* block) => _pages[(nuint)(block - Base) >> RunPool.PageShift].Evacuating != 0;

    // Used and Remote change meanwhile: the share is an estimate, any choice is correct.
    private void MarkIfSparse(PageInfo* run)
    {
        if (run->Kind != MemoryKind.Record || run->State is PageState.Current or PageState.Direct) return;
        var live = run->Used - RemoteFrees.CountOf(Volatile.Read(ref run->Remote));
        if (live >= _sparseBelow * run->Capacity) return;
        _markedSlack += ((long)run->RunPages << RunPool.PageShift) - (live * run->BlockSize);
        for (var i = 0u; i < run->RunPages; i++) Volatile.Write(ref run[i].Evacuating, 1);
    }

    private static void Unmark(PageInfo* run)
    {
        if (run->Evacuating == 0) return;
        for (var i = 0u; i < run->RunPages; i++) Volatile.Write(ref run[i].Evacuating, 0);
    }
}
