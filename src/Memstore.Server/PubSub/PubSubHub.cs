using System.Text;
using Memstore.Server.Commands;
using Memstore.Server.Sessions;

namespace Memstore.Server.PubSub;

/// <summary>A message that waits for the commit of its transaction.</summary>
internal sealed record Message(byte[] Channel, byte[] Payload, bool IsShardChannel);

/// <summary>Channels, patterns and who listens to them.</summary>
// Threading: any thread calls; one lock makes the order of messages the same for all subscribers. It is held while messages are copied
// into inboxes, never while anything is sent.
internal sealed class PubSubHub(ServerState server)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Name, HashSet<Session>>[] _subscribers =
        [new(NameComparer.Instance), new(NameComparer.Instance), new(NameComparer.Instance)];

    /// <summary>Makes a session listen to a name; false if it does already.</summary>
    public bool Add(Session session, SubscriptionKind kind, ReadOnlySpan<byte> bytes)
    {
        var name = new Name(bytes.ToArray());
        if (!session.Subscriptions.Add(kind, name)) return false;
        lock (_lock)
        {
            var names = _subscribers[(int)kind];
            if (!names.TryGetValue(name, out var sessions)) names.Add(name, sessions = []);
            sessions.Add(session);
        }
        session.Set(SessionState.Subscriber, true);
        return true;
    }

    /// <summary>Ends what <see cref="Add"/> began; false if the session does not listen to the name.</summary>
    public bool Remove(Session session, SubscriptionKind kind, ReadOnlySpan<byte> bytes)
    {
        var name = new Name(bytes.ToArray());
        if (!session.Subscriptions.Remove(kind, name)) return false;
        lock (_lock)
        {
            var names = _subscribers[(int)kind];
            var sessions = names[name];
            sessions.Remove(session);
            if (sessions.Count == 0) names.Remove(name);
        }
        session.Set(SessionState.Subscriber, !session.Subscriptions.IsEmpty);
        return true;
    }

    /// <summary>Makes a session listen to nothing.</summary>
    public void RemoveAll(Session session)
    {
        if (session.Subscriptions.IsEmpty) return;
        foreach (var kind in Enum.GetValues<SubscriptionKind>())
            foreach (var name in session.Subscriptions.Of(kind)) Remove(session, kind, name.Bytes);
    }

    /// <summary>Sends a message to all who listen.</summary>
    /// <returns>How many they are.</returns>
    public int Publish(ReadOnlySpan<byte> channel, ReadOnlySpan<byte> payload, bool isShardChannel)
    {
        lock (_lock)
        {
            var receivers = 0;
            var kind = isShardChannel ? SubscriptionKind.ShardChannel : SubscriptionKind.Channel;
            if (Find(kind, channel) is { } sessions)
            {
                foreach (var session in sessions)
                    session.Inbox.AddMessage(isShardChannel ? "smessage"u8 : "message"u8, default, hasPattern: false, channel, payload);
                receivers += sessions.Count;
            }
            if (isShardChannel) return receivers;
            foreach (var (pattern, listeners) in _subscribers[(int)SubscriptionKind.Pattern])
            {
                if (!GlobPattern.Matches(pattern.Bytes, channel)) continue;
                foreach (var session in listeners) session.Inbox.AddMessage("pmessage"u8, pattern.Bytes, hasPattern: true, channel, payload);
                receivers += listeners.Count;
            }
            return receivers;
        }
    }

    /// <summary>Publishes keyspace events of a transaction that has committed.</summary>
    public void Publish(KeyEventBuffer events)
    {
        for (var i = 0; i < events.Count; i++)
        {
            var key = events.Get(i, out var name, out var database);
            PublishEvent(database, Encoding.ASCII.GetBytes(name), key);
        }
    }

    /// <summary>Publishes what happened to a key, on the channels that are wanted.</summary>
    public void PublishEvent(int database, ReadOnlySpan<byte> name, ReadOnlySpan<byte> key)
    {
        var wanted = server.WantedEvents;
        if ((wanted & KeyEventKinds.Keyspace) != 0)
            Publish([.. Encoding.ASCII.GetBytes($"__keyspace@{database}__:"), .. key], name, isShardChannel: false);
        if ((wanted & KeyEventKinds.Keyevent) != 0)
            Publish([.. Encoding.ASCII.GetBytes($"__keyevent@{database}__:"), .. name], key, isShardChannel: false);
    }

    /// <summary>How many would receive a message now.</summary>
    public int CountReceivers(ReadOnlySpan<byte> channel, bool isShardChannel)
    {
        lock (_lock)
        {
            var count = Find(isShardChannel ? SubscriptionKind.ShardChannel : SubscriptionKind.Channel, channel)?.Count ?? 0;
            if (isShardChannel) return count;
            foreach (var (pattern, listeners) in _subscribers[(int)SubscriptionKind.Pattern])
                if (GlobPattern.Matches(pattern.Bytes, channel)) count += listeners.Count;
            return count;
        }
    }

    /// <summary>How many listen to a name.</summary>
    public int CountOf(SubscriptionKind kind, ReadOnlySpan<byte> name)
    {
        lock (_lock) return Find(kind, name)?.Count ?? 0;
    }

    /// <summary>How many names of a kind somebody listens to.</summary>
    public int CountOf(SubscriptionKind kind)
    {
        lock (_lock) return _subscribers[(int)kind].Count;
    }

    /// <summary>The names of a kind that match a pattern.</summary>
    public List<Name> Matching(SubscriptionKind kind, ReadOnlySpan<byte> pattern)
    {
        lock (_lock)
        {
            var names = new List<Name>();
            foreach (var name in _subscribers[(int)kind].Keys)
                if (GlobPattern.Matches(pattern, name.Bytes)) names.Add(name);
            return names;
        }
    }

    private HashSet<Session>? Find(SubscriptionKind kind, ReadOnlySpan<byte> name) =>
        _subscribers[(int)kind].GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name, out var sessions) ? sessions : null;
}
