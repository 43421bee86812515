using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Memstore.Histories.Driving;
using Memstore.Histories.Recording;

namespace Memstore.Server.Tests.Histories;

/// <summary>Runs plans as REST requests: a command, a transaction, or a pipeline with WATCH or BEGIN in it.</summary>
internal sealed class HttpHistoryClient(HttpClient http, KeyTable keys) : IHistoryClient
{
    /// <inheritdoc/>
    public async ValueTask<Outcome> RunAsync(TransactionPlan plan, TransactionAnswers answers, CancellationToken cancellation)
    {
        var first = plan.Kind == PlanKind.WatchedExec ? plan.WatchedCount : 0;
        switch (plan.Kind)
        {
            case PlanKind.Single:
                Give(plan, 0, (await PostAsync("/", Words(plan.Commands[0]), plan, cancellation)).GetProperty("result"), answers);
                return Outcome.Committed;
            case PlanKind.MultiGet:
                var values = (await PostAsync("/", (string[])["MGET", .. plan.Commands.Select(command => keys.Name(command.Key))], plan, cancellation)).GetProperty("result");
                for (var i = 0; i < plan.Commands.Count; i++) Give(plan, i, values[i], answers);
                return Outcome.Committed;
            case PlanKind.MultiSet:
                string[] words = ["MSET", .. plan.Commands.SelectMany(command => (string[])[keys.Name(command.Key), Text(command.Value)])];
                Assert((await PostAsync("/", words, plan, cancellation)).GetProperty("result").GetString() == "OK", "MSET");
                return Outcome.Committed;
            case PlanKind.Exec:
                return Take(plan, 0, await PostAsync("/v1/transaction", plan.Commands.Select(Words), plan, cancellation), answers);
            case PlanKind.WatchedExec:
                return await WatchedExecAsync(plan, first, answers, cancellation);
            default:
                return await BeginAsync(plan, answers, cancellation);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task<Outcome> WatchedExecAsync(TransactionPlan plan, int first, TransactionAnswers answers, CancellationToken cancellation)
    {
        string[][] commands =
        [
            ["WATCH", .. plan.Commands.Take(first).Select(command => keys.Name(command.Key))],
            .. plan.Commands.Take(first).Select(Words),
            ["MULTI"],
            .. plan.Commands.Skip(first).Select(Words),
            ["EXEC"],
        ];
        var replies = await PostAsync("/v1/pipeline", commands, plan, cancellation);
        for (var i = 0; i < first; i++) Give(plan, i, replies[1 + i].GetProperty("result"), answers);
        var results = replies[commands.Length - 1].GetProperty("result");
        if (results.ValueKind == JsonValueKind.Null) return Outcome.Aborted;
        for (var i = 0; i < plan.Commands.Count - first; i++) Give(plan, first + i, results[i], answers);
        return Outcome.Committed;
    }

    private async Task<Outcome> BeginAsync(TransactionPlan plan, TransactionAnswers answers, CancellationToken cancellation)
    {
        string[][] commands =
        [
            plan.Kind == PlanKind.BeginReadOnly ? ["BEGIN", "READONLY"] : ["BEGIN"],
            .. plan.Commands.Select(Words),
            [plan.Rollback ? "ROLLBACK" : "COMMIT"],
        ];
        var replies = await PostAsync("/v1/pipeline", commands, plan, cancellation);
        for (var i = 0; i < plan.Commands.Count; i++) Give(plan, i, replies[1 + i].GetProperty("result"), answers);
        var last = replies[commands.Length - 1];
        var isConflict = last.TryGetProperty("error", out var error) && error.GetString()!.StartsWith("CONFLICT", StringComparison.Ordinal);
        if (!isConflict) Assert(last.GetProperty("result").GetString() == "OK", last.ToString());
        if (!isConflict && !plan.Rollback) return Outcome.Committed;
        answers.ReadsStand = true;
        return Outcome.Aborted;
    }

    private static Outcome Take(TransactionPlan plan, int first, JsonElement replies, TransactionAnswers answers)
    {
        for (var i = first; i < plan.Commands.Count; i++) Give(plan, i, replies[i - first].GetProperty("result"), answers);
        return Outcome.Committed;
    }

    private async Task<JsonElement> PostAsync<T>(string path, T body, TransactionPlan plan, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
        request.Headers.Add("Memstore-Database", Text(plan.Database));
        using var response = await http.SendAsync(request, cancellation);
        using var document = JsonDocument.Parse(await response.Content.ReadAsStringAsync(cancellation));
        Assert(response.IsSuccessStatusCode, document.RootElement.ToString());
        return document.RootElement.Clone();
    }

    private string[] Words(PlannedCommand command) => command.Kind switch
    {
        CommandKind.Get or CommandKind.GetList => ["GET", keys.Name(command.Key)],
        CommandKind.Set => ["SET", keys.Name(command.Key), Text(command.Value)],
        CommandKind.SetFor => ["SET", keys.Name(command.Key), Text(command.Value), "PX", Text(command.TtlMs)],
        CommandKind.GetSet => ["GETSET", keys.Name(command.Key), Text(command.Value)],
        CommandKind.Append => ["APPEND", keys.Name(command.Key), Text(command.Value) + ","],
        CommandKind.Increment => ["INCR", keys.Name(command.Key)],
        CommandKind.Delete => ["DEL", keys.Name(command.Key)],
        _ => ["FLUSHDB"],
    };

    private static void Give(TransactionPlan plan, int i, JsonElement reply, TransactionAnswers answers)
    {
        switch (plan.Commands[i].Kind, reply.ValueKind)
        {
            case (CommandKind.Get or CommandKind.GetSet or CommandKind.GetList, JsonValueKind.Null):
                answers.GiveNil(i);
                break;
            case (CommandKind.Get or CommandKind.GetSet, JsonValueKind.String):
                answers.GiveValue(i, Encoding.UTF8.GetBytes(reply.GetString()!));
                break;
            case (CommandKind.GetList, JsonValueKind.String):
                answers.GiveList(i, Encoding.UTF8.GetBytes(reply.GetString()!));
                break;
            case (CommandKind.Append or CommandKind.Increment or CommandKind.Delete, JsonValueKind.Number):
                answers.GiveInteger(i, reply.GetInt64());
                break;
            case (CommandKind.Set or CommandKind.SetFor or CommandKind.Flush, JsonValueKind.String):
                answers.GiveDone(i);
                break;
            default:
                throw new InvalidOperationException($"{plan.Commands[i].Kind} was answered with {reply}.");
        }
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static void Assert(bool isTrue, string what)
    {
        if (!isTrue) throw new InvalidOperationException(what);
    }
}
