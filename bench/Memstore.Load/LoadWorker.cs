using System.Diagnostics;

namespace Memstore.Load;

/// <summary>When a run is warm and when it is over, on the clock of <see cref="LoadWorker.NowNs"/>.</summary>
internal readonly record struct Window(long BeginNs, long EndNs);

/// <summary>One thread, one epoll, some of the connections.</summary>
// Closed loop: a connection sends a pipeline of requests, and the next when the last reply has come.
// Open loop: request i is due at begin + i / rate, whatever the server does; its latency counts from when it was due, so a stalled
// server cannot hide the requests that would have been sent meanwhile (coordinated omission, Gil Tene).
internal sealed class LoadWorker : IDisposable
{
    private const long DrainNs = 10_000_000_000;
    private const long IdleWaitNs = 100_000_000;

    private readonly LoadSettings _settings;
    private readonly Workload _workload;
    private readonly Epoll _epoll = new();
    private readonly LoadConnection[] _connections;
    private readonly byte[] _input = new byte[256 * 1024];
    private readonly long _requestsMax;
    private readonly double _intervalNs;
    private Window _window;
    private long _requests;
    private double _nextDueNs;
    private int _busy;

    public LoadWorker(LoadSettings settings, int worker)
    {
        _settings = settings;
        _workload = new Workload(settings, worker);
        _requestsMax = settings.RequestsMax > 0 ? settings.RequestsMax : long.MaxValue;
        _intervalNs = settings.Rate > 0 ? 1e9 * settings.Threads / settings.Rate : 0;
        var share = (settings.Clients / settings.Threads) + (worker < settings.Clients % settings.Threads ? 1 : 0);
        _connections = [.. Enumerable.Range(0, share).Select(_ => new LoadConnection(settings.Host, settings.Port))];
        for (var i = 0; i < share; i++) _epoll.Watch(_connections[i].Handle, i, alsoWritable: false, add: true);
    }

    /// <summary>Latencies of the requests that began (open loop: were due) inside the window.</summary>
    public Histogram Latencies { get; } = new();

    /// <summary>Commands answered inside the window; a transaction counts each of its commands, MULTI and EXEC too.</summary>
    public long Commands { get; private set; }

    /// <summary>Error replies, and requests that never got a reply, of the whole run.</summary>
    public long Errors => Unanswered + _connections.Sum(connection => connection.Scanner.Errors);

    public string? FirstError =>
        _connections.Select(connection => connection.Scanner.FirstError).FirstOrDefault(text => text is not null)
        ?? (Unanswered > 0 ? "no reply" : null);

    public static long NowNs => (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));

    private long Unanswered => _connections.Sum(connection => (long)connection.RequestCount);

    public void Run(Window window)
    {
        Epoll.SharpenTimers();
        _window = window;
        _nextDueNs = NowNs;
        if (_intervalNs == 0) foreach (var connection in _connections) SendPipeline(connection, NowNs);

        while (true)
        {
            var now = NowNs;
            if (_intervalNs > 0) SendDue(now);
            var over = now >= window.EndNs || _requests >= _requestsMax;
            if (over && (_busy == 0 || now >= window.EndNs + DrainNs)) return;
            var ready = _epoll.Wait(WaitNs(now));
            for (var i = 0; i < ready; i++) Serve(_epoll.ReadyAt(i));
        }
    }

    public void Dispose()
    {
        foreach (var connection in _connections) connection.Dispose();
        _epoll.Dispose();
    }

    private long WaitNs(long now)
    {
        if (_intervalNs == 0 || now >= _window.EndNs) return IdleWaitNs;
        return Math.Clamp((long)_nextDueNs - now, 0, IdleWaitNs);
    }

    private void SendDue(long now)
    {
        while (_nextDueNs <= now && _nextDueNs < _window.EndNs)
        {
            var connection = _connections[_requests % _connections.Length];
            AppendRequest(connection, (long)_nextDueNs);
            Flush(connection);
            _nextDueNs += _intervalNs;
        }
    }

    private void SendPipeline(LoadConnection connection, long now)
    {
        for (var i = 0; i < _settings.Pipeline && _requests < _requestsMax; i++) AppendRequest(connection, now);
        Flush(connection);
    }

    private void AppendRequest(LoadConnection connection, long startNs)
    {
        if (connection.RequestCount == 0) _busy++;
        connection.Push(startNs, _workload.Append(connection.Output));
        _requests++;
    }

    private void Serve(int index)
    {
        var connection = _connections[index];
        if (connection.WaitsForRoom) Flush(connection, index);
        var size = Epoll.Receive(connection.Handle, _input);
        if (size == 0) throw new IOException("the server closed a connection");
        if (size < 0) return;

        var now = NowNs;
        var replies = connection.Scanner.Feed(_input.AsSpan(0, size));
        if (now >= _window.BeginNs && now < _window.EndNs) Commands += replies;
        while (replies > 0 && connection.TryComplete(ref replies, out var startNs))
        {
            if (startNs >= _window.BeginNs && startNs < _window.EndNs) Latencies.Record(now - startNs);
        }

        if (connection.RequestCount > 0) return;
        _busy--;
        if (_intervalNs == 0 && now < _window.EndNs && _requests < _requestsMax) SendPipeline(connection, now);
    }

    private void Flush(LoadConnection connection, int index = -1)
    {
        while (!connection.Output.Waiting.IsEmpty)
        {
            var size = Epoll.Send(connection.Handle, connection.Output.Waiting);
            if (size < 0) break;
            connection.Output.Sent(size);
        }

        var full = !connection.Output.Waiting.IsEmpty;
        if (full == connection.WaitsForRoom) return;
        if (index < 0) index = Array.IndexOf(_connections, connection);
        connection.WaitsForRoom = full;
        _epoll.Watch(connection.Handle, index, alsoWritable: full, add: false);
    }
}
