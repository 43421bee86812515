namespace Memstore.Engine.Values;

/// <summary>How far a hash stays packed: hash-max-listpack-entries and hash-max-listpack-value of the configuration.</summary>
/// <param name="CountMax">Most fields.</param>
/// <param name="LengthMax">Longest field or value, in bytes.</param>
internal readonly record struct HashLimits(int CountMax, int LengthMax)
{
    /// <summary>Largest packed payload, in bytes. Far above what any sensible setting of the other two leads to.</summary>
    public const int PackedSizeMax = 256 << 20;

    /// <summary>The defaults of Redis 7.0.</summary>
    public static HashLimits Default => new(512, 64);

    // Redis 7.0.15 looks at every argument, also at a value that a later one of the same command replaces.
    internal bool AllowLengthsOf<TPairs>(scoped TPairs pairs)
        where TPairs : IFieldValues, allows ref struct
    {
        for (var i = 0; i < pairs.Count; i++)
        {
            if (pairs.Field(i).Length > LengthMax || pairs.Value(i).Length > LengthMax) return false;
        }

        return true;
    }
}
