namespace Memstore.Server.CommandLine.Bench;

/// <summary>Writes the requests of one connection.</summary>
internal sealed class BenchWriter
{
    private const int ManyKeys = 10;
    private const int FieldsPerHash = 100;

    private readonly BenchMix _mix;
    private readonly KeyChooser _keys;
    private readonly RequestTemplate _get = new("GET", "key:#");
    private readonly RequestTemplate _set;
    private readonly RequestTemplate _incr = new("INCR", "cnt:#");
    private readonly RequestTemplate _del = new("DEL", "key:#");
    private readonly RequestTemplate _hget = new("HGET", "hsh:#", "fld:#");
    private readonly RequestTemplate _hset;
    private readonly RequestTemplate _mget = new(["MGET", .. Enumerable.Repeat("key:#", ManyKeys)]);
    private readonly RequestTemplate _mset;
    private readonly long _hashes;

    /// <summary>Makes the writer of a connection.</summary>
    public BenchWriter(BenchOptions options, KeyChooser keys)
    {
        _mix = options.Mix;
        _keys = keys;
        var value = new string('v', options.ValueSize);
        _set = new RequestTemplate("SET", "key:#", value);
        _hset = new RequestTemplate("HSET", "hsh:#", "fld:#", value);
        _mset = new RequestTemplate(["MSET", .. Enumerable.Repeat(new[] { "key:#", value }, ManyKeys).SelectMany(pair => pair)]);
        _hashes = Math.Max(1, options.Keys / FieldsPerHash);
    }

    /// <summary>Appends a request; the result is what it was and how many replies it gets.</summary>
    public (BenchRequest Request, int Replies) Append(SendBuffer to)
    {
        var request = _mix.Draw(_keys);
        return (request, request switch
        {
            BenchRequest.Ping => Ping(to),
            BenchRequest.Get => _get.Append(to, [_keys.Next()]),
            BenchRequest.Set => _set.Append(to, [_keys.Next()]),
            BenchRequest.Incr => _incr.Append(to, [_keys.Next()]),
            BenchRequest.Del => _del.Append(to, [_keys.Next()]),
            BenchRequest.HGet => Field(_hget, to),
            BenchRequest.HSet => Field(_hset, to),
            BenchRequest.MGet => Many(_mget, to),
            BenchRequest.MSet => Many(_mset, to),
            _ => Transaction(to),
        });
    }

    /// <summary>Appends a request that writes one key; it gets one reply.</summary>
    public void AppendSet(SendBuffer to, long key) => _set.Append(to, [key]);

    private static int Ping(SendBuffer to)
    {
        to.Append("*1\r\n$4\r\nPING\r\n"u8);
        return 1;
    }

    private int Field(RequestTemplate template, SendBuffer to)
    {
        var key = _keys.Next();
        return template.Append(to, [key % _hashes, key / _hashes]);
    }

    private int Many(RequestTemplate template, SendBuffer to)
    {
        Span<long> keys = stackalloc long[ManyKeys];
        foreach (ref var key in keys) key = _keys.Next();
        return template.Append(to, keys);
    }

    private int Transaction(SendBuffer to)
    {
        to.Append("*1\r\n$5\r\nMULTI\r\n"u8);
        var replies = 2 + _get.Append(to, [_keys.Next()]) + _set.Append(to, [_keys.Next()]) + _incr.Append(to, [_keys.Next()]);
        to.Append("*1\r\n$4\r\nEXEC\r\n"u8);
        return replies;
    }
}
