using System.Globalization;
using Memstore.Protocol;

namespace Memstore.Server.Configuration;

/// <summary>
/// The settings of one server. Read from any thread: typed properties are single words that are replaced whole. Changed under a lock by
/// CONFIG SET, all of a command's changes or none.
/// </summary>
internal sealed class Settings
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Setting, string> _values = [];
    private readonly HashSet<Setting> _changedByClients = [];

    /// <summary>Makes settings that all have their defaults.</summary>
    public Settings()
    {
        foreach (var row in SettingTable.All) _values.Add(row, row.Initial);
        ReadTyped();
    }

    /// <summary>Called after a change, with the lock held; <see cref="TrySet"/> has then succeeded.</summary>
    public Action? Changed { get; set; }

    /// <summary>The file that they were read from and that CONFIG REWRITE writes; null if there was none that can be replaced.</summary>
    public ConfigurationFile? File { get; set; }

    /// <summary>The password that clients must give; empty when none is needed.</summary>
    public string Password { get; private set; } = "";

    /// <summary>How many clients may be connected.</summary>
    public long ClientsMax { get; private set; }

    /// <summary>Silence in seconds after which a client is disconnected; 0 for never.</summary>
    public int IdleTimeoutSeconds { get; private set; }

    /// <summary>How long a BEGIN may stay open, in milliseconds.</summary>
    public int TransactionTimeoutMs { get; private set; }

    /// <summary>Bytes that the data may occupy; 0 for no limit.</summary>
    public long MemoryMax { get; private set; }

    /// <summary>Microseconds from which on a command is logged as slow; negative for never.</summary>
    public long SlowLogThresholdUs { get; private set; }

    /// <summary>How many slow commands are kept.</summary>
    public long SlowLogMax { get; private set; }

    /// <summary>Milliseconds from which on an event is kept by the latency monitor; 0 turns it off.</summary>
    public long LatencyThresholdMs { get; private set; }

    /// <summary>What may wait to be sent to a client.</summary>
    public OutputLimits OutputLimits { get; private set; } = OutputLimits.Parse("normal 0 0 0 slave 0 0 0 pubsub 0 0 0");

    /// <summary>What clients may send that have authenticated.</summary>
    public RequestLimits RequestLimits { get; private set; } = RequestLimits.Default;

    /// <summary>What clients may send that have not.</summary>
    public RequestLimits UnauthenticatedLimits { get; private set; } = RequestLimits.Unauthenticated;

    /// <summary>All names, aliases included, with their texts as bytes, one in each character.</summary>
    public IEnumerable<(string Name, string Value)> All()
    {
        lock (_lock)
            return [.. SettingTable.Names.Select(pair => (pair.Key, SettingText.AsBytes(pair.Value, _values[pair.Value])))];
    }

    /// <summary>The text of a setting.</summary>
    /// <exception cref="KeyNotFoundException">There is no such setting.</exception>
    public string this[string name]
    {
        get
        {
            lock (_lock)
                return _values[SettingTable.Names[name]];
        }
    }

    /// <summary>The number that a setting's text states.</summary>
    public long Number(string name) => SettingTable.Names[name].Kind == SettingKind.Octal
        ? Convert.ToInt64(this[name], 8)
        : long.Parse(this[name], CultureInfo.InvariantCulture);

    /// <summary>The settings that clients have changed, with their texts as bytes, one in each character.</summary>
    public IReadOnlyList<(Setting Row, string Text)> ChangedByClients()
    {
        lock (_lock)
            return [.. SettingTable.All.Where(_changedByClients.Contains).Select(row => (row, SettingText.AsBytes(row, _values[row])))];
    }

    /// <summary>
    /// Changes settings while the server runs: all of them, or none and the reason, worded as Redis 7.0 does. The texts are bytes, one in each character.
    /// </summary>
    public bool TrySet(IReadOnlyList<(string Name, string Value)> changes, out string error) => TrySet(changes, starting: false, out error);

    /// <summary>Says what is true of a setting whatever was asked for.</summary>
    /// <param name="name">The setting.</param>
    /// <param name="value">Its text.</param>
    /// <param name="byClient">Whether a client has made it so, with a command of its own: CONFIG REWRITE keeps that.</param>
    public void Override(string name, string value, bool byClient = false)
    {
        lock (_lock)
        {
            var row = SettingTable.Names[name];
            _values[row] = value;
            if (byClient) _changedByClients.Add(row);
        }
    }

    /// <summary>Sets one setting before the server runs. The text is bytes, one in each character.</summary>
    public bool TrySetAtStart(string name, string value, out string error)
    {
        if (TrySet([(name, value)], starting: true, out error)) return true;
        error = error[(error.LastIndexOf(") - ", StringComparison.Ordinal) + 4)..];
        return false;
    }

    private bool TrySet(IReadOnlyList<(string Name, string Value)> changes, bool starting, out string error)
    {
        lock (_lock)
        {
            var prepared = new Dictionary<Setting, string>();
            foreach (var (name, value) in changes)
            {
                if (!SettingTable.Names.TryGetValue(name, out var row))
                {
                    error = $"Unknown option or number of arguments for CONFIG SET - '{name}'";
                    return false;
                }
                if (!Prepare(row, value, starting, prepared, out var reason))
                {
                    error = $"CONFIG SET failed (possibly related to argument '{name}') - {reason}";
                    return false;
                }
            }
            foreach (var (row, value) in prepared)
            {
                _values[row] = value;
                if (!starting) _changedByClients.Add(row);
            }
            ReadTyped();
            Changed?.Invoke();
            error = "";
            return true;
        }
    }

    private bool Prepare(Setting row, string value, bool starting, Dictionary<Setting, string> prepared, out string? reason)
    {
        reason = null;
        if (!starting && row.Changes == Changeability.Start) reason = "can't set immutable config";
        else if (!starting && row.Changes == Changeability.Protected) reason = "can't set protected config";
        else if (prepared.ContainsKey(row)) reason = "duplicate parameter";
        if (reason is not null) return false;

        if (SettingText.FromBytes(row, value) is not { } text)
        {
            reason = "argument must be UTF-8 text";
            return false;
        }

        var normal = row.Normalize(text, _values[row], out reason);
        if (normal is null) return false;
        if (!starting && row.Changes == Changeability.Same && normal != _values[row])
        {
            reason = "can't be changed while the server runs";
            return false;
        }

        prepared.Add(row, normal);
        return true;
    }

    private void ReadTyped()
    {
        Password = this["requirepass"];
        ClientsMax = Number("maxclients");
        IdleTimeoutSeconds = (int)Number("timeout");
        TransactionTimeoutMs = (int)Number("transaction-timeout");
        MemoryMax = Number("maxmemory");
        SlowLogThresholdUs = Number("slowlog-log-slower-than");
        SlowLogMax = Number("slowlog-max-len");
        LatencyThresholdMs = Number("latency-monitor-threshold");
        OutputLimits = OutputLimits.Parse(this["client-output-buffer-limit"]);
        RequestLimits = RequestLimits.Default with
        {
            BulkSizeMax = Number("proto-max-bulk-len"),
            QueryBufferMax = Number("client-query-buffer-limit"),
        };
        UnauthenticatedLimits = RequestLimits with { Authenticated = false };
    }
}
