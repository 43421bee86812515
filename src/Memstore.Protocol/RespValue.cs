using System.Globalization;
using System.Text;

namespace Memstore.Protocol;

/// <summary>The types of replies in RESP2 and RESP3.</summary>
public enum RespType
{
    /// <summary>'+': one line.</summary>
    SimpleString,

    /// <summary>'-', or '!' in RESP3 with any bytes.</summary>
    Error,

    /// <summary>':'.</summary>
    Integer,

    /// <summary>'$'.</summary>
    Bulk,

    /// <summary>'_' in RESP3, '$-1' and '*-1' in RESP2.</summary>
    Null,

    /// <summary>'*'.</summary>
    Array,

    /// <summary>'%': items are keys and values in turn.</summary>
    Map,

    /// <summary>'~'.</summary>
    Set,

    /// <summary>'&gt;': not an answer to a request.</summary>
    Push,

    /// <summary>','.</summary>
    Double,

    /// <summary>'#'.</summary>
    Boolean,

    /// <summary>'('.</summary>
    BigNumber,

    /// <summary>'=': a format of three letters, a colon and the text.</summary>
    Verbatim,
}

/// <summary>A reply as a tree that keeps its bytes; for tests and tools, not for hot paths. Immutable.</summary>
public sealed class RespValue
{
    private readonly byte[] _bytes;

    internal RespValue(RespType type, byte[] bytes, RespValue[] items, long integer, IReadOnlyList<RespValue> attributes)
    {
        Type = type;
        _bytes = bytes;
        Items = items;
        Integer = integer;
        Attributes = attributes;
    }

    /// <summary>What kind of reply it is.</summary>
    public RespType Type { get; }

    /// <summary>The text of a scalar as it came, without type, length and line end; a verbatim string keeps its format.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>The elements of a container; keys and values in turn for a map.</summary>
    public IReadOnlyList<RespValue> Items { get; }

    /// <summary>The attributes that came before the reply, keys and values in turn.</summary>
    public IReadOnlyList<RespValue> Attributes { get; }

    /// <summary>The value of an integer; 0 or 1 of a boolean.</summary>
    public long Integer { get; }

    /// <summary>Whether it is an error.</summary>
    public bool IsError => Type == RespType.Error;

    /// <summary>Whether it is no value.</summary>
    public bool IsNull => Type == RespType.Null;

    /// <summary>The text of a scalar, read as UTF-8.</summary>
    public string Text => Encoding.UTF8.GetString(_bytes);

    /// <summary>As redis-cli would show it, on one line.</summary>
    public override string ToString() => Type switch
    {
        RespType.Null => "(nil)",
        RespType.Integer => "(integer) " + Integer.ToString(CultureInfo.InvariantCulture),
        RespType.Boolean => Integer == 1 ? "(true)" : "(false)",
        RespType.Double => "(double) " + Text,
        RespType.BigNumber => "(big number) " + Text,
        RespType.Error => "(error) " + Text,
        RespType.SimpleString => Text,
        RespType.Bulk or RespType.Verbatim => $"\"{Text}\"",
        RespType.Map => $"{{{string.Join(", ", Items)}}}",
        _ => $"[{string.Join(", ", Items)}]",
    };
}
