using System.Text;

namespace Memstore.Server.Tests.Conformance;

/// <summary>One request of a sequence: which of the clients sends it, and whether it stands for a whole SCAN or HSCAN.</summary>
internal sealed record Step(int Client, byte[][] Arguments, bool IsIteration = false)
{
    public override string ToString() => $"client {Client}: {Quoting.Quote(Arguments)}{(IsIteration ? "   (to the end)" : "")}";
}

/// <summary>Makes sequences of commands from a seed. The same seed makes the same sequence.</summary>
internal sealed class CommandGenerator
{
    private const int MutationPercent = 4;

    // Each line is as likely as the others, so what deserves more stands more than once or in several shapes.
    private static readonly CommandTemplate[] Data = Parse(
        """
        GET key
        GET key
        SET key value
        SET key value [NX|XX|GET|KEEPTTL|EX seconds|PX milliseconds|EXAT at|PXAT atms]*
        SET key value [NX|XX|GET|KEEPTTL|EX seconds|PX milliseconds|EXAT at|PXAT atms]*
        SET key small
        GETSET key value
        GETDEL key
        GETEX key [EX seconds|PX milliseconds|EXAT at|PXAT atms|PERSIST]*
        SETNX key value
        SETEX key seconds value
        PSETEX key milliseconds value
        MGET key+
        MSET (key value)+
        MSETNX (key value)+
        INCR key
        DECR key
        INCRBY key integer
        DECRBY key integer
        INCRBYFLOAT key float
        INCRBYFLOAT key float
        APPEND key value
        STRLEN key
        GETRANGE key small small
        GETRANGE key integer integer
        SETRANGE key offset value
        DEL key+
        UNLINK key+
        EXISTS key+
        TOUCH key+
        TYPE key
        EXPIRE key seconds [NX|XX|GT|LT]*
        PEXPIRE key milliseconds [NX|XX|GT|LT]*
        EXPIREAT key at [NX|XX|GT|LT]*
        PEXPIREAT key atms [NX|XX|GT|LT]*
        TTL key
        PTTL key
        EXPIRETIME key
        PEXPIRETIME key
        PERSIST key
        RENAME key key
        RENAMENX key key
        COPY key key [DB db|REPLACE]*
        MOVE key db
        OBJECT ENCODING key
        HSET hash (field value)+
        HSET hash (field small)+
        HSETNX hash field value
        HGET hash field
        HMGET hash field+
        HGETALL hash
        HDEL hash field+
        HLEN hash
        HEXISTS hash field
        HINCRBY hash field integer
        HINCRBYFLOAT hash field float
        HKEYS hash
        HVALS hash
        HSTRLEN hash field
        HMSET hash (field value)+
        """);

    private static readonly CommandTemplate[] Others = Parse(
        """
        KEYS pattern
        DBSIZE
        RANDOMKEY
        SELECT db
        SELECT db
        SWAPDB db db
        FLUSHDB [ASYNC|SYNC|junk]
        FLUSHALL [ASYNC|SYNC|junk]
        SCAN cursor
        SCAN 0 [MATCH|COUNT count junk|TYPE]*
        HSCAN hash cursor
        HSCAN hash 0 [MATCH|COUNT count junk|junk]*
        OBJECT FREQ key
        OBJECT IDLETIME key
        OBJECT NOSUCH key
        OBJECT
        MEMORY USAGE key
        PING [junk]
        ECHO value
        TIME
        HELLO [2|3|4|0|X]
        HELLO 3 [SETNAME name|AUTH DEFAULT junk|junk]*
        HELLO 2 [SETNAME name|junk]*
        AUTH junk
        AUTH DEFAULT junk
        AUTH junk junk
        CLIENT GETNAME
        CLIENT SETNAME name
        CLIENT ID
        CLIENT INFO
        CLIENT LIST ID 1000000
        CLIENT LIST TYPE junk
        CLIENT NO-EVICT [ON|OFF|junk]
        CLIENT REPLY junk
        CLIENT KILL ID 1000000
        CLIENT KILL 1.2.3.4:5
        CLIENT KILL TYPE NOSUCH
        CLIENT KILL NOSUCH junk
        CLIENT PAUSE ABC
        CLIENT UNPAUSE
        CLIENT NOSUCH junks
        CLIENT
        COMMAND COUNT
        COMMAND NOSUCH junks
        COMMAND INFO NOSUCH
        COMMAND DOCS NOSUCH
        COMMAND GETKEYS NOSUCH junks
        COMMAND GETKEYS PING
        COMMAND GETKEYS
        CONFIG GET NOSUCH
        CONFIG SET NOSUCH junk
        CONFIG NOSUCH junks
        CONFIG
        PUBLISH value value
        PUBSUB NOSUCH
        PUBSUB NUMPAT
        PUBSUB NUMSUB key+
        FUNCTION FLUSH
        NOSUCHCOMMAND junks
        junk junks
        RESET
        UNWATCH
        DISCARD
        EXEC
        """);

    private static readonly string[] Iterations = ["SCAN 0 [MATCH pattern|COUNT count|TYPE type]*", "HSCAN hash 0 [MATCH pattern|COUNT count]*"];

    private static readonly CommandTemplate[] Scans = [.. Iterations.Select(text => new CommandTemplate(text))];

    private static readonly CommandTemplate[] Watches = Parse("WATCH key+\nWATCH key");

    // A changed argument of these could stop a server or its clients, or asks for the whole table of commands.
    private static readonly string[] NeverMutated = ["CLIENT", "COMMAND", "DEBUG", "CONFIG"];

    private readonly ArgumentSource _source;
    private readonly CommandTemplate[] _data;
    private readonly CommandTemplate[] _others;
    private readonly CommandTemplate[] _scans;
    private readonly List<Step> _steps = [];
    private readonly bool[] _inMulti = new bool[ClientCount];

    /// <param name="seed">Decides everything.</param>
    /// <param name="leftOut">Names of commands to leave out.</param>
    public CommandGenerator(int seed, params string[] leftOut)
    {
        _source = new ArgumentSource(new Random(seed));
        CommandTemplate[] Without(CommandTemplate[] all) => [.. all.Where(template => !leftOut.Contains(template.Name, StringComparer.OrdinalIgnoreCase))];
        (_data, _others, _scans) = (Without(Data), Without(Others), Without(Scans));
    }

    public const int ClientCount = 2;

    /// <summary>A sequence for an empty server.</summary>
    public Step[] Sequence(int count)
    {
        while (_steps.Count < count) AddNext(_source.Chance(75) ? 0 : 1);
        return [.. _steps];
    }

    private static CommandTemplate[] Parse(string lines) => [.. lines.Split('\n').Select(line => new CommandTemplate(line.Trim()))];

    private void AddNext(int client)
    {
        var dice = _source.Random.Next(1_000);
        if (_inMulti[client] && dice < 200) EndTransaction(client);
        else if (dice < 12) Add(client, Expand(Watches));
        else if (dice < 30) BeginTransaction(client);
        else if (dice < 60 && !_inMulti[client]) _steps.Add(new Step(client, Expand(_scans), IsIteration: true));
        else if (dice < 820) AddData(client);
        else if (dice < 830) Add(client, [.. Words("COMMAND GETKEYS"), .. Expand(_data)]);
        else AddOther(client);
    }

    private void BeginTransaction(int client)
    {
        _inMulti[client] = true;
        Add(client, Words("MULTI"));
    }

    private void EndTransaction(int client)
    {
        _inMulti[client] = false;
        Add(client, Words(_source.Chance(85) ? "EXEC" : "DISCARD"));
    }

    private void AddData(int client)
    {
        var arguments = Mutated(Expand(_data));
        Add(client, arguments);

        // A SET whose deadline has passed leaves a dead key that counts in DBSIZE until somebody looks at it.
        if (Is(arguments, "SET") && arguments.Length > 3) Add(client, [.. Words("EXISTS"), arguments[1]]);
    }

    private void AddOther(int client)
    {
        var arguments = Mutated(Expand(_others));
        if (_inMulti[client] && (Is(arguments, "HELLO") || Is(arguments, "EXEC") || Is(arguments, "DISCARD") || Is(arguments, "RESET"))) return;
        if (arguments[0].Length == 0) return; // An empty name is no request in Redis' inline parser, and covered by the framing tests.
        Add(client, arguments);
    }

    private void Add(int client, byte[][] arguments) => _steps.Add(new Step(client, arguments));

    private byte[][] Expand(CommandTemplate[] from) => _source.Pick(from).Expand(_source);

    private byte[][] Mutated(byte[][] arguments)
    {
        if (!_source.Chance(MutationPercent) || NeverMutated.Any(name => Is(arguments, name))) return arguments;
        return _source.Random.Next(4) switch
        {
            0 => arguments[..^1] is { Length: > 0 } shorter ? shorter : arguments,
            1 => [.. arguments, _source.Junk()],
            2 when arguments.Length > 1 => [.. arguments[..^1], _source.Junk()],
            _ when arguments.Length > 2 => [.. arguments[..2], _source.Junk(), .. arguments[3..]],
            _ => arguments[..1],
        };
    }

    private static bool Is(byte[][] arguments, string name) => Encoding.Latin1.GetString(arguments[0]).Equals(name, StringComparison.OrdinalIgnoreCase);

    private static byte[][] Words(string text) => [.. text.Split(' ').Select(Encoding.ASCII.GetBytes)];
}
