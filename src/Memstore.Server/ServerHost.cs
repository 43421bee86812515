using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Memstore.Engine;
using Memstore.Protocol;
using Memstore.Server.Configuration;
using Memstore.Server.Http;
using Memstore.Server.Sessions;
using Memstore.Server.Transports;
using Memstore.Storage;
using Memstore.Storage.Disks;
using Memstore.Storage.Effects;
using Microsoft.Extensions.Logging;

namespace Memstore.Server;

/// <summary>A server that can be started and stopped: the data, the transport, and a session for each connection.</summary>
internal sealed class ServerHost : IAsyncDisposable
{
    private static readonly TimeSpan HousekeepingInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>How long sessions may take to answer what they have begun when the server stops.</summary>
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(5);

    private readonly ITimer _housekeeping;
    private readonly ManagedHeap _managedHeap;
    private ITransport? _transport;
    private HttpHost? _http;
    private int _stopping;

    /// <summary>Makes a server that does not listen yet.</summary>
    /// <param name="settings">Its settings.</param>
    /// <param name="time">The clock of everything.</param>
    /// <param name="logger">The log.</param>
    /// <param name="storeOptions">The store's options if they are not to follow from the settings.</param>
    /// <param name="disk">Where the data is kept if the settings say that it is; the machine's disk if null.</param>
    /// <exception cref="StorageException">What is in the data directory cannot be used; the message is for the operator.</exception>
    /// <exception cref="IOException">Somebody else has the data directory, or the system refuses.</exception>
    /// <exception cref="UnauthorizedAccessException">The system refuses.</exception>
    public ServerHost(Settings settings, TimeProvider time, ILogger logger, StoreOptions? storeOptions = null, IDisk? disk = null)
    {
        var isKept = storeOptions is null && settings["data"] != "none";
        if (!isKept) settings.Override("appendonly", "no");
        var store = new Store(storeOptions ?? new StoreOptions
        {
            Shards = (int)settings.Number("shards"),
            Databases = (int)settings.Number("databases"),
            TimeProvider = time,
            StartsLoading = isKept,
            EffectEncoder = isKept ? new RespEffectEncoder() : null,
        });
        State = new ServerState(store, settings, time, logger);
        _managedHeap = new ManagedHeap(State);
        if (isKept)
        {
            try
            {
                State.Persistence = new Persistence(State, disk ?? FileDisk.Instance);
            }
            catch
            {
                store.Dispose();
                throw;
            }

            settings.Override("dir", State.Persistence.DirectoryPath);
        }

        _housekeeping = time.CreateTimer(static host => ((ServerHost)host!).KeepHouse(), this, HousekeepingInterval, HousekeepingInterval);
    }

    /// <summary>What its sessions share.</summary>
    public ServerState State { get; }

    /// <summary>The addresses that it listens on.</summary>
    public IReadOnlyList<EndPoint> EndPoints => _transport?.BoundEndPoints ?? [];

    /// <summary>The same as a text for people.</summary>
    public string Addresses => string.Join(" and ", EndPoints);

    /// <summary>Loading what the data directory holds: ends when commands are served, or fails as <see cref="Persistence.Load"/> does.</summary>
    public Task Loading { get; private set; } = Task.CompletedTask;

    /// <summary>Starting to serve HTTP; ends when that is done or has failed, which the log then says. RESP does not wait for it.</summary>
    public Task HttpStarting { get; private set; } = Task.CompletedTask;

    /// <summary>Starting to export metrics and traces; answers what stops that, or null if nothing is exported.</summary>
    public Task<IDisposable?> TelemetryStarting { get; private set; } = Task.FromResult<IDisposable?>(null);

    /// <summary>The addresses of the REST API; empty while there is none.</summary>
    public IReadOnlyList<IPEndPoint> HttpEndPoints => _http?.EndPoints ?? [];

    /// <summary>Begins to listen, and to load what the data directory holds; see <see cref="Loading"/>.</summary>
    /// <exception cref="TransportException">It cannot listen; the message is for the operator.</exception>
    public async Task StartAsync()
    {
        await ListenAsync().ConfigureAwait(false);
        ExportTelemetry();
        if (State.Persistence is { } persistence)
            Loading = Task.Factory.StartNew(persistence.Load, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        if (State.Settings.Number("http-port") is > 0 and var port) HttpStarting = Task.Run(() => StartHttpAsync((int)port));
    }

    /// <summary>Serves HTTP; if that cannot be, the log says why and the rest goes on.</summary>
    /// <param name="port">The TCP port; 0 picks a free one.</param>
    /// <param name="patience">How slow clients may be; null is as slow as the documentation says.</param>
    internal async Task StartHttpAsync(int port, HttpPatience? patience = null)
    {
        try
        {
            OpenSsl.Require(OpenSsl.Names);
            var addresses = BindAddresses.Parse("http-bind", State.Settings["http-bind"]);
            if (addresses.Count == 0) throw new TransportException("--http-bind has no address that this machine has.");
            _http = await HttpHost.StartAsync(State, [.. addresses.Select(address => new IPEndPoint(address, port))], patience).ConfigureAwait(false);
            foreach (var endPoint in _http.EndPoints) ServerLog.HttpListens(State.Logger, endPoint.ToString());
        }
        catch (Exception error)
        {
            ServerLog.HttpFailed(State.Logger, error.Message);
        }
    }

    // After clients can connect, and on another thread: loading what it needs takes longer than all the rest of the start.
    private void ExportTelemetry()
    {
        if (Telemetry.TelemetrySettings.Read(State.Settings, Environment.GetEnvironmentVariables()) is { } wanted)
            TelemetryStarting = Task.Run(() => Telemetry.TelemetryExport.Start(State, wanted));
    }

    private async Task ListenAsync()
    {
        var settings = State.Settings;
        var mode = (UnixFileMode)settings.Number("unixsocketperm");
        _transport = TransportFactory.Create(settings["transport"], new TransportOptions
        {
            Backlog = (int)settings.Number("tcp-backlog"),
            KeepAliveSeconds = (int)settings.Number("tcp-keepalive"),
            OutputPauseThreshold = OutputPauseThreshold,
            EventThreads = (int)settings.Number("event-threads"),
            UnixSocketMode = mode == UnixFileMode.None ? null : mode,
            Turns = State.Turns,
        }, State.Logger);
        await _transport.StartAsync(EndPointsOf(settings), ServeAsync, CancellationToken.None).ConfigureAwait(false);
        State.TransportName = _transport.Name;
        State.Port = _transport.BoundEndPoints.OfType<IPEndPoint>().FirstOrDefault()?.Port ?? 0;
    }

    // A client may send a long pipeline before it reads the first reply, as Redis allows; this bounds what it makes us keep.
    private const int OutputPauseThreshold = 64 * 1024 * 1024;

    /// <summary>Serves one connection until it ends.</summary>
    public async Task ServeAsync(Connection connection)
    {
        var session = new Session(State, connection, State.Sessions.NextId());
        if (!State.Sessions.TryAdd(session, State.Settings.ClientsMax))
        {
            State.Metrics.CountRejectedConnection();
            session.Dispose();
            await RejectAsync(connection).ConfigureAwait(false);
            return;
        }
        try
        {
            if (Volatile.Read(ref _stopping) == 0) await session.RunAsync().ConfigureAwait(false);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            ServerLog.SessionFailed(State.Logger, error, session.Id);
        }
        finally
        {
            session.Dispose();
            State.Sessions.Remove(session);
        }
    }

    /// <summary>Stops accepting, lets commands that run answer, and closes all connections. The data is gone afterwards.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _stopping, 1) != 0) return;
        await _housekeeping.DisposeAsync().ConfigureAwait(false);
        await HttpStarting.ConfigureAwait(false);
        if (_http is not null) await _http.DisposeAsync().ConfigureAwait(false);
        if (_transport is not null) await _transport.StopAcceptingAsync().ConfigureAwait(false);
        State.Pause.End();
        foreach (var session in State.Sessions.Unordered()) session.End();
        var deadline = Environment.TickCount64 + (long)StopTimeout.TotalMilliseconds;
        while (State.Sessions.Count > 0 && Environment.TickCount64 < deadline) await Task.Delay(5).ConfigureAwait(false);
        if (_transport is not null) await _transport.DisposeAsync().ConfigureAwait(false);
        await Loading.ContinueWith(static _ => { }, TaskScheduler.Default).ConfigureAwait(false);
        (await TelemetryStarting.ConfigureAwait(false))?.Dispose();
        await State.Balancer.DisposeAsync().ConfigureAwait(false);
        if (State.Persistence is { } persistence) await persistence.DisposeAsync().ConfigureAwait(false);
        State.Store.Dispose();
    }

    private static async Task RejectAsync(Connection connection)
    {
        WriteRejection(connection.Output);
        await connection.Output.FlushAsync().ConfigureAwait(false);
    }

    private static void WriteRejection(PipeWriter output)
    {
        using var reply = new ReplyWriter();
        reply.Error(SessionErrors.ClientsMax);
        System.Buffers.BuffersExtensions.Write(output, reply.WrittenSpan);
    }

    private static List<EndPoint> EndPointsOf(Settings settings)
    {
        // Redis' port 0 keeps out who may not open the Unix socket, and must not let him in at another port.
        var port = (int)settings.Number("port");
        var path = settings["unixsocket"];
        var endPoints = new List<EndPoint>();
        if (port != 0 || path.Length == 0) endPoints.AddRange(BindAddresses.Parse("bind", settings["bind"]).Select(address => new IPEndPoint(address, port)));
        if (path.Length > 0) endPoints.Add(UnixEndPoint(path));
        if (endPoints.Count == 0) throw new TransportException("There is no address to listen on: give --bind an address or --unixsocket a path.");
        return endPoints;
    }

    private static UnixDomainSocketEndPoint UnixEndPoint(string path)
    {
        try
        {
            return new UnixDomainSocketEndPoint(path);
        }
        catch (Exception error) when (error is ArgumentException or PlatformNotSupportedException)
        {
            throw new TransportException($"Cannot listen on {path}: the path of a Unix socket has at most about 100 bytes; choose a shorter one.", error);
        }
    }

    private void KeepHouse()
    {
        try
        {
            State.Metrics.Sample();
            State.Persistence?.KeepHouse();
            State.Balancer.KeepHouse();
            State.HotKeys.KeepHouse();
            State.Latency.KeepHouse(State);
            _managedHeap.KeepHouse();
            var idleMs = State.Settings.IdleTimeoutSeconds * 1000L;
            var now = Environment.TickCount64;
            foreach (var session in State.Sessions.Unordered()) session.KeepHouse(now, idleMs);
        }
        catch (Exception error)
        {
            ServerLog.HousekeepingFailed(State.Logger, error);
        }
    }

    /// <summary>The line that says that it serves.</summary>
    public override string ToString()
    {
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Memstore {ProductVersion.Text} serves on {Addresses} (transport {State.TransportName}, {State.Store.ShardCount} shards, {State.Store.DatabaseCount} databases, pid {Environment.ProcessId})");
    }
}
