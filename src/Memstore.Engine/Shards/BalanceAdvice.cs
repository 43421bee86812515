namespace Memstore.Engine.Shards;

/// <summary>What the loads of a second ask for.</summary>
public enum BalanceAdvice : byte
{
    /// <summary>Nothing is to move.</summary>
    Stay,

    /// <summary>A shard has had too much for long enough: <see cref="Store.Rebalance"/>.</summary>
    Move,

    /// <summary>What moved last would be better where it was: <see cref="Store.TakeBack"/>.</summary>
    TakeBack,
}
