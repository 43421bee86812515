namespace Memstore.Engine.Memory;

/// <summary>Which allocations of a worker fail, for tests: the n-th, and perhaps all after it.</summary>
// Threading: the worker's renter.
internal sealed class AllocationFault(int number, bool forGood)
{
    private int _left = number;

    /// <summary>Whether it has come to the allocation that fails.</summary>
    public bool HasFailed => _left <= 0;

    /// <summary>Counts an allocation; true if it is to fail.</summary>
    public bool IsDue()
    {
        _left--;
        return _left == 0 || (forGood && _left < 0);
    }
}
