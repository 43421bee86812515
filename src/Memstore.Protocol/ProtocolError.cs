using System.Text;

namespace Memstore.Protocol;

/// <summary>What was wrong with the bytes of a client.</summary>
public enum ProtocolErrorKind
{
    /// <summary>The count after '*' is no number or too large.</summary>
    InvalidMultibulkLength,

    /// <summary>The length after '$' is no number, negative or too large.</summary>
    InvalidBulkLength,

    /// <summary>An element of a request does not start with '$'.</summary>
    ExpectedDollar,

    /// <summary>The line of a count does not end.</summary>
    TooBigMultibulkCount,

    /// <summary>The line of a length does not end.</summary>
    TooBigBulkCount,

    /// <summary>An inline request does not end.</summary>
    TooBigInlineRequest,

    /// <summary>The quotes of an inline request do not match.</summary>
    UnbalancedQuotes,

    /// <summary>More elements than a client may send before it authenticates.</summary>
    UnauthenticatedMultibulkLength,

    /// <summary>A longer bulk string than a client may send before it authenticates.</summary>
    UnauthenticatedBulkLength,

    /// <summary>An incomplete request needs more than the query buffer may hold. Redis closes the connection without an answer.</summary>
    QueryBufferLimit,
}

/// <summary>A framing error: it is answered after the requests that came before it, and then the connection is closed.</summary>
public sealed class ProtocolError
{
    private readonly byte[] _message;

    private ProtocolError(ProtocolErrorKind kind, byte[] message) => (Kind, _message) = (kind, message);

    /// <summary>What was wrong.</summary>
    public ProtocolErrorKind Kind { get; }

    /// <summary>The text of the error reply as Redis 7.0 words it, without '-' and line end; empty when the client gets no answer.</summary>
    public ReadOnlySpan<byte> Message => _message;

    /// <summary>Whether the client is told before the connection closes.</summary>
    public bool IsAnswered => _message.Length > 0;

    internal static ProtocolError InvalidMultibulkLength { get; } =
        Create(ProtocolErrorKind.InvalidMultibulkLength, "invalid multibulk length");

    internal static ProtocolError InvalidBulkLength { get; } = Create(ProtocolErrorKind.InvalidBulkLength, "invalid bulk length");

    internal static ProtocolError TooBigMultibulkCount { get; } =
        Create(ProtocolErrorKind.TooBigMultibulkCount, "too big mbulk count string");

    internal static ProtocolError TooBigBulkCount { get; } = Create(ProtocolErrorKind.TooBigBulkCount, "too big bulk count string");

    internal static ProtocolError TooBigInlineRequest { get; } = Create(ProtocolErrorKind.TooBigInlineRequest, "too big inline request");

    internal static ProtocolError UnbalancedQuotes { get; } = Create(ProtocolErrorKind.UnbalancedQuotes, "unbalanced quotes in request");

    internal static ProtocolError UnauthenticatedMultibulkLength { get; } =
        Create(ProtocolErrorKind.UnauthenticatedMultibulkLength, "unauthenticated multibulk length");

    internal static ProtocolError UnauthenticatedBulkLength { get; } =
        Create(ProtocolErrorKind.UnauthenticatedBulkLength, "unauthenticated bulk length");

    internal static ProtocolError QueryBufferLimit { get; } = new(ProtocolErrorKind.QueryBufferLimit, []);

    /// <summary>The error of an element that starts with <paramref name="got"/>; line ends show as spaces, other bytes as they are.</summary>
    internal static ProtocolError ExpectedDollar(byte got)
    {
        var shown = got is (byte)'\r' or (byte)'\n' ? (byte)' ' : got;
        return new(ProtocolErrorKind.ExpectedDollar, [.. "ERR Protocol error: expected '$', got '"u8, shown, (byte)'\'']);
    }

    /// <inheritdoc/>
    public override string ToString() => IsAnswered ? Encoding.Latin1.GetString(_message) : Kind.ToString();

    private static ProtocolError Create(ProtocolErrorKind kind, string detail) =>
        new(kind, Encoding.ASCII.GetBytes("ERR Protocol error: " + detail));
}
