namespace Memstore.Storage.Images;

/// <summary>Lengths in seven bits a byte, the lowest first; the top bit says that more follow.</summary>
internal static class Varint
{
    /// <summary>Writes a number; answers how many bytes it took, at most <see cref="ImageFormat.VarintSizeMax"/>.</summary>
    public static int Write(Span<byte> bytes, uint value)
    {
        var size = 0;
        for (; value >= 0x80; value >>= 7) bytes[size++] = (byte)(value | 0x80);
        bytes[size++] = (byte)value;
        return size;
    }

    /// <summary>Reads a number and steps over it. False if the bytes end within it or it is above int.MaxValue.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, ref int position, out int value)
    {
        value = 0;
        for (var shift = 0; shift < 7 * ImageFormat.VarintSizeMax && (uint)position < (uint)bytes.Length; shift += 7)
        {
            var next = bytes[position++];
            if (shift == 28 && next > 0x07) return false;
            value |= (next & 0x7F) << shift;
            if (next < 0x80) return true;
        }

        return false;
    }
}
