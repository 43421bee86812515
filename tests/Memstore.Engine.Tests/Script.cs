using System.Text;

namespace Memstore.Engine.Tests;

/// <summary>A body made of a lambda, and the shortest ways to run one.</summary>
internal sealed class Script(Action<Transaction> run) : ITransactionBody
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Exception? Error { get; private set; }

    public int Runs { get; private set; }

    public void Run(Transaction transaction)
    {
        Runs++;
        run(transaction);
    }

    public void Completed(Transaction transaction, Exception? error)
    {
        Error = error;
        _ended.SetResult();
    }

    public void Wait() => _ended.Task.Wait();
}

internal static class ScriptExtensions
{
    public static byte[] Bytes(this string text) => Encoding.UTF8.GetBytes(text);

    public static string Text(this ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    public static Key KeyOf(this Store store, byte[] bytes) => new(bytes, store.RouteOf(bytes));

    /// <summary>Runs a transaction over some keys to its end.</summary>
    public static void Run(this Store store, TransactionPlan plan, int database, string[] keys, Action<Transaction> run)
    {
        var transaction = new Transaction(store);
        transaction.Begin(database, plan);
        foreach (var key in keys) transaction.Declare(store.RouteOf(key.Bytes()), KeyAccess.Write);
        store.Finish(transaction, run);
    }

    /// <summary>Runs a transaction over the whole keyspace to its end.</summary>
    public static void RunOnEverything(this Store store, TransactionPlan plan, int database, Action<Transaction> run)
    {
        var transaction = new Transaction(store);
        transaction.Begin(database, plan);
        transaction.DeclareEverything(plan == TransactionPlan.Held ? KeyAccess.Write : KeyAccess.Read);
        store.Finish(transaction, run);
    }

    public static void Finish(this Store store, Transaction transaction, Action<Transaction> run)
    {
        var script = new Script(run);
        var worker = store.Rent();
        var ran = transaction.TryRun(worker, script);
        if (!ran) transaction.Submit(worker, script);
        store.Return(worker);
        if (!ran) script.Wait();
        if (script.Error is not null) throw new InvalidOperationException("The body threw.", script.Error);
    }

    public static void Set(this Store store, string key, string value, long deadline = 0, int database = 0) =>
        store.Run(TransactionPlan.Held, database, [key], t => t.PutString(store.KeyOf(key.Bytes()), value.Bytes(), deadline));

    public static string? Get(this Store store, string key, int database = 0)
    {
        string? value = null;
        store.Run(TransactionPlan.Held, database, [key], t => value = t.Read(key));
        return value;
    }

    public static string? Read(this Transaction transaction, string key) =>
        transaction.Find(transaction.Store.KeyOf(key.Bytes()), out var entry) ? entry.Value.Text() : null;

    public static void Write(this Transaction transaction, string key, string value, long deadline = 0) =>
        transaction.PutString(transaction.Store.KeyOf(key.Bytes()), value.Bytes(), deadline);

    public static bool Remove(this Transaction transaction, string key) => transaction.Delete(transaction.Store.KeyOf(key.Bytes()));

    /// <summary>Reads without entering the shard; false if that did not work out.</summary>
    public static bool TryGetUnheld(this Store store, string key, out string? value, int database = 0)
    {
        string? seen = null;
        var transaction = new Transaction(store);
        transaction.Begin(database);
        transaction.Declare(store.RouteOf(key.Bytes()), KeyAccess.Read);
        var worker = store.Rent();
        var read = transaction.TryRead(worker, new Script(t => seen = t.Read(key)));
        store.Return(worker);
        value = seen;
        return read;
    }
}
