namespace Memstore.Engine;

/// <summary>The right of one thread to touch data: an epoch, a heap and scratch space. See <see cref="Store.Rent"/>.</summary>
public sealed class Worker
{
    internal Worker()
    {
    }
}
