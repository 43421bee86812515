using System.Buffers;
using System.Text;
using Memstore.Engine;
using Memstore.Protocol;
using Memstore.Server.Commands;
using Memstore.Server.Configuration;
using Memstore.Server.PubSub;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Memstore.Server.Tests.Commands;

/// <summary>Runs commands on a store in memory, with neither sockets nor sessions: arity, routes, transaction, reply.</summary>
internal sealed class CommandHarness : ITransactionBody, IDisposable
{
    private readonly RequestBatch _batch = new();
    private readonly ReplyWriter _reply = new();
    private readonly Transaction _transaction;
    private KeyRoute[] _routes = [];

    public CommandHarness()
    {
        Store = new Store(new StoreOptions { TimeProvider = Clock, RunMaintenance = false, Seed = 1 });
        Server = new ServerState(Store, Settings, Clock, NullLogger.Instance);
        _transaction = new Transaction(Store);
    }

    public FakeTimeProvider Clock { get; } = new(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000));

    public Settings Settings { get; } = new();

    public Store Store { get; }

    public ServerState Server { get; }

    public KeyEventBuffer Events { get; } = new() { Wanted = KeyEventKinds.All };

    public int Database { get; set; }

    public int Protocol
    {
        get => _reply.Protocol;
        set => _reply.Protocol = value;
    }

    /// <summary>Runs a line as a person types it: words, quotes, \x00.</summary>
    public RespValue Run(string line)
    {
        _batch.Reset();
        _batch.Read(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(line + "\r\n")), RequestLimits.Default);
        return RunBatch();
    }

    public RespValue Run(params byte[][] arguments)
    {
        var frame = new ArrayBufferWriter<byte>();
        frame.Write(Encoding.ASCII.GetBytes($"*{arguments.Length}\r\n"));
        foreach (var argument in arguments)
        {
            frame.Write(Encoding.ASCII.GetBytes($"${argument.Length}\r\n"));
            frame.Write(argument);
            frame.Write("\r\n"u8);
        }
        _batch.Reset();
        _batch.Read(new ReadOnlySequence<byte>(frame.WrittenMemory), RequestLimits.Default);
        return RunBatch();
    }

    public void Dispose()
    {
        _reply.Dispose();
        _batch.Dispose();
        Store.Dispose();
    }

    void ITransactionBody.Run(Transaction transaction)
    {
        _reply.Clear();
        Events.Clear();
        Invoke(Row(_batch[0])!, transaction);
    }

    void ITransactionBody.Completed(Transaction transaction, Exception? error) => throw new InvalidOperationException("Nothing is submitted here.");

    private RespValue RunBatch()
    {
        _reply.Clear();
        Events.Clear();
        Execute();
        if (!ReplyReader.TryRead(_reply.WrittenSpan, out var value, out var length) || length != _reply.Length)
            throw new InvalidOperationException($"Not one reply: {Encoding.Latin1.GetString(_reply.WrittenSpan)}");
        return value;
    }

    private void Execute()
    {
        var request = _batch[0];
        var row = Row(request);
        if (row is null)
        {
            _reply.Error(Errors.UnknownCommand(request, Server.Commands.Find(request[0])));
            return;
        }
        if (!row.AcceptsCount(request.ArgumentCount))
        {
            _reply.Error(Errors.WrongArity(row));
            return;
        }
        if (row.TouchesData) ExecuteOnData(row, request);
        else Invoke(row, null!);
    }

    private void ExecuteOnData(Command row, in Request request)
    {
        var keys = new List<KeyUse>();
        row.FindKeys(request, keys);
        _routes = new KeyRoute[request.ArgumentCount];
        _transaction.Begin(Database);
        foreach (var key in keys)
        {
            _routes[key.Argument] = Store.RouteOf(request[key.Argument]);
            _transaction.Declare(_routes[key.Argument], key.Access);
        }
        if (row.Everything is { } everything) _transaction.DeclareEverything(everything.Access);
        var worker = Store.Rent();
        var unheld = (row.Flags & CommandFlags.Unheld) != 0 && keys.Count == 1;
        var done = (unheld && _transaction.TryRead(worker, this)) || _transaction.TryRun(worker, this);
        // A long body runs again, on a snapshot.
        if (!done && _transaction.IsLong)
        {
            _reply.Clear();
            done = _transaction.TryRun(worker, this);
        }
        Store.Return(worker);
        if (!done) throw new InvalidOperationException("A shard was busy.");
    }

    private Command? Row(in Request request) => Server.Commands.Resolve(request, out _);

    private void Invoke(Command row, Transaction transaction)
    {
        var call = new CommandCall
        {
            Command = row, Session = null!, Server = Server, Transaction = transaction,
            Args = new ArgReader(_batch[0], _routes, row), Reply = _reply, Events = Events,
        };
        row.Handler!(ref call);
    }
}
