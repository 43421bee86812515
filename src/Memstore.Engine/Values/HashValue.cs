using System.Buffers.Text;
using System.Runtime.InteropServices;
using Memstore.Engine.Memory;

namespace Memstore.Engine.Values;

/// <summary>Sees the fields that a scan visits.</summary>
public interface IFieldVisitor
{
    /// <summary>Called once for each field; the spans live until the visitor returns.</summary>
    void Visit(scoped ReadOnlySpan<byte> field, scoped ReadOnlySpan<byte> value);
}

/// <summary>
/// A hash, packed or as a tree, for reading. The default value is a hash without fields, as of an absent key.
/// <see cref="HashEdit"/> changes hashes.
/// </summary>
/// <remarks>Valid as long as the payload that it views: inside the shard, or under the snapshot that the record was found with.</remarks>
public readonly ref struct HashValue
{
    private readonly PackedHash _packed;
    private readonly TreeRoot _root;
    private readonly HoldClock? _holds;

    /// <summary>Views the payload of a record of one of the two types.</summary>
    /// <param name="type">Which type.</param>
    /// <param name="payload">The payload.</param>
    /// <param name="holds">Told when all of a tree is read.</param>
    internal HashValue(RecordType type, ReadOnlySpan<byte> payload, HoldClock? holds = null)
    {
        _holds = holds;
        IsPacked = type == RecordType.PackedHash;
        if (IsPacked) _packed = new PackedHash(payload);
        else _root = RootOf(type, payload);
    }

    /// <summary>Whether it is one packed payload ("listpack" to Redis' clients) and not a tree ("hashtable").</summary>
    public bool IsPacked { get; }

    /// <summary>Number of fields.</summary>
    public long Count => IsPacked ? _packed.Count : _root.Count;

    /// <summary>Native bytes that it occupies outside its record.</summary>
    public long Bytes => IsPacked ? 0 : _root.Bytes;

    /// <summary>Looks the value of a field up.</summary>
    public bool TryGet(ReadOnlySpan<byte> field, out ReadOnlySpan<byte> value)
        => IsPacked ? _packed.TryGet(field, out value) : CountedTree.TryGet(_root, field, out value);

    /// <summary>Whether it has a field.</summary>
    public bool Contains(ReadOnlySpan<byte> field) => IsPacked ? _packed.Contains(field) : CountedTree.Contains(_root, field);

    /// <summary>The field at an index from 0 to <see cref="Count"/>: with a random index a random field, in O(log n).</summary>
    public void GetAt(long index, out ReadOnlySpan<byte> field, out ReadOnlySpan<byte> value)
    {
        if (IsPacked) _packed.GetAt((int)index, out field, out value);
        else CountedTree.GetAt(_root, index, out field, out value);
    }

    /// <summary>Enumerates all fields: packed in the order of insertion, a tree in its own.</summary>
    public Enumerator GetEnumerator() => new(this);

    /// <summary>
    /// Visits fields from a cursor on (0 starts) until <paramref name="count"/> were seen. A field that is there during a whole
    /// iteration is visited at least once, whatever else is added or removed, and even if the hash becomes a tree meanwhile. A packed
    /// hash is visited whole by each call, as Redis does.
    /// </summary>
    /// <returns>The cursor to go on with; 0 at the end.</returns>
    public ulong Scan<TVisitor>(ulong cursor, int count, scoped ref TVisitor visitor)
        where TVisitor : IFieldVisitor, allows ref struct
    {
        if (!IsPacked) return ScanTree(cursor, count, ref visitor);

        foreach (var pair in _packed) visitor.Visit(pair.Field, pair.Value);
        return 0;
    }

    /// <summary>
    /// What a field holds after something is added to the integer in it; a missing field counts as 0. Changes nothing: set the field to the
    /// digits of <paramref name="sum"/> then.
    /// </summary>
    public Outcome Increment(ReadOnlySpan<byte> field, long increment, out long sum)
    {
        sum = increment;
        if (!TryGet(field, out var value)) return Outcome.Done;
        if (!TryParseInteger(value, out var number)) return Outcome.NotAnInteger;

        sum = unchecked(number + increment);
        return ((number ^ sum) & (increment ^ sum)) < 0 ? Outcome.Overflow : Outcome.Done;
    }

    /// <summary>The root in the payload of a tree's record; an empty one for an absent key.</summary>
    internal static TreeRoot RootOf(RecordType type, ReadOnlySpan<byte> payload)
        => type == RecordType.HashTree ? MemoryMarshal.Read<TreeRoot>(payload) : default;

    // Only the digits that Redis itself writes: no sign but a minus, no leading zeros, no blanks.
    private static bool TryParseInteger(ReadOnlySpan<byte> text, out long number)
    {
        number = 0;
        var digits = text.Length > 0 && text[0] == '-' ? text[1..] : text;
        if (digits.Length == 0 || (digits[0] == '0' && text.Length > 1) || !char.IsAsciiDigit((char)digits[0])) return false;

        return Utf8Parser.TryParse(text, out number, out var used) && used == text.Length;
    }

    // A cursor is the coarse order to start with. Fields that share one are visited together, so no cursor points between them.
    private ulong ScanTree<TVisitor>(ulong cursor, int count, scoped ref TVisitor visitor)
        where TVisitor : IFieldVisitor, allows ref struct
    {
        if (cursor > uint.MaxValue) return 0;

        var entries = new TreeCursor(_root, (uint)cursor);
        var last = 0U;
        for (var seen = 0; entries.MoveNext(); seen++)
        {
            if (seen >= count && seen > 0 && entries.Order != last) return entries.Order;

            last = entries.Order;
            visitor.Visit(entries.Field, entries.Value);
        }

        return 0;
    }

    /// <summary>Walks over a hash; each step is O(1).</summary>
    public ref struct Enumerator
    {
        private readonly bool _isPacked;
        private PackedHash.Enumerator _packed;
        private TreeCursor _tree;

        internal Enumerator(HashValue hash)
        {
            _isPacked = hash.IsPacked;
            if (_isPacked)
            {
                _packed = hash._packed.GetEnumerator();
                return;
            }

            hash._holds?.Start();
            _tree = new TreeCursor(hash._root, 0);
        }

        /// <summary>The current pair.</summary>
        public readonly FieldValue Current => _isPacked ? _packed.Current : new FieldValue(_tree.Field, _tree.Value);

        /// <summary>Goes to the next pair; false at the end.</summary>
        public bool MoveNext() => _isPacked ? _packed.MoveNext() : _tree.MoveNext();
    }
}
