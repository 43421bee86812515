using System.Text;
using Memstore.Engine.Values;

namespace Memstore.Engine.Tests.Values;

/// <summary>Fields and values as a command would name them.</summary>
internal readonly struct Pairs(IReadOnlyList<(byte[] Field, byte[] Value)> items) : IFieldValues
{
    public int Count => items.Count;

    public ReadOnlySpan<byte> Field(int index) => items[index].Field;

    public ReadOnlySpan<byte> Value(int index) => items[index].Value;

    public static Pairs Of(params (string Field, string Value)[] items)
        => new([.. items.Select(item => (Encoding.UTF8.GetBytes(item.Field), Encoding.UTF8.GetBytes(item.Value)))]);

    public static Pairs Fields(params string[] fields) => Of([.. fields.Select(field => (field, ""))]);
}
