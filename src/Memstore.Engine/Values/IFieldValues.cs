namespace Memstore.Engine.Values;

/// <summary>Fields named by a command, in its order; a name may come twice. Usually a view of the request's arguments.</summary>
public interface IFields
{
    /// <summary>How many there are.</summary>
    int Count { get; }

    /// <summary>The field at an index from 0.</summary>
    ReadOnlySpan<byte> Field(int index);
}

/// <summary>Fields with the values that they are to have; of a name that comes twice the later value counts.</summary>
public interface IFieldValues : IFields
{
    /// <summary>The value for the field at an index from 0.</summary>
    ReadOnlySpan<byte> Value(int index);
}

/// <summary>One field and its value.</summary>
public readonly ref struct FieldValue(ReadOnlySpan<byte> field, ReadOnlySpan<byte> value) : IFieldValues
{
    /// <summary>The field.</summary>
    public ReadOnlySpan<byte> Field { get; } = field;

    /// <summary>Its value.</summary>
    public ReadOnlySpan<byte> Value { get; } = value;

    int IFields.Count => 1;

    ReadOnlySpan<byte> IFields.Field(int index) => Field;

    ReadOnlySpan<byte> IFieldValues.Value(int index) => Value;
}
