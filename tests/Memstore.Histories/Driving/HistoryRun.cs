using System.Diagnostics;
using Memstore.Histories.Checking;
using Memstore.Histories.Recording;

namespace Memstore.Histories.Driving;

/// <summary>How to run a workload.</summary>
public sealed record RunOptions
{
    /// <summary>How to check. By default deadlines are judged with 20 ms of grace for clocks that do not tick together.</summary>
    public CheckOptions Check { get; init; } = new() { DeadlineSlackMs = 20 };

    /// <summary>After this time the run fails.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Something that goes on meanwhile, such as slots that move; it ends when its token is cancelled, at the end of the run.</summary>
    public Func<CancellationToken, Task>? Disturbance { get; init; }

    /// <summary>Run each client on a thread of its own instead of the pool, for stores in the same process whose calls rarely suspend.</summary>
    public bool ThreadPerClient { get; init; }
}

/// <summary>The verdict on a run, with what is needed to repeat it.</summary>
public sealed record RunReport(Workload Workload, History History, CheckResult Result, TimeSpan RunTime, TimeSpan CheckTime)
{
    /// <summary>True if nothing wrong was found.</summary>
    public bool Valid => Result.Valid;

    /// <summary>The number of transactions that ended in this way.</summary>
    public int Count(Outcome outcome)
    {
        int count = 0;
        for (int i = 0; i < History.Count; i++) count += History[i].Outcome == outcome ? 1 : 0;
        return count;
    }

    /// <summary>The workload with its seed, figures, and the reports of all violations.</summary>
    public override string ToString() =>
        $"{Workload}\n{Count(Outcome.Committed):N0} committed, {Count(Outcome.Aborted):N0} aborted, {Count(Outcome.Unknown):N0} without an answer; "
        + $"ran {RunTime.TotalSeconds:0.0} s, checked {CheckTime.TotalSeconds:0.0} s\n{Result}";
}

/// <summary>Runs a workload with many clients at once, records it, and checks what was recorded.</summary>
public static class HistoryRun
{
    /// <summary>Empties both databases, runs the workload and checks it.</summary>
    /// <param name="workload">What to do.</param>
    /// <param name="connect">Makes a client; called again for the same number when an outcome was unknown. The key table names the keys of the plans.</param>
    /// <param name="options">How to run.</param>
    /// <exception cref="InvalidOperationException">The store answered what it never should; the message has the workload with its seed.</exception>
    public static async Task<RunReport> RunAsync(Workload workload, Func<int, KeyTable, ValueTask<IHistoryClient>> connect, RunOptions? options = null)
    {
        options ??= new RunOptions();
        var keys = new WorkloadKeys(workload);
        var recorder = new HistoryRecorder(keys.Table);
        using var limit = new CancellationTokenSource(options.TimeLimit);
        await EmptyAsync(connect, keys.Table, limit.Token).ConfigureAwait(false);

        var watch = Stopwatch.StartNew();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(limit.Token);
        Task disturbance = options.Disturbance?.Invoke(end.Token) ?? Task.CompletedTask;
        Worker[] workers = [.. Enumerable.Range(0, workload.Clients).Select(client => new Worker(workload, keys, client, recorder.AddClient(), connect))];
        try
        {
            Exception?[] errors = await Task.WhenAll(workers.Select(worker => Start(worker, options.ThreadPerClient, limit))).ConfigureAwait(false);
            Exception? error = errors.FirstOrDefault(error => error is not (null or OperationCanceledException)) ?? errors.FirstOrDefault(error => error != null);
            if (error != null) throw new InvalidOperationException($"A client failed: {error.Message}\n{workload}", error);
        }
        finally
        {
            await end.CancelAsync().ConfigureAwait(false);
            await disturbance.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (disturbance.IsFaulted) await disturbance.ConfigureAwait(false);
        TimeSpan runTime = watch.Elapsed;
        watch.Restart();
        History history = recorder.ToHistory();
        return new RunReport(workload, history, HistoryChecker.Check(history, options.Check), runTime, watch.Elapsed);
    }

    private static async Task EmptyAsync(Func<int, KeyTable, ValueTask<IHistoryClient>> connect, KeyTable keys, CancellationToken cancellation)
    {
        await using IHistoryClient client = await connect(0, keys).ConfigureAwait(false);
        var plan = new TransactionPlan { Commands = { new PlannedCommand(CommandKind.Flush, 0) } };
        var answers = new TransactionAnswers();
        for (plan.Database = 0; plan.Database < 2; plan.Database++)
        {
            answers.Reset(1);
            Outcome outcome = await client.RunAsync(plan, answers, cancellation).ConfigureAwait(false);
            if (outcome != Outcome.Committed) throw new InvalidOperationException($"Database {plan.Database} could not be emptied before the run.");
        }
    }

    /// <summary>Runs one client to its end and returns why it failed, if it did; one failure ends the run of all.</summary>
    private static Task<Exception?> Start(Worker worker, bool thread, CancellationTokenSource limit)
    {
        async Task<Exception?> RunClient()
        {
            try
            {
                await worker.RunAsync(limit.Token).ConfigureAwait(false);
                return null;
            }
            catch (Exception error)
            {
                await limit.CancelAsync().ConfigureAwait(false);
                return error;
            }
        }

        return thread
            ? Task.Factory.StartNew(() => RunClient().GetAwaiter().GetResult(), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
            : Task.Run(RunClient);
    }

    private sealed class Worker(Workload workload, WorkloadKeys keys, int number, ClientLog log, Func<int, KeyTable, ValueTask<IHistoryClient>> connect)
    {
        private readonly WorkloadGenerator _generator = new(workload, keys, number);
        private readonly TransactionPlan _plan = new();
        private readonly TransactionAnswers _answers = new();

        public async Task RunAsync(CancellationToken cancellation)
        {
            IHistoryClient client = await connect(number, keys.Table).ConfigureAwait(false);
            try
            {
                for (int i = number; i < workload.Transactions; i += workload.Clients)
                {
                    cancellation.ThrowIfCancellationRequested();
                    _generator.Next(_plan);
                    _answers.Reset(_plan.Commands.Count);
                    log.Invoke();
                    Outcome outcome = await client.RunAsync(_plan, _answers, cancellation).ConfigureAwait(false);
                    log.Complete();
                    Record(outcome);
                    if (outcome != Outcome.Unknown) continue;
                    await client.DisposeAsync().ConfigureAwait(false);
                    client = await connect(number, keys.Table).ConfigureAwait(false);
                }
            }
            finally
            {
                await client.DisposeAsync().ConfigureAwait(false);
            }
        }

        private void Record(Outcome outcome)
        {
            for (int i = 0; i < _plan.Commands.Count; i++) Record(_plan.Commands[i], i, _answers.IsGiven(i) && outcome != Outcome.Unknown);
            log.End(outcome, _answers.ReadsStand);
        }

        private void Record(PlannedCommand command, int i, bool answered)
        {
            switch (command.Kind)
            {
                case CommandKind.Get:
                    if (answered) log.Read(command.Key, _answers.Value(i));
                    break;
                case CommandKind.GetList:
                    if (answered) log.ReadList(command.Key, _answers.Elements(i));
                    break;
                case CommandKind.GetSet:
                    if (answered) log.Read(command.Key, _answers.Value(i));
                    log.Write(command.Key, command.Value);
                    break;
                case CommandKind.Set or CommandKind.SetFor:
                    log.Write(command.Key, command.Value, command.TtlMs);
                    break;
                case CommandKind.Append:
                    log.Append(command.Key, command.Value);
                    break;
                case CommandKind.Increment:
                    log.Increment(command.Key, answered ? _answers.Value(i) : Operation.NotKnown);
                    break;
                case CommandKind.Delete:
                    if (answered) log.Delete(command.Key, _answers.Value(i) == 1);
                    else log.Write(command.Key, Operation.Absent);
                    break;
                default:
                    log.Flush(_plan.Database);
                    break;
            }
        }
    }
}
