using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Memstore.Engine.Keys;

/// <summary>The slot of a key: CRC16 (XMODEM) of the key or its hash tag, modulo 16,384, as the Redis Cluster specification says.</summary>
public static class SlotHash
{
    /// <summary>Number of slots.</summary>
    public const int Slots = 16_384;

    private const int Slices = 8;

    // Tables[k][b]: the CRC of byte b followed by k zero bytes.
    private static readonly ushort[] Tables = MakeTables();

    /// <summary>The slot of a key. If it has a non-empty part in {...}, only that part counts.</summary>
    public static ushort Of(ReadOnlySpan<byte> key)
    {
        var open = key.IndexOf((byte)'{');
        if (open >= 0)
        {
            var length = key[(open + 1)..].IndexOf((byte)'}');
            if (length > 0) key = key.Slice(open + 1, length);
        }

        return (ushort)(Crc16(key) & (Slots - 1));
    }

    /// <summary>CRC16 with polynomial 0x1021, start 0, eight bytes a step.</summary>
    public static ushort Crc16(ReadOnlySpan<byte> bytes)
    {
        ref var tables = ref MemoryMarshal.GetArrayDataReference(Tables);
        uint crc = 0;
        while (bytes.Length >= Slices)
        {
            var word = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            word ^= BinaryPrimitives.ReverseEndianness((ushort)crc);
            crc = (uint)(At(ref tables, 7, (byte)word) ^ At(ref tables, 6, (byte)(word >> 8))
                ^ At(ref tables, 5, (byte)(word >> 16)) ^ At(ref tables, 4, (byte)(word >> 24))
                ^ At(ref tables, 3, (byte)(word >> 32)) ^ At(ref tables, 2, (byte)(word >> 40))
                ^ At(ref tables, 1, (byte)(word >> 48)) ^ At(ref tables, 0, (byte)(word >> 56)));
            bytes = bytes[Slices..];
        }

        foreach (var b in bytes) crc = (crc << 8) ^ At(ref tables, 0, (byte)((crc >> 8) ^ b));
        return (ushort)crc;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ushort At(ref ushort tables, int slice, byte index) => Unsafe.Add(ref tables, (slice << 8) | index);

    private static ushort[] MakeTables()
    {
        var tables = new ushort[Slices * 256];
        for (var b = 0; b < 256; b++)
        {
            var crc = (ushort)(b << 8);
            for (var bit = 0; bit < 8; bit++) crc = (ushort)((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
            tables[b] = crc;
        }

        for (var slice = 1; slice < Slices; slice++)
        {
            for (var b = 0; b < 256; b++)
            {
                var previous = tables[((slice - 1) << 8) | b];
                tables[(slice << 8) | b] = (ushort)((previous << 8) ^ tables[previous >> 8]);
            }
        }

        return tables;
    }
}
