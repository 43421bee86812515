using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;

namespace Memstore.Protocol;

// The array, headers and lines.
public sealed partial class ReplyWriter
{
    /// <summary>CR LF, as stored little-endian.</summary>
    private const ushort LineEnd = '\r' | ('\n' << 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<byte> Reserve(long size)
    {
        if (_buffer.Length - _length < size) Grow(size);
        return _buffer.AsSpan(_length);
    }

    private void Grow(long size)
    {
        var needed = _length + size;
        if (needed > Array.MaxLength) throw new InvalidOperationException("A reply is larger than an array can be.");
        Replace((int)Math.Min(Math.Max(needed, Math.Max(_buffer.Length * 2L, SizeMin)), Array.MaxLength));
    }

    private void Replace(int size)
    {
        var replacement = Arrays<byte>.Rent(size);
        WrittenSpan.CopyTo(replacement);
        Arrays<byte>.Return(_buffer);
        _buffer = replacement;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Header(byte type, long value) => _length += WriteHeader(Reserve(HeaderSizeMax), type, value);

    /// <summary>Writes a type, a number and a line end; what follows them may be overwritten up to <see cref="HeaderSizeMax"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int WriteHeader(Span<byte> free, byte type, long value)
    {
        // :5\r\n and :32\r\n are most of them: one store each.
        if ((ulong)value < 10)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(free, type | ((uint)('0' + value) << 8) | ((uint)LineEnd << 16));
            return 4;
        }
        if ((ulong)value < 100)
        {
            var tens = (uint)value / 10;
            var ones = (uint)value - tens * 10;
            BinaryPrimitives.WriteUInt64LittleEndian(free,
                type | ((ulong)('0' + tens) << 8) | ((ulong)('0' + ones) << 16) | ((ulong)LineEnd << 24));
            return 5;
        }
        return WriteLongHeader(free, type, value);
    }

    private static int WriteLongHeader(Span<byte> free, byte type, long value)
    {
        free[0] = type;
        var at = 1 + RespNumber.FormatInt64(value, free[1..]);
        BinaryPrimitives.WriteUInt16LittleEndian(free[at..], LineEnd);
        return at + 2;
    }

    private void Line(byte type, ReadOnlySpan<byte> text)
    {
        var free = Reserve(text.Length + 3L);
        free[0] = type;
        text.CopyTo(free[1..]);
        EndLine(free, text.Length);
    }

    private void Line(byte type, string text)
    {
        var free = Reserve(text.Length * 3L + 3);
        free[0] = type;
        EndLine(free, Encoding.UTF8.GetBytes(text, free[1..]));
    }

    /// <summary>Ends a line; line ends inside it would let whoever chose its text write replies of their own (CVE-2025-67733).</summary>
    private void EndLine(Span<byte> free, int textLength)
    {
        var text = free.Slice(1, textLength);
        if (text.ContainsAny((byte)'\r', (byte)'\n'))
        {
            text.Replace((byte)'\r', (byte)' ');
            text.Replace((byte)'\n', (byte)' ');
        }
        BinaryPrimitives.WriteUInt16LittleEndian(free[(textLength + 1)..], LineEnd);
        _length += textLength + 3;
    }
}
