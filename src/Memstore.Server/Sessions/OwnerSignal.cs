using System.Threading.Tasks.Sources;

namespace Memstore.Server.Sessions;

/// <summary>
/// Something that one session waits for, on its connection's owner. Set and awaited on the owner only; reused, so that waiting allocates
/// nothing.
/// </summary>
internal sealed class OwnerSignal : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _core;
    private bool _isWaiting;
    private bool _isSet;

    /// <summary>Whether somebody waits.</summary>
    public bool IsWaiting => _isWaiting;

    /// <summary>Completes when <see cref="Set"/> is called; at once if it was called since the last wait.</summary>
    public ValueTask WaitAsync()
    {
        if (_isSet)
        {
            _isSet = false;
            return ValueTask.CompletedTask;
        }
        _core.Reset();
        _isWaiting = true;
        return new ValueTask(this, _core.Version);
    }

    /// <summary>Lets the waiter go on, inside this call; or the next one that comes to wait.</summary>
    public void Set()
    {
        if (!_isWaiting)
        {
            _isSet = true;
            return;
        }
        _isWaiting = false;
        _core.SetResult(true);
    }

    /// <summary>Forgets a <see cref="Set"/> that nobody waited for.</summary>
    public void Reset() => _isSet = false;

    void IValueTaskSource.GetResult(short token) => _core.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);
}
