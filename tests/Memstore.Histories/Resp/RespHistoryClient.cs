using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Memstore.Histories.Driving;
using Memstore.Histories.Recording;

namespace Memstore.Histories.Resp;

/// <summary>Runs plans over a connection to a server that speaks RESP2: Memstore, or Redis without BEGIN.</summary>
public sealed class RespHistoryClient : IHistoryClient
{
    private readonly RespConnection _connection;
    private readonly byte[][] _keys;
    private int _database;

    private RespHistoryClient(RespConnection connection, KeyTable keys)
    {
        _connection = connection;
        _keys = [.. Enumerable.Range(0, keys.Count).Select(key => Encoding.UTF8.GetBytes(keys.Name(key)))];
    }

    /// <summary>Connects.</summary>
    public static async ValueTask<IHistoryClient> ConnectAsync(EndPoint endPoint, KeyTable keys) =>
        new RespHistoryClient(await RespConnection.ConnectAsync(endPoint).ConfigureAwait(false), keys);

    /// <inheritdoc/>
    public async ValueTask<Outcome> RunAsync(TransactionPlan plan, TransactionAnswers answers, CancellationToken cancellation)
    {
        try
        {
            await SelectAsync(plan.Database, cancellation).ConfigureAwait(false);
            return plan.Kind switch
            {
                PlanKind.Exec => await ExecAsync(plan, answers, cancellation).ConfigureAwait(false),
                PlanKind.WatchedExec => await WatchedExecAsync(plan, answers, cancellation).ConfigureAwait(false),
                PlanKind.Begin or PlanKind.BeginReadOnly => await BeginAsync(plan, answers, cancellation).ConfigureAwait(false),
                _ => await OneCommandAsync(plan, answers, cancellation).ConfigureAwait(false),
            };
        }
        catch (Exception error) when (error is SocketException or EndOfStreamException)
        {
            return Outcome.Unknown;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private async ValueTask SelectAsync(int database, CancellationToken cancellation)
    {
        if (database == _database) return;
        _connection.Command("SELECT", database.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Expect(await AskAsync(cancellation).ConfigureAwait(false), "OK");
        _database = database;
    }

    private async ValueTask<RespReply> AskAsync(CancellationToken cancellation)
    {
        await _connection.FlushAsync(cancellation).ConfigureAwait(false);
        return await _connection.ReadAsync(cancellation).ConfigureAwait(false);
    }

    private async ValueTask<Outcome> OneCommandAsync(TransactionPlan plan, TransactionAnswers answers, CancellationToken cancellation)
    {
        if (plan.Kind == PlanKind.Single) Write(plan.Commands[0]);
        else WriteMulti(plan);
        RespReply reply = await AskAsync(cancellation).ConfigureAwait(false);
        switch (plan.Kind)
        {
            case PlanKind.MultiGet:
                if (reply.Kind != RespKind.Array || reply.Items.Length != plan.Commands.Count) throw Unexpected(reply);
                for (int i = 0; i < reply.Items.Length; i++) Give(plan.Commands[i], i, reply.Items[i], answers);
                break;
            case PlanKind.MultiSet:
                Expect(reply, "OK");
                break;
            default:
                Give(plan.Commands[0], 0, reply, answers);
                break;
        }

        return Outcome.Committed;
    }

    private async ValueTask<Outcome> ExecAsync(TransactionPlan plan, TransactionAnswers answers, CancellationToken cancellation)
    {
        int first = plan.WatchedCount;
        _connection.Command("MULTI");
        for (int i = first; i < plan.Commands.Count; i++) Write(plan.Commands[i]);
        _connection.Command("EXEC");
        Expect(await AskAsync(cancellation).ConfigureAwait(false), "OK");
        for (int i = first; i < plan.Commands.Count; i++) Expect(await _connection.ReadAsync(cancellation).ConfigureAwait(false), "QUEUED");
        RespReply result = await _connection.ReadAsync(cancellation).ConfigureAwait(false);
        if (result.Kind == RespKind.Nil && first > 0) return Outcome.Aborted;
        if (result.Kind != RespKind.Array || result.Items.Length != plan.Commands.Count - first) throw Unexpected(result);
        for (int i = 0; i < result.Items.Length; i++) Give(plan.Commands[first + i], first + i, result.Items[i], answers);
        return Outcome.Committed;
    }

    private async ValueTask<Outcome> WatchedExecAsync(TransactionPlan plan, TransactionAnswers answers, CancellationToken cancellation)
    {
        _connection.Begin(1 + plan.WatchedCount);
        _connection.Argument("WATCH"u8);
        for (int i = 0; i < plan.WatchedCount; i++) _connection.Argument(_keys[plan.Commands[i].Key]);
        for (int i = 0; i < plan.WatchedCount; i++) Write(plan.Commands[i]);
        Expect(await AskAsync(cancellation).ConfigureAwait(false), "OK");
        for (int i = 0; i < plan.WatchedCount; i++)
            Give(plan.Commands[i], i, await _connection.ReadAsync(cancellation).ConfigureAwait(false), answers);
        return await ExecAsync(plan, answers, cancellation).ConfigureAwait(false);
    }

    /// <summary>Each command waits for its answer, so that others come in between.</summary>
    private async ValueTask<Outcome> BeginAsync(TransactionPlan plan, TransactionAnswers answers, CancellationToken cancellation)
    {
        if (plan.Kind == PlanKind.BeginReadOnly) _connection.Command("BEGIN", "READONLY");
        else _connection.Command("BEGIN");
        Expect(await AskAsync(cancellation).ConfigureAwait(false), "OK");
        for (int i = 0; i < plan.Commands.Count; i++)
        {
            Write(plan.Commands[i]);
            Give(plan.Commands[i], i, await AskAsync(cancellation).ConfigureAwait(false), answers);
        }

        _connection.Command(plan.Rollback ? "ROLLBACK" : "COMMIT");
        RespReply reply = await AskAsync(cancellation).ConfigureAwait(false);
        bool conflict = reply.Kind == RespKind.Error && reply.Text.StartsWith("CONFLICT", StringComparison.Ordinal);
        if (!conflict) Expect(reply, "OK");
        if (!conflict && !plan.Rollback) return Outcome.Committed;
        answers.ReadsStand = true;
        return Outcome.Aborted;
    }

    private void WriteMulti(TransactionPlan plan)
    {
        bool write = plan.Kind == PlanKind.MultiSet;
        _connection.Begin(1 + (plan.Commands.Count * (write ? 2 : 1)));
        _connection.Argument(write ? "MSET"u8 : "MGET"u8);
        foreach (PlannedCommand command in plan.Commands)
        {
            _connection.Argument(_keys[command.Key]);
            if (write) Number(command.Value);
        }
    }

    private void Write(PlannedCommand command)
    {
        (string name, int arguments) = command.Kind switch
        {
            CommandKind.Get or CommandKind.GetList => ("GET", 2),
            CommandKind.Set => ("SET", 3),
            CommandKind.SetFor => ("SET", 5),
            CommandKind.GetSet => ("GETSET", 3),
            CommandKind.Append => ("APPEND", 3),
            CommandKind.Increment => ("INCR", 2),
            CommandKind.Delete => ("DEL", 2),
            _ => ("FLUSHDB", 1),
        };
        _connection.Begin(arguments);
        _connection.Argument(Encoding.ASCII.GetBytes(name));
        if (arguments > 1) _connection.Argument(_keys[command.Key]);
        if (arguments > 2) Number(command.Value, comma: command.Kind == CommandKind.Append);
        if (arguments <= 3) return;
        _connection.Argument("PX"u8);
        Number(command.TtlMs);
    }

    private void Number(long value, bool comma = false)
    {
        Span<byte> text = stackalloc byte[24];
        Utf8Formatter.TryFormat(value, text, out int size);
        if (comma) text[size++] = (byte)',';
        _connection.Argument(text[..size]);
    }

    private static void Give(PlannedCommand command, int i, RespReply reply, TransactionAnswers answers)
    {
        switch (command.Kind, reply.Kind)
        {
            case (CommandKind.Get or CommandKind.GetSet or CommandKind.GetList, RespKind.Nil):
                answers.GiveNil(i);
                break;
            case (CommandKind.Get or CommandKind.GetSet, RespKind.Bulk):
                answers.GiveValue(i, reply.Bytes);
                break;
            case (CommandKind.GetList, RespKind.Bulk):
                answers.GiveList(i, reply.Bytes);
                break;
            case (CommandKind.Append or CommandKind.Increment or CommandKind.Delete, RespKind.Integer):
                answers.GiveInteger(i, reply.Integer);
                break;
            case (CommandKind.Set or CommandKind.SetFor or CommandKind.Flush, RespKind.Status):
                answers.GiveDone(i);
                break;
            default:
                throw Unexpected(reply);
        }
    }

    private static void Expect(RespReply reply, string status)
    {
        if (reply.Kind != RespKind.Status || reply.Text != status) throw Unexpected(reply);
    }

    private static InvalidOperationException Unexpected(RespReply reply) => new($"The server answered {reply.Kind} '{reply.Text}' ({reply.Items.Length} items).");
}
