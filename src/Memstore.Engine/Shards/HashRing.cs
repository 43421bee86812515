using System.Buffers.Binary;
using System.IO.Hashing;

namespace Memstore.Engine.Shards;

/// <summary>
/// Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2016): each shard has points on a ring; a slot goes
/// to the first shard clockwise from it that is below the bound. Deterministic for the same input.
/// </summary>
internal static class HashRing
{
    /// <summary>Points of each shard.</summary>
    public const int ReplicationFactor = 40;

    /// <summary>No shard gets more than this times the average load.</summary>
    public const double LoadFactor = 1.2;

    /// <summary>Assigns every slot to a shard.</summary>
    /// <param name="shards">Number of shards.</param>
    /// <param name="slots">Number of slots; each counts 1.</param>
    public static ushort[] Assign(int shards, int slots)
    {
        var points = new (ulong Hash, ushort Shard)[shards * ReplicationFactor];
        for (var shard = 0; shard < shards; shard++)
        {
            for (var replica = 0; replica < ReplicationFactor; replica++)
                points[(shard * ReplicationFactor) + replica] = (HashOf(shard, replica), (ushort)shard);
        }

        Array.Sort(points);
        var bound = (int)Math.Ceiling(slots * LoadFactor / shards);
        var loads = new int[shards];
        var owners = new ushort[slots];
        for (var slot = 0; slot < slots; slot++)
        {
            var at = FirstAtOrAfter(points, HashOf(slot, -1));
            while (loads[points[at].Shard] >= bound) at = (at + 1) % points.Length;
            owners[slot] = points[at].Shard;
            loads[points[at].Shard]++;
        }

        return owners;
    }

    private static int FirstAtOrAfter((ulong Hash, ushort Shard)[] points, ulong hash)
    {
        var (low, high) = (0, points.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (points[middle].Hash < hash) low = middle + 1;
            else high = middle;
        }

        return low % points.Length;
    }

    private static ulong HashOf(int number, int replica)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], replica);
        return XxHash3.HashToUInt64(bytes);
    }
}
