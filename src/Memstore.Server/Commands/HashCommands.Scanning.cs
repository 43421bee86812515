using Memstore.Engine;
using Memstore.Engine.Values;
using Memstore.Protocol;

namespace Memstore.Server.Commands;

// Going through a hash, and drawing from it.
internal static partial class HashCommands
{
    /// <summary>The most fields that are drawn with repetition. Redis 7.0 dies for want of memory far below what it allows.</summary>
    private const long RepeatsMax = 1L << 24;

    private static void HScan(ref CommandCall call)
    {
        var key = call.Args.Key();
        var options = ScanOptions.ReadCursor(ref call.Args);
        if (!call.ArgsValid()) return;

        // The options of a scan of an absent key are not looked at.
        var found = call.Transaction.FindHash(key, out var hash);
        call.Looked(key, found is not Found.Absent);
        if (found is Found.WrongType) call.Args.Fail(Errors.WrongType);
        if (found is Found.Present) options.ReadOptions(ref call.Args, withType: false);
        if (!call.ArgsValid()) return;

        call.Transaction.ExpectWork(Math.Min(options.Count, hash.Count));
        using var output = new ReplyWriter();
        scoped var fields = new FieldCollector(output) { Pattern = options.Pattern, HasPattern = options.HasPattern };
        var next = hash.Scan(options.Cursor, options.Count, ref fields);
        ScanOptions.Answer(ref call, next, fields.Count * 2, output);
    }

    private static void HRandField(ref CommandCall call)
    {
        var key = call.Args.Key();
        if (call.Args.Remaining == 0)
        {
            AnswerOne(ref call, key);
            return;
        }
        var count = call.Args.Int64(-long.MaxValue, long.MaxValue, Errors.NotRandomCount);
        var withValues = call.Args.Word("WITHVALUES"u8);
        if (call.Args.IsValid) call.Args.End();
        if (withValues && Math.Abs(count) > long.MaxValue / 2) call.Args.Fail(Errors.OutOfRange);
        if (!call.ArgsValid() || !call.TryFindHash(key, out var hash)) return;

        call.Transaction.ExpectWork(count < 0 ? -count : Math.Min(count, hash.Count));
        if (count >= 0 || hash.Count == 0) AnswerDistinct(ref call, hash, Math.Min(count, hash.Count), withValues);
        else if (-count > RepeatsMax) call.Reply.Error(Errors.OutOfRange);
        else AnswerRepeated(ref call, hash, -count, withValues);
    }

    private static void AnswerOne(ref CommandCall call, in Engine.Key key)
    {
        if (!call.TryFindHash(key, out var hash)) return;
        if (hash.Count == 0)
        {
            call.Reply.Null();
            return;
        }
        hash.GetAt(call.Server.Random.NextInt64(hash.Count), out var field, out _);
        call.Reply.Bulk(field);
    }

    private static void AnswerDistinct(ref CommandCall call, scoped HashValue hash, long count, bool withValues)
    {
        WriteHeader(call.Reply, Math.Max(0, count), withValues);
        if (count <= 0) return;
        if (count == hash.Count)
        {
            foreach (var pair in hash) WriteField(call.Reply, pair.Field, pair.Value, withValues);
            return;
        }
        foreach (var index in Sampling.Distinct(call.Server.Random, count, hash.Count)) WriteFieldAt(call.Reply, hash, index, withValues);
    }

    private static void AnswerRepeated(ref CommandCall call, scoped HashValue hash, long count, bool withValues)
    {
        WriteHeader(call.Reply, count, withValues);
        for (; count > 0; count--) WriteFieldAt(call.Reply, hash, call.Server.Random.NextInt64(hash.Count), withValues);
    }

    private static void WriteFieldAt(ReplyWriter reply, HashValue hash, long index, bool withValues)
    {
        hash.GetAt(index, out var field, out var value);
        WriteField(reply, field, value, withValues);
    }

    // With values RESP2 has one flat array, RESP3 an array of pairs.
    private static void WriteHeader(ReplyWriter reply, long count, bool withValues) =>
        reply.ArrayHeader((int)(withValues && reply.Protocol == 2 ? count * 2 : count));

    private static void WriteField(ReplyWriter reply, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value, bool withValues)
    {
        if (withValues && reply.Protocol == 3) reply.ArrayHeader(2);
        reply.Bulk(field);
        if (withValues) reply.Bulk(value);
    }

    /// <summary>Keeps the fields that match, with their values, as bulk strings.</summary>
    private ref struct FieldCollector(ReplyWriter output) : IFieldVisitor
    {
        private readonly ReplyWriter _output = output;

        public ReadOnlySpan<byte> Pattern { get; init; }

        public bool HasPattern { get; init; }

        /// <summary>How many fields were kept.</summary>
        public int Count { get; private set; }

        /// <inheritdoc/>
        public void Visit(scoped ReadOnlySpan<byte> field, scoped ReadOnlySpan<byte> value)
        {
            if (HasPattern && !GlobPattern.Matches(Pattern, field)) return;
            _output.Bulk(field);
            _output.Bulk(value);
            Count++;
        }
    }
}
