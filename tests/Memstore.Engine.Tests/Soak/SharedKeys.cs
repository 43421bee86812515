using Memstore.Engine.Tests.Values;
using Memstore.Engine.Values;

namespace Memstore.Engine.Tests.Soak;

/// <summary>
/// What all threads write and read: pairs of keys, and pairs of fields, that are always written together and so must always be read with
/// the same version.
/// </summary>
// Fleeting pairs and hashes live in databases 0 and 4, which are flushed and swapped; they expire and are deleted. Steady pairs live in
// database 2, where nothing is deleted: each write adds one to the version, so that the last version is the number of writes and
// nobody ever sees a version go back.
internal sealed class SharedKeys(Random random)
{
    public const int Database = 0;
    public const int OtherDatabase = 4;
    public const int SteadyDatabase = 2;
    public const int SteadyPairs = 4;

    private const int FleetingPairs = 24;
    private const int Hashes = 6;
    private const int SmallFields = 10;
    private const int BigFields = 700;

    private readonly long[] _steadySeen = new long[SteadyPairs];

    /// <summary>How often this thread has written each steady pair.</summary>
    public long[] SteadyWrites { get; } = new long[SteadyPairs];

    public static byte[] Fleeting(int pair, bool second) => (second ? $"pair:{pair}:b" : $"pair:{pair}:a").Bytes();

    public static byte[] Steady(int pair, bool second) => (second ? $"steady:{pair}:b" : $"steady:{pair}:a").Bytes();

    public static byte[] Hash(int hash) => $"hash:{hash}".Bytes();

    public int AnyDatabase() => random.Next(4) == 0 ? OtherDatabase : Database;

    public int AnyPair() => random.Next(FleetingPairs);

    public int AnySteadyPair() => random.Next(SteadyPairs);

    public int AnyHash() => random.Next(Hashes);

    /// <summary>Writes both keys of a pair, with one deadline now and then.</summary>
    public static void WritePair(Transaction transaction, byte[] first, byte[] second, long version, int fill, int ttlMs)
    {
        var store = transaction.Store;
        var deadline = ttlMs == 0 ? 0 : transaction.NowUnixMs + ttlMs;
        transaction.PutString(store.KeyOf(first), SoakValue.Make(first, version, fill), deadline);
        transaction.PutString(store.KeyOf(second), SoakValue.Make(second, version, fill / 2), deadline);
    }

    /// <summary>Reads both keys of a pair; the version, or -1 if they are absent.</summary>
    public static long ReadPair(Transaction transaction, byte[] first, byte[] second)
    {
        var a = ReadVersion(transaction, first);
        var b = ReadVersion(transaction, second);
        if (a != b) throw new SoakViolationException($"{first.AsSpan().Text()} has version {a}, {second.AsSpan().Text()} has {b}.");
        return a;
    }

    /// <summary>The version of a key's value, or -1 if it is absent.</summary>
    public static long ReadVersion(Transaction transaction, byte[] key) =>
        transaction.Find(transaction.Store.KeyOf(key), out var entry) ? SoakValue.VersionOf(key, entry.Value) : -1;

    /// <summary>Writes a steady pair once more.</summary>
    public static void AdvanceSteady(Transaction transaction, int pair, int fill)
    {
        var (first, second) = (Steady(pair, false), Steady(pair, true));
        var version = Math.Max(0, ReadPair(transaction, first, second));
        WritePair(transaction, first, second, version + 1, fill, 0);
    }

    /// <summary>A version of a steady pair that was read now: not older than any that this thread has seen.</summary>
    public void SawSteady(int pair, long version)
    {
        if (version < _steadySeen[pair])
            throw new SoakViolationException($"Steady pair {pair} went back from version {_steadySeen[pair]} to {version}.");
        _steadySeen[pair] = version;
    }

    /// <summary>Sets pairs of fields of a hash, a few or so many that it becomes a tree.</summary>
    public void WriteHash(Transaction transaction, byte[] key, long version)
    {
        var isBig = random.Next(12) == 0;
        var count = isBig ? BigFields : 1 + random.Next(SmallFields);
        var from = isBig ? 0 : random.Next(BigFields - count);
        var pairs = new List<(byte[], byte[])>(2 * count);
        for (var i = from; i < from + count; i++)
        {
            foreach (var field in new[] { $"{i}a".Bytes(), $"{i}b".Bytes() }) pairs.Add((field, SoakValue.Make(field, version, random.Next(8) == 0 ? 90 : 8)));
        }

        transaction.SetFields(transaction.Store.KeyOf(key), new Pairs(pairs));
    }

    /// <summary>Removes pairs of fields.</summary>
    public void RemoveFields(Transaction transaction, byte[] key)
    {
        var count = random.Next(8) == 0 ? BigFields : 20;
        var from = random.Next(BigFields);
        var fields = new List<(byte[], byte[])>(2 * count);
        for (var i = from; i < from + count; i++)
        {
            fields.Add(($"{i}a".Bytes(), []));
            fields.Add(($"{i}b".Bytes(), []));
        }

        transaction.RemoveFields(transaction.Store.KeyOf(key), new Pairs(fields));
    }

    /// <summary>Reads a whole hash: each field that is there has its twin, with the same version. A digest of it all.</summary>
    public static long ReadHash(Transaction transaction, byte[] key)
    {
        if (transaction.FindHash(transaction.Store.KeyOf(key), out var hash) != Found.Present) return 0;
        var (digest, count) = (0L, 0L);
        foreach (var pair in hash)
        {
            var version = SoakValue.VersionOf(pair.Field, pair.Value);
            var twin = pair.Field.ToArray();
            twin[^1] ^= (byte)('a' ^ 'b');
            if (!hash.TryGet(twin, out var other) || SoakValue.VersionOf(twin, other) != version)
                throw new SoakViolationException($"Field {pair.Field.Text()} of {key.AsSpan().Text()} has version {version}, its twin has not.");
            digest += unchecked(version * 1_000_003) + pair.Value.Length + pair.Field.Length;
            count++;
        }

        if (count != hash.Count) throw new SoakViolationException($"{key.AsSpan().Text()} counts {hash.Count} fields and shows {count}.");
        return digest;
    }

    /// <summary>Reads everything that is shared in a database, a scan included. A digest of it all.</summary>
    public static long ReadAll(Transaction transaction)
    {
        var digest = 0L;
        for (var pair = 0; pair < FleetingPairs; pair++)
            digest = Mix(digest, ReadPair(transaction, Fleeting(pair, false), Fleeting(pair, true)));
        for (var hash = 0; hash < Hashes; hash++) digest = Mix(digest, ReadHash(transaction, Hash(hash)));
        var scan = default(ScanDigest);
        for (var cursor = transaction.Scan(0, 50, ref scan); cursor != 0;) cursor = transaction.Scan(cursor, 50, ref scan);
        digest = Mix(digest, scan.Sum);
        var database = transaction.Database;
        transaction.Database = SteadyDatabase;
        for (var pair = 0; pair < SteadyPairs; pair++) digest = Mix(digest, ReadPair(transaction, Steady(pair, false), Steady(pair, true)));
        transaction.Database = database;
        return digest;
    }

    private static long Mix(long digest, long next) => unchecked((digest * 6_364_136_223_846_793_005) + next);

    // A sum, because an evacuation or a split may change nothing about what a scan visits, but a sum forgives its order.
    private struct ScanDigest : IEntryVisitor
    {
        public long Sum;

        public void Visit(in Entry entry) => Sum += unchecked((long)System.IO.Hashing.XxHash3.HashToUInt64(entry.Key));
    }
}
