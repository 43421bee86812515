using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Memstore.Engine.Memory;

/// <summary>
/// The index of one slot: from a hash prefix to records. A table is one word: empty, a segment, or a directory of segments
/// that split one at a time (extendible hashing), since a hash tag can put millions of keys into one slot.
/// </summary>
// A word: bits 0-35 unit of the block, 36-47 buckets of a segment (or depth of a directory), 48-53 local depth, 63 directory.
// A bucket is a cache line: seven entries and a meta word. An entry: bits 0-35 unit of the record, 36-63 tag, which is the
// hash's top 28 bits. A tag's home bucket is found by multiplication, so buckets are ordered by tag at any size, and a scan
// position (a tag) survives growth. An entry that finds its home full goes to one of the next three buckets; the home's meta
// word says how far a search must look (bits 0-7) and how many entries are away (8-31).
//
// Threading: written only inside the shard that owns the slot; read by anyone inside an epoch. Every change is one store of
// eight bytes; a segment that is replaced is never written again, so a reader that still walks it sees what was current when
// it was replaced, which is during its read.
internal readonly unsafe partial struct SlotTable(byte* basePointer)
{
    /// <summary>Tags are below this.</summary>
    public const uint TagEnd = 1u << TagBits;

    /// <summary>No home bucket has more entries than this.</summary>
    public const int HomeEntriesMax = EntriesPerBucket * (DisplacementMax + 1);

    private const int TagBits = 28;
    private const int UnitBits = 36;
    private const ulong UnitMask = (1UL << UnitBits) - 1;
    private const ulong DirectoryFlag = 1UL << 63;
    private const int EntriesPerBucket = 7;
    private const int BucketSize = 64;
    private const int DisplacementMax = 3;
    private const int SegmentBucketsMax = 64;
    private const int DepthMax = 22;
    private const uint EntriesMask = (1u << EntriesPerBucket) - 1;

    private readonly byte* _base = basePointer;

    /// <summary>The tag of a hash.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint TagOf(ulong hash) => (uint)(hash >> UnitBits);

    /// <summary>The record that an entry points to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* RecordOf(ulong entry) => _base + ((entry & UnitMask) << 4);

    /// <summary>The tag of an entry.</summary>
    public static uint TagOfEntry(ulong entry) => (uint)(entry >> UnitBits);

    /// <summary>Finds the entry of a key.</summary>
    /// <returns>Where the entry stands, or null.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong* Find(ulong word, uint tag, ReadOnlySpan<byte> key, out byte* record)
    {
        record = null;
        if (word == 0) return null;
        if ((long)word < 0) word = Volatile.Read(ref *DirectoryEntry(word, tag));
        var segment = Block(word);
        var buckets = Buckets(word);
        var home = Home(tag, buckets, Depth(word));
        var bucket = segment + (home << 3);
        var found = FindIn(bucket, tag, key, out record);
        if (found != null) return found;
        var displacement = (uint)(byte)Volatile.Read(ref bucket[EntriesPerBucket]);
        return displacement == 0 ? null : FindDisplaced(segment, buckets, home, displacement, tag, key, out record);
    }

    /// <summary>Finds the entry of a record by its address. Only inside the shard.</summary>
    public ulong* FindRecord(ulong word, uint tag, byte* record)
    {
        if (word == 0) return null;
        if ((long)word < 0) word = *DirectoryEntry(word, tag);
        var segment = Block(word);
        var buckets = Buckets(word);
        var home = Home(tag, buckets, Depth(word));
        var reach = (uint)(byte)segment[(home << 3) + EntriesPerBucket];
        for (uint i = 0; i <= reach; i++)
        {
            var bucket = segment + (Wrap(home + i, buckets) << 3);
            for (var matches = Matches(bucket, tag); matches != 0; matches &= matches - 1)
            {
                var at = bucket + System.Numerics.BitOperations.TrailingZeroCount(matches);
                if (*at != 0 && RecordOf(*at) == record) return at;
            }
        }

        return null;
    }

    /// <summary>Hints the processor to load the bucket, or with <paramref name="record"/> the first record that may match.</summary>
    public void Prefetch(ulong word, uint tag, bool record)
    {
        if (word == 0) return;
        if ((long)word < 0) word = Volatile.Read(ref *DirectoryEntry(word, tag));
        var bucket = Block(word) + (Home(tag, Buckets(word), Depth(word)) << 3);
        if (!record)
        {
            if (System.Runtime.Intrinsics.X86.Sse.IsSupported) System.Runtime.Intrinsics.X86.Sse.Prefetch0(bucket);
            return;
        }

        var matches = Matches(bucket, tag);
        if (matches == 0) return;
        var first = RecordOf(bucket[System.Numerics.BitOperations.TrailingZeroCount(matches)]);
        if (System.Runtime.Intrinsics.X86.Sse.IsSupported) System.Runtime.Intrinsics.X86.Sse.Prefetch0(first);
    }

    /// <summary>Replaces the record that an entry points to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Replace(ulong* entry, byte* record) =>
        Volatile.Write(ref *entry, (*entry & ~UnitMask) | Unit(record));

    /// <summary>Adds a record whose key is not in the table.</summary>
    /// <param name="word">The table.</param>
    /// <param name="tag">The key's tag.</param>
    /// <param name="record">The record.</param>
    /// <param name="worker">Where memory comes from.</param>
    /// <param name="bytes">Grows with the table, also when memory is refused half-way: a table that has grown in vain stays so.</param>
    public void Insert(ulong* word, uint tag, byte* record, Worker worker, ref long bytes)
    {
        var entry = ((ulong)tag << UnitBits) | Unit(record);
        if (*word == 0)
        {
            Volatile.Write(ref *word, NewSegment(1, 0, worker));
            bytes += BucketSize;
        }

        while (true)
        {
            var segment = (long)*word < 0 ? *DirectoryEntry(*word, tag) : *word;
            if (TryPlace(segment, entry)) return;
            Grow(word, segment, tag, worker, ref bytes);
        }
    }

    /// <summary>Removes an entry that <see cref="Find"/> returned.</summary>
    public void Remove(ulong word, ulong* entry)
    {
        var tag = TagOfEntry(*entry);
        if ((long)word < 0) word = *DirectoryEntry(word, tag);
        var segment = Block(word);
        var home = Home(tag, Buckets(word), Depth(word));
        var at = (uint)((entry - segment) >> 3);
        Volatile.Write(ref *entry, 0);
        if (at == home) return;
        var meta = segment + (home << 3) + EntriesPerBucket;
        var away = (*meta >> 8) - 1;
        *meta = away == 0 ? 0 : (away << 8) | (byte)*meta;
    }

    /// <summary>Gives back the blocks of an empty table once no reader can be in them.</summary>
    /// <returns>By how many bytes the table shrank.</returns>
    public long Drop(ulong* word, Worker worker)
    {
        var old = *word;
        if (old == 0) return 0;
        Volatile.Write(ref *word, 0);
        if ((long)old >= 0)
        {
            worker.Retire((byte*)Block(old));
            return Buckets(old) * (long)BucketSize;
        }

        var directory = Block(old);
        var size = 1L << DirectoryDepth(old);
        var freed = DirectorySize(DirectoryDepth(old));
        for (var i = 0L; i < size; i += 1L << (DirectoryDepth(old) - Depth(directory[i])))
        {
            freed += Buckets(directory[i]) * (long)BucketSize;
            worker.Retire((byte*)Block(directory[i]));
        }

        worker.Retire((byte*)directory);
        return freed;
    }

    /// <summary>
    /// Collects the entries whose home is the bucket of <paramref name="position"/> and whose tag is not below it, and moves
    /// the position to the next bucket. The position ends at <see cref="TagEnd"/>.
    /// </summary>
    /// <param name="word">The table.</param>
    /// <param name="position">A tag; 0 to start.</param>
    /// <param name="entries">Room for <see cref="HomeEntriesMax"/> entries.</param>
    /// <returns>How many entries were collected.</returns>
    public int Step(ulong word, ref uint position, Span<ulong> entries)
    {
        if (word == 0)
        {
            position = TagEnd;
            return 0;
        }

        if ((long)word < 0) word = Volatile.Read(ref *DirectoryEntry(word, position));
        var buckets = Buckets(word);
        var depth = Depth(word);
        var home = Home(position, buckets, depth);
        var segment = Block(word);
        var reach = (uint)(byte)Volatile.Read(ref segment[(home << 3) + EntriesPerBucket]);
        var count = 0;
        for (uint i = 0; i <= reach; i++)
        {
            var bucket = segment + (Wrap(home + i, buckets) << 3);
            for (var j = 0; j < EntriesPerBucket; j++)
            {
                var entry = Volatile.Read(ref bucket[j]);
                if (entry == 0) continue;
                var tag = TagOfEntry(entry);
                if (tag >= position && Home(tag, buckets, depth) == home && count < entries.Length) entries[count++] = entry;
            }
        }

        position = EndOfBucket(position, home, buckets, depth);
        return count;
    }

    /// <summary>Like <see cref="Step"/>, but collects where the entries stand. Only inside the shard.</summary>
    public int StepInPlace(ulong word, ref uint position, Span<nint> entries)
    {
        if (word == 0)
        {
            position = TagEnd;
            return 0;
        }

        if ((long)word < 0) word = *DirectoryEntry(word, position);
        var buckets = Buckets(word);
        var depth = Depth(word);
        var home = Home(position, buckets, depth);
        var bucket = Block(word) + (home << 3);
        var count = 0;
        for (var j = 0; j < EntriesPerBucket; j++)
        {
            if (bucket[j] != 0) entries[count++] = (nint)(bucket + j);
        }

        position = EndOfBucket(position, home, buckets, depth);
        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Matches(ulong* bucket, uint tag)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            var tags = Vector512.Load(bucket) >>> UnitBits;
            return (uint)Vector512.Equals(tags, Vector512.Create((ulong)tag)).ExtractMostSignificantBits() & EntriesMask;
        }

        var wanted = Vector256.Create((ulong)tag);
        var low = Vector256.Equals(Vector256.Load(bucket) >>> UnitBits, wanted).ExtractMostSignificantBits();
        var high = Vector256.Equals(Vector256.Load(bucket + 4) >>> UnitBits, wanted).ExtractMostSignificantBits();
        return (low | (high << 4)) & EntriesMask;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong* FindIn(ulong* bucket, uint tag, ReadOnlySpan<byte> key, out byte* record)
    {
        for (var matches = Matches(bucket, tag); matches != 0; matches &= matches - 1)
        {
            var at = bucket + System.Numerics.BitOperations.TrailingZeroCount(matches);
            var entry = Volatile.Read(ref *at);
            if (entry == 0 || TagOfEntry(entry) != tag) continue;
            record = RecordOf(entry);
            if (Record.KeyEquals(record, key)) return at;
        }

        record = null;
        return null;
    }

    private ulong* FindDisplaced(
        ulong* segment, uint buckets, uint home, uint displacement, uint tag, ReadOnlySpan<byte> key, out byte* record)
    {
        for (uint i = 1; i <= displacement; i++)
        {
            var found = FindIn(segment + (Wrap(home + i, buckets) << 3), tag, key, out record);
            if (found != null) return found;
        }

        record = null;
        return null;
    }

    // The home bucket: the tag's bits below the segment's prefix, scaled to the number of buckets.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Home(uint tag, uint buckets, int depth) =>
        (uint)(((ulong)(tag << (32 - TagBits + depth)) * buckets) >> 32);

    private static uint EndOfBucket(uint position, uint home, uint buckets, int depth)
    {
        var rest = TagBits - depth;
        var segmentStart = rest >= TagBits ? 0 : position >> rest << rest;
        if (home + 1 == buckets) return segmentStart + (1u << rest);
        // The smallest tag whose home is the next bucket: invert the multiplication, rounding up twice.
        var scaled = ((((ulong)home + 1) << 32) + buckets - 1) / buckets;
        var shift = 32 - rest;
        return segmentStart + (uint)((scaled + (1UL << shift) - 1) >> shift);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Wrap(uint bucket, uint buckets) => bucket >= buckets ? bucket - buckets : bucket;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong* Block(ulong word) => (ulong*)(_base + ((word & UnitMask) << 4));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Buckets(ulong word) => (uint)(word >> UnitBits) & 0xFFF;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Depth(ulong word) => (int)(word >> 48) & 63;

    private static int DirectoryDepth(ulong word) => (int)(word >> UnitBits) & 0xFFF;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong* DirectoryEntry(ulong word, uint tag) => Block(word) + (tag >> (TagBits - DirectoryDepth(word)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Unit(byte* block) => (ulong)(block - _base) >> 4;

    private static long DirectorySize(int depth) => Math.Max(BucketSize, 8L << depth);

    // Sizes grow by a quarter or so: tables stay about three quarters full.
    private static uint NextSize(uint buckets)
    {
        if (buckets < 8) return buckets + 1;
        var step = 1u << (29 - System.Numerics.BitOperations.LeadingZeroCount(buckets));
        return (buckets / step + 1) * step;
    }

    private ulong NewSegment(uint buckets, int depth, Worker worker)
    {
        var block = worker.Allocate(buckets * BucketSize, MemoryKind.Table);
        Unsafe.InitBlockUnaligned(block, 0, buckets * BucketSize);
        return Unit(block) | ((ulong)buckets << UnitBits) | ((ulong)depth << 48);
    }

    private bool TryPlace(ulong segment, ulong entry)
    {
        var block = Block(segment);
        var buckets = Buckets(segment);
        var home = Home(TagOfEntry(entry), buckets, Depth(segment));
        var reach = Math.Min(DisplacementMax, buckets - 1);
        for (uint i = 0; i <= reach; i++)
        {
            var bucket = block + (Wrap(home + i, buckets) << 3);
            for (var j = 0; j < EntriesPerBucket; j++)
            {
                if (bucket[j] != 0) continue;
                if (i > 0)
                {
                    var meta = block + (home << 3) + EntriesPerBucket;
                    var away = (*meta >> 8) + 1;
                    Volatile.Write(ref *meta, (away << 8) | Math.Max((byte)*meta, (byte)i));
                }

                Volatile.Write(ref bucket[j], entry);
                return true;
            }
        }

        return false;
    }

    private void Grow(ulong* word, ulong segment, uint tag, Worker worker, ref long bytes)
    {
        var buckets = Buckets(segment);
        if (buckets >= SegmentBucketsMax && Depth(segment) < DepthMax)
        {
            Split(word, segment, tag, worker, ref bytes);
            return;
        }

        var rebuilt = Rebuild(segment, NextSize(buckets), worker);
        Install(word, tag, segment, rebuilt);
        worker.Retire((byte*)Block(segment));
        bytes += (Buckets(rebuilt) - (long)buckets) * BucketSize;
    }

    private ulong Rebuild(ulong segment, uint buckets, Worker worker)
    {
        for (; ; buckets = NextSize(buckets))
        {
            var fresh = NewSegment(buckets, Depth(segment), worker);
            if (TryCopy(segment, fresh, static (_, _) => true, 0)) return fresh;
            worker.Free((byte*)Block(fresh));
        }
    }

    private bool TryCopy(ulong from, ulong to, Func<uint, uint, bool> wanted, uint argument)
    {
        var source = Block(from);
        var buckets = Buckets(from);
        for (uint i = 0; i < buckets; i++)
        {
            var bucket = source + (i << 3);
            for (var j = 0; j < EntriesPerBucket; j++)
            {
                var entry = bucket[j];
                if (entry != 0 && wanted(TagOfEntry(entry), argument) && !TryPlace(to, entry)) return false;
            }
        }

        return true;
    }

    private void Install(ulong* word, uint tag, ulong old, ulong fresh)
    {
        if ((long)*word >= 0)
        {
            Volatile.Write(ref *word, fresh);
            return;
        }

        var directoryDepth = DirectoryDepth(*word);
        var span = 1u << (directoryDepth - Depth(old));
        var directory = Block(*word);
        var first = (tag >> (TagBits - directoryDepth)) & ~(span - 1);
        for (uint i = 0; i < span; i++) Volatile.Write(ref directory[first + i], fresh);
    }

    private void Split(ulong* word, ulong segment, uint tag, Worker worker, ref long bytes)
    {
        worker.Holds.Start();
        var depth = Depth(segment);
        bytes += EnsureDirectory(word, depth + 1, worker);
        var low = Half(segment, depth, 0, worker);
        ulong high;
        try
        {
            high = Half(segment, depth, 1, worker);
        }
        catch
        {
            worker.Free((byte*)Block(low));
            throw;
        }

        var directoryDepth = DirectoryDepth(*word);
        var span = 1u << (directoryDepth - depth);
        var directory = Block(*word);
        var first = (tag >> (TagBits - directoryDepth)) & ~(span - 1);
        for (uint i = 0; i < span; i++) Volatile.Write(ref directory[first + i], i < span / 2 ? low : high);
        worker.Retire((byte*)Block(segment));
        bytes += (Buckets(low) + (long)Buckets(high) - Buckets(segment)) * BucketSize;
    }

    private ulong Half(ulong segment, int depth, uint side, Worker worker)
    {
        // Bit of the tag that decides: the one below the prefix. The argument carries its place and the side.
        var bit = TagBits - 1 - depth;
        for (var buckets = NextSize(SegmentBucketsMax * 5 / 8); ; buckets = NextSize(buckets))
        {
            var fresh = NewSegment(buckets, depth + 1, worker);
            if (TryCopy(segment, fresh, static (t, a) => ((t >> (int)(a >> 1)) & 1) == (a & 1), ((uint)bit << 1) | side)) return fresh;
            worker.Free((byte*)Block(fresh));
        }
    }

    private long EnsureDirectory(ulong* word, int depth, Worker worker)
    {
        var old = *word;
        if ((long)old < 0 && DirectoryDepth(old) >= depth) return 0;
        var size = DirectorySize(depth);
        var block = (ulong*)worker.Allocate((nuint)size, MemoryKind.Table);
        if ((long)old >= 0)
        {
            for (var i = 0; i < 1 << depth; i++) block[i] = old;
        }
        else
        {
            var oldBlock = Block(old);
            for (var i = 0; i < 1 << depth; i++) block[i] = oldBlock[i >> 1];
        }

        Volatile.Write(ref *word, DirectoryFlag | Unit((byte*)block) | ((ulong)depth << UnitBits));
        if ((long)old >= 0) return size;
        worker.Retire((byte*)Block(old));
        return size - DirectorySize(depth - 1);
    }
}
