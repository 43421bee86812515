using System.Text;
using Memstore.Engine.Values;

namespace Memstore.Engine.Tests.Values;

/// <summary>What a hash should hold, in the order of insertion. Bytes are kept as Latin-1 strings.</summary>
internal sealed class HashModel
{
    private readonly List<string> _order = [];
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    public IReadOnlyList<string> Fields => _order;

    public int Count => _order.Count;

    public string? this[string field] => _values.GetValueOrDefault(field);

    public static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    public static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    public bool Set(string field, string value)
    {
        var created = _values.TryAdd(field, value);
        if (created) _order.Add(field);
        else _values[field] = value;
        return created;
    }

    public bool Remove(string field)
    {
        if (!_values.Remove(field)) return false;

        _order.Remove(field);
        return true;
    }

    /// <summary>A field of one of few names, some empty, some short, some long; names differ in length or bytes.</summary>
    public static byte[] RandomField(Random random, int names, int longest = 117)
    {
        var name = random.Next(names);
        if (name == 0) return [];

        var text = name.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return Bytes(text.PadLeft(Math.Max(text.Length, name * 7 % longest), '-'));
    }

    public static byte[] RandomValue(Random random, int lengthMax)
    {
        var value = new byte[random.Next(lengthMax + 1)];
        random.NextBytes(value);
        return value;
    }
}
