using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;

namespace Memstore.Engine.Values;

/// <summary>
/// The payload that follows from a packed hash by one change. Made by <see cref="Set"/>, <see cref="SetAll"/> or
/// <see cref="RemoveAll"/>, which only plan: the caller gets <see cref="Size"/> bytes from where it likes and then calls
/// <see cref="Write"/>. The old payload must stay as it is until then.
/// </summary>
// Setting one field keeps all columns but one or two bytes of them, so it is a handful of block copies. Everything else
// (several pairs, removals, a change of the width of lengths) notes in _fates what becomes of each old field and in _added
// which pairs are new, and writes column by column.
internal ref struct PackedHashEdit : IDisposable
{
    private const int Kept = -1;
    private const int Removed = -2;

    private readonly PackedHash _old;

    // For one field: its index in the old payload or the old count, and where its entry starts.
    private int _index;
    private int _at;

    // For several: for each old field Kept, Removed or the index of the pair with its new value; then the pairs to append.
    private int[]? _rented;
    private Span<int> _fates;
    private Span<int> _added;
    private byte[]? _addedTags;
    private bool _wide;

    private PackedHashEdit(ReadOnlySpan<byte> payload)
    {
        _old = new PackedHash(payload);
        _wide = _old.Width == 4;
        Count = _old.Count;
    }

    /// <summary>Number of fields after the change. With 0 the key is to be deleted; there is nothing to write.</summary>
    public int Count { get; private set; }

    /// <summary>Number of fields that the change creates.</summary>
    public int Created { get; private set; }

    /// <summary>Bytes of the new payload.</summary>
    public long Size { get; private set; }

    /// <summary>Plans to set one field, in its place or as the last.</summary>
    public static PackedHashEdit Set(ReadOnlySpan<byte> payload, scoped ReadOnlySpan<byte> field, scoped ReadOnlySpan<byte> value)
    {
        var edit = new PackedHashEdit(payload);
        edit._index = edit._old.Find(field, out edit._at);
        var created = edit._index < 0;
        if (!edit.StaysAsWide(field.Length, value.Length, created))
        {
            edit.PlanAll(new FieldValue(field, value), int.MaxValue);
            return edit;
        }

        if (created)
        {
            edit._index = edit._old.Count;
            edit._at = payload.Length;
            edit.Created = 1;
            edit.Count++;
            edit.Size = edit.SizeFor((long)edit._old.EntryBytes + field.Length + value.Length);
        }
        else
        {
            edit.Size = (long)payload.Length - edit._old.ValueLength(edit._index) + value.Length;
        }

        return edit;
    }

    /// <summary>
    /// Plans to set fields, in their places or at the end in the order of their first mention. Planning stops early when
    /// <see cref="Count"/> passes a limit: then the hash is to become a tree and nothing may be written.
    /// </summary>
    public static PackedHashEdit SetAll<TPairs>(ReadOnlySpan<byte> payload, scoped TPairs pairs, int countMax)
        where TPairs : IFieldValues, allows ref struct
    {
        var edit = new PackedHashEdit(payload);
        edit.PlanAll(pairs, countMax);
        return edit;
    }

    /// <summary>Plans to remove fields. If <see cref="RemovedCount"/> is 0 there is nothing to write.</summary>
    public static PackedHashEdit RemoveAll<TFields>(ReadOnlySpan<byte> payload, scoped TFields fields)
        where TFields : IFields, allows ref struct
    {
        var edit = new PackedHashEdit(payload);
        edit.RentFates(0);
        long entryBytes = edit._old.EntryBytes;
        for (var i = 0; i < fields.Count; i++)
        {
            var index = edit._old.Find(fields.Field(i), out _);
            if (index < 0 || edit._fates[index] == Removed) continue;

            edit._fates[index] = Removed;
            edit.Count--;
            entryBytes -= edit._old.FieldLength(index) + edit._old.ValueLength(index);
        }

        edit.Size = edit.SizeFor(entryBytes);
        return edit;
    }

    /// <summary>Number of fields that the change removes.</summary>
    public readonly int RemovedCount => _old.Count + Created - Count;

    /// <summary>Writes the new payload of a plan made by <see cref="Set"/>.</summary>
    /// <param name="destination">Exactly <see cref="Size"/> bytes.</param>
    /// <param name="field">The field that the plan was made for.</param>
    /// <param name="value">The value that the plan was made for.</param>
    public readonly void Write(Span<byte> destination, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        if (_rented is not null) WriteAll(destination, new FieldValue(field, value));
        else if (Created == 1) WriteAppended(destination, field, value);
        else WriteReplaced(destination, field.Length, value);
    }

    /// <summary>Writes the new payload of a plan made by <see cref="SetAll"/> or <see cref="RemoveAll"/>.</summary>
    /// <param name="destination">Exactly <see cref="Size"/> bytes.</param>
    /// <param name="pairs">The pairs that the plan was made for; after a removal any pairs, they are not read.</param>
    public readonly void WriteAll<TPairs>(Span<byte> destination, scoped TPairs pairs)
        where TPairs : IFieldValues, allows ref struct
    {
        Debug.Assert(Size == destination.Length && Count > 0);
        var writer = new ColumnWriter(destination, Count, _wide);
        var entries = _old.GetEnumerator();
        for (var i = 0; entries.MoveNext(); i++)
        {
            if (_fates[i] == Removed) continue;

            writer.Append(_old.Tags[i], entries.Field, _fates[i] == Kept ? entries.Value : pairs.Value(_fates[i]));
        }

        for (var i = 0; i < Created; i++)
        {
            // The first mention gives the place, the last one the value; both name the same field.
            writer.Append(_addedTags![i], pairs.Field(_added[i]), pairs.Value(_added[i]));
        }
    }

    /// <summary>Gives scratch space back.</summary>
    public void Dispose()
    {
        if (_rented is not null) ArrayPool<int>.Shared.Return(_rented);
        if (_addedTags is not null) ArrayPool<byte>.Shared.Return(_addedTags);
        _rented = null;
        _addedTags = null;
        _fates = default;
        _added = default;
    }

    // Whether the lengths keep their width: else the columns cannot be copied.
    private readonly bool StaysAsWide(int fieldLength, int valueLength, bool created)
        => _wide || (valueLength <= PackedHash.NarrowLengthMax && (!created || fieldLength <= PackedHash.NarrowLengthMax));

    private readonly long SizeFor(long entryBytes)
        => (_wide || Count > PackedHash.InlineCountMax ? 5 : 1) + ((long)Count * (_wide ? 9 : 3)) + entryBytes;

    private void RentFates(int added)
    {
        _rented = ArrayPool<int>.Shared.Rent(_old.Count + added);
        _fates = _rented.AsSpan(0, _old.Count);
        _added = _rented.AsSpan(_old.Count, added);
        _fates.Fill(Kept);
        if (added > 0) _addedTags = ArrayPool<byte>.Shared.Rent(added);
    }

    private void PlanAll<TPairs>(scoped TPairs pairs, int countMax)
        where TPairs : IFieldValues, allows ref struct
    {
        RentFates(pairs.Count);
        for (var i = 0; i < pairs.Count && Count <= countMax; i++)
        {
            var field = pairs.Field(i);
            var index = _old.Find(field, out _);
            if (index >= 0) _fates[index] = i;
            else NoteAdded(pairs, i, field);
        }

        // Only now is it known which of a field's values counts.
        long entryBytes = _old.EntryBytes;
        for (var i = 0; i < _fates.Length; i++)
        {
            if (_fates[i] != Kept) entryBytes += Widen(0, pairs.Value(_fates[i]).Length) - _old.ValueLength(i);
        }

        for (var i = 0; i < Created; i++) entryBytes += Widen(pairs.Field(_added[i]).Length, pairs.Value(_added[i]).Length);
        Size = SizeFor(entryBytes);
    }

    private void NoteAdded<TPairs>(scoped TPairs pairs, int pair, scoped ReadOnlySpan<byte> field)
        where TPairs : IFieldValues, allows ref struct
    {
        var tag = PackedHash.TagOf(field);
        var tags = _addedTags.AsSpan(0, Created);
        var at = 0;
        while (tags[at..].IndexOf(tag) is >= 0 and var step)
        {
            at += step;
            if (pairs.Field(_added[at]).SequenceEqual(field))
            {
                _added[at] = pair;
                return;
            }

            at++;
        }

        _addedTags![Created] = tag;
        _added[Created] = pair;
        Created++;
        Count++;
    }

    private int Widen(int fieldLength, int valueLength)
    {
        _wide |= int.Max(fieldLength, valueLength) > PackedHash.NarrowLengthMax;
        return fieldLength + valueLength;
    }

    private readonly void WriteReplaced(Span<byte> destination, int fieldLength, ReadOnlySpan<byte> value)
    {
        Debug.Assert(Size == destination.Length);
        var old = _old.Payload;
        var valueAt = _at + fieldLength;
        var behind = valueAt + _old.ValueLength(_index);
        old[..valueAt].CopyTo(destination);
        var lengths = destination.Slice(_old.EntriesAt - (_old.Count * _old.Width), _old.Count * _old.Width);
        WriteLength(lengths, _index, value.Length, _wide);
        value.CopyTo(destination[valueAt..]);
        old[behind..].CopyTo(destination[(valueAt + value.Length)..]);
    }

    private readonly void WriteAppended(Span<byte> destination, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        Debug.Assert(Size == destination.Length);
        var width = _wide ? 4 : 1;
        destination = destination[WriteHead(destination, Count, _wide)..];

        _old.Tags.CopyTo(destination);
        destination[_old.Count] = PackedHash.TagOf(field);
        destination = destination[Count..];

        _old.FieldLengths.CopyTo(destination);
        WriteLength(destination, _old.Count, field.Length, _wide);
        destination = destination[(Count * width)..];

        _old.ValueLengths.CopyTo(destination);
        WriteLength(destination, _old.Count, value.Length, _wide);
        destination = destination[(Count * width)..];

        _old.Payload[_old.EntriesAt..].CopyTo(destination);
        destination = destination[_old.EntryBytes..];
        field.CopyTo(destination);
        value.CopyTo(destination[field.Length..]);
    }

    private static int WriteHead(Span<byte> destination, int count, bool wide)
    {
        if (!wide && count <= PackedHash.InlineCountMax)
        {
            destination[0] = (byte)count;
            return 1;
        }

        destination[0] = wide ? PackedHash.WideHead : PackedHash.NarrowHead;
        BinaryPrimitives.WriteInt32LittleEndian(destination[1..], count);
        return 5;
    }

    private static void WriteLength(Span<byte> lengths, int index, int length, bool wide)
    {
        if (wide) BinaryPrimitives.WriteInt32LittleEndian(lengths[(index * 4)..], length);
        else lengths[index] = (byte)length;
    }

    // Fills the columns of a payload side by side.
    private ref struct ColumnWriter
    {
        private readonly Span<byte> _tags;
        private readonly Span<byte> _fieldLengths;
        private readonly Span<byte> _valueLengths;
        private readonly bool _wide;
        private Span<byte> _entries;
        private int _index;

        public ColumnWriter(Span<byte> destination, int count, bool wide)
        {
            _wide = wide;
            var lengthBytes = count * (wide ? 4 : 1);
            var columns = destination[WriteHead(destination, count, wide)..];
            _tags = columns[..count];
            _fieldLengths = columns.Slice(count, lengthBytes);
            _valueLengths = columns.Slice(count + lengthBytes, lengthBytes);
            _entries = columns[(count + (2 * lengthBytes))..];
        }

        public void Append(byte tag, scoped ReadOnlySpan<byte> field, scoped ReadOnlySpan<byte> value)
        {
            _tags[_index] = tag;
            WriteLength(_fieldLengths, _index, field.Length, _wide);
            WriteLength(_valueLengths, _index, value.Length, _wide);
            field.CopyTo(_entries);
            value.CopyTo(_entries[field.Length..]);
            _entries = _entries[(field.Length + value.Length)..];
            _index++;
        }
    }
}
