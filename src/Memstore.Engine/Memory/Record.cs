using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Memstore.Engine.Memory;

/// <summary>What a record holds. The numbers are part of the layout, not of any promise.</summary>
internal enum RecordType : byte
{
    String = 0,
    PackedHash = 1,
    HashTree = 2,

    /// <summary>A string with the media type of its bytes before them.</summary>
    TypedString = 3,

    /// <summary>A key that is gone, kept while an open snapshot can see what came before.</summary>
    Tombstone = 15,
}

/// <summary>What a record carries beside key and value.</summary>
[Flags]
internal enum RecordFlags : byte
{
    None = 0,
    HasDeadline = 1,
    HasOlder = 2,

    /// <summary>Key or value is longer than 255 bytes: both lengths take four bytes.</summary>
    Wide = 4,

    /// <summary>A string that was built in place (encoding "raw").</summary>
    Raw = 8,
}

/// <summary>
/// The layout of a record: key, value and what belongs to them in one block that does not change once published
/// (tree roots excepted: those change only inside their shard, see Transaction).
/// </summary>
//   offset 0  bits 0-47 stamp, 48-51 type, 52-55 flags, 56-63 key length (narrow)
//          8  narrow: value length, 1 byte        wide: key length, 4 bytes; value length, 4 bytes
//             deadline, 6 bytes, Unix ms          if HasDeadline
//             older version, 6 bytes, unit        if HasOlder
//             key
//             value                               of a typed string: length of the media type, 1 byte; media type; the bytes
// A key of 16 bytes with a value of 32 and a deadline takes 63 bytes: one 64-byte block.
internal static unsafe class Record
{
    public const ulong StampMask = (1UL << 48) - 1;
    private const int NarrowHeader = 9;
    private const int WideHeader = 16;
    private const int Optional = 6;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Stamp(byte* record) => (long)(*(ulong*)record & StampMask);

    /// <summary>Sets the stamp; only before the record is published, or inside the shard for trees.</summary>
    public static void SetStamp(byte* record, long stamp) =>
        *(ulong*)record = (*(ulong*)record & ~StampMask) | (ulong)stamp;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RecordType Type(byte* record) => (RecordType)(record[6] & 0xF);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RecordFlags Flags(byte* record) => (RecordFlags)(record[6] >> 4);

    public static bool Has(byte* record, RecordFlags flag) => (Flags(record) & flag) != 0;

    public static bool IsTombstone(byte* record) => Type(record) == RecordType.Tombstone;

    /// <summary>Unix milliseconds, or 0 without a deadline.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Deadline(byte* record) =>
        Has(record, RecordFlags.HasDeadline) ? (long)Read48(record + HeaderSize(Flags(record))) : 0;

    /// <summary>Unit of the version before this one, or 0.</summary>
    public static ulong Older(byte* record)
    {
        var flags = Flags(record);
        if ((flags & RecordFlags.HasOlder) == 0) return 0;
        return Read48(record + HeaderSize(flags) + ((flags & RecordFlags.HasDeadline) != 0 ? Optional : 0));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ReadOnlySpan<byte> Key(byte* record)
    {
        var flags = Flags(record);
        var length = (flags & RecordFlags.Wide) != 0 ? *(int*)(record + 8) : record[7];
        return new ReadOnlySpan<byte>(record + KeyOffset(flags), length);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Span<byte> Value(byte* record)
    {
        var flags = Flags(record);
        if ((flags & RecordFlags.Wide) != 0)
            return new Span<byte>(record + KeyOffset(flags) + *(int*)(record + 8), *(int*)(record + 12));
        return new Span<byte>(record + KeyOffset(flags) + record[7], record[8]);
    }

    /// <summary>The bytes of a typed string.</summary>
    public static ReadOnlySpan<byte> TypedBytes(byte* record)
    {
        var value = Value(record);
        return value[(1 + value[0])..];
    }

    /// <summary>The media type of a typed string.</summary>
    public static ReadOnlySpan<byte> MediaType(byte* record)
    {
        var value = Value(record);
        return value.Slice(1, value[0]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool KeyEquals(byte* record, ReadOnlySpan<byte> key)
    {
        var flags = Flags(record);
        var length = (flags & RecordFlags.Wide) != 0 ? *(int*)(record + 8) : record[7];
        if (length != key.Length) return false;
        return new ReadOnlySpan<byte>(record + KeyOffset(flags), length).SequenceEqual(key);
    }

    /// <summary>Bytes that a record of this shape takes.</summary>
    public static nuint SizeOf(int keyLength, int valueLength, bool deadline, bool older) =>
        (nuint)((keyLength > 255 || valueLength > 255 ? WideHeader : NarrowHeader)
            + (deadline ? Optional : 0) + (older ? Optional : 0)) + (nuint)keyLength + (nuint)valueLength;

    /// <summary>Bytes that a record takes.</summary>
    public static nuint SizeOf(byte* record) =>
        (nuint)KeyOffset(Flags(record)) + (nuint)Key(record).Length + (nuint)Value(record).Length;

    /// <summary>Writes everything but the value, which the caller fills through <see cref="Value"/>.</summary>
    public static void Write(
        byte* record, RecordType type, bool raw, long stamp, ReadOnlySpan<byte> key, int valueLength, long deadline, ulong older)
    {
        var wide = key.Length > 255 || valueLength > 255;
        var flags = (wide ? RecordFlags.Wide : 0) | (raw ? RecordFlags.Raw : 0)
            | (deadline != 0 ? RecordFlags.HasDeadline : 0) | (older != 0 ? RecordFlags.HasOlder : 0);
        *(ulong*)record = (ulong)stamp | ((ulong)type << 48) | ((ulong)flags << 52) | (wide ? 0 : (ulong)key.Length << 56);
        var at = record + NarrowHeader;
        if (wide)
        {
            *(int*)(record + 8) = key.Length;
            *(int*)(record + 12) = valueLength;
            at = record + WideHeader;
        }
        else
        {
            record[8] = (byte)valueLength;
        }

        if (deadline != 0)
        {
            Write48(at, (ulong)deadline);
            at += Optional;
        }

        if (older != 0)
        {
            Write48(at, older);
            at += Optional;
        }

        Unsafe.CopyBlockUnaligned(ref *at, ref MemoryMarshal.GetReference(key), (uint)key.Length);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int HeaderSize(RecordFlags flags) => (flags & RecordFlags.Wide) != 0 ? WideHeader : NarrowHeader;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int KeyOffset(RecordFlags flags)
    {
        var offset = (flags & RecordFlags.Wide) != 0 ? WideHeader : NarrowHeader;
        if ((flags & (RecordFlags.HasDeadline | RecordFlags.HasOlder)) == 0) return offset;
        if ((flags & RecordFlags.HasDeadline) != 0) offset += Optional;
        if ((flags & RecordFlags.HasOlder) != 0) offset += Optional;
        return offset;
    }

    // Six bytes, little endian: two reads that stay inside the record.
    private static ulong Read48(byte* at) => *(uint*)at | ((ulong)*(ushort*)(at + 4) << 32);

    private static void Write48(byte* at, ulong value)
    {
        *(uint*)at = (uint)value;
        *(ushort*)(at + 4) = (ushort)(value >> 32);
    }
}
