using Memstore.Histories.Recording;

namespace Memstore.Histories.Driving;

/// <summary>One client of a store under test: a connection, or a caller in the same process. Used by one task at a time.</summary>
public interface IHistoryClient : IAsyncDisposable
{
    /// <summary>Runs one transaction and fills in what was answered.</summary>
    /// <param name="plan">What to run; valid until the task completes.</param>
    /// <param name="answers">Reset by the caller; give an answer for each command that got one.</param>
    /// <param name="cancellation">Cancelled when the run takes far too long.</param>
    /// <returns>
    /// <see cref="Outcome.Aborted"/> only if the store said so; set <see cref="TransactionAnswers.ReadsStand"/> if its reads count nevertheless.
    /// <see cref="Outcome.Unknown"/> if the connection broke; the run then replaces the client.
    /// </returns>
    /// <exception cref="InvalidOperationException">The store answered something that no plan should lead to; it fails the run.</exception>
    ValueTask<Outcome> RunAsync(TransactionPlan plan, TransactionAnswers answers, CancellationToken cancellation);
}
