using System.Text;
using Xunit;

namespace Memstore.Protocol.Tests;

/// <summary>Bytes of a client and what they mean to Redis 7.0.15, which was asked about each of them.</summary>
/// <param name="Bytes">In Latin-1.</param>
/// <param name="Requests">The requests; arguments in Latin-1, joined by '|'.</param>
/// <param name="Error">The error after the requests.</param>
public sealed record Frame(string Bytes, string[] Requests, string? Error = null)
{
    public byte[] ToArray() => Encoding.Latin1.GetBytes(Bytes);
}

/// <summary>The one list of frames that the theories run over. Numbers in comments are those of the list of bad inputs.</summary>
public static class Frames
{
    private const string Prefix = "ERR Protocol error: ";

    /// <summary>Complete frames: nothing shorter than the whole gives the last request.</summary>
    public static readonly Frame[] Complete =
    [
        new("*1\r\n$4\r\nPING\r\n", ["PING"]),
        new("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n", ["SET|key|value"]),
        new("*2\r\n$3\r\nGET\r\n$0\r\n\r\n", ["GET|"]),
        new("*1\r\n$0\r\n\r\n", [""]),
        new("*2\r\n$4\r\nECHO\r\n$4\r\n\r\n\0\xff\r\n", ["ECHO|\r\n\0\xff"]),
        new("*2\r\n$4\r\nECHO\r\n$12\r\nhello, world\r\n", ["ECHO|hello, world"]),
        new("*11\r\n" + Repeat("$1\r\nx\r\n", 11), ["x|x|x|x|x|x|x|x|x|x|x"]),
        new("*2\r\n$4\r\nECHO\r\n$123\r\n" + new string('e', 123) + "\r\n", ["ECHO|" + new string('e', 123)]),
        new("*2\r\n$4\r\nECHO\r\n$1234\r\n" + new string('e', 1234) + "\r\n", ["ECHO|" + new string('e', 1234)]),
        new("*100\r\n" + Repeat("$1\r\ny\r\n", 100), [string.Join('|', Enumerable.Repeat("y", 100))]),
        new("*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$1\r\na\r\n", ["PING", "ECHO|a"]),

        // What follows a CR, and the two bytes after a bulk string, are not looked at.
        new("*1\rX$4\rXPINGXX", ["PING"]),

        // 1: counts without elements are skipped.
        new("*0\r\n*1\r\n$4\r\nPING\r\n", ["PING"]),
        new("*-1\r\n*1\r\n$4\r\nPING\r\n", ["PING"]),
        new("*-2\r\n*0\r\nPING\r\n", ["PING"]),

        // Inline requests.
        new("PING\r\n", ["PING"]),
        new("PING\n", ["PING"]),
        new("PING\r\r\n", ["PING"]),
        new("\rPING\n", ["PING"]),
        new("   \r\n\r\n\nPING\r\n", ["PING"]),
        new("  SET\tkey   value  \r\n", ["SET|key|value"]),
        new("\vPING\r\n", ["PING"]),
        new("ECHO a\vb\r\n", ["ECHO|a\vb"]),
        new("\vECHO\f a\r\n", ["ECHO\f|a"]),
        new("ECHO a\\x41\r\n", ["ECHO|a\\x41"]),
        new("ECHO a\x80\r\n", ["ECHO|a\x80"]),
        new("%1\r\n", ["%1"]),
        new("POST / HTTP/1.1\r\nHost: memstore\r\n", ["POST|/|HTTP/1.1", "Host:|memstore"]),
        new("\"PING\"\r\n", ["PING"]),
        new("EC\"HO\" \"\\x41\\n\\r\\t\\b\\a\\q\\\"\"\r\n", ["ECHO|A\n\r\t\b\aq\""]),
        new("ECHO 'a\\'b\\n\"'\r\n", ["ECHO|a'b\\n\""]),
        new("ECHO \"\" ''\r\n", ["ECHO||"]),
        new("ECHO \"a\"\v\r\n", ["ECHO|a"]),
        new("ECHO \"\\xZZ\\x4\"\r\n", ["ECHO|xZZx4"]),
        new("ECHO \"\\x00\\xfF\"\r\n", ["ECHO|\0\xff"]),
        new("PING\r\nECHO \"x y\"\r\nPING\r\n", ["PING", "ECHO|x y", "PING"]),
    ];

    /// <summary>Frames that end in an error.</summary>
    public static readonly Frame[] Wrong =
    [
        // 1: counts.
        new("*2147483648\r\n", [], Prefix + "invalid multibulk length"),
        new("*9223372036854775807\r\n", [], Prefix + "invalid multibulk length"),
        new("*9223372036854775808\r\n", [], Prefix + "invalid multibulk length"),
        new("*-9223372036854775809\r\n", [], Prefix + "invalid multibulk length"),
        new("*\r\n", [], Prefix + "invalid multibulk length"),
        new("*+1\r\n", [], Prefix + "invalid multibulk length"),
        new("* 1\r\n", [], Prefix + "invalid multibulk length"),
        new("*01\r\n", [], Prefix + "invalid multibulk length"),
        new("*1\n$4\nPING\r\n", [], Prefix + "invalid multibulk length"),

        // 2: lengths.
        new("*1\r\n$-2\r\n", [], Prefix + "invalid bulk length"),
        new("*1\r\n$-1\r\n", [], Prefix + "invalid bulk length"),
        new("*1\r\n$-0\r\n", [], Prefix + "invalid bulk length"),
        new("*1\r\n$\r\n", [], Prefix + "invalid bulk length"),
        new("*1\r\n$9999999999\r\n", [], Prefix + "invalid bulk length"),
        new("*1\r\n$536870913\r\n", [], Prefix + "invalid bulk length"),
        new("*1\r\n$+5\r\n", [], Prefix + "invalid bulk length"),
        new("*1\r\n$ 5\r\n", [], Prefix + "invalid bulk length"),
        new("*1\r\n$05\r\n", [], Prefix + "invalid bulk length"),
        new("*1\r\n$5\nhello\r\n", [], Prefix + "invalid bulk length"),
        new("*2\r\n$4\r\nECHO\r\n$-5\r\n", [], Prefix + "invalid bulk length"),

        // 3: types that replies have are no elements of requests.
        new("*1\r\n*1\r\n", [], Prefix + "expected '$', got '*'"),
        new("*1\r\n%1\r\n", [], Prefix + "expected '$', got '%'"),
        new("*1\r\n~1\r\n", [], Prefix + "expected '$', got '~'"),
        new("*1\r\n>1\r\n", [], Prefix + "expected '$', got '>'"),
        new("*1\r\n|1\r\n", [], Prefix + "expected '$', got '|'"),
        new("*1\r\n,1.5\r\n", [], Prefix + "expected '$', got ','"),
        new("*1\r\n(12345678901234567890\r\n", [], Prefix + "expected '$', got '('"),
        new("*1\r\n:1\r\n", [], Prefix + "expected '$', got ':'"),
        new("*1\r\n#t\r\n", [], Prefix + "expected '$', got '#'"),
        new("*1\r\n_\r\n", [], Prefix + "expected '$', got '_'"),
        new("*1\r\n\r\n", [], Prefix + "expected '$', got ' '"),
        new("*1\r\n\n\r\n", [], Prefix + "expected '$', got ' '"),
        new("*1\r\n\xff\r\n", [], Prefix + "expected '$', got '\xff'"),
        new("*3\r\n$3\r\nSET\r\n$1\r\nk\r\nfooz\r\n", [], Prefix + "expected '$', got 'f'"),

        // 4: quotes.
        new("\"PING\r\n", [], Prefix + "unbalanced quotes in request"),
        new("'PING\r\n", [], Prefix + "unbalanced quotes in request"),
        new("\"PING\"x\r\n", [], Prefix + "unbalanced quotes in request"),
        new("'PING'x\r\n", [], Prefix + "unbalanced quotes in request"),
        new("PING\"x\r\n", [], Prefix + "unbalanced quotes in request"),
        new("ECHO \"a\\\r\n", [], Prefix + "unbalanced quotes in request"),
    ];

    /// <summary>Bytes that wait for more, now and after any number of bytes without the line end they hide.</summary>
    public static readonly string[] Waiting =
    [
        "*2147483647\r\n", "*1048577\r\n", "*1\r\n$536870912\r\n",
        "*1\n$4\nPING\n", "*1\r\n$5\n", "*2\r\nx", "*2\r\nx\r", "PING\r", "ECHO \"a\\", "*", "*1", "*1\r", "*1\r\n", "*1\r\n$",

        // 4: a NUL hides the line end behind it.
        "PI\0NG\r\n", "\0\r\n", "*1\r\n\0\r\n", "*1\0\r\n",
    ];

    public static TheoryData<int> CompleteIndexes { get; } = [.. Enumerable.Range(0, Complete.Length)];

    public static TheoryData<int> WrongIndexes { get; } = [.. Enumerable.Range(0, Wrong.Length)];

    public static TheoryData<int> WaitingIndexes { get; } = [.. Enumerable.Range(0, Waiting.Length)];

    private static string Repeat(string text, int count) => string.Concat(Enumerable.Repeat(text, count));
}
