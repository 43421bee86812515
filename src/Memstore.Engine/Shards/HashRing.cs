using System.Buffers.Binary;
using System.IO.Hashing;

namespace Memstore.Engine.Shards;

/// <summary>
/// The points of shards on a ring (consistent hashing): a slot belongs to the shard of the first point at or after its own place. Which shard really
/// gets it is bounded by loads (<see cref="ShardPlanner"/>). Deterministic.
/// </summary>
internal sealed class HashRing
{
    /// <summary>Points of each shard unless something else is asked for.</summary>
    public const int ReplicationFactor = 40;

    private readonly (ulong Hash, ushort Shard)[] _points;

    /// <summary>Makes the ring of so many shards with so many points each.</summary>
    public HashRing(int shards, int replicationFactor = ReplicationFactor)
    {
        Shards = shards;
        _points = new (ulong Hash, ushort Shard)[shards * replicationFactor];
        for (var shard = 0; shard < shards; shard++)
        {
            for (var replica = 0; replica < replicationFactor; replica++)
                _points[(shard * replicationFactor) + replica] = (HashOf(shard, replica), (ushort)shard);
        }

        Array.Sort(_points);
    }

    /// <summary>Number of shards.</summary>
    public int Shards { get; }

    /// <summary>The points in the order of the ring: place from 0 to 2^64 - 1, and shard.</summary>
    public IReadOnlyList<(ulong Place, ushort Shard)> Points => _points;

    /// <summary>Index of the point that a slot belongs to.</summary>
    public int PointOf(int slot)
    {
        var hash = HashOf(slot, -1);
        var (low, high) = (0, _points.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_points[middle].Hash < hash) low = middle + 1;
            else high = middle;
        }

        return low % _points.Length;
    }

    /// <summary>The shard of a point; indexes go round.</summary>
    public int ShardAt(int point) => _points[point % _points.Length].Shard;

    private static ulong HashOf(int number, int replica)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], replica);
        return XxHash3.HashToUInt64(bytes);
    }
}
