using System.Numerics;

namespace Memstore.Engine.Shards;

/// <summary>The shards that a transaction enters: a bit each, walked in ascending order.</summary>
internal struct ShardSet
{
    /// <summary>The most shards that a store may have.</summary>
    public const int ShardsMax = 4_096;

    private readonly ulong[] _words = new ulong[ShardsMax / 64];
    private int _used;

    public ShardSet()
    {
    }

    /// <summary>Adds a shard.</summary>
    public void Add(int shard)
    {
        var word = shard >> 6;
        _words[word] |= 1UL << shard;
        if (word >= _used) _used = word + 1;
    }

    /// <summary>Whether a shard is in the set.</summary>
    public readonly bool Contains(int shard) => (_words[shard >> 6] & (1UL << shard)) != 0;

    /// <summary>The first shard not below a number, or -1.</summary>
    public readonly int Next(int from)
    {
        for (var word = from >> 6; word < _used; word++)
        {
            var bits = _words[word];
            if (word == from >> 6) bits &= ulong.MaxValue << from;
            if (bits != 0) return (word << 6) + BitOperations.TrailingZeroCount(bits);
        }

        return -1;
    }

    /// <summary>Empties the set.</summary>
    public void Clear()
    {
        for (var i = 0; i < _used; i++) _words[i] = 0;
        _used = 0;
    }
}
