using Memstore.Engine;
using Memstore.Engine.Journaling;
using Memstore.Server.Commands;
using Memstore.Server.Configuration;
using Memstore.Server.Metrics;
using Memstore.Server.PubSub;
using Memstore.Server.Sessions;
using Microsoft.Extensions.Logging;

namespace Memstore.Server;

/// <summary>What is unusual about a server; while nothing is, commands skip the gates that look at it.</summary>
[Flags]
internal enum ServerStates
{
    /// <summary>An ordinary server.</summary>
    None = 0,

    /// <summary>CLIENT PAUSE.</summary>
    Paused = 1 << 0,

    /// <summary>Somebody monitors.</summary>
    Monitored = 1 << 1,

    /// <summary>There is a limit on memory.</summary>
    MemoryLimited = 1 << 2,

    /// <summary>Somebody wants keyspace events.</summary>
    Eventful = 1 << 3,

    /// <summary>Writes need replicas, and there are none.</summary>
    Unreplicated = 1 << 4,

    /// <summary>The data is being loaded.</summary>
    Loading = 1 << 5,

    /// <summary>The disk does not take what is written: writes are refused.</summary>
    DiskFailed = 1 << 6,

    /// <summary>The journal has more to write than it may: writes are held back.</summary>
    JournalBehind = 1 << 7,
}

/// <summary>What the sessions of a server share. Thread-safe.</summary>
internal sealed class ServerState
{
    private readonly KnownRows _rows;
    private int _special;

    /// <summary>Makes the state of a server that does not listen yet.</summary>
    /// <param name="store">The data; the caller disposes it.</param>
    /// <param name="settings">Its settings.</param>
    /// <param name="time">The clock of everything but the data.</param>
    /// <param name="logger">The log.</param>
    public ServerState(Store store, Settings settings, TimeProvider time, ILogger logger)
    {
        Store = store;
        Settings = settings;
        Time = time;
        Logger = logger;
        Commands = new CommandTable(CommandFamilies.All);
        _rows = new KnownRows(Commands);
        Metrics = new ServerMetrics(this);
        PubSub = new PubSubHub(this);
        Monitors = new Monitors(this);
        Pause = new PauseGate(this);
        SlowLog = new SlowLog(this);
        Balancer = new Balancer(this);
        HotKeys = new HotKeys(this);
        settings.Changed = ApplySettings;
        ApplySettings();
    }

    /// <summary>The data.</summary>
    public Store Store { get; }

    /// <summary>The settings.</summary>
    public Settings Settings { get; }

    /// <summary>The clock of everything but the data.</summary>
    public TimeProvider Time { get; }

    /// <summary>The log.</summary>
    public ILogger Logger { get; }

    /// <summary>All commands.</summary>
    public CommandTable Commands { get; }

    /// <summary>The rows that sessions treat in a way of their own.</summary>
    public ref readonly KnownRows Rows => ref _rows;

    /// <summary>Who is connected.</summary>
    public SessionRegistry Sessions { get; } = new();

    /// <summary>Channels and who listens to them.</summary>
    public PubSubHub PubSub { get; }

    /// <summary>Who sees all commands.</summary>
    public Monitors Monitors { get; }

    /// <summary>CLIENT PAUSE.</summary>
    public PauseGate Pause { get; }

    /// <summary>Figures.</summary>
    public ServerMetrics Metrics { get; }

    /// <summary>The longest turn of an event thread.</summary>
    public Transports.TurnRecord Turns { get; } = new();

    /// <summary>The loads of shards.</summary>
    public Balancer Balancer { get; }

    /// <summary>The keys that are used most.</summary>
    public HotKeys HotKeys { get; }

    /// <summary>Slow commands.</summary>
    public SlowLog SlowLog { get; }

    /// <summary>Slow events.</summary>
    public LatencyMonitor Latency { get; } = new();

    /// <summary>Where chance comes from; thread-safe.</summary>
    public Random Random { get; init; } = Random.Shared;

    /// <summary>Where commits are logged; null without a log.</summary>
    public ICommitLog? CommitLog => Store.Log;

    /// <summary>How safe a commit must be before its reply leaves.</summary>
    public DurabilityRules Durability { get; private set; } = DurabilityRules.None;

    /// <summary>Makes spans of commands; null while nobody collects them.</summary>
    public Telemetry.Tracer? Tracer { get; set; }

    /// <summary>What is kept on disk; null if the data is in memory only.</summary>
    public Persistence? Persistence { get; set; }

    /// <summary>A name of this run of the server: 40 hexadecimal digits.</summary>
    public string RunId { get; } = RunNames.Draw();

    /// <summary>The name of the history that replicas would follow.</summary>
    public string ReplicationId { get; set; } = RunNames.Draw();

    /// <summary>The port that TCP clients connect to; 0 if there is none.</summary>
    public int Port { get; set; }

    /// <summary>The transport in use.</summary>
    public string TransportName { get; set; } = "none";

    /// <summary>Stops the server; the argument says why, for the log. Null where nobody can.</summary>
    public Action<string>? Shutdown { get; set; }

    /// <summary>The largest string that a command may build, in bytes (proto-max-bulk-len).</summary>
    public long BulkSizeMax => Settings.RequestLimits.BulkSizeMax;

    /// <summary>The classes of keyspace events that are published.</summary>
    public KeyEventKinds WantedEvents { get; private set; }

    /// <summary>What is unusual, as bits of <see cref="ServerStates"/>.</summary>
    public int Special => Volatile.Read(ref _special);

    /// <summary>Whether the data occupies more than it may.</summary>
    public bool IsMemoryFull => Settings.MemoryMax > 0 && Store.UsedBytes > Settings.MemoryMax;

    /// <summary>Whether writes are refused for want of replicas (min-replicas-to-write).</summary>
    public bool NeedsReplicas => (Special & (int)ServerStates.Unreplicated) != 0;

    /// <summary>Whether a state holds.</summary>
    public bool Is(ServerStates state) => (Special & (int)state) != 0;

    /// <summary>Enters or leaves a state.</summary>
    public void Show(ServerStates state, bool on)
    {
        if (on) Interlocked.Or(ref _special, (int)state);
        else Interlocked.And(ref _special, ~(int)state);
    }

    private void ApplySettings()
    {
        (Logger as ServerLogger)?.Apply(Settings);
        Durability = DurabilityRules.Of(Settings);
        Persistence?.ApplySettings();
        Store.LoadFactor = double.Parse(Settings["load-factor"], System.Globalization.CultureInfo.InvariantCulture);
        Store.ReplicationFactor = (int)Settings.Number("replication-factor");
        Show(ServerStates.MemoryLimited, Settings.MemoryMax > 0);
        WantedEvents = KeyEventSetting.Parse(Settings["notify-keyspace-events"]);
        Show(ServerStates.Eventful, WantedEvents != KeyEventKinds.None);
        Store.KeyExpired = (WantedEvents & KeyEventKinds.Expired) != 0 ? (database, key) => PubSub.PublishEvent(database, "expired"u8, key) : null;
        Show(ServerStates.Unreplicated, Settings.Number("min-replicas-to-write") > 0 && Settings.Number("min-replicas-max-lag") > 0);
        Store.Options.PackedHashEntriesMax = (int)Math.Min(int.MaxValue, Settings.Number("hash-max-listpack-entries"));
        Store.Options.PackedHashValueMax = (int)Math.Min(int.MaxValue, Settings.Number("hash-max-listpack-value"));
        SlowLog.Trim();
    }
}

/// <summary>Rows that sessions treat in a way of their own, looked up once.</summary>
internal readonly struct KnownRows(CommandTable table)
{
    /// <summary>EXEC: its gates look at what is queued.</summary>
    public readonly Command Exec = table.Find("exec"u8)!;

    /// <summary>WATCH: it enters the shards of keys that it does not write.</summary>
    public readonly Command Watch = table.Find("watch"u8)!;
}
