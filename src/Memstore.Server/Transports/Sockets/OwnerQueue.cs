using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using Pool = System.Threading.ThreadPool;

namespace Memstore.Server.Transports.Sockets;

/// <summary>Runs the callbacks of one connection one at a time, wherever a thread is at hand.</summary>
// Threading: _items and _running are guarded by _lock; whoever sets _running runs callbacks until the queue is empty.
// A socket's completion (Schedule) runs at once on the thread that brings it, which saves a hop; a posted callback never does.
internal sealed class OwnerQueue(ILogger logger) : PipeScheduler, IThreadPoolWorkItem
{
    [ThreadStatic]
    private static OwnerQueue? Current;

    private readonly Lock _lock = new();
    private readonly Queue<Item> _items = new();
    private bool _running;

    /// <summary>Whether the caller is inside a callback of this queue.</summary>
    public bool IsCurrent => Current == this;

    /// <summary>Runs a callback of the pipes or the socket: now if nobody else does, else after what is queued.</summary>
    public override void Schedule(Action<object?> action, object? state)
    {
        // Inside another connection's callback its session must not wait for ours.
        var mayRunHere = Current is null;
        lock (_lock)
        {
            if (_running || !mayRunHere)
            {
                _items.Enqueue(new Item(action, state, Yields: false));
                if (_running)
                    return;
            }
            _running = true;
        }
        if (mayRunHere)
            Run(action, state);
        else
            Pool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Queues a callback; never runs it inside this call.</summary>
    public void Post(Action<object?> callback, object? state)
    {
        lock (_lock)
        {
            _items.Enqueue(new Item(callback, state, Yields: IsCurrent));
            if (_running)
                return;
            _running = true;
        }
        Pool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    void IThreadPoolWorkItem.Execute()
    {
        Item first;
        lock (_lock)
            first = _items.Dequeue();
        Run(first.Callback, first.State);
    }

    private void Run(Action<object?> callback, object? state)
    {
        Current = this;
        try
        {
            Invoke(callback, state);
            while (TryTakeNext(out var item))
                Invoke(item.Callback, item.State);
        }
        finally
        {
            Current = null;
        }
    }

    private bool TryTakeNext(out Item item)
    {
        lock (_lock)
        {
            if (!_items.TryPeek(out item))
            {
                _running = false;
                return false;
            }
            if (!item.Yields)
                return _items.TryDequeue(out item);
        }
        // The owner posted to itself to let others go first: give the thread back and queue behind them.
        Pool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return false;
    }

    private void Invoke(Action<object?> callback, object? state)
    {
        try
        {
            callback(state);
        }
        catch (Exception e)
        {
            // It would end the process or kill the event thread of other connections.
            TransportLog.CallbackFailed(logger, e);
        }
    }

    private readonly record struct Item(Action<object?> Callback, object? State, bool Yields);
}
