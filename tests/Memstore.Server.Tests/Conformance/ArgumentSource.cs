using System.Globalization;
using System.Text;

namespace Memstore.Server.Tests.Conformance;

/// <summary>Draws arguments: a few shared keys, values of every encoding, numbers at their borders, and nonsense.</summary>
internal sealed class ArgumentSource(Random random)
{
    // Deadlines are far away, so that none passes while a test runs, and never twice the same, so that GT and LT mean the same to two clocks.
    private const long NearestDeadlineSeconds = 10_000;
    private const long DeadlineStepSeconds = 37;
    private const long FarFutureSeconds = 4_102_444_800;

    private static readonly byte[][] Keys =
    [
        "key:1"u8.ToArray(), "key:2"u8.ToArray(), "key:3"u8.ToArray(), "key:4"u8.ToArray(), "hash:1"u8.ToArray(), "hash:2"u8.ToArray(),
        "{tag}a"u8.ToArray(), "{tag}b"u8.ToArray(), "{}x"u8.ToArray(), [], [0, 0xff, (byte)'\r', (byte)'\n', (byte)' ', (byte)'*', 0x80],
        [.. Enumerable.Repeat((byte)'L', 300)],
    ];

    private static readonly string[] Integers =
    [
        "0", "1", "-1", "2", "10", "100", "-100", "9223372036854775807", "-9223372036854775808", "9223372036854775806", "-9223372036854775807",
        "9223372036854775808", "-9223372036854775809", "18446744073709551615", "2147483647", "2147483648", "-2147483648", "4294967296",
        "", " 1", "1 ", "+1", "01", "-0", "00", "0x10", "1.0", "1e3", "one", "\0", "1\0", "99999999999999999999999999",
    ];

    private static readonly string[] Floats =
    [
        "0", "1", "-1", "0.1", "0.2", "-0.1", "3.14", "10.50", "5.0e3", "1e10", "1e-10", "200", "-5.5", "1.5", "2.25", "100000000", "0.0001",
        "inf", "-inf", "+inf", "nan", "1e309", "-1e309", "0x1p3", "", " 1", "1 ", "abc", "1.5\0", "1,5", ".5", "5.", "1e", "9223372036854775807",
        "1e17", "123456789.123",
    ];

    private static readonly string[] Texts =
    [
        "", "a", "hello", "Hello World", "0", "1", "-1", "12345", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "007",
        " 5", "3.0", "1.5", "1e5", "\r\n", "\0", "a\0b", "é", "+OK\r\n", "{}", "\"quoted\"", "*", "-ERR text",
    ];

    private static readonly string[] Patterns =
    [
        "*", "", "key:*", "key:?", "key:[12]", "key:[^1]", "key:[1-3]", "key:[3-1]", "h*h:1", "[", "[a", "\\*", "key:\\", "*1", "?", "k[^", "*a*", "{tag}*",
        "[\\]]", "KEY:*", "**", "key:1", "[k-k]ey*", "*:*:*",
    ];

    private int _deadlines;

    public Random Random => random;

    public T Pick<T>(IReadOnlyList<T> from) => from[random.Next(from.Count)];

    public bool Chance(int percent) => random.Next(100) < percent;

    /// <summary>The word in capitals, in small letters, or mixed.</summary>
    public string AnyCase(string word) => random.Next(4) switch
    {
        0 => word.ToLowerInvariant(),
        1 => string.Concat(word.Select(letter => Chance(50) ? char.ToLowerInvariant(letter) : letter)),
        _ => word,
    };

    /// <summary>One argument of a kind; a few kinds are several arguments.</summary>
    public byte[][] Next(string kind) => kind switch
    {
        "key" => [Chance(70) ? Keys[random.Next(6)] : Pick(Keys)],
        "hash" => [Chance(80) ? Keys[random.Next(4, 6)] : Pick(Keys)],
        "value" => [Value()],
        "field" => [Chance(80) ? Bytes($"f{random.Next(6)}") : Value()],
        "integer" => [Bytes(Integer(50))],
        "small" => [Bytes(Integer(85))],
        "offset" => [Bytes(Chance(80) ? $"{random.Next(60)}" : Pick<string>(["-1", "536870912", "9223372036854775807", "x", "", "1.5"]))],
        "float" => [Bytes(Chance(30) ? Number(random.Next(-1_000, 1_000) / 100m) : Pick(Floats))],
        "seconds" => [Bytes(Duration(1))],
        "milliseconds" => [Bytes(Duration(1_000))],
        "at" => [Bytes(Moment(1))],
        "atms" => [Bytes(Moment(1_000))],
        "db" => [Bytes(Chance(85) ? $"{random.Next(4)}" : Pick<string>(["15", "16", "-1", "x", "", "99999999999999999999", "1000000000", "0 "]))],
        "pattern" => [Bytes(Pick(Patterns))],
        "count" => [Bytes(Chance(70) ? $"{random.Next(1, 20)}" : Pick<string>(["0", "-1", "x", "1000", "9223372036854775808"]))],
        "type" => [Bytes(AnyCase(Pick<string>(["string", "hash", "list", "zset", "nosuch"])))],
        "name" => [Bytes(Pick<string>(["", "me", "a b", "a\nb", "é", "client-1", new string('n', 100)]))],
        "cursor" => [Bytes(Pick<string>(["x", "-1", "", "1.5", "18446744073709551616", "0x1"]))],
        "junk" => [Junk()],
        "junks" => [.. Enumerable.Range(0, random.Next(0, 7)).Select(_ => Junk())],
        _ => throw new ArgumentException($"no kind of argument is called '{kind}'", nameof(kind)),
    };

    public byte[] Junk() => random.Next(6) switch
    {
        0 => Bytes(Pick(Integers)),
        1 => Bytes(Pick(Texts)),
        2 => Bytes(Pick(Floats)),
        3 => Bytes(Pick<string>(["NX", "XX", "EX", "PX", "GET", "KEEPTTL", "GT", "LT", "COUNT", "MATCH", "DB", "REPLACE", "ASYNC", "nosuch"])),
        4 => Bytes(new string('x', Pick<int>([1, 127, 128, 129, 200]))),
        _ => Value(),
    };

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    private static string Number(decimal number) => number.ToString(CultureInfo.InvariantCulture);

    private byte[] Value() => random.Next(10) switch
    {
        < 4 => Bytes(Pick(Texts)),
        < 6 => Bytes(Integer(60)),
        6 => Bytes(Pick(Floats)),
        7 => Bytes(new string('v', Pick<int>([43, 44, 45, 63, 64, 65, 100, 1_000]))),
        8 => RandomBytes(),
        _ => Bytes($"value:{random.Next(1_000)}"),
    };

    private byte[] RandomBytes()
    {
        var bytes = new byte[random.Next(1, 30)];
        random.NextBytes(bytes);
        return bytes;
    }

    private string Integer(int plainPercent) => Chance(plainPercent) ? $"{random.Next(-20, 100)}" : Pick(Integers);

    private string Duration(long unit)
    {
        if (Chance(15)) return Pick<string>(["0", "-1", "-100", "x", "", "1.5", "9223372036854775807", "-9223372036854775808", "9223372036854776"]);
        return Number((NearestDeadlineSeconds + UniqueSeconds()) * unit);
    }

    private string Moment(long unit)
    {
        if (Chance(15)) return Pick<string>(["0", "1", "-1", "x", "", "9223372036854775807", "-9223372036854775808", "9223372036854776", "1000"]);
        return Number((FarFutureSeconds + UniqueSeconds()) * unit);
    }

    // Walks through all multiples of the step in an order that goes up and down.
    private long UniqueSeconds() => DeadlineStepSeconds * (_deadlines++ * 7_919L % 10_007);
}
