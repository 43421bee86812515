using System.Buffers.Text;
using System.Globalization;
using Memstore.Histories.Driving;
using Memstore.Histories.Recording;
using Outcome = Memstore.Histories.Recording.Outcome;
using Plan = Memstore.Histories.Driving.TransactionPlan;

namespace Memstore.Engine.Tests.Histories;

/// <summary>Runs the plans of a workload straight against a store, on the caller's thread unless a shard is busy.</summary>
internal sealed class EngineHistoryClient : IHistoryClient, ITransactionBody
{
    private readonly Store _store;
    private readonly Random _random;
    private readonly byte[][] _keys;
    private readonly KeyRoute[] _routes;
    private readonly Transaction _transaction;
    private readonly WatchSet _watches;
    private readonly SemaphoreSlim _ended = new(0);

    private Plan _plan = null!;
    private TransactionAnswers _answers = null!;
    private int _from;
    private int _count;
    private bool _isWatching;
    private bool _ranWatched;
    private Exception? _error;

    public EngineHistoryClient(Store store, KeyTable keys, int seed)
    {
        _store = store;
        _random = new Random(seed);
        _keys = [.. Enumerable.Range(0, keys.Count).Select(key => keys.Name(key).Bytes())];
        _routes = [.. _keys.Select(key => store.RouteOf(key))];
        _transaction = new Transaction(store);
        _watches = new WatchSet(store);
    }

    public ValueTask<Outcome> RunAsync(Plan plan, TransactionAnswers answers, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        _plan = plan;
        _answers = answers;
        return ValueTask.FromResult(plan.Kind switch
        {
            PlanKind.WatchedExec => RunWatched(),
            PlanKind.Begin or PlanKind.BeginReadOnly => RunBegin(cancellation),
            _ => RunWhole(),
        });
    }

    public ValueTask DisposeAsync()
    {
        _watches.Clear();
        _ended.Dispose();
        return ValueTask.CompletedTask;
    }

    // ---- ITransactionBody --------------------------------------------------------------------------------------------

    public void Run(Transaction transaction)
    {
        if (_isWatching)
        {
            for (var i = 0; i < _count; i++) _watches.Add(transaction, KeyAt(_from + i));
            return;
        }

        _ranWatched = !transaction.WatchesBroken;
        if (!_ranWatched) return;
        for (var i = _from; i < _from + _count; i++) RunCommand(transaction, _plan.Commands[i], i);
    }

    public void Completed(Transaction transaction, Exception? error)
    {
        _error = error;
        _ended.Release();
    }

    // ---- Plans -------------------------------------------------------------------------------------------------------

    private Outcome RunWhole()
    {
        (_from, _count) = (0, _plan.Commands.Count);
        // A single read goes without the shard where it can.
        if (_plan is { Kind: PlanKind.Single } && _plan.Commands[0].IsRead && TryReadUnheld(0)) return Outcome.Committed;
        Finish(ChoosePlan());
        return Outcome.Committed;
    }

    private Outcome RunWatched()
    {
        (_from, _count) = (0, _plan.WatchedCount);
        _isWatching = true;
        Finish(TransactionPlan.Held, write: true);
        _isWatching = false;
        for (var i = 0; i < _plan.WatchedCount; i++)
        {
            (_from, _count) = (i, 1);
            if (!TryReadUnheld(i)) Finish(TransactionPlan.Held);
        }

        (_from, _count) = (_plan.WatchedCount, _plan.Commands.Count - _plan.WatchedCount);
        Finish(TransactionPlan.Held, watches: _watches);
        _watches.Clear();
        return _ranWatched ? Outcome.Committed : Outcome.Aborted;
    }

    private Outcome RunBegin(CancellationToken cancellation)
    {
        Open();
        for (var i = 0; i < _plan.Commands.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            (_from, _count) = (i, 1);
            var worker = _store.Rent();
            _transaction.RunOpen(worker, this);
            _store.Return(worker);
            if (_random.Next(4) == 0) Thread.Yield();
        }

        var outcome = _plan.Rollback ? Roll() : Commit();
        _answers.ReadsStand = outcome == Outcome.Aborted;
        return outcome;
    }

    // ---- The engine's calls ------------------------------------------------------------------------------------------

    // Several commands run held or on a snapshot, as chance has it: the result must be the same.
    private TransactionPlan ChoosePlan()
    {
        if (_plan.Kind == PlanKind.Single && _random.Next(8) != 0) return TransactionPlan.Held;
        return _random.Next(2) == 0 ? TransactionPlan.Held : TransactionPlan.Snapshot;
    }

    private bool TryReadUnheld(int command)
    {
        _transaction.Begin(_plan.Database);
        _transaction.Declare(_routes[_plan.Commands[command].Key], KeyAccess.Read);
        var worker = _store.Rent();
        var read = _transaction.TryRead(worker, this);
        _store.Return(worker);
        return read;
    }

    private void Finish(TransactionPlan plan, bool write = false, WatchSet? watches = null)
    {
        _transaction.Begin(_plan.Database, plan);
        for (var i = _from; i < _from + _count; i++)
        {
            var command = _plan.Commands[i];
            if (command.Kind == CommandKind.Flush) _transaction.DeclareEverything(KeyAccess.Write);
            else _transaction.Declare(_routes[command.Key], write || !command.IsRead ? KeyAccess.Write : KeyAccess.Read);
        }

        if (watches is not null) _transaction.DeclareWatches(watches);
        var worker = _store.Rent();
        // Submitting at once now and then exercises the queues.
        var ran = _random.Next(16) != 0 && _transaction.TryRun(worker, this);
        if (!ran) _transaction.Submit(worker, this);
        _store.Return(worker);
        if (!ran) WaitForEnd();
    }

    private void Open()
    {
        var readOnly = _plan.Kind == PlanKind.BeginReadOnly;
        var worker = _store.Rent();
        var opened = _random.Next(8) != 0 && _transaction.TryOpen(worker, _plan.Database, readOnly);
        if (!opened) _transaction.SubmitOpen(worker, _plan.Database, readOnly, static state => ((EngineHistoryClient)state!)._ended.Release(), this);
        _store.Return(worker);
        if (!opened) WaitForEnd();
    }

    private Outcome Commit()
    {
        var worker = _store.Rent();
        var outcome = _transaction.TryCommitOpen(worker);
        if (outcome == CommitOutcome.Busy) _transaction.SubmitCommitOpen(worker, static state => ((EngineHistoryClient)state!)._ended.Release(), this);
        _store.Return(worker);
        if (outcome == CommitOutcome.Busy)
        {
            WaitForEnd();
            outcome = _transaction.OpenOutcome;
        }

        return outcome == CommitOutcome.Committed ? Outcome.Committed : Outcome.Aborted;
    }

    private Outcome Roll()
    {
        var worker = _store.Rent();
        _transaction.Rollback(worker);
        _store.Return(worker);
        return Outcome.Aborted;
    }

    private void WaitForEnd()
    {
        if (!_ended.Wait(TimeSpan.FromMinutes(2))) throw new InvalidOperationException("A submitted transaction was never continued.");
        if (_error is { } error) throw new InvalidOperationException("A body threw.", error);
    }

    // ---- Commands ----------------------------------------------------------------------------------------------------

    private Key KeyAt(int command) => new(_keys[_plan.Commands[command].Key], _routes[_plan.Commands[command].Key]);

    private void RunCommand(Transaction transaction, PlannedCommand command, int i)
    {
        var key = new Key(_keys[command.Key], _routes[command.Key]);
        Span<byte> text = stackalloc byte[24];
        Utf8Formatter.TryFormat(command.Value, text, out var length);
        switch (command.Kind)
        {
            case CommandKind.Get or CommandKind.GetList:
                GiveRead(transaction, key, command, i);
                break;
            case CommandKind.GetSet:
                GiveRead(transaction, key, command, i);
                transaction.PutString(key, text[..length]);
                break;
            case CommandKind.Set:
                transaction.PutString(key, text[..length]);
                _answers.GiveDone(i);
                break;
            case CommandKind.SetFor:
                transaction.PutString(key, text[..length], transaction.NowUnixMs + command.TtlMs);
                _answers.GiveDone(i);
                break;
            case CommandKind.Append:
                text[length++] = (byte)',';
                Append(transaction, key, text[..length]);
                _answers.GiveDone(i);
                break;
            case CommandKind.Increment:
                _answers.GiveInteger(i, Increment(transaction, key));
                break;
            case CommandKind.Delete:
                _answers.GiveInteger(i, transaction.Delete(key) ? 1 : 0);
                break;
            default:
                transaction.Flush(transaction.Database);
                _answers.GiveDone(i);
                break;
        }
    }

    private void GiveRead(Transaction transaction, in Key key, PlannedCommand command, int i)
    {
        if (!transaction.Find(key, out var entry)) _answers.GiveNil(i);
        else if (command.Kind == CommandKind.GetList) _answers.GiveList(i, entry.Value);
        else _answers.GiveValue(i, entry.Value);
    }

    private static void Append(Transaction transaction, in Key key, ReadOnlySpan<byte> tail)
    {
        var found = transaction.Find(key, out var entry);
        var old = found ? entry.Value : default;
        var target = transaction.PutStringInPlace(key, old.Length + tail.Length, found ? entry.DeadlineUnixMs : 0, raw: true);
        old.CopyTo(target);
        tail.CopyTo(target[old.Length..]);
    }

    private static long Increment(Transaction transaction, in Key key)
    {
        var found = transaction.Find(key, out var entry);
        var sum = (found ? long.Parse(entry.Value, NumberStyles.Integer, CultureInfo.InvariantCulture) : 0) + 1;
        transaction.PutString(key, sum.ToString(CultureInfo.InvariantCulture).Bytes(), found ? entry.DeadlineUnixMs : 0);
        return sum;
    }
}
