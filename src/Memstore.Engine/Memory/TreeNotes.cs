using System.Runtime.InteropServices;

namespace Memstore.Engine.Memory;

/// <summary>What changes of trees have replaced, so that they can be taken back: field by field, the last first.</summary>
// A note: the field, the value that it had, both lengths (that of the value is -1 if the field was absent). The lengths come last, because notes are read backwards.
// Nodes are not kept: a tree that was changed back has the same fields, but not the same shape.
internal sealed class TreeNotes
{
    private const int LengthsSize = 2 * sizeof(int);
    private const int FirstBytes = 1_024;
    private const int BytesKept = 64 * 1024;

    private byte[] _bytes = [];

    /// <summary>Bytes of the notes: a place to go back to.</summary>
    public int Length { get; private set; }

    /// <summary>A field is about to be added.</summary>
    public void Added(ReadOnlySpan<byte> field) => Note(field, default, -1);

    /// <summary>A field is about to lose its value.</summary>
    public void Replaced(ReadOnlySpan<byte> field, ReadOnlySpan<byte> value) => Note(field, value, value.Length);

    /// <summary>Takes the last note. Its spans are good until the next one is added.</summary>
    /// <returns>Whether the field was there.</returns>
    public bool Take(out ReadOnlySpan<byte> field, out ReadOnlySpan<byte> value)
    {
        var lengths = MemoryMarshal.Cast<byte, int>(_bytes.AsSpan(Length - LengthsSize, LengthsSize));
        var wasThere = lengths[1] >= 0;
        var valueAt = Length - LengthsSize - int.Max(0, lengths[1]);
        value = _bytes.AsSpan(valueAt, int.Max(0, lengths[1]));
        field = _bytes.AsSpan(valueAt - lengths[0], lengths[0]);
        Length = valueAt - lengths[0];
        return wasThere;
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        Length = 0;
        if (_bytes.Length > BytesKept) _bytes = [];
    }

    private void Note(ReadOnlySpan<byte> field, ReadOnlySpan<byte> value, int valueLength)
    {
        var end = checked(Length + field.Length + value.Length + LengthsSize);
        if (end > _bytes.Length) Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max(Math.Max(2L * _bytes.Length, end), FirstBytes)));
        field.CopyTo(_bytes.AsSpan(Length));
        value.CopyTo(_bytes.AsSpan(Length + field.Length));
        var lengths = MemoryMarshal.Cast<byte, int>(_bytes.AsSpan(end - LengthsSize, LengthsSize));
        lengths[0] = field.Length;
        lengths[1] = valueLength;
        Length = end;
    }
}
