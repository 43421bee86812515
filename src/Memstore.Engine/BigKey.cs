namespace Memstore.Engine;

/// <summary>A key that occupies much memory.</summary>
/// <param name="Database">Its database.</param>
/// <param name="Key">Its first bytes; all of them if it has not more than 96.</param>
/// <param name="KeyLength">Its length in bytes.</param>
/// <param name="Slot">Its slot.</param>
/// <param name="Type">The type of its value.</param>
/// <param name="Bytes">What it occupies, in bytes, with its record and index entry.</param>
/// <param name="Elements">Fields of a hash; 1 for a string.</param>
public sealed record BigKey(int Database, byte[] Key, int KeyLength, int Slot, ValueType Type, long Bytes, long Elements);
