using System.Text;
using Memstore.Engine;
using Xunit;

namespace Memstore.Server.Tests.Sessions;

/// <summary>Holds the shard of a key, on a thread of its own, until it is disposed.</summary>
internal sealed class HeldKey : IDisposable
{
    private readonly ManualResetEventSlim _isHeld = new();
    private readonly ManualResetEventSlim _release = new();
    private readonly Store _store;
    private readonly Thread _thread;
    private readonly int _slot;

    public HeldKey(Store store, string key)
    {
        _store = store;
        var route = store.RouteOf(Encoding.ASCII.GetBytes(key));
        _slot = route.Slot;
        _thread = new Thread(() => Hold(route)) { IsBackground = true };
        _thread.Start();
        _isHeld.Wait(TestContext.Current.CancellationToken);
    }

    /// <summary>Waits until somebody has queued for the shard.</summary>
    public async Task WaitForQueueAsync()
    {
        while (!_store.Shards[_store.ShardOf(_slot)].HasArrivals) await Task.Yield();
    }

    public void Dispose()
    {
        _release.Set();
        _thread.Join();
        _isHeld.Dispose();
        _release.Dispose();
    }

    private void Hold(KeyRoute route)
    {
        var transaction = new Transaction(_store);
        transaction.Begin(0);
        transaction.Declare(route, KeyAccess.Read);
        var worker = _store.Rent();
        var body = new Body(this);
        if (!transaction.TryRun(worker, body)) throw new InvalidOperationException("The shard is busy.");
        _store.Return(worker);
    }

    private sealed class Body(HeldKey held) : ITransactionBody
    {
        public void Run(Transaction transaction)
        {
            held._isHeld.Set();
            held._release.Wait();
        }

        public void Completed(Transaction transaction, Exception? error)
        {
        }
    }
}
