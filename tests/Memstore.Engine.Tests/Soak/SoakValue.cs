using System.Buffers.Binary;
using System.IO.Hashing;

namespace Memstore.Engine.Tests.Soak;

/// <summary>
/// Values that tell on their own whether they are whole: a checksum over the rest with the key, the version, and bytes to fill. A torn value, one of
/// another key and one whose memory serves something else already do not pass.
/// </summary>
internal static class SoakValue
{
    private const int VersionAt = sizeof(ulong);
    private const int HeadSize = VersionAt + sizeof(long);

    /// <summary>Makes the value of a key with so many bytes to fill, which follow from the version.</summary>
    public static byte[] Make(ReadOnlySpan<byte> key, long version, int fill)
    {
        var value = new byte[HeadSize + fill];
        BinaryPrimitives.WriteInt64LittleEndian(value.AsSpan(VersionAt), version);
        for (var i = HeadSize; i < value.Length; i++) value[i] = (byte)(version + (i * 31));
        BinaryPrimitives.WriteUInt64LittleEndian(value, Checksum(key, value));
        return value;
    }

    /// <summary>The version of a value.</summary>
    /// <exception cref="SoakViolationException">The value is not whole, or not of this key.</exception>
    public static long VersionOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (value.Length < HeadSize || BinaryPrimitives.ReadUInt64LittleEndian(value) != Checksum(key, value))
            throw new SoakViolationException($"The value of {key.Text()} is torn, freed or of another key: {value.Length} bytes.");
        return BinaryPrimitives.ReadInt64LittleEndian(value[VersionAt..]);
    }

    private static ulong Checksum(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        XxHash3.HashToUInt64(value[VersionAt..], (long)XxHash3.HashToUInt64(key));
}

/// <summary>The store showed something that no order of whole transactions explains.</summary>
internal sealed class SoakViolationException(string message) : Exception(message);
