using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.Intrinsics;

namespace Memstore.Engine.Values;

/// <summary>
/// A small hash as one packed payload: a view for reading it. Fields keep the order in which they were added. The payload
/// never changes; <see cref="PackedHashEdit"/> writes the next one. An empty payload is a hash without fields.
/// </summary>
// Layout, columns first, so that a lookup compares tags by the vector and adds up lengths by the vector:
//
//   head            1 byte: the count up to 253 with lengths of 1 byte; 254 or 255: the count follows in 4 bytes, and
//                   lengths have 1 byte (254) or 4 bytes (255)
//   tags            a byte for each field: a few bits of a hash, so that a lookup compares about one field's bytes
//   field lengths   1 or 4 bytes each
//   value lengths   1 or 4 bytes each
//   entries         field, value, field, value, ... without gaps
//
// Three bytes a pair; a listpack of Redis spends four. 4-byte numbers are little-endian.
internal readonly ref struct PackedHash
{
    internal const int InlineCountMax = 253;
    internal const byte NarrowHead = 254;
    internal const byte WideHead = 255;

    /// <summary>Longest field or value whose length fits into one byte.</summary>
    internal const int NarrowLengthMax = 255;

    private readonly ReadOnlySpan<byte> _payload;

    /// <summary>Views a payload that <see cref="PackedHashEdit"/> wrote, or an empty one.</summary>
    public PackedHash(ReadOnlySpan<byte> payload)
    {
        _payload = payload;
        Width = 1;
        if (payload.IsEmpty) return;

        var head = payload[0];
        HeadSize = HeadSizeOf(head);
        Count = head <= InlineCountMax ? head : BinaryPrimitives.ReadInt32LittleEndian(payload[1..]);
        if (head == WideHead) Width = 4;
    }

    /// <summary>Number of fields.</summary>
    public int Count { get; }

    /// <summary>Bytes of the head; 0 for an empty payload.</summary>
    internal int HeadSize { get; }

    /// <summary>Bytes of a length: 1 or 4.</summary>
    internal int Width { get; }

    internal ReadOnlySpan<byte> Payload => _payload;

    internal ReadOnlySpan<byte> Tags => _payload.Slice(HeadSize, Count);

    internal ReadOnlySpan<byte> FieldLengths => _payload.Slice(HeadSize + Count, Count * Width);

    internal ReadOnlySpan<byte> ValueLengths => _payload.Slice(HeadSize + Count + (Count * Width), Count * Width);

    /// <summary>Where the entries start.</summary>
    internal int EntriesAt => HeadSize + Count + (2 * Count * Width);

    /// <summary>Bytes of all fields and values.</summary>
    internal int EntryBytes => _payload.Length - EntriesAt;

    /// <summary>Whether the hash has a field.</summary>
    public bool Contains(ReadOnlySpan<byte> field) => Find(field, out _) >= 0;

    /// <summary>Looks the value of a field up. The span lives as long as the payload.</summary>
    public bool TryGet(ReadOnlySpan<byte> field, out ReadOnlySpan<byte> value)
    {
        var index = Find(field, out var at);
        value = index >= 0 ? _payload.Slice(at + field.Length, ValueLength(index)) : default;
        return index >= 0;
    }

    /// <summary>The field and value at an index from 0, in the order of insertion. Costs a sum over the lengths before it.</summary>
    public void GetAt(int index, out ReadOnlySpan<byte> field, out ReadOnlySpan<byte> value)
    {
        var at = EntryAt(index);
        var fieldLength = FieldLength(index);
        field = _payload.Slice(at, fieldLength);
        value = _payload.Slice(at + fieldLength, ValueLength(index));
    }

    /// <summary>Enumerates fields and values in the order of insertion.</summary>
    public Enumerator GetEnumerator() => new(this);

    /// <summary>The index of a field and where its entry starts; -1 if it is not there.</summary>
    internal int Find(ReadOnlySpan<byte> field, out int at)
    {
        at = 0;
        if (Count == 0) return -1;

        var tags = Tags;
        var tag = TagOf(field);
        var index = 0;
        while (true)
        {
            var step = tags[index..].IndexOf(tag);
            if (step < 0) return -1;

            index += step;
            if (FieldLength(index) == field.Length)
            {
                at = EntryAt(index);
                if (_payload.Slice(at, field.Length).SequenceEqual(field)) return index;
            }

            index++;
        }
    }

    internal int FieldLength(int index) => LengthAt(FieldLengths, index);

    internal int ValueLength(int index) => LengthAt(ValueLengths, index);

    /// <summary>Where the entry at an index starts: behind all before it.</summary>
    internal int EntryAt(int index)
    {
        if (Width == 1) return EntriesAt + SumOf(FieldLengths[..index]) + SumOf(ValueLengths[..index]);

        var at = EntriesAt;
        for (var i = 0; i < index; i++) at += FieldLength(i) + ValueLength(i);
        return at;
    }

    internal static int HeadSizeOf(byte head) => head <= InlineCountMax ? 1 : 5;

    /// <summary>Eight bits that tell most fields apart. Part of the payload's format; needs no seed, a clash costs one comparison.</summary>
    internal static byte TagOf(ReadOnlySpan<byte> field)
    {
        ulong word;
        if (field.Length >= 8)
        {
            word = BinaryPrimitives.ReadUInt64LittleEndian(field)
                ^ BitOperations.RotateLeft(BinaryPrimitives.ReadUInt64LittleEndian(field[^8..]), 29);
        }
        else if (field.Length >= 4)
        {
            word = BinaryPrimitives.ReadUInt32LittleEndian(field)
                | ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(field[^4..]) << 32);
        }
        else if (field.Length > 0)
        {
            word = field[0] | ((uint)field[field.Length >> 1] << 8) | ((uint)field[^1] << 16);
        }
        else
        {
            word = 0;
        }

        // The high half of a product depends on every bit below it; folding it in twice spreads the last bytes as well.
        word = (word ^ (ulong)field.Length) * 0x9E37_79B9_7F4A_7C15;
        word = (word ^ (word >> 32)) * 0xD6E8_FEB8_6659_FD93;
        return (byte)(word >> 56);
    }

    private int LengthAt(ReadOnlySpan<byte> lengths, int index)
        => Width == 1 ? lengths[index] : BinaryPrimitives.ReadInt32LittleEndian(lengths[(index * 4)..]);

    private static int SumOf(ReadOnlySpan<byte> lengths)
    {
        var sum = 0;
        if (Vector128.IsHardwareAccelerated && lengths.Length >= Vector128<byte>.Count)
        {
            var sums = Vector128<uint>.Zero;
            do
            {
                var (low, high) = Vector128.Widen(Vector128.Create(lengths));
                var (first, second) = Vector128.Widen(low + high);
                sums += first + second;
                lengths = lengths[Vector128<byte>.Count..];
            }
            while (lengths.Length >= Vector128<byte>.Count);
            sum = (int)Vector128.Sum(sums);
        }

        foreach (var length in lengths) sum += length;
        return sum;
    }

    /// <summary>Walks over a packed hash; each step is O(1).</summary>
    public ref struct Enumerator
    {
        private readonly PackedHash _hash;
        private int _index = -1;
        private int _at;
        private int _fieldLength;
        private int _valueLength;

        internal Enumerator(PackedHash hash)
        {
            _hash = hash;
            _at = hash.EntriesAt;
        }

        /// <summary>The current pair.</summary>
        public readonly FieldValue Current => new(Field, Value);

        /// <summary>The field at the enumerator's place.</summary>
        public readonly ReadOnlySpan<byte> Field => _hash._payload.Slice(_at, _fieldLength);

        /// <summary>The value at the enumerator's place.</summary>
        public readonly ReadOnlySpan<byte> Value => _hash._payload.Slice(_at + _fieldLength, _valueLength);

        /// <summary>Goes to the next pair; false at the end.</summary>
        public bool MoveNext()
        {
            _at += _fieldLength + _valueLength;
            if (++_index >= _hash.Count) return false;

            _fieldLength = _hash.FieldLength(_index);
            _valueLength = _hash.ValueLength(_index);
            return true;
        }
    }
}
