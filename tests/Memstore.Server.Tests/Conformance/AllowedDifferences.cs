using System.Globalization;

namespace Memstore.Server.Tests.Conformance;

/// <summary>Where two right servers may answer different bytes, and how far.</summary>
internal static class AllowedDifferences
{
    // Less than the least difference of two deadlines that the generator draws; one server may have to wait for a busy machine in between.
    private const long ClockToleranceMs = 30_000;

    // Errors are never allowed to differ, whatever the command.
    private static readonly Dictionary<string, (Func<RawReply, RawReply, bool> Same, string Reason)> Rules = new()
    {
        ["KEYS"] = (SameElements, "A keyspace has no order."),
        ["HKEYS"] = (SameElements, "A hash has no order."),
        ["HVALS"] = (SameElements, "A hash has no order."),
        ["HGETALL"] = (SamePairs, "A hash has no order."),
        ["RANDOMKEY"] = (SameType, "Chance."),
        ["HRANDFIELD"] = (SameType, "Chance."),
        ["TTL"] = (NearOrLatest(1_000), "The two servers set the deadline at different moments; Memstore's end in the year 10889."),
        ["PTTL"] = (NearOrLatest(1), "The two servers set the deadline at different moments; Memstore's end in the year 10889."),
        ["EXPIRETIME"] = (NearOrLatest(1_000), "The two servers set the deadline at different moments; Memstore's end in the year 10889."),
        ["PEXPIRETIME"] = (NearOrLatest(1), "The two servers set the deadline at different moments; Memstore's end in the year 10889."),
        ["OBJECT ENCODING"] = (IsIntegerOfFloat, "A sum of INCRBYFLOAT that is a whole number is kept as any other whole number."),
        ["SCAN"] = (SameType, "Which keys are on the first page; whole iterations are compared as sets."),
        ["HSCAN"] = (SameType, "Which fields are on the first page; whole iterations are compared as sets."),
        ["OBJECT IDLETIME"] = (SameType, "Time, and Redis shares the objects of small integers."),
        ["TIME"] = (SameType, "Time."),
        ["CLIENT ID"] = (SameType, "The numbers count every server's own connections."),
        ["CLIENT INFO"] = (SameType, "Addresses, ages and buffers of a connection."),
        ["CLIENT LIST"] = (SameType, "Addresses, ages and buffers of the connections."),
        ["COMMAND COUNT"] = (SameType, "The servers know different numbers of commands."),
        ["MEMORY USAGE"] = (SameType, "A key costs each server what it costs."),
        ["HELLO"] = (SameHello, "The version and the connection's number."),
    };

    /// <summary>Whether the reply is the one that the reference gave, as far as it can be.</summary>
    public static bool Same(byte[][] command, RawReply expected, RawReply actual)
    {
        if (expected.Bytes.SequenceEqual(actual.Bytes)) return true;
        if (expected.Type != actual.Type || expected.IsError) return false;
        return RuleOf(command) is { } same && same(expected, actual);
    }

    private static Func<RawReply, RawReply, bool>? RuleOf(byte[][] command)
    {
        var name = Word(command[0]);
        if (Rules.TryGetValue(name, out var rule)) return rule.Same;
        return command.Length > 1 && Rules.TryGetValue($"{name} {Word(command[1])}", out rule) ? rule.Same : null;
    }

    private static string Word(byte[] argument) => System.Text.Encoding.Latin1.GetString(argument).ToUpperInvariant();

    private static bool SameType(RawReply expected, RawReply actual) => expected.Type == actual.Type && IsNull(expected) == IsNull(actual);

    private static bool IsNull(RawReply reply) => reply.Bytes.SequenceEqual("$-1\r\n"u8) || reply.Bytes.SequenceEqual("*-1\r\n"u8);

    private static bool SameElements(RawReply expected, RawReply actual) =>
        expected.Elements.Select(element => element.ToString()).Order().SequenceEqual(actual.Elements.Select(element => element.ToString()).Order());

    private static bool SamePairs(RawReply expected, RawReply actual) => Pairs(expected).Order().SequenceEqual(Pairs(actual).Order());

    private static IEnumerable<string> Pairs(RawReply reply) => reply.Elements.Chunk(2).Select(pair => string.Concat<object>(pair));

    // -1 and -2 have meanings of their own, so they must be equal.
    private static Func<RawReply, RawReply, bool> Near(long tolerance) => (expected, actual) =>
        long.TryParse(expected.Text, CultureInfo.InvariantCulture, out var left) &&
        long.TryParse(actual.Text, CultureInfo.InvariantCulture, out var right) &&
        left >= 0 && right >= 0 && Math.Abs(left - right) <= tolerance;

    private static Func<RawReply, RawReply, bool> NearOrLatest(long unitMs)
    {
        const long latestLeftMs = 270_000_000_000_000;
        var near = Near(ClockToleranceMs / unitMs);
        return (expected, actual) => near(expected, actual) ||
            (long.TryParse(expected.Text, CultureInfo.InvariantCulture, out var left) &&
            long.TryParse(actual.Text, CultureInfo.InvariantCulture, out var right) &&
            right > latestLeftMs / unitMs && left > right);
    }

    private static bool IsIntegerOfFloat(RawReply expected, RawReply actual) => expected.Text == "embstr" && actual.Text == "int";

    private static bool SameHello(RawReply expected, RawReply actual) => expected.Elements.Length == actual.Elements.Length &&
        expected.Elements.Chunk(2).Zip(actual.Elements.Chunk(2)).All(pair =>
            pair.First[0].ToString() == pair.Second[0].ToString() &&
            (pair.First[0].Text is "id" or "version" || pair.First[1].ToString() == pair.Second[1].ToString()));
}
