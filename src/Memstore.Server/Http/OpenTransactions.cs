using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Memstore.Server.Sessions;

namespace Memstore.Server.Http;

/// <summary>A transaction that stays open between requests: a session of its own after BEGIN. One request at a time holds its turn.</summary>
internal sealed class OpenTransaction(string id, LocalClient client, long openedAt)
{
    /// <summary>Names it; nobody can guess it.</summary>
    public string Id => id;

    /// <summary>Its session.</summary>
    public LocalClient Client => client;

    /// <summary>When it was opened, as a timestamp of the server's clock.</summary>
    public long OpenedAt => openedAt;

    /// <summary>Held by the request that uses it.</summary>
    public SemaphoreSlim Turn { get; } = new(1, 1);

    /// <summary>Whether it was rolled back because its time was over. Changed with the turn.</summary>
    public bool HasExpired { get; set; }

    /// <summary>Whether it was committed or rolled back by its client. Changed with the turn.</summary>
    public bool HasEnded { get; set; }
}

/// <summary>Transactions of REST clients that are open, and those that were until a while ago. Thread-safe.</summary>
internal sealed class OpenTransactions : IDisposable
{
    /// <summary>How often those whose time is over are looked for.</summary>
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(1);

    /// <summary>For so long an expired one is told from one that never was.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, OpenTransaction> _all = new(StringComparer.Ordinal);
    private readonly HttpCommands _commands;
    private readonly ITimer _sweep;
    private int _count;
    private int _isDisposed;

    /// <summary>Makes a table without transactions.</summary>
    public OpenTransactions(HttpCommands commands)
    {
        _commands = commands;
        _sweep = commands.Server.Time.CreateTimer(static state => ((OpenTransactions)state!).Sweep(), this, SweepInterval, SweepInterval);
    }

    private ServerState Server => _commands.Server;

    /// <summary>How many are open.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Takes a place for one more; false if there are as many as may be.</summary>
    public bool TryReserve()
    {
        if (Interlocked.Increment(ref _count) <= Server.Settings.Number("http-transactions-max") && Volatile.Read(ref _isDisposed) == 0) return true;
        Interlocked.Decrement(ref _count);
        return false;
    }

    /// <summary>Gives back a place that was not used.</summary>
    public void Release() => Interlocked.Decrement(ref _count);

    /// <summary>Adds a session that has begun a transaction, in a place that was reserved.</summary>
    public OpenTransaction Add(LocalClient client)
    {
        var transaction = new OpenTransaction(RandomNumberGenerator.GetHexString(32, lowercase: true), client, Server.Time.GetTimestamp());
        _all[transaction.Id] = transaction;
        return transaction;
    }

    /// <summary>One by its ID, be it expired.</summary>
    public bool TryGet(string id, [NotNullWhen(true)] out OpenTransaction? transaction) => _all.TryGetValue(id, out transaction);

    /// <summary>Rolls one back if its time is over or its session was killed. With its turn.</summary>
    public void ExpireIfDue(OpenTransaction transaction)
    {
        if (transaction.HasExpired || transaction.HasEnded) return;
        if (transaction.Client.IsOpen && Server.Time.GetElapsedTime(transaction.OpenedAt).TotalMilliseconds < Server.Settings.TransactionTimeoutMs) return;
        Expire(transaction);
    }

    /// <summary>It is over: its session goes back, and its ID is remembered for a while. With its turn.</summary>
    public void Expire(OpenTransaction transaction)
    {
        transaction.HasExpired = true;
        Close(transaction);
    }

    /// <summary>Its client has ended it: its session goes back, and its ID is unknown. With its turn.</summary>
    public void End(OpenTransaction transaction)
    {
        transaction.HasEnded = true;
        _all.TryRemove(transaction.Id, out _);
        Close(transaction);
    }

    /// <summary>Rolls all back.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        _sweep.Dispose();
        foreach (var transaction in _all.Values)
        {
            // Not waited for: whoever holds the turn may be sending an answer to a client that takes it byte by byte.
            if (transaction.Turn.Wait(0)) Leave(transaction);
        }
    }

    /// <summary>Gives the turn back; the last one out, when the server stops, rolls the transaction back.</summary>
    public void Leave(OpenTransaction transaction)
    {
        if (Volatile.Read(ref _isDisposed) != 0 && !transaction.HasExpired && !transaction.HasEnded) End(transaction);
        transaction.Turn.Release();
    }

    private void Close(OpenTransaction transaction)
    {
        _commands.Disconnect(transaction.Client);
        Interlocked.Decrement(ref _count);
    }

    private void Sweep()
    {
        foreach (var transaction in _all.Values)
        {
            // Whoever holds the turn finds out alone.
            if (!transaction.Turn.Wait(0)) continue;
            ExpireIfDue(transaction);
            transaction.Turn.Release();
            if (transaction.HasExpired && Server.Time.GetElapsedTime(transaction.OpenedAt) > Remembered + TimeSpan.FromMilliseconds(Server.Settings.TransactionTimeoutMs))
                _all.TryRemove(transaction.Id, out _);
        }
    }
}
