using Memstore.Server.Commands;

namespace Memstore.Server.Sessions;

/// <summary>CLIENT PAUSE: holds sessions back until a moment. Thread-safe.</summary>
internal sealed class PauseGate(ServerState server)
{
    private readonly Lock _lock = new();
    private readonly List<Session> _waiting = [];
    private long _untilTicks;
    private bool _all;
    private ITimer? _timer;

    /// <summary>Whether a row is held back now.</summary>
    public bool Holds(CommandFlags flags) => Volatile.Read(ref _untilTicks) != 0
        && (Volatile.Read(ref _all) || (flags & (CommandFlags.Write | CommandFlags.MayReplicate)) != 0);

    /// <summary>Holds back all commands, or those that write. A pause that is stricter, or lasts longer, stays in force.</summary>
    public void Start(TimeSpan duration, bool all)
    {
        lock (_lock)
        {
            var until = server.Time.GetTimestamp() + (long)(duration.TotalSeconds * server.Time.TimestampFrequency);
            _untilTicks = Math.Max(until, Math.Max(_untilTicks, 1));
            _all |= all;
            Schedule();
        }
        server.Show(ServerStates.Paused, true);
    }

    /// <summary>Lets everybody go on.</summary>
    public void End()
    {
        lock (_lock) EndLocked();
    }

    /// <summary>Registers a session to be called back at the end of the pause; false if there is none any more.</summary>
    public bool TryWait(Session session)
    {
        lock (_lock)
        {
            if (_untilTicks == 0) return false;
            _waiting.Add(session);
            return true;
        }
    }

    /// <summary>Forgets a session; false if the pause has ended for it already.</summary>
    public bool Forget(Session session)
    {
        lock (_lock) return _waiting.Remove(session);
    }

    private void Schedule()
    {
        var left = TimeSpan.FromSeconds(Math.Max(0, (_untilTicks - server.Time.GetTimestamp()) / (double)server.Time.TimestampFrequency));
        _timer ??= server.Time.CreateTimer(static gate => ((PauseGate)gate!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(left + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
    }

    private void OnTimer()
    {
        lock (_lock)
        {
            if (_untilTicks == 0) return;
            if (server.Time.GetTimestamp() >= _untilTicks) EndLocked();
            else Schedule();
        }
    }

    private void EndLocked()
    {
        _untilTicks = 0;
        _all = false;
        server.Show(ServerStates.Paused, false);
        foreach (var session in _waiting) session.EndPause();
        _waiting.Clear();
    }
}
