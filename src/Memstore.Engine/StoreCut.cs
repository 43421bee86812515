using Memstore.Engine.Memory;

namespace Memstore.Engine;

/// <summary>
/// All data as of one place in the log, for images. Reading it holds no shard, and commits go on; what they overwrite stays in memory until
/// <see cref="Dispose"/>. For one thread at a time.
/// </summary>
public sealed class StoreCut : IDisposable
{
    private readonly Store _store;
    private readonly Transaction _snapshot;

    private StoreCut(Store store)
    {
        _store = store;
        _snapshot = new Transaction(store);
    }

    /// <summary>The last commit whose effects it holds; 0 if there was none or the store has no log.</summary>
    public long Sequence { get; private set; }

    /// <summary>The moment at which it was taken, in milliseconds of Unix time: keys that were dead by then are not in it.</summary>
    public long NowUnixMs { get; private set; }

    /// <summary>Number of databases.</summary>
    public int DatabaseCount => _store.DatabaseCount;

    /// <summary>
    /// Visits keys of a database from a cursor on (0 starts) until about <paramref name="count"/> were seen, each once. The memory of what other
    /// threads free is kept during the call, so read in slices.
    /// </summary>
    /// <returns>The cursor to go on with; 0 at the end.</returns>
    public ulong Read<TVisitor>(int database, ulong cursor, int count, ref TVisitor visitor)
        where TVisitor : IEntryVisitor, allows ref struct
    {
        var worker = _store.Rent();
        try
        {
            return _snapshot.ScanOpen(worker, database, cursor, count, ref visitor);
        }
        finally
        {
            _store.Return(worker);
        }
    }

    /// <summary>Gives up the snapshot.</summary>
    public void Dispose()
    {
        var worker = _store.Rent();
        _snapshot.Rollback(worker);
        _store.Return(worker);
    }

    internal static StoreCut Take(Store store, Action<long>? atCut)
    {
        var cut = new StoreCut(store);
        using var body = new CuttingBody(cut, atCut);
        var transaction = new Transaction(store);
        transaction.Begin(0);
        transaction.DeclareEverything(KeyAccess.Read);
        try
        {
            if (!TryCut(store, transaction, body)) body.Wait();
            return cut;
        }
        catch
        {
            cut.Dispose();
            throw;
        }
    }

    // False if it has to be waited for.
    private static bool TryCut(Store store, Transaction transaction, CuttingBody body)
    {
        var worker = store.Rent();
        try
        {
            if (transaction.TryRun(worker, body)) return true;
            transaction.Submit(worker, body);
            return false;
        }
        finally
        {
            store.Return(worker);
        }
    }

    private sealed class CuttingBody(StoreCut cut, Action<long>? atCut) : ITransactionBody, IDisposable
    {
        private readonly ManualResetEventSlim _ended = new();
        private Exception? _error;

        public void Run(Transaction transaction)
        {
            // A position is reserved and filled while a shard is held, so none is between the two now.
            cut.Sequence = cut._store.Log?.SafePosition(Journaling.Durability.None) ?? 0;
            cut._snapshot.OpenHeld();
            cut.NowUnixMs = cut._snapshot.NowUnixMs;
            atCut?.Invoke(cut.Sequence);
        }

        public void Completed(Transaction transaction, Exception? error)
        {
            _error = error;
            _ended.Set();
        }

        public void Wait()
        {
            _ended.Wait();
            if (_error is not null) throw new InvalidOperationException("The cut could not be taken.", _error);
        }

        public void Dispose() => _ended.Dispose();
    }
}
