using System.Globalization;
using System.IO.Hashing;
using System.Text;
using Memstore.Engine;
using ValueType = Memstore.Engine.ValueType;

namespace Memstore.Server.Commands;

// What DEBUG says about data.
internal static partial class DebugCommands
{
    // As long as Redis' digests, which are SHA-1; ours have 16 bytes in it that say something.
    private const int DigestSize = 20;

    private static void DebugObject(ref CommandCall call)
    {
        var key = call.Args.Key();
        if (!call.Transaction.Find(key, out var entry))
        {
            call.Reply.Error(Errors.NoSuchKey);
            return;
        }
        var encoding = Encoding.ASCII.GetString(KeyCommands.EncodingOf(call.Transaction, key, entry));
        call.Reply.SimpleString(string.Create(
            CultureInfo.InvariantCulture,
            $"Value at:0x0 refcount:1 encoding:{encoding} serializedlength:{entry.UsedBytes} lru:0 lru_seconds_idle:0"));
    }

    private static void DigestValue(ref CommandCall call)
    {
        Span<byte> digest = stackalloc byte[DigestSize];
        call.Reply.ArrayHeader(call.Args.Remaining);
        while (call.Args.Remaining > 0)
        {
            var key = call.Args.Key();
            digest.Clear();
            if (call.Transaction.Find(key, out var entry)) MixValue(digest, call.Transaction, key, entry);
            call.Reply.SimpleString(Convert.ToHexStringLower(digest));
        }
    }

    private static void Digest(ref CommandCall call)
    {
        var visitor = new DigestVisitor(call.Transaction, stackalloc byte[DigestSize]);
        var chosen = call.Transaction.Database;
        for (var database = 0; database < call.Server.Store.DatabaseCount; database++)
        {
            call.Transaction.Database = database;
            for (var cursor = call.Transaction.Scan(0, 1000, ref visitor); cursor != 0;)
                cursor = call.Transaction.Scan(cursor, 1000, ref visitor);
        }
        call.Transaction.Database = chosen;
        call.Reply.SimpleString(Convert.ToHexStringLower(visitor.Digest));
    }

    // Digests are combined by exclusive or, so that the order of keys and fields does not matter.
    private static void MixValue(Span<byte> digest, Transaction transaction, in Engine.Key key, in Entry entry)
    {
        if (entry.Type == ValueType.Hash && transaction.FindHash(key, out var hash) is Found.Present)
        {
            foreach (var pair in hash) Mix(digest, pair.Field, pair.Value);
        }
        else
        {
            Mix(digest, "string"u8, entry.Value);
        }
        if (entry.DeadlineUnixMs != 0) Mix(digest, "expires"u8, default);
    }

    private static void Mix(Span<byte> digest, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        var hash = new XxHash128();
        hash.Append(BitConverter.GetBytes(first.Length));
        hash.Append(first);
        hash.Append(second);
        Span<byte> one = stackalloc byte[DigestSize];
        one.Clear();
        hash.GetHashAndReset(one);
        for (var i = 0; i < one.Length; i++) digest[i] ^= one[i];
    }

    private readonly ref struct DigestVisitor(Transaction transaction, Span<byte> digest) : IEntryVisitor
    {
        public ReadOnlySpan<byte> Digest => _digest;

        private readonly Span<byte> _digest = digest;

        public void Visit(in Entry entry)
        {
            var key = new Engine.Key(entry.Key, transaction.Store.RouteOf(entry.Key));
            Span<byte> value = stackalloc byte[DigestSize];
            value.Clear();
            MixValue(value, transaction, key, entry);
            Mix(_digest, key.Bytes, value);
        }
    }
}
