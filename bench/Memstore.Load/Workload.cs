namespace Memstore.Load;

/// <summary>Which requests a connection sends.</summary>
internal enum WorkloadKind
{
    Get,
    Set,
    Incr,

    /// <summary>MGET of 10 keys.</summary>
    MGet,

    /// <summary>MSET of 10 keys.</summary>
    MSet,

    /// <summary>MULTI, 2 to 4 of GET, SET and INCR, EXEC: one request of the pipeline is one transaction.</summary>
    Multi,

    /// <summary>80 % GET, 20 % SET.</summary>
    Mixed,

    /// <summary>HSET of one field in one of many hashes of about 100 fields.</summary>
    HSet,

    /// <summary>SET of the keys 0, 1, 2 ... in order.</summary>
    Fill,

    /// <summary>The same for the integer keys that Incr counts in.</summary>
    FillCounters,

    /// <summary>DEL of keys in order, the given part of them (drawn by a hash of the number).</summary>
    Delete,
}

/// <summary>Writes requests. Keys are 16 bytes: a four-byte prefix by type and twelve digits, so every request has a known length.</summary>
// Threading: one per worker.
internal sealed class Workload
{
    private const int ManyKeys = 10;

    private readonly WorkloadKind _kind;
    private readonly KeyChooser _keys;
    private readonly RequestTemplate _get;
    private readonly RequestTemplate _set;
    private readonly RequestTemplate _incr;
    private readonly RequestTemplate _many;
    private readonly RequestTemplate _hset;
    private readonly RequestTemplate _delete;
    private readonly int _deletePercent;
    private long _next;

    public Workload(LoadSettings settings, int worker)
    {
        _kind = settings.Workload;
        _keys = new KeyChooser(settings.Keys, settings.Distribution, settings.Seed + (ulong)worker, settings.Skew, settings.ShiftSeconds);
        var value = new string('v', settings.ValueSize);
        string[] expiry = settings.TtlSeconds > 0 ? ["EX", $"{settings.TtlSeconds}"]
            : settings.DeadlineUnixSeconds > 0 ? ["EXAT", $"{settings.DeadlineUnixSeconds}"] : [];
        _get = new RequestTemplate("GET", "key:#");
        _set = new RequestTemplate(["SET", "key:#", _kind is WorkloadKind.FillCounters ? "1000" : value, .. expiry]);
        if (_kind is WorkloadKind.FillCounters) _set = new RequestTemplate("SET", "cnt:#", "1000");
        _incr = new RequestTemplate("INCR", "cnt:#");
        _many = _kind is WorkloadKind.MSet
            ? new RequestTemplate(["MSET", .. Enumerable.Repeat(new[] { "key:#", value }, ManyKeys).SelectMany(pair => pair)])
            : new RequestTemplate(["MGET", .. Enumerable.Repeat("key:#", ManyKeys)]);
        _hset = new RequestTemplate("HSET", "hsh:#", "fld:#", value);
        _delete = new RequestTemplate("DEL", "key:#");
        _deletePercent = settings.DeletePercent;
        _next = settings.FirstKey;
        HashCount = Math.Max(1, settings.Keys / 100);
    }

    private long HashCount { get; }

    /// <summary>Appends one request and returns how many replies it will get.</summary>
    public int Append(SendBuffer to)
    {
        switch (_kind)
        {
            case WorkloadKind.Get: return One(_get, to);
            case WorkloadKind.Set: return One(_set, to);
            case WorkloadKind.Incr: return One(_incr, to);
            case WorkloadKind.Mixed: return One(_keys.NextSmall(5) == 0 ? _set : _get, to);
            case WorkloadKind.Multi: return Multi(to);
            case WorkloadKind.HSet:
                var key = _keys.Next();
                return _hset.Append(to, [key % HashCount, key / HashCount]);
            case WorkloadKind.Fill or WorkloadKind.FillCounters: return _set.Append(to, [_next++]);
            case WorkloadKind.Delete: return _delete.Append(to, [NextDoomed()]);
            default: return Many(to);
        }
    }

    private int One(RequestTemplate template, SendBuffer to) => template.Append(to, [_keys.Next()]);

    private int Many(SendBuffer to)
    {
        Span<long> keys = stackalloc long[ManyKeys];
        foreach (ref var key in keys) key = _keys.Next();
        return _many.Append(to, keys);
    }

    private int Multi(SendBuffer to)
    {
        var commands = 2 + _keys.NextSmall(3);
        to.Append("*1\r\n$5\r\nMULTI\r\n"u8);
        for (var i = 0; i < commands; i++)
        {
            One(_keys.NextSmall(3) switch { 0 => _set, 1 => _incr, _ => _get }, to);
        }

        to.Append("*1\r\n$4\r\nEXEC\r\n"u8);
        return commands + 2;
    }

    private long NextDoomed()
    {
        while (!IsDoomed(_next, _deletePercent)) _next++;
        return _next++;
    }

    /// <summary>Whether the Delete workload deletes this key.</summary>
    public static bool IsDoomed(long key, int percent) => ((ulong)key * 0x9E3779B97F4A7C15 >> 32) % 100 < (ulong)percent;
}
