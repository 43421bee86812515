namespace Memstore.Engine;

/// <summary>What a transaction does. One object serves many transactions, one at a time.</summary>
public interface ITransactionBody
{
    /// <summary>
    /// Runs the commands on one moment of the data. May be called again when the first run could not be committed, so it
    /// starts by dropping what an earlier run produced and has no effect but through the transaction. Never waits.
    /// May be called on a thread other than the one that submitted it. What it throws, or lets pass of what the transaction's members throw, takes back
    /// all that it has written; it must let those pass.
    /// </summary>
    void Run(Transaction transaction);

    /// <summary>
    /// A transaction given to <see cref="Transaction.Submit"/> has ended. Called once, on any thread, with no shard held.
    /// </summary>
    /// <param name="transaction">The transaction; may be reused from now on.</param>
    /// <param name="error">Null, or what the body threw: then nothing was committed.</param>
    void Completed(Transaction transaction, Exception? error);
}
