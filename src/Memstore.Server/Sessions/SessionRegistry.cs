using System.Collections.Concurrent;

namespace Memstore.Server.Sessions;

/// <summary>All sessions of a server. Thread-safe.</summary>
internal sealed class SessionRegistry
{
    private readonly ConcurrentDictionary<long, Session> _sessions = new();
    private long _lastId;
    private int _count;

    /// <summary>Number of sessions.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Connections since the start.</summary>
    public long Accepted => Volatile.Read(ref _lastId);

    /// <summary>An ID for a new session.</summary>
    public long NextId() => Interlocked.Increment(ref _lastId);

    /// <summary>Adds a session; false if there are as many as may be.</summary>
    public bool TryAdd(Session session, long max)
    {
        if (Interlocked.Increment(ref _count) > max)
        {
            Interlocked.Decrement(ref _count);
            return false;
        }
        _sessions[session.Id] = session;
        return true;
    }

    /// <summary>Takes a session out.</summary>
    public void Remove(Session session)
    {
        if (_sessions.TryRemove(session.Id, out _)) Interlocked.Decrement(ref _count);
    }

    /// <summary>A session by its ID.</summary>
    public bool TryGet(long id, out Session? session) => _sessions.TryGetValue(id, out session);

    /// <summary>The sessions at about this moment, by ID.</summary>
    public IEnumerable<Session> All() => _sessions.Values.OrderBy(session => session.Id);

    /// <summary>The sessions at about this moment in any order, without copying them.</summary>
    public IEnumerable<Session> Unordered() => _sessions.Select(pair => pair.Value);
}
