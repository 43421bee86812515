namespace Memstore.Engine.Memory;

// Making a table smaller after deletions, a segment at a time.
internal readonly unsafe partial struct SlotTable
{
    // Two halves become one again when it has at most this many buckets: half of what makes a segment split.
    private const uint MergedBucketsMax = SegmentBucketsMax / 2;

    // A directory of more levels keeps its size: looking through it would take longer than a slice should.
    private const int CollapsedDepthMax = 10;

    /// <summary>
    /// Makes the segment of <paramref name="position"/> as small as its entries allow, joins it with its other half if both are small, and
    /// moves the position on. The position ends at <see cref="TagEnd"/>; a directory of one segment is then gone.
    /// </summary>
    /// <returns>By how many bytes the table shrank.</returns>
    public long ShrinkStep(ulong* word, ref uint position, Worker worker)
    {
        if ((long)*word >= 0)
        {
            position = TagEnd;
            return ShrinkWhole(word, worker);
        }

        var segment = *DirectoryEntry(*word, position);
        var freed = TryMerge(word, segment, position, worker);
        if (freed == 0)
        {
            freed = ShrinkSegment(word, segment, position, worker);
            var rest = TagBits - Depth(segment);
            position = ((position >> rest) + 1) << rest;
        }

        return position < TagEnd ? freed : freed + Collapse(word, worker);
    }

    // A table of one segment.
    private long ShrinkWhole(ulong* word, Worker worker)
    {
        if (*word == 0) return 0;
        return CountEntries(*word) == 0 ? Drop(word, worker) : ShrinkSegment(word, *word, 0, worker);
    }

    private long ShrinkSegment(ulong* word, ulong segment, uint tag, Worker worker)
    {
        var buckets = Buckets(segment);
        var wanted = BucketsFor(CountEntries(segment));
        if (wanted * 3 > buckets * 2) return 0;
        var rebuilt = Rebuild(segment, wanted, worker);
        Install(word, tag, segment, rebuilt);
        worker.Retire((byte*)Block(segment));
        return (buckets - (long)Buckets(rebuilt)) * BucketSize;
    }

    // 0 if there is no other half of the same depth, or both together are too large.
    private long TryMerge(ulong* word, ulong segment, uint tag, Worker worker)
    {
        var depth = Depth(segment);
        if (depth == 0) return 0;
        var other = *DirectoryEntry(*word, tag ^ (1u << (TagBits - depth)));
        if (Depth(other) != depth) return 0;
        for (var wanted = BucketsFor(CountEntries(segment) + CountEntries(other)); wanted <= MergedBucketsMax; wanted = NextSize(wanted))
        {
            var merged = NewSegment(wanted, depth - 1, worker);
            if (TryCopy(segment, merged, static (_, _) => true, 0) && TryCopy(other, merged, static (_, _) => true, 0))
            {
                // The entries of both halves; until the last one is stored a reader finds the old half, which is as current.
                Install(word, tag, merged, merged);
                worker.Retire((byte*)Block(segment));
                worker.Retire((byte*)Block(other));
                return (Buckets(segment) + (long)Buckets(other) - Buckets(merged)) * BucketSize;
            }

            worker.Free((byte*)Block(merged));
        }

        return 0;
    }

    // Halves a directory that has more levels than its segments need.
    private long Collapse(ulong* word, Worker worker)
    {
        var depth = DirectoryDepth(*word);
        if (depth > CollapsedDepthMax) return 0;
        var old = Block(*word);
        var needed = 0;
        for (var i = 0; i < 1 << depth; i += 1 << (depth - Depth(old[i]))) needed = Math.Max(needed, Depth(old[i]));
        if (needed == depth) return 0;
        var freed = DirectorySize(depth);
        if (needed == 0)
        {
            Volatile.Write(ref *word, old[0]);
        }
        else
        {
            var block = (ulong*)worker.Allocate((nuint)DirectorySize(needed), MemoryKind.Table);
            for (var i = 0; i < 1 << needed; i++) block[i] = old[i << (depth - needed)];
            Volatile.Write(ref *word, DirectoryFlag | Unit((byte*)block) | ((ulong)needed << UnitBits));
            freed -= DirectorySize(needed);
        }

        worker.Retire((byte*)old);
        return freed;
    }

    // Seven eighths full, fuller than by growth: after mass deletion the index is likelier to stay as it is than to grow again.
    private static uint BucketsFor(int entries) => NextSize((uint)(entries * 8 / (7 * EntriesPerBucket)));

    private int CountEntries(ulong segment)
    {
        var count = 0;
        var block = Block(segment);
        for (uint i = 0; i < Buckets(segment) * 8; i++)
        {
            if ((i & 7) != EntriesPerBucket && block[i] != 0) count++;
        }

        return count;
    }
}
