using System.Text;
using Memstore.Engine;
using Memstore.Protocol;

namespace Memstore.Server.Commands;

// Commands that go through the keyspace.
internal static partial class KeyCommands
{
    private static void Scan(ref CommandCall call)
    {
        var options = ScanOptions.Read(ref call, withType: true);
        if (!call.ArgsValid()) return;

        using var found = new ReplyWriter();
        var keys = new KeyCollector(found) { Pattern = options.Pattern, HasPattern = options.HasPattern, Type = options.Type, HasType = options.HasType };
        var next = call.Transaction.Scan(options.Cursor, options.Count, ref keys);
        ScanOptions.Answer(ref call, next, keys.Count, found);
    }

    private static void Keys(ref CommandCall call)
    {
        var pattern = call.Args.Bytes();
        using var found = new ReplyWriter();
        var keys = new KeyCollector(found) { Pattern = pattern, HasPattern = !pattern.SequenceEqual("*"u8) };
        var cursor = 0UL;
        do cursor = call.Transaction.Scan(cursor, int.MaxValue, ref keys);
        while (cursor != 0);
        call.Reply.ArrayHeader(keys.Count);
        call.Reply.Raw(found.WrittenSpan);
    }

    private static void RandomKey(ref CommandCall call)
    {
        if (call.Transaction.RandomKey(call.Server.Random, out var entry)) call.Reply.Bulk(entry.Key);
        else call.Reply.Null();
    }

    /// <summary>Keeps the keys that match, as bulk strings.</summary>
    private ref struct KeyCollector(ReplyWriter output) : IEntryVisitor
    {
        private readonly ReplyWriter _output = output;

        public ReadOnlySpan<byte> Pattern { get; init; }

        public bool HasPattern { get; init; }

        public ReadOnlySpan<byte> Type { get; init; }

        public bool HasType { get; init; }

        /// <summary>How many were kept.</summary>
        public int Count { get; private set; }

        /// <inheritdoc/>
        public void Visit(in Entry entry)
        {
            if (HasType && !Ascii.EqualsIgnoreCase(Type, NameOf(entry.Type))) return;
            if (HasPattern && !GlobPattern.Matches(Pattern, entry.Key)) return;
            _output.Bulk(entry.Key);
            Count++;
        }
    }
}
